"""The request's body → ``Payload(credentials, data)``: the only place that parses JSON.

Parsing raises two errors, ``MalformedJson`` and ``RequestTooLarge``. Wrong types inside a well-formed object are not
judged here: ``user`` is judged by ``security``, ``data`` by the view that needs it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from belfoot_img.errors import InvalidField, MalformedJson, RequestTooLarge
from belfoot_img.imaging.fetching.target import MAX_URL_LENGTH

MAX_BODY = 16 * 1024
"""Bytes of a body; NGINX has the same limit (``client_max_body_size`` in deploy/)."""

"""Characters of a URL: what browsers and origins agree on is shorter."""


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Payload:
    """``credentials`` from ``user``, or None; ``malformed_user``: ``user`` is there and is no pair of strings;
    ``data``: its value as sent, {} where it is missing."""

    credentials: Credentials | None = None
    data: Any = field(default_factory=dict)
    malformed_user: bool = False

    @property
    def names_article(self) -> bool:
        return isinstance(self.data, dict) and "article_id" in self.data

    def article_id(self) -> str:
        """1 to 255 characters without control characters or ``/``; an integer as its decimal string."""
        value = self._field("article_id")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not is_article_id(value):
            raise InvalidField(
                "data.article_id: send 1 to 255 characters without control characters or '/', or an integer."
            )
        return value

    def url(self) -> str:
        value = self._field("url")
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_URL_LENGTH or not is_storable(value):
            raise InvalidField(
                f"data.url: send the image's URL, a string of 1 to {MAX_URL_LENGTH} characters "
                "without control characters."
            )
        return value.strip()

    def effort(self, known: Collection[str]) -> str | None:
        """How much CPU the fit policy may spend, one of ``known``; None where the request leaves it to the settings."""
        if not isinstance(self.data, dict) or self.data.get("effort") is None:
            return None
        value = self.data["effort"]
        if not isinstance(value, str) or value not in known:
            raise InvalidField(f"data.effort: send {', '.join(known)} or nothing.")
        return value

    def _field(self, name: str) -> Any:
        if not isinstance(self.data, dict):
            raise InvalidField("data: send an object.")
        if name not in self.data:
            raise InvalidField(f"data.{name}: it is missing.")
        return self.data[name]


def is_article_id(value: str) -> bool:
    return 1 <= len(value) <= 255 and "/" not in value and is_storable(value)


def is_storable(text: str) -> bool:
    """No control characters (Cc) and no lone surrogates (Cs), which neither PostgreSQL nor UTF-8 can hold."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def parse(request) -> Payload:
    """``request.payload``. Reads at most MAX_BODY + 1 bytes; an empty body is an empty payload, and so is the body of
    a resource that takes no JSON."""
    if not getattr(getattr(request, "context", None), "takes_json", True):
        return Payload()
    body = _read(request)
    if not body.strip():
        return Payload()
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        # ValueError covers JSONDecodeError, UnicodeDecodeError and integers of more than 4300 digits.
        raise MalformedJson from None
    if not isinstance(document, dict):
        raise MalformedJson
    credentials = _credentials(document.get("user"))
    return Payload(credentials, document.get("data", {}), "user" in document and credentials is None)


def _read(request) -> bytes:
    if (request.content_length or 0) > MAX_BODY:
        raise RequestTooLarge
    try:
        body = request.body_file.read(MAX_BODY + 1)
    except Exception:  # the client hung up, or its chunks are malformed; each server raises exceptions of its own
        raise MalformedJson("The body broke off.") from None
    if len(body) > MAX_BODY:
        raise RequestTooLarge
    return body


def _credentials(user: Any) -> Credentials | None:
    if not isinstance(user, dict):
        return None
    username, password = user.get("username"), user.get("password")
    if not isinstance(username, str) or not isinstance(password, str):
        return None
    return Credentials(username, password)


def includeme(config):
    config.add_request_method(parse, "payload", reify=True)
