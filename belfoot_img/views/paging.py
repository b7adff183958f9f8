"""Lists in pages: the page that a query asks for, and the cursor that leads to the next one.

A cursor holds the place (updated_at, article_id) of the last row of its page, as base64url of JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta

from pyramid.request import Request
from sqlalchemy import Row

from belfoot_img.errors import InvalidField

Place = tuple[datetime, str]
MOST_ROWS = 200


def page_wanted(request: Request) -> tuple[int, Place | None]:
    """Returns (rows a page, the place after which it begins). Raises InvalidField."""
    after = request.GET.get("after")
    return page_size(request.GET.get("limit", "50")), place(after) if after else None


def page_size(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= MOST_ROWS:
        raise InvalidField(f"limit: send a whole number from 1 to {MOST_ROWS}.")
    return int(text)


def cursor(row: Row) -> str:
    place = json.dumps([row.updated_at.astimezone(UTC).isoformat(), row.article_id])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place(cursor: str) -> Place:
    """Raises InvalidField where the text was not made by ``cursor``."""
    try:
        updated_at, article_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(updated_at)
        if moment.utcoffset() != timedelta(0) or not isinstance(article_id, str) or "\0" in article_id:
            raise ValueError
        article_id.encode()
        return moment, article_id
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise InvalidField("after: send the 'next' of the page before.") from None
