"""What a caller asks for → a ``Plan`` and its lines. Raises InvalidField, which names the field."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from belfoot_img.batches import queue
from belfoot_img.batches.lists import Line, check
from belfoot_img.batches.making import Plan
from belfoot_img.errors import InvalidField
from belfoot_img.imaging.fetching.target import Target
from belfoot_img.payload import Payload

MOST_ITEMS = 100
"""Items that one request may hold; more come by ``list_url``."""
LEVELS = ("low", "normal", "high")


def batch(payload: Payload, user: str, key: str | None) -> tuple[Plan, list[Line]]:
    """``{name?, items | list_url, priority?, effort?}``; the lines of a ``list_url`` are read later."""
    data = payload.data
    if not isinstance(data, dict):
        raise InvalidField("data: send an object.")
    if ("items" in data) == ("list_url" in data):
        raise InvalidField("data.items: send either it or data.list_url.")
    plan = Plan(
        submitted_by=user,
        name=_name(data.get("name", "")),
        priority=_level(data, "priority") or "normal",
        effort=_level(data, "effort"),
        list_url=_list_url(data["list_url"]) if "list_url" in data else None,
        key=_key(key),
        request_sha256=_sha256(data),
    )
    return plan, [] if plan.list_url else _lines(data["items"])


def single(payload: Payload, user: str, key: str | None) -> tuple[Plan, list[Line]]:
    """Returns an asynchronous POST of one image: a batch of one on the queue ``live``."""
    line = check(1, payload.article_id(), payload.url())
    if line.error:
        raise line.error
    effort = _level(payload.data, "effort")
    return Plan(user, queue=queue.LIVE, effort=effort, key=_key(key), request_sha256=_sha256(payload.data)), [line]


def _lines(items: Any) -> list[Line]:
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise InvalidField(f"data.items: send a list of 1 to {MOST_ITEMS} objects with url and article_id.")
    lines = []
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidField(f"data.items[{place}]: send an object with url and article_id.")
        line = check(place + 1, item.get("article_id"), item.get("url"))
        if isinstance(line.error, InvalidField):
            raise InvalidField(str(line.error).replace("data.", f"data.items[{place}].", 1))
        lines.append(line)
    return lines


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 255 or not (value.isprintable()):
        raise InvalidField("data.name: send at most 255 printable characters.")
    return value


def _level(data: dict, field: str) -> str | None:
    value = data.get(field)
    if value is not None and value not in LEVELS:
        raise InvalidField(f"data.{field}: send {', '.join(LEVELS[:-1])} or {LEVELS[-1]}.")
    return value


def _list_url(value: Any) -> str:
    """Raises UrlRefused too."""
    url = Payload(data={"url": value}).url()
    Target.parse(url)
    return url


def _key(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", value):
        raise InvalidField("Idempotency-Key: send 1 to 255 printable ASCII characters without spaces.")
    return value


def _sha256(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
