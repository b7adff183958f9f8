"""Managing users: add, change, disable; for the API and for pages.

Each function checks its arguments, runs in the caller's transaction and raises a ServiceError: InvalidField (its
message begins with the field's name), UserExists, UserNotFound or LastAdmin.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from belfoot_img.errors import InvalidField, LastAdmin, UserExists, UserNotFound
from belfoot_img.models import user
from belfoot_img.passwords import hash_password


def add(session: Session, *, name: Any, role: Any, password: Any) -> Row:
    """Adds an active user; returns what may be shown of it (``models.user.SHOWN``)."""
    if not isinstance(name, str) or not user.is_name(name):
        raise InvalidField("name: send 1 to 64 of A-Z a-z 0-9 . _ @ -")
    row = user.insert(session, name=name, role=_role(role), password_hash=_hash(password))
    if row is None:
        raise UserExists
    return row


def change(session: Session, name: str, **changes: Any) -> Row:
    """Changes any of ``role``, ``active`` and ``password``. The last active admin stays one."""
    values: dict[str, Any] = {}
    for field, value in changes.items():
        if field == "role":
            values["role"] = _role(value)
        elif field == "active":
            values["active"] = _active(value)
        elif field == "password":
            values["password_hash"] = _hash(value)
        else:
            raise InvalidField(f"{field}: there is no such field; role, active and password can be changed.")
    if not values:
        raise InvalidField("role: send at least one of role, active and password.")
    if values.get("role", "admin") != "admin" or not values.get("active", True):
        _refuse_last_admin(session, name)
    row = user.alter(session, name, **values) if user.is_name(name) else None
    if row is None:
        raise UserNotFound
    return row


def _refuse_last_admin(session: Session, name: str) -> None:
    if user.lock_active_admins(session) == [name]:
        raise LastAdmin


def _role(value: Any) -> str:
    if not isinstance(value, str) or value not in user.ROLES:
        raise InvalidField(f"role: send one of {', '.join(user.ROLES)}.")
    return value


def _active(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidField("active: send true or false.")
    return value


def _hash(value: Any) -> str:
    try:
        return hash_password(value if isinstance(value, str) else "")
    except ValueError as error:
        raise InvalidField(f"password: {error}.") from None
