"""live, ready, metrics: open to all, no secrets."""

import logging

from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from belfoot_img import metrics
from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.models import schema
from belfoot_img.models.deadlines import reason
from belfoot_img.resources import Live, Metrics, Ready

log = logging.getLogger(__name__)


@view_config(context=Live, request_method="GET", permission="read", renderer="json")
def live(context, request):
    return {"status": "live"}


@view_config(context=Ready, request_method="GET", permission="read", renderer="json")
def ready(context, request):
    try:
        with request.short_session() as session:
            found = schema.current(session)
    except (DBAPIError, PoolTimeout) as error:
        log.error("not ready: the database failed: %s", reason(error))
        raise DatabaseUnavailable from None
    if found != schema.head():
        raise DatabaseUnavailable("The database's schema is not this version's: run belfoot-img migrate.")
    return {"status": "ready"}


@view_config(context=Metrics, request_method="GET", permission="read")
def figures(context, request):
    return Response(body=metrics.exposition(), content_type="text/plain", charset="utf-8")
