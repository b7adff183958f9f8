"""One image: seen, downloaded, replaced, deleted."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img.console.forms import Form, shown_again
from belfoot_img.console.language import _
from belfoot_img.console.plot import likeness, plot, winner
from belfoot_img.console.rendering import page, url
from belfoot_img.console.resources import ArticleImage, Delete, Replace, SourceJpeg, StoredJpeg
from belfoot_img.errors import ImageNotFound, ServiceError
from belfoot_img.models import listing, preview
from belfoot_img.resources import Image
from belfoot_img.views.images import read_jpeg

DONE = {"stored": _("The picture is stored."), "replaced": _("The picture was replaced.")}


@page("image", context=ArticleImage, request_method="GET", permission="read")
def image(context, request):
    return shown(context, request)


def shown(context: ArticleImage, request, link: str = "", trouble: ServiceError | None = None) -> dict:
    """Returns what the page of an image shows; ``link`` and ``trouble``: of an attempt to replace it that failed."""
    with request.short_session() as session:
        row = listing.one(session, context.article_id)
        source = row is not None and preview.exists(session, context.article_id, row.source_sha256)
    if row is None:
        raise ImageNotFound
    return {
        "here": "images",
        "context": context,
        "row": row,
        "jpeg": f"{url(request, 'stored.jpg', base=context)}?of={row.sha256}",
        "source": f"{url(request, 'source.jpg', base=context)}?of={row.source_sha256}" if source else None,
        "likeness": likeness(row.candidates or [], row),
        "candidates": row.candidates or [],
        "plot": plot(row.candidates or [], row.scale),
        "won": winner(row.candidates or [], row),
        "done": DONE.get(request.GET.get("done", "")),
        "link": link,
        "trouble": trouble,
    }


@view_config(context=StoredJpeg, request_method="GET", permission="read")
def stored_jpeg(context, request) -> Response:
    article_id = context.__parent__.article_id
    response = read_jpeg(Image(article_id, context), request)
    if "download" in request.GET:
        name = quote(f"{article_id}.jpg", safe="")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


@view_config(context=SourceJpeg, request_method="GET", permission="read")
def source_jpeg(context, request) -> Response:
    with request.short_session() as session:
        jpeg = preview.find(session, context.__parent__.article_id)
    if jpeg is None:
        raise ImageNotFound
    response = Response(jpeg, content_type="image/jpeg")
    response.cache_control = "private, max-age=86400"  # the address has the hash of the source
    return response


@page("image", context=Replace, request_method="POST", permission="store")
def replace(context, request):
    article, form = context.__parent__, Form(request)

    def act():
        request.images.convert_and_store(article.article_id, url=form.url(), stored_by=request.identity.name)
        return see(request, article, "replaced")

    return shown_again(request, act, lambda trouble: shown(article, request, form.text("url"), trouble))


@page("delete", context=Delete, request_method="GET", permission="remove")
def ask_to_delete(context, request):
    return {"here": "images", "article_id": context.__parent__.article_id}


@view_config(context=Delete, request_method="POST", permission="remove")
def delete(context, request):
    if not request.images.remove(request.dbsession, context.__parent__.article_id):
        raise ImageNotFound
    return HTTPSeeOther(url(request, "images"))


def see(request, article: ArticleImage, done: str) -> HTTPSeeOther:
    return HTTPSeeOther(f"{url(request, base=article)}?{urlencode({'done': done})}")
