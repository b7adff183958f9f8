"""Every exception becomes the one JSON error answer; none of these views touches the database.

A redirect is no error: a page raises ``HTTPSeeOther`` and the like, and it is answered as it is.
"""

from __future__ import annotations

import logging

from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPNotFound, HTTPRedirection
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config, view_config

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
from belfoot_img.resources import Missing, Resource, UndecodablePath
from belfoot_img.views.languages import negotiated, translated

log = logging.getLogger(__name__)


@exception_view_config(ServiceError)
def error_response(error: ServiceError, request: Request) -> Response:
    metrics.error_answered(error.code)
    language = negotiated(request)
    message = translated(error.code, str(error), language)
    response = Response(
        status=error.status,
        json_body={"error": {"code": error.code, "message": message, "request_id": request.id}},
        charset=None,
        content_type="application/json",
    )
    response.content_language = language
    response.vary = ("Accept-Language",)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allow)
    if error.status == 401 and "basic" in request.registry["settings"].security.authentication:
        response.headers["WWW-Authenticate"] = 'Basic realm="belfoot_img", charset="UTF-8"'
    reason = f" ({error.reason})" if error.reason else ""
    log.log(_level(error), "%s: %s%s", error.code, error, reason)
    return response


def _level(error: ServiceError) -> int:
    """ERROR where this service or its database failed; an image's server that fails, or a crowd, is a WARNING."""
    if error.status == 500 or isinstance(error, DatabaseUnavailable):
        return logging.ERROR
    return logging.WARNING if error.status > 500 else logging.INFO


@forbidden_view_config()
def forbidden(denial: HTTPForbidden, request: Request) -> Response:
    """This package's policy gives a reason with its denial; another policy may not."""
    reason = getattr(denial.result, "error", None)
    return error_response(reason or (Forbidden() if request.identity else CredentialsMissing()), request)


@exception_view_config(Exception)
@exception_view_config(HTTPException)
@notfound_view_config()
def anything_else(error: Exception, request: Request) -> Response:
    return error if isinstance(error, HTTPRedirection) else error_response(meaning(error), request)


def meaning(error: Exception) -> ServiceError:
    """Returns the documented error for any exception. A fault of this package is logged with its traceback, and the
    answer says nothing about it."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, HTTPNotFound):
        return NotFound()
    if isinstance(error, HTTPException) and error.status_int < 500:
        return MalformedJson("The request is malformed.")  # a client that hung up, a header that does not decode
    log.error("internal error", exc_info=error)
    return ServiceError()


@view_config(context=Missing, permission="read")
def missing(context: Missing, request: Request) -> Response:
    raise NotFound


@view_config(context=UndecodablePath, permission="read")
def malformed_path(context: UndecodablePath, request: Request) -> Response:
    raise MalformedPath


@view_config(context=Resource, permission="read")
def method_not_allowed(context: Resource, request: Request) -> Response:
    """The fallback behind every resource's own views: an unknown method, or a path without any view."""
    raise MethodNotAllowed(allow=context.methods) if context.methods else NotFound()
