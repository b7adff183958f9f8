"""Errors as pages: what happened and what to do, in the reader's language. Never touches the database."""

from __future__ import annotations

from urllib.parse import urlencode

from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPRedirection, HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config

from belfoot_img.console.explanations import explanation
from belfoot_img.console.rendering import url
from belfoot_img.console.resources import Forget, Session
from belfoot_img.errors import CredentialsMissing, CredentialsWrong, Forbidden, ServiceError
from belfoot_img.views import errors as api


@exception_view_config(ServiceError, for_people=True)
def error_page(error: ServiceError, request) -> Response:
    """The API's answer with a page in place of the JSON: status, headers, log and count stay the same."""
    told = api.error_response(error, request)
    shown = {"error": error, "explanation": explanation(error.code)}
    response = render_to_response("belfoot_img.console:templates/error.jinja2", shown, request, Response())
    response.status = told.status
    for name in ("Retry-After", "Allow", "WWW-Authenticate"):
        if name in told.headers:
            response.headers[name] = told.headers[name]
    if error.status == 401 and not challenges(request):
        response.headers.pop("WWW-Authenticate", None)
    return response


@forbidden_view_config(for_people=True)
def forbidden(denial: HTTPForbidden, request) -> Response:
    """A stranger who wants to see a page is led to the sign-in form; the browser's own dialog opens only where it is
    asked for, and in front of a form that would be lost otherwise."""
    error = getattr(denial.result, "error", None) or (Forbidden() if request.identity else CredentialsMissing())
    if isinstance(error, CredentialsMissing | CredentialsWrong) and not challenges(request):
        query = {"next": request.path_qs} | ({"wrong": ""} if isinstance(error, CredentialsWrong) else {})
        return HTTPSeeOther(f"{url(request, 'sign-in')}?{urlencode(query)}")
    return error_page(error, request)


@exception_view_config(Exception, for_people=True)
@exception_view_config(HTTPException, for_people=True)
@notfound_view_config(for_people=True)
def anything_else(error: Exception, request) -> Response:
    return error if isinstance(error, HTTPRedirection) else error_page(api.meaning(error), request)


def challenges(request) -> bool:
    """Returns whether a 401 makes the browser ask for credentials by itself."""
    return isinstance(request.context, Session | Forget) or request.method not in ("GET", "HEAD")
