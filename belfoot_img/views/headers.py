"""What views read in a request's headers, and the headers that they answer with."""

from __future__ import annotations

import re

from pyramid.request import Request
from pyramid.response import Response
from webob.etag import ETagMatcher

from belfoot_img.resources import Resource

CACHING = [("Cache-Control", "private, no-cache"), ("Vary", "Accept")]
MOST_ETAGS = 16
"""ETags of one request that are looked at."""


def wants_minimal(request: Request) -> bool:
    return _prefers(request, r'return\s*=\s*"?minimal"?')


def wants_async(request: Request) -> bool:
    return _prefers(request, "respond-async")


def _prefers(request: Request, preference: str) -> bool:
    """Returns whether ``Prefer`` (RFC 7240) names it, among other preferences, with parameters, in quotes."""
    return re.search(rf"(^|[,;])\s*{preference}\s*([,;]|$)", request.headers.get("Prefer", ""), re.I) is not None


def known_jpegs(request: Request) -> list[str]:
    """Returns the sha256s of the JPEGs that the caller has, from the ETags in ``If-None-Match``; each begins
    with one."""
    matcher = request.if_none_match
    etags = matcher.etags[:MOST_ETAGS] if isinstance(matcher, ETagMatcher) else []
    return [etag[:64] for etag in etags if re.match("[0-9a-f]{64}", etag)]


def cached(etag: str) -> list[tuple[str, str]]:
    """Returns the headers of an answer that may be kept, and is asked for anew with ``If-None-Match`` each time."""
    return [*CACHING, ("ETag", f'"{etag}"')]


def not_modified(etag: str) -> Response:
    return Response(status=304, headerlist=cached(etag))


def location(resource: Resource, request: Request) -> str:
    """Returns where the resource is read, for ``Location``; a name of dots is escaped, as WebOb would resolve
    ``..``."""
    path = request.resource_path(resource).rstrip("/")
    head, _, name = path.rpartition("/")
    return f"{request.host_url}{head}/{name.replace('.', '%2E') if set(name) == {'.'} else name}"
