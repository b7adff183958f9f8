"""live, ready, metrics: open to all, no secrets."""

from contextlib import suppress

from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img import metrics
from belfoot_img.batches import figures, progress
from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.models import schema
from belfoot_img.resources import Live, Metrics, Ready


@view_config(context=Live, request_method="GET", permission="read", renderer="json")
def live(context, request):
    return {"status": "live"}


@view_config(context=Ready, request_method="GET", permission="read", renderer="json")
def ready(context, request):
    with request.short_session() as session:
        found = schema.current(session)
        workers = progress.workers(session) if found == schema.head() else 0
    if found != schema.head():
        raise DatabaseUnavailable("The database's schema is not this version's: run belfoot-img migrate.")
    return {"status": "ready", "workers": workers}


@view_config(context=Metrics, request_method="GET", permission="read")
def metrics_(context, request):
    body = metrics.exposition()
    with suppress(DatabaseUnavailable), request.short_session() as connection:
        body += figures.exposition(connection)
    return Response(body=body, content_type="text/plain", charset="utf-8")
