"""How far batches are: counts, rate, the time that is left; and the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, exists, func, select, text, update
from sqlalchemy.orm import Session

from belfoot_img.batches import queue
from belfoot_img.models.batch import STATES, Batch, BatchItem, Shard

ALIVE = 30.0
"""Seconds within which a worker that is alive has sent a sign of life."""


@dataclass(frozen=True)
class Progress:
    """``items``: how many in each state; ``codes``: how many of the dead by the error's code; ``rate``: items done a
    second since the batch was made; ``seconds_left`` at that rate, None where it cannot be told."""

    batch: Batch
    items: dict[str, int]
    codes: dict[str, int] = field(default_factory=dict)
    rate: float = 0.0
    seconds_left: float | None = None

    @property
    def total(self) -> int:
        return sum(self.items.values())

    @property
    def done(self) -> int:
        return self.total - self.items["waiting"]


SUMS = [func.coalesce(func.sum(getattr(Shard, state)), 0).label(state) for state in STATES]


def progress(connection: Connection | Session, batch_id: int) -> Progress | None:
    """None where there is no such batch."""
    row = connection.execute(select(Batch.__table__, func.clock_timestamp().label("now")).where(Batch.id == batch_id))
    found = row.one_or_none()
    if found is None:
        return None
    values = dict(found._mapping)
    now = values.pop("now")
    sums = connection.execute(select(*SUMS).where(Shard.batch_id == batch_id)).one()
    dead = select(BatchItem.code, func.count()).where(BatchItem.batch_id == batch_id, BatchItem.state == "dead")
    codes = connection.execute(dead.group_by(BatchItem.code)).all() if sums.dead else []
    return _progress(Batch(**values), now, dict(sums._mapping), {code: count for code, count in codes if code})


def _progress(batch: Batch, now: datetime, items: dict[str, int], codes: dict[str, int]) -> Progress:
    done = sum(count for state, count in items.items() if state != "waiting")
    seconds = ((batch.ended_at or now) - batch.created_at).total_seconds()
    rate = done / seconds if seconds > 0 else 0.0
    runs = batch.state == "running" and rate > 0
    return Progress(batch, items, codes, rate, items["waiting"] / rate if runs else None)


def page(connection: Connection | Session, *, limit: int, before: int | None = None) -> Sequence[Progress]:
    """Returns the newest batches, without codes; those made before the batch with the id ``before``."""
    asked = select(Batch.__table__, func.clock_timestamp().label("now")).order_by(Batch.id.desc()).limit(limit)
    rows = connection.execute(asked if before is None else asked.where(Batch.id < before)).all()
    summed = select(Shard.batch_id, *SUMS).where(Shard.batch_id.in_([row.id for row in rows]))
    sums = {row.batch_id: row for row in connection.execute(summed.group_by(Shard.batch_id))}
    found = []
    for row in rows:
        values = dict(row._mapping)
        now = values.pop("now")
        items = {state: getattr(sums[row.id], state) if row.id in sums else 0 for state in STATES}
        found.append(_progress(Batch(**values), now, items, {}))
    return found


def items(
    connection: Connection | Session, batch_id: int, *, limit: int, after: int = 0, state: str | None = None
) -> Sequence:
    """Returns the rows of ``batch_items`` whose number is above ``after``, in order."""
    asked = select(BatchItem.__table__).where(BatchItem.batch_id == batch_id, BatchItem.number > after)
    if state is not None:
        asked = asked.where(BatchItem.state == state)
    return connection.execute(asked.order_by(BatchItem.number).limit(limit)).all()


def workers(connection: Connection | Session) -> int:
    """Returns how many workers have sent a sign of life lately, on any host."""
    asked = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :s)")
    return connection.execute(asked, {"s": ALIVE}).scalar_one()


def end_where_done(connection: Connection | Session, batch_ids: Sequence[int] | None = None) -> Sequence[int]:
    """Ends those of the batches (None: of all) that have nothing waiting, and defers the first message of their
    webhooks. Returns their ids."""
    waiting = exists().where(Shard.batch_id == Batch.id, Shard.waiting > 0)
    statement = update(Batch).where(Batch.ended_at.is_(None), Batch.read_at.is_not(None), ~waiting)
    if batch_ids is not None:
        statement = statement.where(Batch.id.in_(batch_ids))
    ended = connection.execute(statement.values(ended_at=func.clock_timestamp()).returning(Batch.id)).scalars().all()
    queue.defer(connection, [queue.webhook_job(batch_id, lot=1) for batch_id in ended])
    return ended
