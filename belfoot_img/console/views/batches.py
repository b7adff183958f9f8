"""Batches of links: how far they are, what failed and why, a new one from a file."""

from __future__ import annotations

import io
from itertools import islice

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from belfoot_img.batches import control, lists, progress
from belfoot_img.batches.making import Plan
from belfoot_img.console.forms import Form, shown_again
from belfoot_img.console.rendering import page, url
from belfoot_img.console.resources import LIST, BatchAction, Batches, BatchPage
from belfoot_img.errors import BatchNotFound, InvalidField, ServiceError

PAGE = 30
FAILURES = 100
LINES = 10_000
"""Of an uploaded list."""


@page("batches", context=Batches, request_method="GET", permission="batches")
def batches(context, request):
    return listed(context, request)


@page("batches", context=Batches, request_method="POST", permission="batches")
def create(context, request):
    form = Form(request)

    def act():
        lines = lines_of(form)
        session, maker = request.dbsession, request.batches
        maker.refuse_too_many(session, request.identity.name, len(lines))
        batch, _ = maker.begin(session, Plan(submitted_by=request.identity.name, name=form.text("name")[:200]))
        maker.fill(session, batch, lines)
        maker.finish(session, batch)
        return HTTPSeeOther(url(request, str(batch.id), base=context))

    return shown_again(request, act, lambda trouble: listed(context, request, trouble))


def lines_of(form: Form) -> list[lists.Line]:
    file = form.file()
    if file is None:
        raise InvalidField("file: choose a list.")
    lines = list(islice(lists.read(io.BytesIO(file.read()), most=LIST), LINES + 1))
    if not lines or len(lines) > LINES:
        raise InvalidField(f"file: send a list of 1 to {LINES} lines.")
    return lines


def listed(context: Batches, request, trouble: ServiceError | None = None) -> dict:
    before = request.GET.get("before", "")
    with request.short_session() as connection:
        wanted = int(before) if before.isascii() and before.isdecimal() and len(before) < 18 else None
        found = progress.page(connection, limit=PAGE + 1, before=wanted)
    older = f"{url(request, 'batches')}?before={found[PAGE - 1].batch.id}" if len(found) > PAGE else None
    return {
        "here": "batches",
        "rows": [(one, context[str(one.batch.id)]) for one in found[:PAGE]],
        "older": older,
        "lines": LINES,
        "trouble": trouble,
    }


@page("batch", context=BatchPage, request_method="GET", permission="batches")
def batch(context, request):
    number = int(context.__name__)
    with request.short_session() as connection:
        found = progress.progress(connection, number)
        if found is None:
            raise BatchNotFound
        dead = progress.items(connection, number, limit=FAILURES, state="dead") if found.items["dead"] else []
        workers = progress.workers(connection)
    return {
        "here": "batches",
        "found": found,
        "dead": dead,
        "workers": workers,
        "codes": sorted(found.codes.items(), key=lambda code: -code[1]),
        "retryable": any(code in control.retryable_codes() for code in found.codes),
    }


@view_config(context=BatchAction, request_method="POST", permission="batches")
def act(context, request):
    number, session = int(context.__parent__.__name__), request.dbsession
    if control.find(session, number) is None:
        raise BatchNotFound
    if context.__name__ == "pause":
        control.pause(session, number)
    else:
        getattr(control, context.__name__)(session, request.batches, number)
    return HTTPSeeOther(url(request, base=context.__parent__))
