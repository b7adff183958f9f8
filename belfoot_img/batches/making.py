"""New batches: made once an idempotency key, and filled shard by shard.

Items, their shard and its job are committed together. A list that was interrupted is read again from the beginning,
and the lines that are there already are passed over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import randrange
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from belfoot_img.batches import politeness, queue
from belfoot_img.batches.lists import Line
from belfoot_img.batches.progress import end_where_done
from belfoot_img.errors import KeyReused, TooManyItems
from belfoot_img.models.batch import Batch, BatchItem, Shard
from belfoot_img.settings import BulkSettings

FLUSH = 4000
"""Lines that are committed at once."""
HELD = 50_000
"""Lines that are held back at most until their hosts' shards are full."""


@dataclass(frozen=True)
class Plan:
    """What a new batch is made of besides its items. ``key`` and ``request_sha256`` go together."""

    submitted_by: str
    name: str = ""
    queue: str = queue.BULK
    priority: str = "normal"
    effort: str | None = None
    list_url: str | None = None
    key: str | None = None
    request_sha256: str | None = None


class BatchMaker:
    """Thread-safe; every method that takes a ``connection`` belongs to the caller's transaction."""

    def __init__(self, settings: BulkSettings):
        self._settings = settings

    def begin(self, connection: Connection | Session, plan: Plan) -> tuple[Batch, bool]:
        """Returns (the batch of this idempotency key, whether it was made just now). Raises KeyReused.

        Where another request with the same key is under way, this one waits for it.
        """
        values = {
            "submitted_by": plan.submitted_by,
            "name": plan.name,
            "queue": plan.queue,
            "priority": plan.priority,
            "effort": plan.effort,
            "list_url": plan.list_url,
            "idempotency_key": plan.key,
            "request_sha256": plan.request_sha256,
        }
        statement = (
            upsert(Batch).values(values).on_conflict_do_nothing(index_elements=["submitted_by", "idempotency_key"])
        )
        made = connection.execute(statement.returning(Batch.id)).scalar_one_or_none()
        found = select(Batch.__table__).where(
            Batch.id == made
            if made is not None
            else (Batch.submitted_by == plan.submitted_by) & (Batch.idempotency_key == plan.key)
        )
        batch = _batch(connection.execute(found).one())
        if made is None and batch.request_sha256 != plan.request_sha256:
            raise KeyReused
        if made is not None and plan.list_url is not None:
            queue.defer(connection, [queue.list_job(batch.id)])
        return batch, made is not None

    def refuse_too_many(self, connection: Connection | Session, user: str, more: int) -> None:
        """Raises TooManyItems where ``more`` items would be more than the user may have waiting."""
        waiting = open_items(connection, user)
        if waiting + more > self._settings.open_items:
            raise TooManyItems(
                f"{waiting} items of yours are waiting, and at most {self._settings.open_items} may; "
                "send more when some are done."
            )

    def fill(self, connection: Connection | Session, batch: Batch, lines: Sequence[Line]) -> None:
        """Adds lines, each host's in shards of its own, with their jobs."""
        by_host = defaultdict(list)
        for line in lines:
            by_host[line.host].append(line)
        size = self._settings.shard
        shards = [found[at : at + size] for found in by_host.values() for at in range(0, len(found), size)]
        self._write(connection, batch, shards)

    def finish(self, connection: Connection | Session, batch: Batch) -> None:
        """Every line is in the table."""
        connection.execute(
            update(Batch).where(Batch.id == batch.id, Batch.read_at.is_(None)).values(read_at=func.clock_timestamp())
        )
        end_where_done(connection, [batch.id])

    def _write(self, connection: Connection | Session, batch: Batch, shards: Sequence[Sequence[Line]]) -> None:
        if not shards:
            return
        dead = [sum(line.error is not None for line in lines) for lines in shards]
        rows: list[dict[str, Any]] = [
            {"batch_id": batch.id, "host": lines[0].host, "lock": lock, "waiting": len(lines) - lost, "dead": lost}
            for lines, lost, lock in zip(shards, dead, self._locks(batch, shards), strict=True)
        ]
        statement = insert(Shard).returning(Shard.id, sort_by_parameter_order=True)
        ids = connection.execute(statement, rows).scalars().all()
        connection.execute(
            insert(BatchItem),
            [_item(batch, shard_id, line) for shard_id, lines in zip(ids, shards, strict=True) for line in lines],
        )
        self.defer_idle(connection, batch.id)

    def _locks(self, batch: Batch, shards: Sequence[Sequence[Line]]) -> list[str | None]:
        """Returns the slot of each shard; a host's shards are dealt out over its slots."""
        counts: Counter[str] = Counter(dict.fromkeys({lines[0].host for lines in shards}, randrange(1000)))
        locks: list[str | None] = []
        for lines in shards:
            host = lines[0].host
            counts[host] += 1
            locks.append(politeness.lock(self._settings, host, counts[host]) if batch.queue == queue.BULK else None)
        return locks

    def defer_idle(
        self, connection: Connection | Session, batch_id: int | None = None, lock: str | None = None
    ) -> Sequence[int]:
        """Defers shards that have something due and no job, up to DEPTH jobs for each batch and slot.

        Of all batches, or of one, or of one of its slots. Returns the shards' ids; none where another worker defers one
        of them at this moment: it looks for the others too, and so does the next rescue.
        """
        idle = connection.execute(IDLE, {"batch": batch_id, "lock": lock, "depth": DEPTH}).all()
        jobs = [self.job(row.queue, row.priority, row.id, row.host, row.lock, retrying=row.retrying) for row in idle]
        return [row.id for row in idle] if queue.defer_unless_there(connection, jobs) else []

    def job(self, name: str, priority: str, shard_id: int, host: str, lock: str | None, **how: Any) -> queue.Job:
        """Returns the job of a shard, in its slot; a host that has fewer slots by now keeps to those."""
        if lock is not None:
            lock = politeness.lock(self._settings, host, int(lock.rpartition("#")[2]))
        return queue.shard_job(shard_id, queue=name, priority=priority, lock=lock, **how)


