"""How a frozen dataclass is read from raw strings: each field names its key, its parser and its default.

What is wrong raises SettingsError, whose message is one line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, field, fields
from typing import Any, TypeVar, get_type_hints

PREFIX = "belfoot_img."
SECRET = frozenset({"sqlalchemy.url", PREFIX + "bulk.webhook.secret"})
"""Keys whose value no message shows."""

Section = TypeVar("Section")


class SettingsError(Exception):
    """A setting that stops the start; the message is one line that names the key, the value and what would be right."""


def one_line(error: BaseException) -> str:
    """Returns the message of another package's error in one line, for a SettingsError or a log."""
    return " ".join(str(error).split()) or type(error).__name__


def setting(key: str, parse: Callable[[str], Any], default: str | None = None) -> Any:
    """Returns a dataclass field that is read from ``key``; a default of ``None`` means the field may be absent
    (``None``)."""
    return field(default=None if default is None else parse(default), metadata={"key": key, "parse": parse})


def secret(key: str, parse: Callable[[str], Any]) -> Any:
    """Returns a setting that no ``repr`` shows, such as one in a traceback."""
    return field(default=None, repr=False, metadata={"key": key, "parse": parse})


def section(kind: type) -> Any:
    return field(default_factory=kind, metadata={"section": True})


def keys(kind: type) -> list[str]:
    """Returns every key of a section and of the sections inside it."""
    found: list[str] = []
    for member, hint in _members(kind):
        found += keys(hint) if member.metadata.get("section") else [member.metadata["key"]]
    return found


def _members(kind: type) -> list[tuple[Field, Any]]:
    hints = get_type_hints(kind)
    return [(member, hints[member.name]) for member in fields(kind)]


def read(kind: type[Section], raw: Mapping[str, Any], environ: Mapping[str, str]) -> Section:
    """``raw`` → the section. Raises SettingsError."""
    values = {}
    for member, hint in _members(kind):
        if member.metadata.get("section"):
            values[member.name] = read(hint, raw, environ)
            continue
        key, parse = member.metadata["key"], member.metadata["parse"]
        written = str(raw.get(key, "")).strip()
        text = _expand(key, written, environ)
        if text == "":
            continue
        try:
            values[member.name] = parse(text)
        except ValueError as right:
            shown = "(not shown)" if key in SECRET else repr(written)  # never what the environment holds
            raise SettingsError(f"{key} = {shown}: should be {right}") from None
    return kind(**values)


def _expand(key: str, text: str, environ: Mapping[str, str]) -> str:
    """``${NAME}`` → the environment's value; PasteDeploy's own ``%(NAME)s`` cannot do it."""

    def value(match: re.Match) -> str:
        if match[1] not in environ:
            raise SettingsError(f"{key}: the environment has no variable {match[1]}; set it, or write the value here")
        return environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def nearest(key: str, known: set[str]) -> str:
    """Returns a hint at the key that was meant."""
    close = difflib.get_close_matches(key, known, n=1)
    return f"perhaps {close[0]} is meant" if close else f"the known ones are {', '.join(sorted(known))}"
