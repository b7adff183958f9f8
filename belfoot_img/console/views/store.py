"""Storing a picture for an article, from a link or from a file that has no public link."""

from __future__ import annotations

from belfoot_img.console.forms import Form
from belfoot_img.console.rendering import page
from belfoot_img.console.resources import ArticleImage, Images, Store, segment_of
from belfoot_img.console.views.image import see
from belfoot_img.errors import ImageTooLarge, ServiceError


@page("store", context=Store, request_method="GET", permission="store")
def form(context, request):
    return shown(request)


@page("store", context=Store, request_method="POST", permission="store")
def store(context, request):
    form = Form(request)
    try:
        article_id = form.article_id()
        request.images.convert_and_store(article_id, stored_by=request.identity.name, **source_of(form, request))
    except ServiceError as error:
        request.response.status = error.status
        return shown(request, form, error)
    images = Images("images", context.__parent__)
    return see(request, ArticleImage(segment_of(article_id), images), "stored")


def source_of(form: Form, request) -> dict:
    """What ``ImageStore.convert`` takes: the uploaded file where there is one, else the link."""
    source = form.file("file")
    if len(source) > request.registry["settings"].imaging.fetch.max_bytes:
        raise ImageTooLarge
    return {"source": source} if source else {"url": form.url()}


def shown(request, form: Form | None = None, trouble: ServiceError | None = None) -> dict:
    return {
        "here": "store",
        "article_id": form.text("article_id") if form else request.GET.get("article_id", ""),
        "link": form.text("url") if form else "",
        "trouble": trouble,
        "max_bytes": request.registry["settings"].imaging.fetch.max_bytes,
        "size_limit": request.registry["settings"].imaging.size_limit,
    }
