"""Answers of the service as frozen dataclasses. Keys that a newer service adds are ignored."""

from __future__ import annotations

import base64
import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """The picture that the link gave. ``width`` and ``height`` in pixels."""

    format: str
    width: int
    height: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Conversion:
    """What was done to it: ``action`` is kept, repacked or reencoded; ``quality`` is None where nothing was encoded."""

    action: str
    policy: str
    scale: float
    quality: int | None
    encodes: int
    milliseconds: int
    reused: bool


@dataclass(frozen=True)
class Image:
    """The image of an article. ``jpeg`` is None where the answer was asked for without it.

    ``created``: whether a ``store`` made it; False where it replaced another, and in every other answer.
    """

    article_id: str
    url: str | None
    width: int
    height: int
    bytes: int
    sha256: str
    source: Source
    conversion: Conversion
    created_at: datetime
    updated_at: datetime
    jpeg: builtins.bytes | None = field(default=None, repr=False)
    created: bool = False

    @classmethod
    def from_json(cls, data: Json, created: bool = False) -> Image:
        return cls(
            article_id=data["article_id"],
            url=data["url"],
            width=data["width"],
            height=data["height"],
            bytes=data["bytes"],
            sha256=data["sha256"],
            source=Source(**_named(data["source"], "format width height bytes sha256")),
            conversion=Conversion(
                **_named(data["conversion"], "action policy scale quality encodes milliseconds reused")
            ),
            created_at=datetime.fromisoformat(data["created_at"]),
            updated_at=datetime.fromisoformat(data["updated_at"]),
            jpeg=base64.b64decode(data["image"]) if "image" in data else None,
            created=created,
        )


@dataclass(frozen=True)
class Page:
    """Images, the newest first, without their JPEGs. ``next``: the ``after`` of the following page, None at the end."""

    images: tuple[Image, ...]
    next: str | None


@dataclass(frozen=True)
class Failure:
    """Why an item or a batch failed: the code and the message that a POST would have answered."""

    code: str
    message: str

    @classmethod
    def from_json(cls, data: Json | None) -> Failure | None:
        return cls(data["code"], data["message"]) if data else None


@dataclass(frozen=True)
class Item:
    """An image that is stored asynchronously.

    ``state``: waiting, stored, superseded (the article has a newer image already), dead (``error`` says why) or
    cancelled. While it waits, ``error`` is that of the last attempt and ``not_before`` the time of the next one.
    """

    batch: int
    number: int
    article_id: str
    url: str
    state: str
    attempts: int
    error: Failure | None
    not_before: datetime | None

    @property
    def ended(self) -> bool:
        return self.state != "waiting"

    @classmethod
    def from_json(cls, data: Json) -> Item:
        return cls(
            **_named(data, "batch number article_id url state attempts"),
            error=Failure.from_json(data["error"]),
            not_before=_moment(data["not_before"]),
        )


@dataclass(frozen=True)
class Batch:
    """A batch. ``items`` counts by state, with ``total``; ``codes`` counts the dead ones by code; ``rate`` in items a
    second; ``message`` says what an administrator has to do, such as start a worker."""

    id: int
    name: str
    state: str
    items: Mapping[str, int]
    codes: Mapping[str, int]
    rate: float
    seconds_left: int | None
    workers: int
    message: str | None
    error: Failure | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Return whether no item waits any more; a paused batch has not ended."""
        return self.state in ("ended", "failed", "cancelled")

    @classmethod
    def from_json(cls, data: Json) -> Batch:
        return cls(
            **_named(data, "id name state items codes rate seconds_left workers message"),
            error=Failure.from_json(data["error"]),
            created_at=datetime.fromisoformat(data["created_at"]),
            ended_at=_moment(data["ended_at"]),
        )


def _named(data: Json, names: str) -> dict[str, Any]:
    return {name: data[name] for name in names.split()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
