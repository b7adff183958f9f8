"""The list of images: newest first, searched, in pages; and the small pictures it shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import Row

from belfoot_img.console.rendering import page, url
from belfoot_img.console.resources import Images, Thumbnail, segment_of
from belfoot_img.errors import ImageNotFound
from belfoot_img.models import listing, thumbnail
from belfoot_img.views import paging

PAGE = 24
ACTIONS = ("kept", "repacked", "reencoded")
FIELDS = ("q", "by", "action", "since", "until")
FOR_A_YEAR = "private, max-age=31536000, immutable"


@page("images", context=Images, request_method="GET", permission="read")
def images(context, request):
    asked = {name: request.GET.get(name, "").strip() for name in FIELDS}
    wanted, wrong = search_of(asked)
    after = request.GET.get("after", "")
    rows: Sequence[Row] = []
    if not wrong:
        with request.short_session() as session:
            rows = listing.search(session, wanted, limit=PAGE + 1, after=paging.place(after) if after else None)
    if wrong:
        request.response.status = 422
    older = paging.cursor(rows[PAGE - 1]) if len(rows) > PAGE else None
    here = {name: value for name, value in asked.items() if value}
    return {
        "here": "images",
        "asked": asked,
        "wrong": wrong,
        "searched": bool(here),
        "actions": ACTIONS,
        "tiles": [(row, context[segment_of(row.article_id)]) for row in rows[:PAGE]],
        "newest": f"{url(request, 'images')}?{urlencode(here)}" if after else None,
        "older": older and f"{url(request, 'images')}?{urlencode({**here, 'after': older})}",
    }


def search_of(asked: dict[str, str]) -> tuple[listing.Search, set[str]]:
    """Returns (the search, the names of the fields that make none)"""
    wrong = {name for name in ("since", "until") if asked[name] and _day(asked[name]) is None}
    if asked["action"] and asked["action"] not in ACTIONS:
        wrong.add("action")
    wrong |= {name for name in ("q", "by") if not asked[name].isprintable()}
    since, until = _day(asked["since"]), _day(asked["until"])
    return listing.Search(
        text=asked["q"],
        stored_by=asked["by"],
        action=asked["action"],
        since=since,
        until=until and until + timedelta(days=1),
    ), wrong


def _day(text: str) -> datetime | None:
    """Returns the beginning of a day, UTC."""
    try:
        day = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None
    return day if day.year < 9999 else None


@view_config(context=Thumbnail, request_method="GET", permission="read")
def small(context, request):
    """Asked for with ``?of={sha256}`` it never changes; it is made in a conversion's process and kept."""
    article_id = context.__parent__.article_id
    with request.short_session() as session:
        found = thumbnail.find(session, article_id)
    if found is None:
        raise ImageNotFound
    sha256, jpeg = found
    if jpeg is None:
        sha256, jpeg = make_small(article_id, request)
    response = Response(jpeg, content_type="image/jpeg")
    response.cache_control = FOR_A_YEAR if request.GET.get("of") == sha256 else "no-store"
    return response


def make_small(article_id: str, request) -> tuple[str, bytes]:
    """Returns (sha256 of the article's image, its thumbnail, which is kept)"""
    row, content = request.images.find(article_id)
    if row is None:
        raise ImageNotFound
    jpeg = request.images.preview(content.jpeg, thumbnail.SIDE, thumbnail.MOST)
    with request.short_session() as session:
        thumbnail.keep(session, article_id, row.sha256, jpeg)
    return row.sha256, jpeg
