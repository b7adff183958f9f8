"""Converting a link without storing anything: the JPEG, or the JSON with the candidates."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.imaging.fitting.policy import POLICIES
from belfoot_img.resources import Conversions
from belfoot_img.settings import EFFORTS
from belfoot_img.store import Tried
from belfoot_img.views import headers
from belfoot_img.views.representations import facts


@view_config(context=Conversions, request_method="POST", permission="convert", renderer="json")
@view_config(
    context=Conversions, request_method="POST", permission="convert", renderer="json", accept="application/json"
)
def convert(context: Conversions, request: Request):
    tried = _tried(request)
    conversion = tried.conversion
    data = facts(conversion.facts, None if headers.wants_minimal(request) else conversion.base64)
    data["conversion"]["likeness"] = tried.likeness
    return {"data": {**data, "candidates": conversion.facts.candidates}}


@view_config(context=Conversions, request_method="POST", permission="convert", accept="image/jpeg")
def convert_to_jpeg(context: Conversions, request: Request) -> Response:
    return Response(_tried(request).conversion.converted.jpeg, content_type="image/jpeg")


def _tried(request: Request) -> Tried:
    payload, most = request.payload, request.registry["settings"].imaging.fetch.max_bytes
    url = payload.url()
    overrides = {
        "size_limit": payload.whole("limit", 1, most),
        "effort": payload.choice("effort", EFFORTS),
        "fit_policy": payload.choice("policy", POLICIES),
    }
    return request.images.try_out(url, variants=[overrides])[0]
