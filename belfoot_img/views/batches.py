"""Batches, and images that are stored asynchronously."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyramid.view import view_config

from belfoot_img.batches import control, progress, submission
from belfoot_img.errors import BatchNotFound, InvalidField
from belfoot_img.models.batch import STATES
from belfoot_img.payload import carries_file
from belfoot_img.resources import Batch, BatchAction, BatchCollection, BatchItem, BatchItems, Image, ImageCollection
from belfoot_img.views.headers import location, wants_async
from belfoot_img.views.languages import negotiated, translated
from belfoot_img.views.paging import page_size

NOBODY = "No worker is alive: start belfoot-img worker."


@view_config(context=ImageCollection, request_method="POST", permission="store", renderer="json", prefers_async=True)
def store_later(collection, request):
    """A batch of one on the queue ``live``; the answer says where its state can be read."""
    plan, lines = submission.single(request.payload, request.identity.name, request.headers.get("Idempotency-Key"))
    batch, _ = _begin(request, plan, lines)
    item = BatchItem("1", Batch(str(batch.id), collection.__parent__["batches"])["items"])
    found = _item(request.dbsession, batch.id, 1)
    request.response.status = 202
    request.response.location = location(item, request)
    request.response.headers["Preference-Applied"] = "respond-async"
    return {"data": _item_data(found, request)}


@view_config(context=BatchCollection, request_method="POST", permission="batches", renderer="json")
def create(collection, request):
    plan, lines = submission.batch(request.payload, request.identity.name, request.headers.get("Idempotency-Key"))
    batch, _ = _begin(request, plan, lines)
    request.response.status = 202
    request.response.location = location(Batch(str(batch.id), collection), request)
    return {"data": _found(request.dbsession, batch.id)}


@view_config(context=BatchCollection, request_method="GET", permission="batches", renderer="json")
def browse(collection, request):
    limit, after = _paging(request)
    with request.short_session() as connection:
        found = progress.page(connection, limit=limit + 1, before=after or None)
        workers = progress.workers(connection)
    rows = found[:limit]
    return {
        "data": [batch_data(one, workers) for one in rows],
        "next": str(rows[-1].batch.id) if len(found) > limit else None,
    }


@view_config(context=Batch, request_method="GET", permission="batches", renderer="json")
def read(context, request):
    with request.short_session() as connection:
        return {"data": _found(connection, int(context.__name__))}


@view_config(context=BatchItems, request_method="GET", permission="batches", renderer="json")
def items(context, request):
    limit, after = _paging(request)
    state = request.GET.get("state")
    if state is not None and state not in STATES:
        raise InvalidField(f"state: send one of {', '.join(STATES)}.")
    batch_id = int(context.__parent__.__name__)
    with request.short_session() as connection:
        if control.find(connection, batch_id) is None:
            raise BatchNotFound
        rows = progress.items(connection, batch_id, limit=limit + 1, after=after, state=state)
    shown = rows[:limit]
    return {
        "data": [_item_data(row, request) for row in shown],
        "next": str(shown[-1].number) if len(rows) > limit else None,
    }


@view_config(context=BatchItem, request_method="GET", permission="batches", renderer="json")
def item(context, request):
    with request.short_session() as connection:
        row = _item(connection, int(context.__parent__.__parent__.__name__), int(context.__name__))
    if row is None:
        raise BatchNotFound("There is no such item in a batch.")
    return {"data": _item_data(row, request)}


@view_config(context=BatchAction, request_method="POST", permission="batches", renderer="json")
def act(context, request):
    batch_id = int(context.__parent__.__name__)
    if control.find(request.dbsession, batch_id) is None:
        raise BatchNotFound
    if context.__name__ == "pause":
        control.pause(request.dbsession, batch_id)
    else:
        getattr(control, context.__name__)(request.dbsession, request.batches, batch_id)
    return {"data": _found(request.dbsession, batch_id)}


def _begin(request, plan, lines):
    """Returns the batch, with its items where it was made just now."""
    maker, session = request.batches, request.dbsession
    maker.refuse_too_many(session, plan.submitted_by, len(lines))
    batch, made = maker.begin(session, plan)
    if made and lines:
        maker.fill(session, batch, lines)
        maker.finish(session, batch)
    return batch, made


def _found(connection, batch_id: int) -> dict[str, Any]:
    """Raises BatchNotFound."""
    found = progress.progress(connection, batch_id)
    if found is None:
        raise BatchNotFound
    return batch_data(found, progress.workers(connection))


def batch_data(found: progress.Progress, workers: int) -> dict[str, Any]:
    """Returns a batch as callers see it. ``workers``: how many are alive."""
    batch = found.batch
    failed = batch.failure_code and {"code": batch.failure_code, "message": batch.failure_message}
    return {
        "id": batch.id,
        "name": batch.name,
        "state": batch.state,
        "submitted_by": batch.submitted_by,
        "priority": batch.priority,
        "effort": batch.effort,
        "list_url": batch.list_url,
        "items": {"total": found.total, **found.items},
        "codes": found.codes,
        "rate": round(found.rate, 3),
        "seconds_left": None if found.seconds_left is None else round(found.seconds_left),
        "workers": workers,
        "message": NOBODY if not workers and found.items["waiting"] else None,
        "error": failed,
        "created_at": _utc(batch.created_at),
        "read_at": _utc(batch.read_at),
        "ended_at": _utc(batch.ended_at),
    }


def _item(connection, batch_id: int, number: int):
    rows = progress.items(connection, batch_id, limit=1, after=number - 1)
    return rows[0] if rows and rows[0].number == number else None


def _item_data(row, request) -> dict[str, Any]:
    image = Image(row.article_id, ImageCollection("images", request.root["api"]["v1"]))
    return {
        "batch": row.batch_id,
        "number": row.number,
        "article_id": row.article_id,
        "url": row.url,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.code and {"code": row.code, "message": translated(row.code, row.message, negotiated(request))},
        "not_before": _utc(row.not_before),
        "updated_at": _utc(row.updated_at),
        "image": location(image, request) if row.state in ("stored", "superseded") else None,
    }


def _paging(request) -> tuple[int, int]:
    """Returns (rows a page, the id or number after which it begins, 0 for the beginning)"""
    after = request.GET.get("after", "0")
    if not after.isascii() or not after.isdecimal() or len(after) > 18:
        raise InvalidField("after: send the 'next' of the page before.")
    return page_size(request.GET.get("limit", "50")), int(after)


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class PrefersAsync:
    """A view predicate: ``Prefer: respond-async`` (RFC 7240). It is not honoured for a file, which no link leads to."""

    def __init__(self, value: bool, info):
        self._value = value

    def text(self) -> str:
        return f"prefers_async = {self._value}"

    phash = text

    def __call__(self, context, request) -> bool:
        return (wants_async(request) and not carries_file(request)) == self._value


def includeme(config):
    config.add_view_predicate("prefers_async", PrefersAsync)
