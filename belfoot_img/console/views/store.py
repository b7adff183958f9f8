"""Storing a picture for an article, from a link or from a file that has no public link."""

from __future__ import annotations

from belfoot_img.console.forms import Form, shown_again
from belfoot_img.console.rendering import page
from belfoot_img.console.resources import ArticleImage, Images, Store, segment_of
from belfoot_img.console.views.image import see
from belfoot_img.errors import ServiceError


@page("store", context=Store, request_method="GET", permission="store")
def form(context, request):
    return shown(request, {name: request.GET.get(name, "") for name in ("article_id", "url")})


@page("store", context=Store, request_method="POST", permission="store")
def store(context, request):
    form = Form(request)

    def act():
        article_id = form.article_id()
        request.images.convert_and_store(article_id, stored_by=request.identity.name, **form.source())
        return see(request, ArticleImage(segment_of(article_id), Images("images", context.__parent__)), "stored")

    asked = {name: form.text(name) for name in ("article_id", "url")}
    return shown_again(request, act, lambda trouble: shown(request, asked, trouble))


def shown(request, asked: dict[str, str], trouble: ServiceError | None = None) -> dict:
    return {
        "here": "store",
        "asked": asked,
        "trouble": trouble,
        "max_bytes": request.registry["settings"].imaging.fetch.max_bytes,
        "size_limit": request.registry["settings"].imaging.size_limit,
    }
