"""The .ini, read once: raw strings in, frozen and typed ``Settings`` out.

The only module that sees a raw setting. Each field names its key, how it is parsed, its default and what would be
right; ``Settings.from_ini`` refuses a key that is unknown, missing or wrong with one line (``SettingsError``).
Without an .ini every section has its defaults: ``ImagingSettings()`` is what the table in the README promises.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal
from typing import Any, get_type_hints

from belfoot_img import __version__

PREFIX = "belfoot_img."
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """A setting that stops the start; the message is one line that names the key, the value and what would be right."""


def one_line(error: BaseException) -> str:
    """An error of somebody else's in one line, for a SettingsError or a log."""
    return " ".join(str(error).split()) or type(error).__name__


# --- what a raw value may look like: str → value, or ValueError(what would be right) -------------------------------

UNITS = {"b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}


def parse_bytes(raw: str) -> int:
    """``180 kB`` → 180000. Decimal units by 1000, binary ones by 1024."""
    match = re.fullmatch(r"([0-9][0-9 _]*(?:\.[0-9]+)?)\s*([A-Za-z]+)", raw)
    number = match and Decimal(match[1].replace(" ", "").replace("_", "")) * UNITS.get(match[2].lower(), 0)
    if not number or number < 1 or number != int(number):
        raise ValueError("a size such as 180 kB (B, kB = 1000, KiB = 1024, MB, MiB)")
    return int(number)


def parse_seconds(raw: str) -> float:
    """``15 s`` → 15.0; also ``ms`` and ``min``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min)", raw)
    seconds = match and float(match[1]) * {"ms": 0.001, "s": 1, "min": 60}[match[2]]
    if not seconds:
        raise ValueError("a time above zero such as 15 s (ms, s, min)")
    return seconds


def parse_whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number from ``least`` to ``most``; blanks may group its digits: ``100 000 000``."""

    def parse(raw: str) -> int:
        digits = raw.replace(" ", "").replace("_", "")
        if not re.fullmatch(r"[0-9]{1,18}", digits) or not least <= int(digits) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(digits)

    return parse


def parse_choice(**choices: Any) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        if raw not in choices:
            raise ValueError(" or ".join(choices))
        return choices[raw]

    return parse


def parse_quality_range(raw: str) -> tuple[int, int]:
    """``95 30`` → (95, 30): first and last rung of the ladder, libjpeg qualities from 1 to 100, falling."""
    rungs = raw.split()
    if len(rungs) != 2 or not all(re.fullmatch(r"[0-9]{1,3}", rung) for rung in rungs):
        raise ValueError("two qualities such as 95 30, the first rung and the last")
    first, last = map(int, rungs)
    if not 100 >= first >= last >= 1:
        raise ValueError("two qualities from 100 down to 1, the first rung and the last: 95 30")
    return first, last


def parse_colour(raw: str) -> tuple[int, int, int]:
    """``#ffffff`` → (255, 255, 255), sRGB."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", raw):
        raise ValueError("an sRGB colour such as #ffffff")
    return tuple(bytes.fromhex(raw[1:]))


def parse_ports(raw: str) -> frozenset[int] | None:
    """``80 443`` → {80, 443}; ``any`` → None."""
    if raw == "any":
        return None
    if not raw.split() or not all(re.fullmatch(r"[0-9]{1,5}", p) and 1 <= int(p) <= 65535 for p in raw.split()):
        raise ValueError("port numbers such as 80 443, or any")
    return frozenset(map(int, raw.split()))


def parse_hosts(raw: str) -> tuple[str, ...] | None:
    """``example.com *.example.com`` → lower-case names; ``any`` → None."""
    if raw == "any":
        return None
    hosts = tuple(raw.lower().split())
    if not hosts or not all(re.fullmatch(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", host) for host in hosts):
        raise ValueError("host names such as example.com *.example.com (international ones as xn--…), or any")
    return hosts


def parse_networks(raw: str) -> tuple[Network, ...]:
    """``127.0.0.0/8 fd00::/8`` → networks; ``none`` → ()."""
    try:
        return () if raw == "none" else tuple(map(ipaddress.ip_network, raw.split()))
    except ValueError:
        raise ValueError("networks such as 10.1.2.0/24 (no bits set behind the prefix), or none") from None


def parse_proxies(raw: str) -> tuple[Network | str, ...]:
    """``unix 10.0.0.5`` → the peers whose X-Forwarded-For counts; ``unix`` is whoever reaches a Unix socket."""
    named = raw.split()
    return tuple(name for name in named if name == "unix") + parse_networks(
        " ".join(name for name in named if name != "unix") or "none"
    )


def parse_sources(raw: str) -> tuple[str, ...]:
    sources = tuple(raw.split())
    if not sources or len(set(sources)) != len(sources) or not set(sources) <= {"body", "basic"}:
        raise ValueError("body, basic or both, in the order in which they are looked for")
    return sources


def parse_dotted(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*(:[\w.]+)?", raw):
        raise ValueError("the dotted name of a class, such as package.module.Class")
    return raw


def parse_text(raw: str) -> str:
    if not raw or not raw.isprintable():
        raise ValueError("a line of text")
    return raw


def setting(key: str, parse: Callable[[str], Any], default: str | None = None) -> Any:
    """A dataclass field that is read from ``key``; a default of ``None`` means the field may be absent (``None``)."""
    return field(default=None if default is None else parse(default), metadata={"key": key, "parse": parse})


def section(kind: type) -> Any:
    return field(default_factory=kind, metadata={"section": True})


# --- the sections --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FetchSettings:
    """What may be fetched. ``max_bytes`` in bytes, ``max_pixels`` = width × height, ``deadline`` in seconds."""

    max_bytes: int = setting(PREFIX + "fetch.max_bytes", parse_bytes, "50 MB")
    max_pixels: int = setting(PREFIX + "fetch.max_pixels", parse_whole(1, 10**9), "100 000 000")
    deadline: float = setting(PREFIX + "fetch.deadline", parse_seconds, "15 s")
    redirects: int = setting(PREFIX + "fetch.redirects", parse_whole(0, 20), "3")
    ports: frozenset[int] | None = setting(PREFIX + "fetch.ports", parse_ports, "80 443")
    hosts: tuple[str, ...] | None = setting(PREFIX + "fetch.hosts", parse_hosts, "any")
    allow_networks: tuple[Network, ...] = setting(PREFIX + "fetch.allow_networks", parse_networks, "none")
    user_agent: str = setting(PREFIX + "fetch.user_agent", parse_text, f"belfoot_img/{__version__}")


@dataclass(frozen=True)
class ConvertingSettings:
    """Conversions run ``at_once`` in processes of their own; more wait for at most ``queue`` seconds. One of them may
    take ``deadline`` seconds, ``cpu`` seconds of all cores, and ``memory`` bytes."""

    at_once: int = setting(PREFIX + "converting", parse_whole(1, 256), str(os.cpu_count() or 1))
    queue: float = setting(PREFIX + "converting.queue", parse_seconds, "60 s")
    deadline: float = setting(PREFIX + "converting.deadline", parse_seconds, "30 s")
    cpu: float = setting(PREFIX + "converting.cpu", parse_seconds, "30 s")
    memory: int = setting(PREFIX + "converting.memory", parse_bytes, "1 GB")


@dataclass(frozen=True)
class ImagingSettings:
    """What img_converter does. ``size_limit`` in bytes, ``quality_range`` = (first rung, last rung).

    Every field but the sections shapes a result, and is part of the hash under which results are reused.
    """

    size_limit: int = setting(PREFIX + "size_limit", parse_bytes, "180 kB")
    quality_step: int = setting(PREFIX + "quality_step", parse_whole(1, 99), "5")
    quality_range: tuple[int, int] = setting(PREFIX + "quality_range", parse_quality_range, "95 30")
    max_side: int = setting(PREFIX + "max_side", parse_whole(16, 65500), "3840")
    fit_policy: str = setting(PREFIX + "fit_policy", parse_dotted, "best")
    background: tuple[int, int, int] = setting(PREFIX + "background", parse_colour, "#ffffff")
    converting: ConvertingSettings = section(ConvertingSettings)
    fetch: FetchSettings = section(FetchSettings)


@dataclass(frozen=True)
class SecuritySettings:
    """What admin_auth does."""

    security_policy: str = setting(PREFIX + "security_policy", parse_dotted, "belfoot_img.security.CredentialsPolicy")
    authentication: tuple[str, ...] = setting(PREFIX + "authentication", parse_sources, "body basic")


@dataclass(frozen=True)
class DatabaseSettings:
    """Of ``url`` and ``embedded_postgres`` (a folder) one is set. ``connections`` that a process has at most; seconds
    that one is waited for, that connecting and that a statement may take."""

    url: str | None = setting("sqlalchemy.url", parse_text)
    embedded_postgres: str | None = setting(PREFIX + "embedded_postgres", parse_text)
    connections: int = setting(PREFIX + "database.connections", parse_whole(1, 100), "8")
    wait: float = setting(PREFIX + "database.wait", parse_seconds, "1 s")
    connect: float = setting(PREFIX + "database.connect", parse_seconds, "2 s")
    statement: float = setting(PREFIX + "database.statement", parse_seconds, "3 s")


@dataclass(frozen=True)
class Settings:
    """All of it; ``metrics``: serve ``/metrics``; ``trusted_proxies``: whose word on the client's address counts."""

    metrics: bool = setting(PREFIX + "metrics", parse_choice(on=True, off=False), "off")
    trusted_proxies: tuple[Network | str, ...] = setting(PREFIX + "trusted_proxies", parse_proxies, "none")
    database: DatabaseSettings = section(DatabaseSettings)
    security: SecuritySettings = section(SecuritySettings)
    imaging: ImagingSettings = section(ImagingSettings)

    @classmethod
    def from_ini(cls, raw: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingsError. Keys outside ``belfoot_img.`` and ``sqlalchemy.`` are others' and left alone."""
        ours = {key: value for key, value in raw.items() if key.startswith((PREFIX, "sqlalchemy."))}
        known = set(keys(cls))
        for key in ours:
            if key not in known:
                raise SettingsError(f"{key}: there is no such setting; {_nearest(key, known)}")
        settings = _read(cls, ours, environ)
        if (settings.database.url is None) == (settings.database.embedded_postgres is None):
            raise SettingsError(
                "sqlalchemy.url: set either it (postgresql://user:${PASSWORD}@host/database) "
                f"or {PREFIX}embedded_postgres (a folder), and not both"
            )
        return settings


def keys(kind: type) -> list[str]:
    """Every key of a section and of the sections inside it."""
    found = []
    for member, hint in _members(kind):
        found += keys(hint) if member.metadata.get("section") else [member.metadata["key"]]
    return found


def _members(kind: type):
    hints = get_type_hints(kind)
    return [(member, hints[member.name]) for member in fields(kind)]


def _read(kind: type, raw: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    values = {}
    for member, hint in _members(kind):
        if member.metadata.get("section"):
            values[member.name] = _read(hint, raw, environ)
            continue
        key, parse = member.metadata["key"], member.metadata["parse"]
        written = str(raw.get(key, "")).strip()
        text = _expand(key, written, environ)
        if text == "":
            assert member.default is not MISSING
            continue
        try:
            values[member.name] = parse(text)
        except ValueError as right:
            shown = "(not shown)" if key == "sqlalchemy.url" else repr(written)  # never what the environment holds
            raise SettingsError(f"{key} = {shown}: should be {right}") from None
    return kind(**values)


def _expand(key: str, text: str, environ: Mapping[str, str]) -> str:
    """``${NAME}`` → the environment's value; PasteDeploy's own ``%(NAME)s`` cannot do it."""

    def value(match: re.Match) -> str:
        if match[1] not in environ:
            raise SettingsError(f"{key}: the environment has no variable {match[1]}; set it, or write the value here")
        return environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


@contextmanager
def refusing_in_one_line() -> Iterator[None]:
    """A SettingsError becomes its one line on standard error and exit status 3, which also tells gunicorn's master to
    give up instead of starting the worker again and again."""
    try:
        yield
    except SettingsError as error:
        print(f"belfoot_img: {error}", file=sys.stderr, flush=True)
        raise SystemExit(3) from None


def includeme(config):
    """``registry["settings"]``, and what Pyramid and pyramid_tm must do as this service needs it."""
    config.registry["settings"] = Settings.from_ini(config.get_settings())
    config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager", "tm.annotate_user": False})


def _nearest(key: str, known: set[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1)
    return f"perhaps {nearest[0]} is meant" if nearest else f"the known ones are {', '.join(sorted(known))}"
