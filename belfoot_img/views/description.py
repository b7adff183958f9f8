"""The OpenAPI document, as it stands in the package."""

from __future__ import annotations

from importlib.resources import files

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.resources import Description

DOCUMENT = files("belfoot_img").joinpath("openapi.json").read_bytes()


@view_config(context=Description, request_method="GET", permission="read")
def describe(context: Description, request: Request) -> Response:
    return Response(body=DOCUMENT, content_type="application/json", charset=None)
