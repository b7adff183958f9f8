"""What a person may do to a batch: pause, resume, cancel it, retry what is dead; each at once, and safe to repeat."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.orm import Session

from belfoot_img import errors
from belfoot_img.batches.making import BatchMaker
from belfoot_img.models.batch import Batch, Shard

AT_ONCE = 20_000
"""Items that one statement changes, so that it stays within the statement's deadline."""


def retryable_codes() -> list[str]:
    """Codes of errors that may be gone at the next attempt, as docs/api.md has it: 429 and 5xx."""
    family = errors.ServiceError.family().items()
    return sorted(code for code, error in family if error.status >= 500 or error.status == 429)


def pause(connection: Connection | Session, batch_id: int) -> bool:
    """Returns whether it was running. Items in hand are finished."""
    return _changed(connection, batch_id, Batch.paused_at.is_(None), paused_at=func.now())


def resume(connection: Connection | Session, maker: BatchMaker, batch_id: int) -> bool:
    """Returns whether it was paused."""
    changed = _changed(connection, batch_id, Batch.paused_at.is_not(None), paused_at=None)
    if changed:
        maker.defer_idle(connection, batch_id)
    return changed


def cancel(connection: Connection | Session, maker: BatchMaker, batch_id: int) -> bool:
    """Returns whether it was open. What is stored stays; jobs cancel what is waiting, shard by shard."""
    changed = _changed(connection, batch_id, Batch.cancelled_at.is_(None), cancelled_at=func.now(), paused_at=None)
    if changed:
        ended = update(Batch).where(Batch.id == batch_id, Batch.read_at.is_(None)).values(read_at=func.now())
        connection.execute(ended)  # nothing more is read
        connection.execute(update(Shard).where(Shard.batch_id == batch_id).values(not_before=None))
        maker.defer_idle(connection, batch_id)
    return changed


def retry(connection: Connection | Session, maker: BatchMaker, batch_id: int) -> int:
    """Returns how many dead items are waiting again: those whose error may be gone by now. A cancelled batch
    has none."""
    total = 0
    while count := _retry_some(connection, batch_id):
        total += count
    if total:
        connection.execute(update(Batch).where(Batch.id == batch_id).values(ended_at=None))
        maker.defer_idle(connection, batch_id)
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


def _changed(connection: Connection | Session, batch_id: int, *where, **values) -> bool:
    statement = update(Batch).where(Batch.id == batch_id, Batch.ended_at.is_(None), *where)
    return connection.execute(statement.values(**values).returning(Batch.id)).one_or_none() is not None


def find(connection: Connection | Session, batch_id: int) -> Batch | None:
    row = connection.execute(select(Batch.__table__).where(Batch.id == batch_id)).one_or_none()
    return None if row is None else Batch(**row._mapping)
