"""Ways in and out: redirects to the reader's language, signing in and out, static files."""

from __future__ import annotations

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.console.files import FILES
from belfoot_img.console.rendering import page, url
from belfoot_img.console.resources import Console, Forget, Language, Session, SignIn, SignOut, StaticFile
from belfoot_img.errors import CredentialsMissing, NotFound
from belfoot_img.security import is_signed_out

YEAR = 31_536_000


@view_config(context=Console, request_method="GET", permission="enter")
def enter(context, request):
    return HTTPSeeOther(url(request))


@view_config(context=Language, request_method="GET", permission="read")
def home(context, request):
    return HTTPSeeOther(url(request, "images"))


@page("sign_in", context=SignIn, request_method="GET", permission="read")
def sign_in(context, request):
    return {"goes_to": safe_next(request), "wrong": "wrong" in request.GET}


@view_config(context=Session, request_method="GET", permission="read")
def session(context, request):
    """Whoever arrives here has signed in."""
    return HTTPSeeOther(safe_next(request))


@page("sign_out", context=SignOut, request_method="GET", permission="read")
def sign_out(context, request):
    return {}


@view_config(context=Forget, request_method="GET", permission="read")
def forget(context, request):
    """Takes only the placeholder, so that a browser puts it in the place of the real credentials."""
    if not is_signed_out(request):
        raise CredentialsMissing
    return Response(status=204)


@view_config(context=StaticFile, request_method="GET", permission="read")
def static_file(context, request):
    file = FILES.get(context.__name__)
    if file is None:
        raise NotFound
    response = Response(file.content, content_type=file.content_type, charset="utf-8")
    response.cache_control = f"public, max-age={YEAR}, immutable" if context.current else "no-cache"
    return response


def safe_next(request) -> str:
    """Returns where to go after signing in: a path of the console, or its first page."""
    wanted = request.GET.get("next", "")
    own = wanted.startswith(f"{request.script_name}/console/") and wanted.isprintable() and "\\" not in wanted
    return wanted if own else f"{request.script_name}/console/"
