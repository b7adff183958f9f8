"""Users over HTTP, for admins: list, add, read, change, disable."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from belfoot_img import users
from belfoot_img.errors import InvalidField, UserNotFound
from belfoot_img.models import user
from belfoot_img.resources import User, UserCollection
from belfoot_img.views import headers
from belfoot_img.views.representations import utc


@view_config(context=UserCollection, request_method="GET", permission="users", renderer="json")
def browse(collection, request):
    with request.short_session() as session:
        return {"data": [_shown(row) for row in user.everyone(session)]}


@view_config(context=UserCollection, request_method="POST", permission="users", renderer="json")
def add(collection, request):
    fields = _fields(request, "name", "role", "password")
    missing = {"name", "role", "password"} - set(fields)
    if missing:
        raise InvalidField(f"data.{min(missing)}: it is missing.")
    row = _named(users.add, request.dbsession, **fields)
    request.response.status = 201
    request.response.location = headers.location(User(row.name, collection), request)
    return {"data": _shown(row)}


@view_config(context=User, request_method="GET", permission="users", renderer="json")
def read(context, request):
    with request.short_session() as session:
        row = user.get(session, context.__name__) if user.is_name(context.__name__) else None
    if row is None:
        raise UserNotFound
    return {"data": _shown(row)}


@view_config(context=User, request_method="PATCH", permission="users", renderer="json")
def change(context, request):
    fields = _fields(request, "role", "active", "password")
    return {"data": _shown(_named(users.change, request.dbsession, context.__name__, **fields))}


@view_config(context=User, request_method="DELETE", permission="users")
def disable(context, request) -> Response:
    """A user is never removed, since images name who stored them."""
    users.change(request.dbsession, context.__name__, active=False)
    return Response(status=204)


def _fields(request, *known: str) -> dict[str, Any]:
    data = request.payload.data
    for name in data:
        if name not in known:
            shown = f"data.{name}" if name.isidentifier() else "data"  # it goes into a line of the log
            raise InvalidField(f"{shown}: there is no such field; the known ones are {', '.join(known)}.")
    return data


def _named(call, *arguments, **fields):
    """Calls with the fields of ``data``; an InvalidField names them as the caller sent them."""
    try:
        return call(*arguments, **fields)
    except InvalidField as error:
        raise InvalidField(f"data.{error}") from None


def _shown(row) -> dict[str, Any]:
    return {
        "name": row.name,
        "role": row.role,
        "active": row.active,
        "created_at": utc(row.created_at),
        "password_changed_at": utc(row.password_changed_at),
    }
