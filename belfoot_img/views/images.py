"""POST, GET, DELETE of images."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.errors import ImageNotFound, InvalidField
from belfoot_img.payload import carries_file
from belfoot_img.resources import Image, ImageCollection
from belfoot_img.settings import EFFORTS
from belfoot_img.views import headers, paging
from belfoot_img.views.representations import JpegImage, JsonImage, Representation, image_data


@view_config(context=ImageCollection, request_method="POST", permission="store", renderer="json")
def store(collection: ImageCollection, request: Request):
    payload = request.payload
    article_id, source, effort = payload.article_id(), source_of(request), payload.choice("effort", EFFORTS)
    stored = request.images.convert_and_store(article_id, stored_by=request.identity.name, effort=effort, **source)
    if stored.row.created:
        request.response.status = 201
        request.response.location = headers.location(Image(article_id, collection), request)
    return {"data": image_data(stored.row, None if headers.wants_minimal(request) else stored.conversion.base64)}


def source_of(request: Request) -> dict[str, Any]:
    """Returns what ``ImageStore.convert`` takes: the file that the request carries, else its link."""
    if not carries_file(request):
        return {"url": request.payload.url()}
    if request.payload.upload is None:
        raise InvalidField("file: it is missing or empty.")
    return {"source": request.payload.upload.read}


@view_config(context=ImageCollection, request_method="GET", permission="read", renderer="json")
@view_config(
    context=ImageCollection, request_method="GET", permission="read", renderer="json", accept="application/json"
)
def browse(collection: ImageCollection, request: Request, form: type[Representation] = JsonImage):
    if request.payload.names_article:
        return read(Image(request.payload.article_id(), collection), request, form)
    limit, after = paging.page_wanted(request)
    rows, more = request.images.page(limit, after)
    return {"data": [image_data(row) for row in rows], "next": paging.cursor(rows[-1]) if more else None}


@view_config(context=ImageCollection, request_method="GET", permission="read", renderer="json", accept="image/jpeg")
def browse_jpeg(collection: ImageCollection, request: Request):
    return browse(collection, request, JpegImage)


@view_config(context=Image, request_method="GET", permission="read")
@view_config(context=Image, request_method="GET", permission="read", accept="application/json")
def read(context: Image, request: Request, form: type[Representation] = JsonImage) -> Response:
    row, content = request.images.find(context.article_id, known=headers.known_jpegs(request))
    if row is None:
        raise ImageNotFound
    representation = form(row)
    if representation.etag in request.if_none_match:
        return headers.not_modified(representation.etag)
    if content is None:  # the caller has the JPEG, but not in this form or with these facts
        return read_anew(context, request, form)
    return representation.response(content)


def read_anew(context: Image, request: Request, form: type[Representation]) -> Response:
    row, content = request.images.find(context.article_id)
    if row is None or content is None:
        raise ImageNotFound
    return form(row).response(content)


@view_config(context=Image, request_method="GET", permission="read", accept="image/jpeg")
def read_jpeg(context: Image, request: Request) -> Response:
    return read(context, request, JpegImage)


@view_config(context=Image, request_method="DELETE", permission="remove")
def remove(context: Image, request: Request) -> Response:
    if not request.images.remove(request.dbsession, context.article_id):
        raise ImageNotFound
    return Response(status=204)
