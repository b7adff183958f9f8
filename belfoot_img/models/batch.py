"""Batches of links: the batch, its shards of links to one host, and the links themselves (items).

An item is ``waiting`` until it is ``stored``, ``superseded`` (the article has a newer image), ``dead`` (it failed for
good, with the code of the error) or ``cancelled``. A shard keeps a tally of its items by state, so that the progress of
a million items is the sum over a few thousand rows.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from belfoot_img.models.meta import Base

STATES = ("waiting", "stored", "superseded", "dead", "cancelled")
"""Of an item."""


class Batch(Base):
    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("queue IN ('live', 'bulk')", name="queue"),
        CheckConstraint("priority IN ('low', 'normal', 'high')", name="priority"),
        CheckConstraint("effort IN ('low', 'normal', 'high')", name="effort"),
        UniqueConstraint("submitted_by", "idempotency_key"),
        Index(None, "created_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    submitted_by: Mapped[str]
    queue: Mapped[str]
    priority: Mapped[str] = mapped_column(server_default="normal")
    effort: Mapped[str | None]
    """None: as ``belfoot_img.effort`` says"""
    list_url: Mapped[str | None]
    list_sha256: Mapped[str | None]
    """of the list's bytes, so that reading it again goes on where it was interrupted"""
    idempotency_key: Mapped[str | None]
    request_sha256: Mapped[str | None]
    """of what the first request with this key asked for"""
    failure_code: Mapped[str | None]
    """why the list could not be read to its end"""
    failure_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    """when every item was in the table; None while the list is being read"""
    paused_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def state(self) -> str:
        """``reading``, ``running``, ``paused``, ``cancelled``, ``failed`` or ``ended``."""
        if self.failure_code is not None:
            return "failed"
        if self.cancelled_at is not None:
            return "cancelled"
        if self.ended_at is not None:
            return "ended"
        if self.paused_at is not None:
            return "paused"
        return "running" if self.read_at is not None else "reading"


class Shard(Base):
    """Items of one batch whose links name one host; one job works through it."""

    __tablename__ = "shards"
    __table_args__ = (
        CheckConstraint(
            "waiting >= 0 AND stored >= 0 AND superseded >= 0 AND dead >= 0 AND cancelled >= 0", name="tally"
        ),
        Index(None, "batch_id", "lock"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    host: Mapped[str]
    lock: Mapped[str | None]
    """the slot of its host; of the shards of a batch with the same one a few have a job at a time"""
    waiting: Mapped[int] = mapped_column(server_default="0")
    stored: Mapped[int] = mapped_column(server_default="0")
    superseded: Mapped[int] = mapped_column(server_default="0")
    dead: Mapped[int] = mapped_column(server_default="0")
    cancelled: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None]
    """when the first of its items may be tried again; None: now"""
    paced_seconds: Mapped[float] = mapped_column(Double, server_default="0")
    """that its downloads waited for the rate of its host"""


class BatchItem(Base):
    __tablename__ = "batch_items"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("state <> 'dead' OR code IS NOT NULL", name="dead_with_code"),
        Index("ix_batch_items_waiting", "shard_id", "number", postgresql_where=text("state = 'waiting'")),
        Index("ix_batch_items_dead", "batch_id", "code", "number", postgresql_where=text("state = 'dead'")),
    )

    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """the item's place in the list, from 1"""
    shard_id: Mapped[int] = mapped_column(BigInteger)
    article_id: Mapped[str]
    url: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    code: Mapped[str | None]
    """of the last attempt's error"""
    message: Mapped[str | None]
    not_before: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
