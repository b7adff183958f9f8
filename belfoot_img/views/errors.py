"""Every exception → the one JSON shape. Never touches the database."""

from __future__ import annotations

import logging

from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPNotFound
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config, view_config
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from belfoot_img import metrics
from belfoot_img.errors import (
    CredentialsMissing,
    DatabaseUnavailable,
    Forbidden,
    MalformedJson,
    MalformedPath,
    MethodNotAllowed,
    NotFound,
    ServiceError,
)
from belfoot_img.models.deadlines import reason
from belfoot_img.resources import MalformedPath as MalformedPathResource
from belfoot_img.resources import Missing, Resource

log = logging.getLogger(__name__)


@exception_view_config(ServiceError)
def refused(error: ServiceError, request) -> Response:
    metrics.refused(error.code)
    response = Response(
        status=error.status,
        json_body={"error": {"code": error.code, "message": str(error), "request_id": request.id}},
        charset=None,
        content_type="application/json",
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allow)
    if error.status == 401 and "basic" in request.registry["settings"].security.authentication:
        response.headers["WWW-Authenticate"] = 'Basic realm="belfoot_img", charset="UTF-8"'
    log.log(logging.ERROR if error.status >= 500 else logging.INFO, "%s: %s", error.code, error)
    return response


@forbidden_view_config()
def forbidden(denial: HTTPForbidden, request) -> Response:
    """Our policy's denial carries its reason; that of another policy may not."""
    because = getattr(denial.result, "error", None)
    return refused(because or (Forbidden() if request.identity else CredentialsMissing()), request)


@exception_view_config(DBAPIError)
@exception_view_config(PoolTimeout)
def database(error: Exception, request) -> Response:
    """The database went away or took too long; a fault of our own SQL is ours, and answered as such."""
    if isinstance(error, DBAPIError) and not (error.connection_invalidated or isinstance(error, OperationalError)):
        return failed(error, request)
    log.error("the database failed: %s", reason(error))
    return refused(DatabaseUnavailable(), request)


@exception_view_config(Exception)
def failed(error: Exception, request) -> Response:
    """A fault of our own: the log holds it under the request id, the answer says nothing of it."""
    log.error("internal error", exc_info=error)
    return refused(ServiceError(), request)


@notfound_view_config()
def not_found(error: HTTPNotFound, request) -> Response:
    return refused(NotFound(), request)


@exception_view_config(HTTPException)
def http_exception(error: HTTPException, request) -> Response:
    """What Pyramid and WebOb themselves raise: a client that went away, a header that does not decode."""
    return refused(MalformedJson("The request is malformed.") if error.status_int < 500 else ServiceError(), request)


@view_config(context=Missing, permission="read")
def missing(context, request):
    raise NotFound


@view_config(context=MalformedPathResource, permission="read")
def malformed_path(context, request):
    raise MalformedPath


@view_config(context=Resource, permission="read")
def method_not_allowed(context, request):
    """Stands behind every resource's own views: a method that none of them knows, or a path with no view at all."""
    raise MethodNotAllowed(allow=context.methods) if context.methods else NotFound()
