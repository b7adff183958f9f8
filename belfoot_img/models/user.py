"""The table of users (name, argon2id hash, role) and the statements on it."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import CheckConstraint, Connection, Row, bindparam, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.meta import Base

NAME_PATTERN = r"[A-Za-z0-9._@-]{1,64}"
ROLES = {
    "admin": "everything an editor may, and manage users",
    "editor": "store, read and remove images",
    "reader": "read images",
}
"""Role → what it allows, in words. The resources (``__acl__``) hold the rules themselves."""


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"name ~ '^{NAME_PATTERN}$'", name="name"),
        CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_hash"),
        CheckConstraint("role IN ('admin', 'editor', 'reader')", name="role"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    password_changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


SHOWN = (User.name, User.role, User.active, User.created_at, User.password_changed_at)
"""What may be shown of a user; the hash never is."""


def is_name(name: str) -> bool:
    return re.fullmatch(NAME_PATTERN, name) is not None


LOGIN = select(User.name, User.password_hash, User.role, User.active).where(User.name == bindparam("name"))


def find(connection: Connection | Session, name: str) -> Row | None:
    """name, password_hash, role, active: what a login needs."""
    return connection.execute(LOGIN, {"name": name}).one_or_none()


def everyone(session: Connection | Session) -> list[Row]:
    """Returns every user, ordered by name: the columns of ``SHOWN``."""
    return list(session.execute(select(*SHOWN).order_by(User.name)))


def get(session: Connection | Session, name: str) -> Row | None:
    """Returns one user: the columns of ``SHOWN``."""
    return session.execute(select(*SHOWN).where(User.name == name)).one_or_none()


def insert(session: Connection | Session, *, name: str, role: str, password_hash: str) -> Row | None:
    """Adds a user; None where the name is taken."""
    statement = postgresql.insert(User).values(name=name, role=role, password_hash=password_hash)
    return session.execute(statement.on_conflict_do_nothing().returning(*SHOWN)).one_or_none()


def alter(session: Connection | Session, name: str, **values) -> Row | None:
    """Changes ``role``, ``active`` or ``password_hash``; None where there is no such user."""
    if "password_hash" in values:
        values["password_changed_at"] = func.now()
    return session.execute(update(User).where(User.name == name).values(**values).returning(*SHOWN)).one_or_none()


def lock_active_admins(session: Session) -> list[str]:
    """Returns the names of the active admins, locked until the transaction ends, so that two changes cannot remove the
    last two."""
    query = select(User.name).where(User.role == "admin", User.active).order_by(User.name).with_for_update()
    return list(session.scalars(query))


def strengthen(session: Connection | Session, name: str, old_hash: str, new_hash: str) -> None:
    """Takes up the same password's stronger hash, unless the password was changed in between."""
    session.execute(
        update(User).where(User.name == name, User.password_hash == old_hash).values(password_hash=new_hash)
    )
