"""What a worker has in hand, a shard and its items, and the questions that read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from belfoot_img.models.batch import Batch, BatchItem, Shard

PAGE = 20
"""Items that are asked for at once; between two pages the batch may be found paused or cancelled."""


@dataclass(frozen=True)
class Work:
    """A shard and what its batch says about it."""

    shard_id: int
    host: str
    lock: str | None
    batch_id: int
    submitted_by: str
    queue: str
    priority: str
    effort: str | None
    created_at: datetime
    paused: bool
    cancelled: bool

    @property
    def how(self) -> dict[str, Any]:
        """What the batch wants to be different from the settings, for ``ImageStore.convert``."""
        return {"effort": self.effort} if self.effort else {}


@dataclass(frozen=True)
class Item:
    number: int
    article_id: str
    url: str
    attempts: int


LOAD = (
    select(
        Shard.id.label("shard_id"),
        Shard.host,
        Shard.lock,
        Batch.id.label("batch_id"),
        *(Batch.submitted_by, Batch.queue, Batch.priority, Batch.effort, Batch.created_at),
        Batch.paused_at.is_not(None).label("paused"),
        Batch.cancelled_at.is_not(None).label("cancelled"),
    )
    .join(Batch, Batch.id == Shard.batch_id)
    .where(Shard.id == bindparam("shard_id"))
)
DUE = (
    select(BatchItem.number, BatchItem.article_id, BatchItem.url, BatchItem.attempts)
    .join(Batch, Batch.id == BatchItem.batch_id)
    .where(
        *(BatchItem.shard_id == bindparam("shard_id"), BatchItem.state == "waiting"),
        BatchItem.number > bindparam("last"),
        or_(BatchItem.not_before.is_(None), BatchItem.not_before <= func.now()),
        *(Batch.paused_at.is_(None), Batch.cancelled_at.is_(None)),
    )
    .order_by(BatchItem.number)
    .limit(PAGE)
)


def load(connection: Connection, shard_id: int) -> Work | None:
    row = connection.execute(LOAD, {"shard_id": shard_id}).one_or_none()
    return row and Work(**row._mapping)


def due(connection: Connection, work: Work, last: int) -> list[Item]:
    """Returns the next items, by number after ``last``, that may be tried now; none where the batch was paused or
    cancelled meanwhile."""
    return [Item(*row) for row in connection.execute(DUE, {"shard_id": work.shard_id, "last": last})]
