"""Single POSTs that failed, so that people can find out what became of a link.

The list is bounded: whenever one is added, old ones and those beyond ``most`` go, a few at a time; a worker clears up
too (``batches.tasks``). What is older than ``keep`` is not shown even where it is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, Identity, Index, Row, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.meta import Base
from belfoot_img.settings import FailureSettings

PRUNED = 100
"""Rows that are looked at when one is added."""


class FailedPost(Base):
    __tablename__ = "failed_posts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    failed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    article_id: Mapped[str]
    url: Mapped[str | None]
    """None where a file was sent"""
    code: Mapped[str]
    message: Mapped[str]
    request_id: Mapped[str] = mapped_column(index=True)
    failed_by: Mapped[str]
    """who sent it"""


TABLE = FailedPost.__table__
Index("ix_failed_posts_code_id", TABLE.c.code, TABLE.c.id)
Index("ix_failed_posts_article_id_id", TABLE.c.article_id, TABLE.c.id)


@dataclass(frozen=True)
class Search:
    """``text``: an article id or a request id, whole."""

    code: str = ""
    text: str = ""


def add(connection: Connection | Session, settings: FailureSettings, **values: str | None) -> None:
    if not settings.most:
        return
    newest = connection.execute(insert(FailedPost).values(values).returning(TABLE.c.id)).scalar_one()
    oldest = select(TABLE.c.id, TABLE.c.failed_at).order_by(TABLE.c.id).limit(PRUNED).subquery()
    gone = select(oldest.c.id).where(
        or_(oldest.c.failed_at < func.now() - _time(settings), oldest.c.id <= newest - settings.most)
    )
    connection.execute(delete(FailedPost).where(FailedPost.id.in_(gone)))


def prune(connection: Connection, settings: FailureSettings) -> int:
    """Returns how many were too old, or too many."""
    newest = select(func.max(TABLE.c.id)).scalar_subquery()
    old = or_(TABLE.c.failed_at < func.now() - _time(settings), TABLE.c.id <= newest - settings.most)
    return connection.execute(delete(FailedPost).where(old)).rowcount


def search(
    connection: Connection, wanted: Search, settings: FailureSettings, *, limit: int, before: int | None = None
) -> Sequence[Row]:
    """Returns the newest that match, at most ``limit``, of those with a smaller ``id`` than ``before``."""
    asked = select(*TABLE.columns).where(TABLE.c.failed_at >= func.now() - _time(settings))
    if wanted.code:
        asked = asked.where(TABLE.c.code == wanted.code)
    if wanted.text:
        asked = asked.where(or_(TABLE.c.article_id == wanted.text, TABLE.c.request_id == wanted.text))
    if before is not None:
        asked = asked.where(TABLE.c.id < before)
    return connection.execute(asked.order_by(TABLE.c.id.desc()).limit(limit)).all()


def _time(settings: FailureSettings) -> timedelta:
    return timedelta(seconds=settings.keep)
