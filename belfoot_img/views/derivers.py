"""What is checked before any view of a resource that names its query keys (``Resource.query``).

A key that the request does not know and a ``data`` that is no object are answered ``invalid_field``, since a misspelt
``limit`` would otherwise go unnoticed.
"""

from __future__ import annotations

from belfoot_img.errors import InvalidField, MalformedPath
from belfoot_img.resources import Resource
from belfoot_img.uploads import is_picture


def check_request(view, info):
    """A Pyramid view deriver. It leaves alone what is answered with an error anyway: other methods, missing paths."""

    def checked(context, request):
        if isinstance(context, Resource) and context.query is not None and request.method in context.methods:
            _check_query(request, context.query.get("GET" if request.method == "HEAD" else request.method, ()))
            if not isinstance(request.payload.data, dict):
                raise InvalidField("data: send an object.")
        return view(context, request)

    return checked


def _check_query(request, known: tuple[str, ...]) -> None:
    try:
        keys = list(request.GET)
    except UnicodeDecodeError:
        raise MalformedPath("The query is not percent-encoded UTF-8.") from None
    for key in keys:
        if key not in known:
            shown = key if key.isidentifier() else "query"  # it goes into a line of the log
            allowed = f"the known ones are {', '.join(known)}" if known else "this request knows none"
            raise InvalidField(f"{shown}: there is no such key of the query; {allowed}.")
        if request.method == "POST" and not is_picture(request):
            raise InvalidField(
                f"{key}: as a key of the query it is for a body of the type image/*; send it in the body."
            )


def includeme(config):
    config.add_view_deriver(check_request)
