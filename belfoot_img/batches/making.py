"""New batches: made once an idempotency key, and filled shard by shard.

Items, their shard and its job are committed together. A list that was interrupted is read again from the beginning,
and the lines that are there already are passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, select, update
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
        """(the batch of this idempotency key, whether it was made just now). Raises KeyReused.

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
        rows = [
            {"batch_id": batch.id, "host": lines[0].host, "waiting": len(lines) - lost, "dead": lost}
            for lines, lost in zip(shards, dead, strict=True)
        ]
        statement = insert(Shard).returning(Shard.id, sort_by_parameter_order=True)
        ids = connection.execute(statement, rows).scalars().all()
        connection.execute(
            insert(BatchItem),
            [_item(batch, shard_id, line) for shard_id, lines in zip(ids, shards, strict=True) for line in lines],
        )
        queue.defer(
            connection,
            [
                self.job(batch.queue, batch.priority, shard_id, row["host"])
                for shard_id, row in zip(ids, rows, strict=True)
                if row["waiting"]
            ],
        )

    def job(self, name: str, priority: str, shard_id: int, host: str, **how):
        """The job of a shard, in its slot."""
        lock = politeness.lock(self._settings, host, shard_id)
        return queue.shard_job(shard_id, queue=name, priority=priority, lock=lock, **how)


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
    """How many items of a user are waiting."""
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
