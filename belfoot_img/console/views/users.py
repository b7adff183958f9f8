"""Who may sign in: added, given another role or password, shut out, let in again."""

from __future__ import annotations

from pyramid.httpexceptions import HTTPSeeOther

from belfoot_img import users
from belfoot_img.console.forms import Form, shown_again
from belfoot_img.console.language import _
from belfoot_img.console.rendering import page, url
from belfoot_img.console.resources import UserPage, Users, segment_of
from belfoot_img.errors import ServiceError, UserNotFound
from belfoot_img.models import user

DONE = {
    "added": _("The user was added."),
    "role": _("The role was changed."),
    "password": _("The password was changed."),
    "disabled": _("The user is shut out from the next request on."),
    "enabled": _("The user may sign in again."),
}


@page("users", context=Users, request_method="GET", permission="users")
def everyone(context, request):
    return listed(context, request)


@page("users", context=Users, request_method="POST", permission="users")
def add(context, request):
    form = Form(request)
    values = {"name": form.text("name"), "role": form.text("role"), "password": form.secret("password")}

    def act():
        users.add(request.dbsession, **values)
        return HTTPSeeOther(url(request, "users") + "?done=added")

    return shown_again(request, act, lambda trouble: listed(context, request, values, trouble))


@page("user", context=UserPage, request_method="GET", permission="users")
def one(context, request):
    return described(context, request)


@page("user", context=UserPage, request_method="POST", permission="users")
def change(context, request):
    done, changes = change_of(Form(request))

    def act():
        users.change(request.dbsession, context.user_name, **changes)
        return HTTPSeeOther(f"{url(request, base=context)}?done={done}")

    return shown_again(request, act, lambda trouble: described(context, request, trouble))


def change_of(form: Form) -> tuple[str, dict]:
    """Returns (the name of what was done, the change that a form asks for)"""
    what = form.text("change")
    if what == "role":
        return "role", {"role": form.text("role")}
    if what == "password":
        return "password", {"password": form.secret("password")}
    return ("enabled", {"active": True}) if what == "enable" else ("disabled", {"active": False})


def listed(context: Users, request, asked: dict | None = None, trouble: ServiceError | None = None) -> dict:
    with request.short_session() as session:
        rows = user.everyone(session)
    return {
        "here": "users",
        "rows": [(row, context[segment_of(row.name)]) for row in rows],
        "roles": list(user.ROLES),
        "asked": asked or {"name": "", "role": "editor"},
        "done": DONE.get(request.GET.get("done", "")),
        "trouble": trouble,
    }


def described(context: UserPage, request, trouble: ServiceError | None = None) -> dict:
    with request.short_session() as session:
        row = user.get(session, context.user_name)
    if row is None:
        raise UserNotFound
    return {
        "here": "users",
        "row": row,
        "roles": list(user.ROLES),
        "done": DONE.get(request.GET.get("done", "")),
        "trouble": trouble,
    }
