"""Swagger UI at ``/console/api/``: the API to read and to try, for those who are signed in.

Its files come from the package swagger-ui-py (the extra ``swagger``); where that is missing, so is the page. They are
read from its folder: importing the package would bring its web frameworks' handlers along.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.console.rendering import static
from belfoot_img.console.resources import POLICY, Console, Page

FOUND = find_spec("swagger_ui")
FOLDER = Path(FOUND.origin).parent / "static" if FOUND and FOUND.origin else None

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · belfoot_img</title>
<link rel="stylesheet" href="{base}/swagger-ui.css">
<script defer src="{base}/swagger-ui-bundle.js"></script>
<script defer src="{start}"></script>
</head>
<body><div id="swagger-ui" data-description="{description}"></div></body>
</html>
"""
TYPES = {".css": "text/css", ".js": "text/javascript"}
FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


class SwaggerFile(Page):
    """A file of Swagger UI."""


class Swagger(Page):
    """The page. Swagger UI draws its icons from ``data:`` addresses."""

    headers = {"Content-Security-Policy": POLICY.replace("img-src 'self'", "img-src 'self' data:")}
    children = dict.fromkeys(FILES, SwaggerFile)


class WithSwagger(Console):
    """The console where Swagger UI is installed."""

    children = {**Console.children, "api": Swagger}


@cache
def compressed(name: str) -> tuple[bytes, str]:
    """Returns (the file in gzip, its digest), made once in a process: 0.5 MB."""
    assert FOLDER is not None, "without the package there is no page"
    content = (FOLDER / name).read_bytes()
    return gzip.compress(content, mtime=0), hashlib.sha256(content).hexdigest()[:32]


@view_config(context=Swagger, request_method="GET", permission="read")
def show(context, request) -> Response:
    root = request.script_name
    start = static(request, "swagger.js")
    text = PAGE.format(base=f"{root}/console/api", start=start, description=f"{root}/api/v1/openapi.json")
    return Response(text, content_type="text/html", charset="utf-8")


@view_config(context=SwaggerFile, request_method="GET", permission="read")
def file(context, request) -> Response:
    content, digest = compressed(context.__name__)
    kind = TYPES[Path(context.__name__).suffix]
    response = Response(content, content_type=kind, charset="utf-8", conditional_response=True)
    response.content_encoding, response.etag, response.cache_control = "gzip", digest, "private, no-cache"
    response.vary = ("Accept-Encoding",)
    if "gzip" not in request.accept_encoding:
        response.decode_content()
    return response


def includeme(config):
    """Adds the page where Swagger UI is installed."""
    if FOLDER is not None:
        config.registry["branches"]["console"] = WithSwagger
        config.scan(__name__)
