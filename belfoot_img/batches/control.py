"""What a person may do to a batch: pause, resume, cancel it, retry what is dead; each at once, and safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.orm import Session

from belfoot_img import errors
from belfoot_img.batches import queue
from belfoot_img.batches.making import BatchMaker
from belfoot_img.models.batch import Batch, Shard

AT_ONCE = 20_000
"""Items that one statement changes, so that it stays within the statement's deadline."""


def retryable_codes() -> list[str]:
    """Codes of errors that may be gone at the next attempt, as docs/api.md has it: 429 and 5xx."""
    family = errors.ServiceError.family().items()
    return sorted(code for code, error in family if error.status >= 500 or error.status == 429)


def pause(connection: Connection | Session, batch_id: int) -> bool:
    """Whether it was running. Items in hand are finished."""
    return _changed(connection, batch_id, Batch.paused_at.is_(None), paused_at=func.now())


def resume(connection: Connection | Session, maker: BatchMaker, batch_id: int) -> bool:
    """Whether it was paused."""
    changed = _changed(connection, batch_id, Batch.paused_at.is_not(None), paused_at=None)
    if changed:
        defer_idle(connection, maker, batch_id)
    return changed


def cancel(connection: Connection | Session, maker: BatchMaker, batch_id: int) -> bool:
    """Whether it was open. What is stored stays; jobs cancel what is waiting, shard by shard."""
    changed = _changed(connection, batch_id, Batch.cancelled_at.is_(None), cancelled_at=func.now(), paused_at=None)
    if changed:
        ended = update(Batch).where(Batch.id == batch_id, Batch.read_at.is_(None)).values(read_at=func.now())
        connection.execute(ended)  # nothing more is read
        connection.execute(update(Shard).where(Shard.batch_id == batch_id).values(not_before=None))
        defer_idle(connection, maker, batch_id)
    return changed


def retry(connection: Connection | Session, maker: BatchMaker, batch_id: int) -> int:
    """How many dead items are waiting again: those whose error may be gone by now. A cancelled batch has none."""
    total = 0
    while count := _retry_some(connection, batch_id):
        total += count
    if total:
        connection.execute(update(Batch).where(Batch.id == batch_id).values(ended_at=None))
        defer_idle(connection, maker, batch_id)
    return total


def _retry_some(connection: Connection | Session, batch_id: int) -> int:
    statement = text("""
        WITH chosen AS (
            SELECT batch_id, number FROM batch_items
            WHERE batch_id = :batch AND state = 'dead' AND code = ANY(:codes)
              AND NOT EXISTS (SELECT FROM batches WHERE id = :batch AND cancelled_at IS NOT NULL)
            LIMIT :most FOR UPDATE
        ), waiting AS (
            UPDATE batch_items AS item SET state = 'waiting', attempts = 0, not_before = NULL, updated_at = now()
            FROM chosen WHERE item.batch_id = chosen.batch_id AND item.number = chosen.number
            RETURNING item.shard_id
        ), tally AS (
            UPDATE shards SET waiting = waiting + moved.count, dead = dead - moved.count, not_before = NULL
            FROM (SELECT shard_id, count(*) FROM waiting GROUP BY shard_id) AS moved WHERE shards.id = moved.shard_id
        )
        SELECT count(*) FROM waiting""")
    values = {"batch": batch_id, "codes": retryable_codes(), "most": AT_ONCE}
    return connection.execute(statement, values).scalar_one()


def defer_idle(connection: Connection | Session, maker: BatchMaker, batch_id: int | None = None) -> Sequence[int]:
    """Defers every shard (of one batch, or of all) that has something due and no job; returns the shards' ids."""
    asked = text(f"""
        SELECT shards.id, shards.host, shards.not_before IS NOT NULL AS retrying, batches.queue, batches.priority
        FROM batches JOIN shards ON shards.batch_id = batches.id
        WHERE batches.ended_at IS NULL AND batches.paused_at IS NULL
          AND (CAST(:batch AS bigint) IS NULL OR batches.id = :batch)
          AND shards.waiting > 0 AND (shards.not_before IS NULL OR shards.not_before <= now())
          AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
                          AND queueing_lock = '{queue.SHARD}:' || shards.id)""")
    idle = connection.execute(asked, {"batch": batch_id}).all()
    queue.defer(
        connection, [maker.job(row.queue, row.priority, row.id, row.host, retrying=row.retrying) for row in idle]
    )
    return [row.id for row in idle]


def _changed(connection: Connection | Session, batch_id: int, *where, **values) -> bool:
    statement = update(Batch).where(Batch.id == batch_id, Batch.ended_at.is_(None), *where)
    return connection.execute(statement.values(**values)).rowcount == 1


def find(connection: Connection | Session, batch_id: int) -> Batch | None:
    row = connection.execute(select(Batch.__table__).where(Batch.id == batch_id)).one_or_none()
    return row and Batch(**row._mapping)
