"""A stored image as callers see it: the JSON ``data``, or the JPEG itself."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from pyramid.response import Response

from belfoot_img.errors import InvalidField, MalformedPath

MARK = "\0"
"""Stands for the base64 until the JSON is written; PostgreSQL holds no such character, so no value can be it."""
QUOTED_MARK = json.dumps(MARK).encode()
CACHING = {"Cache-Control": "private, no-cache", "Vary": "Accept"}


def as_data(row, image: str | None = None) -> dict[str, Any]:
    """``row`` of models.image.FACTS; ``image``: the base64, left out where it is None."""
    data = {
        "article_id": row.article_id,
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
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }
    if image is None:
        del data["image"]
    return data


def as_json(row, content) -> Response:
    """The base64 goes out as it is, neither searched for what needs escaping nor copied: that was half of a GET."""
    before, after = json.dumps({"data": as_data(row, MARK)}).encode().split(QUOTED_MARK)
    return _cacheable(row, [before + b'"', content.base64, b'"' + after], "application/json")


def as_jpeg(row, content) -> Response:
    return _cacheable(row, [content.jpeg], "image/jpeg")


def location(image, request) -> str:
    """Where the image is read; whole and with dots escaped, or WebOb would resolve an article id such as ``..``."""
    path = request.resource_path(image).rstrip("/")
    head, _, article_id = path.rpartition("/")
    return f"{request.host_url}{head}/{article_id.replace('.', '%2E') if set(article_id) == {'.'} else article_id}"


def not_modified(row) -> Response:
    return Response(status=304, headerlist=[*CACHING.items(), ("ETag", f'"{row.sha256}"')])


def _cacheable(row, body: list[bytes], content_type: str) -> Response:
    headers = [*CACHING.items(), ("ETag", f'"{row.sha256}"'), ("Content-Type", content_type)]
    headers.append(("Content-Length", str(sum(map(len, body)))))
    return Response(app_iter=body, headerlist=headers)


def any_will_do(request) -> bool:
    """``If-None-Match: *``: whatever is there, the caller has it (RFC 9110, 13.1.2)."""
    return request.headers.get("If-None-Match", "").strip() == "*"


def minimal(request) -> bool:
    return _prefers(request, r'return\s*=\s*"?minimal"?')


def wants_async(request) -> bool:
    return _prefers(request, r"respond-async")


def _prefers(request, preference: str) -> bool:
    """Whether ``Prefer`` (RFC 7240) names it, among other preferences, with parameters, in quotes."""
    return re.search(rf"(^|[,;])\s*{preference}\s*([,;]|$)", request.headers.get("Prefer", ""), re.I) is not None


def known_etags(request) -> list[str]:
    """The sha256s in ``If-None-Match``: what the caller says it has."""
    return re.findall(r"\b[0-9a-f]{64}\b", request.headers.get("If-None-Match", ""))[:16]


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# --- the place in a listing: (updated_at, article_id) of the last row of a page -----------------------------------


def cursor(row) -> str:
    place = json.dumps([row.updated_at.astimezone(UTC).isoformat(), row.article_id])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place(cursor: str) -> tuple[datetime, str]:
    """Raises InvalidField where it is no cursor of ours."""
    try:
        updated_at, article_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(updated_at)
        if moment.utcoffset() != timedelta(0) or not isinstance(article_id, str) or "\0" in article_id:
            raise ValueError
        article_id.encode()
        return moment, article_id
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise InvalidField("after: send the 'next' of the page before.") from None


def listing(request) -> tuple[int, tuple[datetime, str] | None]:
    """(rows a page, the place after which it begins). Raises InvalidField, MalformedPath."""
    try:
        query = request.GET
    except UnicodeDecodeError:
        raise MalformedPath("The query is not percent-encoded UTF-8.") from None
    after = query.get("after")
    return page_size(query.get("limit", "50")), place(after) if after else None


def page_size(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= 200:
        raise InvalidField("limit: send a whole number from 1 to 200.")
    return int(text)
