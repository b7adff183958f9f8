"""Who may call: names, argon2id hashes, roles; and the questions asked of them."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import CheckConstraint, Connection, Row, bindparam, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.meta import Base

NAME_PATTERN = r"[A-Za-z0-9._@-]{1,64}"


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"name ~ '^{NAME_PATTERN}$'", name="name"),
        CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_hash"),
        CheckConstraint("role IN ('editor', 'reader')", name="role"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    password_changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


def is_name(name: str) -> bool:
    return re.fullmatch(NAME_PATTERN, name) is not None


LOGIN = select(User.name, User.password_hash, User.role, User.active).where(User.name == bindparam("name"))


def find(connection: Connection | Session, name: str) -> Row | None:
    """name, password_hash, role, active: what a login needs."""
    return connection.execute(LOGIN, {"name": name}).one_or_none()


def everyone(session: Session) -> list[User]:
    return list(session.scalars(select(User).order_by(User.name)))


def strengthen(session: Session, name: str, old_hash: str, new_hash: str) -> None:
    """Takes up the same password's stronger hash, unless the password was changed in between."""
    session.execute(
        update(User).where(User.name == name, User.password_hash == old_hash).values(password_hash=new_hash)
    )