DEPTH = 3
"""Jobs that one slot has in the queue at most for each batch: one that runs and two behind it. To find a job costs
Procrastinate time with each that waits for a lock, 0.3 s where 5000 wait for four (measured), so most shards wait
without one; a shard that ends defers the next of its slot."""

IDLE = text(f"""
    WITH job AS (
        SELECT (args->>'shard_id')::bigint AS shard_id FROM procrastinate_jobs
        WHERE task_name = '{queue.SHARD}' AND status IN ('todo', 'doing')
    ), placed AS (
        SELECT shards.id, shards.host, shards.lock, shards.not_before IS NOT NULL AS retrying, batches.queue, priority,
               job.shard_id IS NOT NULL AS has_job,
               row_number() OVER (PARTITION BY shards.batch_id, shards.lock ORDER BY job.shard_id IS NULL,
                                  shards.not_before NULLS FIRST, shards.id) AS place
        FROM batches JOIN shards ON shards.batch_id = batches.id LEFT JOIN job ON job.shard_id = shards.id
        WHERE batches.ended_at IS NULL AND batches.paused_at IS NULL
          AND (CAST(:batch AS bigint) IS NULL OR batches.id = :batch)
          AND (CAST(:lock AS text) IS NULL OR shards.lock = :lock)
          AND (job.shard_id IS NOT NULL
               OR shards.waiting > 0 AND (shards.not_before IS NULL OR shards.not_before <= now()))
    )
    SELECT id, host, lock, retrying, queue, priority FROM placed WHERE place <= :depth AND NOT has_job ORDER BY id""")


class Filling:
    """Fills a batch from a list that may be long, in transactions of its own."""

    def __init__(self, engine: Engine, maker: BatchMaker, batch: Batch, shard: int, *, resumed: bool):
        """``resumed``: some of the lines may be in the table already."""
        self._engine, self._maker, self._batch, self._shard = engine, maker, batch, shard
        self._resumed = resumed
        self._held: dict[str, list[Line]] = defaultdict(list)
        self._full: list[Line] = []
        self._count = 0

    def add(self, lines: Iterable[Line]) -> Iterable[Line]:
        """Passes the lines on as it takes them; when they are exhausted, all are in the table."""
        for line in lines:
            held = self._held[line.host]
            held.append(line)
            self._count += 1
            if len(held) >= self._shard:
                self._full += self._held.pop(line.host)
            if len(self._full) >= FLUSH:
                self._flush()
            elif self._count >= HELD:
                self._flush_all()
            yield line
        self._flush_all()
        with self._engine.begin() as connection:
            self._maker.finish(connection, self._batch)

    def _flush_all(self) -> None:
        for held in self._held.values():
            self._full += held
        self._held.clear()
        while self._full:
            self._flush()

    def _flush(self) -> None:
        lines, self._full = self._full[:FLUSH], self._full[FLUSH:]
        self._count -= len(lines)
        if self._resumed:
            lines = self._missing(lines)
        try:
            self._commit(lines)
        except IntegrityError:  # somebody else reads the same list at this moment
            self._resumed = True
            self._commit(self._missing(lines))

    def _commit(self, lines: Sequence[Line]) -> None:
        with self._engine.begin() as connection:
            self._maker.fill(connection, self._batch, lines)

    def _missing(self, lines: Sequence[Line]) -> list[Line]:
        numbers = [line.number for line in lines]
        asked = select(BatchItem.number).where(BatchItem.batch_id == self._batch.id, BatchItem.number.in_(numbers))
        with self._engine.begin() as connection:
            there = set(connection.execute(asked).scalars())
        return [line for line in lines if line.number not in there]


def open_items(connection: Connection | Session, user: str) -> int:
    """Returns how many items of a user are waiting."""
    asked = (
        select(func.coalesce(func.sum(Shard.waiting), 0))
        .join(Batch, Batch.id == Shard.batch_id)
        .where(Batch.submitted_by == user, Batch.ended_at.is_(None))
    )
    return connection.execute(asked).scalar_one()


def _item(batch: Batch, shard_id: int, line: Line) -> dict:
    return {
        "batch_id": batch.id,
        "number": line.number,
        "shard_id": shard_id,
        "article_id": line.article_id,
        "url": line.url,
        "state": "dead" if line.error else "waiting",
        "code": line.error.code if line.error else None,
        "message": str(line.error) if line.error else None,
    }


def _batch(row) -> Batch:
    return Batch(**row._mapping)
