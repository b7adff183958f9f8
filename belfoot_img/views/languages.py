"""The language of an error's message: English, or Russian where ``Accept-Language`` prefers it. Codes stay the same.

Errors are raised with an English message, since they are also kept, logged and passed between processes. It is turned
into Russian here, as the answer is written.
"""

from __future__ import annotations

import re
from functools import cache

from pyramid.request import Request

from belfoot_img.views.russian import MESSAGES, SENTENCES

LANGUAGES = ("en", "ru")
FIELD = re.compile(r"(?P<field>(?:[\w.-]|\[\d+\])+): (?P<rest>.+)", re.DOTALL)
"""A message that begins with the name of a field, a header or a key of the query."""

DEPTH = 5
"""Messages inside one another that are translated: more are not ours, and would be as deep as a caller makes them."""


def negotiated(request: Request) -> str:
    """``en`` or ``ru`` (RFC 9110, 12.5.4); English where the caller asks for neither."""
    return request.accept_language.lookup(list(LANGUAGES), default="en")


def translated(code: str, message: str, language: str) -> str:
    """Returns the message of an error in this language. What has no Russian of its own gets the sentence of its
    code."""
    return message if language == "en" else _in_russian(message) or SENTENCES.get(code, SENTENCES["internal_error"])


def _in_russian(message: str, depth: int = DEPTH) -> str | None:
    if depth == 0:
        return None
    for pattern, russian in _patterns():
        if match := pattern.fullmatch(message):
            return _filled(russian, match.groupdict(), depth - 1)
    match = FIELD.fullmatch(message)
    rest = match and _in_russian(match["rest"], depth - 1)
    return f"{match['field']}: {rest}" if match and rest else None


def _filled(russian: str, parts: dict[str, str], depth: int) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: _in_russian(parts[name[1]], depth) or parts[name[1]], russian)


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(as_pattern(english), russian) for english, russian in MESSAGES.items()]


def as_pattern(template: str) -> re.Pattern[str]:
    """``{name} is missing`` → an expression in which each name stands for one or more characters."""
    parts = re.split(r"\{(\w+)\}", template)
    pieces = [re.escape(part) if place % 2 == 0 else f"(?P<{part}>.+)" for place, part in enumerate(parts)]
    return re.compile("".join(pieces), re.DOTALL)
