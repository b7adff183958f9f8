"""POST, GET, DELETE of images."""

from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.errors import ImageNotFound
from belfoot_img.resources import Image, ImageCollection
from belfoot_img.views import representations as as_


@view_config(context=ImageCollection, request_method="POST", permission="store", renderer="json")
def store(collection, request):
    article_id, url = request.payload.article_id(), request.payload.url()
    stored = request.images.convert_and_store(article_id, url=url, stored_by=request.identity.name)
    if stored.row.created:
        request.response.status = 201
        request.response.location = as_.location(Image(article_id, collection), request)
    return {"data": as_.as_data(stored.row, None if as_.minimal(request) else stored.conversion.base64)}


@view_config(context=ImageCollection, request_method="GET", permission="read", renderer="json")
@view_config(
    context=ImageCollection, request_method="GET", permission="read", renderer="json", accept="application/json"
)
def browse(collection, request, respond=as_.as_json):
    if request.payload.names_article:
        return read(Image(request.payload.article_id(), collection), request, respond)
    limit, after = as_.listing(request)
    rows, more = request.images.page(limit, after)
    return {"data": [as_.as_data(row) for row in rows], "next": as_.cursor(rows[-1]) if more else None}


@view_config(context=ImageCollection, request_method="GET", permission="read", renderer="json", accept="image/jpeg")
def browse_jpeg(collection, request):
    return browse(collection, request, as_.as_jpeg)


@view_config(context=Image, request_method="GET", permission="read")
@view_config(context=Image, request_method="GET", permission="read", accept="application/json")
def read(context, request, respond=as_.as_json) -> Response:
    row, content = request.images.find(context.article_id, known=as_.known_etags(request))
    if row is None:
        raise ImageNotFound
    return as_.not_modified(row) if content is None or as_.any_will_do(request) else respond(row, content)


@view_config(context=Image, request_method="GET", permission="read", accept="image/jpeg")
def read_jpeg(context, request) -> Response:
    return read(context, request, as_.as_jpeg)


@view_config(context=Image, request_method="DELETE", permission="remove")
def remove(context, request) -> Response:
    if not request.images.remove(request.dbsession, context.article_id):
        raise ImageNotFound
    return Response(status=204)
