"""belfoot-img user add | passwd | role | disable | list"""

from __future__ import annotations

import sys
from contextlib import contextmanager

import click

from belfoot_img.cli.configuration import database, ini_option
from belfoot_img.cli.output import json_option, say

ROLES = click.Choice(["admin", "editor", "reader"])
role_option = click.option(
    "--role",
    type=ROLES,
    default="editor",
    show_default=True,
    help="admin: all of it, and manage users. editor: store, read, remove. reader: read.",
)


@click.group()
def user():
    """Who may call the API.

    A password is asked for, or read from standard input (one line) where that is no terminal; never an argument.
    """


@user.command()
@click.argument("name")
@role_option
@ini_option
@json_option
def add(name, role, ini, as_json):
    """Add the user NAME: 1 to 64 of A-Z a-z 0-9 . _ @ -"""
    from belfoot_img.models.user import User, is_name

    if not is_name(name):
        raise click.ClickException("a name is 1 to 64 of A-Z a-z 0-9 . _ @ -")
    with _session(ini) as session:
        if session.get(User, name):
            raise click.ClickException(f"{name} is there already; belfoot-img user passwd {name} changes the password")
        session.add(User(name=name, role=role, password_hash=_new_hash()))
    say(as_json, {"name": name, "role": role, "active": True}, f"{name} added, role {role}")


@user.command()
@click.argument("name")
@ini_option
@json_option
def passwd(name, ini, as_json):
    """Give NAME a new password, and let a disabled user in again. The old password is out at the next request."""
    from sqlalchemy import func

    with _found(ini, name) as found:
        found.password_hash, found.password_changed_at, found.active = _new_hash(), func.now(), True
    say(as_json, {"name": name, "active": True}, f"{name}: password changed, active")


@user.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@ini_option
@json_option
def role(name, role, ini, as_json):
    """Make NAME an admin (all of it, and manage users), an editor (store, read, remove) or a reader (read)."""
    with _found(ini, name) as found:
        found.role = role
    say(as_json, {"name": name, "role": role}, f"{name}: role {role}")


@user.command()
@click.argument("name")
@ini_option
@json_option
def disable(name, ini, as_json):
    """Shut NAME out from the next request on. What NAME stored stays; user passwd lets NAME in again."""
    with _found(ini, name) as found:
        found.active = False
    say(as_json, {"name": name, "active": False}, f"{name}: disabled")


@user.command(name="list")
@ini_option
@json_option
def list_(ini, as_json):
    """Everyone: name, role, active or disabled, created, password changed."""
    from belfoot_img.models import user as users

    with _session(ini) as session:
        found = [row._asdict() for row in users.everyone(session)]
    say(as_json, found, "\n".join(_line(**one) for one in found))


def _line(name, role, active, created_at, password_changed_at) -> str:
    state = "active" if active else "disabled"
    return f"{name:<24} {role:<8} {state:<9} created {created_at:%Y-%m-%d}  password {password_changed_at:%Y-%m-%d}"


@contextmanager
def _session(ini: str):
    from sqlalchemy.orm import Session

    from belfoot_img.models import schema

    with database(ini) as engine:
        schema.refuse_old(engine)
        with Session(engine) as session, session.begin():
            yield session


@contextmanager
def _found(ini: str, name: str):
    from belfoot_img.models.user import User

    with _session(ini) as session:
        found = session.get(User, name, with_for_update=True)
        if found is None:
            raise click.ClickException(f"there is no user {name}")
        yield found


def _new_hash() -> str:
    from belfoot_img.passwords import hash_password

    if sys.stdin is None:  # closed: nothing can be asked for, nothing read
        password = ""
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        return hash_password(password)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
