"""A stored image as callers see it: JSON with the base64 in it, or the JPEG itself; each with an ETag of its own."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Protocol

from pyramid.response import Response
from sqlalchemy import Row

from belfoot_img.models.recent import Content
from belfoot_img.views import headers

MARK = "\0"
"""Marks the place of the base64 until the JSON is written; PostgreSQL holds no such character, so no value has it."""
QUOTED_MARK = json.dumps(MARK).encode()


class Representation(Protocol):
    """One form of an image. ``etag`` begins with the JPEG's sha256, which ``headers.known_jpegs`` relies on."""

    etag: str

    def __init__(self, row: Row):
        """``row``: of models.image.FACTS."""

    def response(self, content: Content) -> Response: ...


class JsonImage:
    """The ETag covers the facts too: the same JPEG from another link is another document."""

    def __init__(self, row: Row):
        self._document = json.dumps({"data": image_data(row, MARK)}).encode()
        self.etag = f"{row.sha256}-{hashlib.sha256(self._document).hexdigest()[:32]}"

    def response(self, content: Content) -> Response:
        """Returns the answer. The base64 is sent as it is, neither searched for characters to escape nor copied: that
        was half of a GET."""
        before, after = self._document.split(QUOTED_MARK)
        return _response(self.etag, [before + b'"', content.base64, b'"' + after], "application/json")


class JpegImage:
    """The ETag is the JPEG's sha256."""

    def __init__(self, row: Row):
        self.etag = row.sha256

    def response(self, content: Content) -> Response:
        return _response(self.etag, [content.jpeg], "image/jpeg")


def _response(etag: str, body: list[bytes], content_type: str) -> Response:
    length = ("Content-Length", str(sum(map(len, body))))
    return Response(app_iter=body, headerlist=[*headers.cached(etag), ("Content-Type", content_type), length])


def image_data(row: Row, image: str | None = None) -> dict[str, Any]:
    """``row`` of models.image.FACTS; ``image``: the base64, left out where it is None."""
    return {
        "article_id": row.article_id,
        **facts(row, image),
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def facts(row: Any, image: str | None = None) -> dict[str, Any]:
    """Returns what is told of a JPEG, its source and how it was made. ``row``: has the columns of ``images`` as
    attributes."""
    data = {
        "url": row.url,
        "image": image,
        "content_type": "image/jpeg",
        "width": row.width,
        "height": row.height,
        "bytes": row.bytes,
        "sha256": row.sha256,
        "source": {
            "format": row.source_format,
            "width": row.source_width,
            "height": row.source_height,
            "bytes": row.source_bytes,
            "sha256": row.source_sha256,
        },
        "conversion": {
            "action": row.action,
            "policy": row.policy,
            "scale": row.scale,
            "quality": row.quality,
            "encodes": row.encodes,
            "milliseconds": row.milliseconds,
            "reused": row.reused,
        },
    }
    if image is None:
        del data["image"]
    return data


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
