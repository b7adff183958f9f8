"""Single POSTs that failed: when, what for, why, and what to do about it."""

from __future__ import annotations

from urllib.parse import urlencode

from belfoot_img.console.rendering import page, url
from belfoot_img.console.resources import Failures
from belfoot_img.models import failed_post

PAGE = 50
CODES = (
    *("url_refused", "not_an_image", "image_damaged", "image_too_large", "cannot_fit", "origin_failed"),
    *("origin_timed_out", "request_too_large", "invalid_field", "internal_error"),
)
"""That a POST of a link or a file can fail with and be listed."""


@page("failures", context=Failures, request_method="GET", permission="store")
def failures(context, request):
    asked = {name: request.GET.get(name, "").strip() for name in ("code", "q")}
    before = request.GET.get("before", "")
    settings = request.registry["settings"].failures
    wanted = failed_post.Search(asked["code"], asked["q"] if asked["q"].isprintable() else "")
    place = int(before) if before.isascii() and before.isdecimal() and len(before) <= 18 else None
    with request.short_session() as connection:
        rows = failed_post.search(connection, wanted, settings, limit=PAGE + 1, before=place)
    here = {name: value for name, value in asked.items() if value}
    older = {**here, "before": rows[PAGE - 1].id} if len(rows) > PAGE else None
    return {
        "here": "failures",
        "asked": asked,
        "searched": bool(here),
        "codes": CODES,
        "days": settings.keep / 86_400,
        "rows": [(row, f"{url(request, 'store')}?{urlencode(again(row))}") for row in rows[:PAGE]],
        "newest": f"{url(request, 'failures')}?{urlencode(here)}" if place else None,
        "older": older and f"{url(request, 'failures')}?{urlencode(older)}",
    }


def again(row) -> dict[str, str]:
    """Returns what the form for storing is filled in with."""
    return {"article_id": row.article_id} | ({"url": row.url} if row.url else {})
