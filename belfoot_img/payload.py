"""The request's body → ``Payload(credentials, data)``: the only place that parses JSON.

Parsing raises ``MalformedJson``, ``RequestTooLarge`` and, of a form, ``InvalidField``. Wrong types inside a well-formed
object are not judged here: ``user`` is judged by ``security``, ``data`` by the view that needs it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from belfoot_img import uploads
from belfoot_img.errors import InvalidField, MalformedJson, MalformedPath, RequestTooLarge
from belfoot_img.imaging.fetching.target import MAX_URL_LENGTH

MAX_BODY = 16 * 1024
"""Bytes of a body; NGINX has the same limit (``client_max_body_size`` in deploy/)."""


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Payload:
    """``credentials`` from ``user``, or None; ``malformed_user``: ``user`` is there and is no pair of strings;
    ``data``: its value as sent, {} where it is missing; ``upload``: the file that came with it; ``inside``: what
    stands before the names of fields in messages."""

    credentials: Credentials | None = None
    data: Any = field(default_factory=dict)
    malformed_user: bool = False
    upload: uploads.Upload | None = None
    inside: str = "data."

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
                f"{self.inside}article_id: send 1 to 255 characters without control characters or '/', or an integer."
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

    def choice(self, name: str, known: Collection[str]) -> str | None:
        """Returns one of ``known``; None where the field is missing or null."""
        value = self._optional(name)
        if value is not None and (not isinstance(value, str) or value not in known):
            raise InvalidField(f"{self.inside}{name}: send {', '.join(known)} or nothing.")
        return value

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Returns a whole number from ``least`` to ``most``; None where the field is missing or null."""
        value = self._optional(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most):
            raise InvalidField(f"{self.inside}{name}: send a whole number from {least} to {most} or nothing.")
        return value

    def _optional(self, name: str) -> Any:
        return self.data.get(name) if isinstance(self.data, dict) else None

    def _field(self, name: str) -> Any:
        if not isinstance(self.data, dict):
            raise InvalidField("data: send an object.")
        if name not in self.data:
            raise InvalidField(f"{self.inside}{name}: it is missing{' before the file' if self.upload else ''}.")
        return self.data[name]


def is_article_id(value: str) -> bool:
    return 1 <= len(value) <= 255 and "/" not in value and is_storable(value)


def is_storable(text: str) -> bool:
    """No control characters (Cc) and no lone surrogates (Cs), which neither PostgreSQL nor UTF-8 can hold."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def parse(request) -> Payload:
    """``request.payload``. Reads at most MAX_BODY + 1 bytes of JSON, and of a body with a file no more than it has to;
    an empty body is an empty payload, and so is the body of a resource that takes no JSON."""
    if not getattr(getattr(request, "context", None), "takes_json", True):
        return Payload()
    if carries_file(request):
        return _with_file(request)
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


def carries_file(request) -> bool:
    """Returns whether the request's body is a form or a picture, for a resource that takes files."""
    takes_files = request.method == "POST" and getattr(getattr(request, "context", None), "takes_files", False)
    return takes_files and (uploads.is_form(request) or uploads.is_picture(request))


def _with_file(request) -> Payload:
    """``user``, ``password`` and the fields of ``data`` as those of a form; ``article_id`` from the query where the
    body is the picture."""
    most = request.registry["settings"].imaging.fetch.max_bytes
    if uploads.is_picture(request):
        try:
            article_id = request.GET.get("article_id")
        except UnicodeDecodeError:
            raise MalformedPath("The query is not percent-encoded UTF-8.") from None
        data = {} if article_id is None else {"article_id": article_id}
        return Payload(data=data, upload=uploads.picture(request, most), inside="")
    fields, upload = uploads.form(request, most)
    credentials = _credentials({"username": fields.get("user"), "password": fields.get("password")})
    malformed = credentials is None and not fields.keys().isdisjoint(("user", "password"))
    return Payload(credentials, fields, malformed, upload, inside="")


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
