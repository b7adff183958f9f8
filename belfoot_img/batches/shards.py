"""The work on one shard: each of its items is downloaded in turn, converted beside the next downloads, and stored.

An item's effect is one transaction: its row leaves the state ``waiting``, and only the transaction that moved it stores
the image and changes the tally. So an item that two workers have in hand, because one of them was frozen and is thought
to be dead, is stored once.

A database in trouble (away, restarting, its disk full) is waited for with the result in hand; it costs no item an
attempt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import Connection, Engine, func, literal, or_, select, update

from belfoot_img import store
from belfoot_img.batches import politeness, queue
from belfoot_img.batches.making import BatchMaker
from belfoot_img.batches.politeness import Pace
from belfoot_img.batches.progress import end_where_done
from belfoot_img.errors import DatabaseUnavailable, ServiceError
from belfoot_img.models.batch import Batch, BatchItem, Shard
from belfoot_img.settings import BulkSettings
from belfoot_img.store import Conversion, ImageStore

log = logging.getLogger(__name__)

PAGE = 20
"""Items that are asked for at once; between two pages the batch may be found paused or cancelled."""
LONGEST_WAIT = 15.0
"""Seconds between two attempts at a database that is in trouble."""


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


class Stopped(Exception):
    """The worker is stopping while the database does not answer; what is in hand will be done anew."""


class ShardRunner:
    """Thread-safe; one a queue and process.

    ``fetch``: a link's bytes; ``places``: how many items may be downloaded and not yet stored; ``pool`` runs the
    conversions' callers.
    """

    def __init__(
        self,
        engine: Engine,
        images: ImageStore,
        fetch: Callable[[str], bytes],
        settings: BulkSettings,
        pool: Executor,
        places: int,
        stopping: threading.Event,
    ):
        self._engine, self._images, self._fetch, self._settings = engine, images, fetch, settings
        self._pool, self._places, self._stopping = pool, threading.BoundedSemaphore(places), stopping
        self._maker = BatchMaker(settings)

    def run(self, shard_id: int) -> None:
        """Works for ``belfoot_img.bulk.slice`` at most, and defers what is left."""
        end = time.monotonic() + self._settings.slice
        work = self._patiently(self._load, shard_id)
        if work is None or work.paused:
            return
        pause = None if work.cancelled else self._items(work, end)
        self._patiently(self._settle, work, pause)

    # --- the items ---------------------------------------------------------------------------------------------------

    def _items(self, work: Work, end: float) -> float | None:
        """Returns the seconds for which the origin wants to be left alone, where it said so."""
        pace = Pace(politeness.limits(self._settings, work.host)) if work.queue == queue.BULK else None
        under_way: list[Future] = []
        last, pause = 0, None
        try:
            while pause is None and (found := self._patiently(self._due, work, last)):
                for item in found:
                    if self._stopping.is_set() or (last and time.monotonic() >= end):
                        return None
                    last = item.number
                    pause = self._download(work, item, pace, under_way)
                    if pause is not None:
                        break
            return pause
        finally:
            for future in wait(under_way).done:
                future.result()

    def _download(self, work: Work, item: Item, pace: Pace | None, under_way: list[Future]) -> float | None:
        """Fetches the item and hands it on to be converted; returns the pause that the origin asked for."""
        self._places.acquire()
        try:
            if pace:
                pace.wait(self._stopping)
            if self._stopping.is_set():
                self._places.release()
                return None
            source = self._fetch(item.url)
        except Exception as error:
            self._places.release()
            self._patiently(self._fail, work, item, error)
            return politeness.pause(error) if pace and isinstance(error, ServiceError) else None
        under_way.append(self._pool.submit(self._convert, work, item, source))
        return None

    def _convert(self, work: Work, item: Item, source: bytes) -> None:
        try:
            conversion = self._retrying(self._images.convert, item.url, source, **work.how)
        except Stopped:
            raise
        except Exception as error:
            self._patiently(self._fail, work, item, error)
        else:
            if self._patiently(self._store, work, item, conversion):
                store.count(conversion)
        finally:
            self._places.release()

    # --- transactions ------------------------------------------------------------------------------------------------

    def _patiently(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(connection, *arguments)`` in a transaction, again until the database takes it."""

        def once():
            with self._engine.begin() as connection:
                return function(connection, *arguments)

        return self._retrying(once)

    def _retrying(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Raises Stopped where the worker is stopping and the database still does not answer."""
        pause = 0.5
        while True:
            try:
                return function(*arguments, **options)
            except DatabaseUnavailable as error:
                log.warning("the database is waited for: %s", error.reason)
            if self._stopping.wait(pause):
                raise Stopped
            pause = min(2 * pause, LONGEST_WAIT)

    def _load(self, connection: Connection, shard_id: int) -> Work | None:
        asked = (
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
            .where(Shard.id == shard_id)
        )
        row = connection.execute(asked).one_or_none()
        return row and Work(**row._mapping)

    def _due(self, connection: Connection, work: Work, last: int) -> list[Item]:
        """Returns the next items that may be tried now; none where the batch was paused or cancelled meanwhile."""
        asked = (
            select(BatchItem.number, BatchItem.article_id, BatchItem.url, BatchItem.attempts)
            .join(Batch, Batch.id == BatchItem.batch_id)
            .where(
                *(BatchItem.shard_id == work.shard_id, BatchItem.state == "waiting", BatchItem.number > last),
                or_(BatchItem.not_before.is_(None), BatchItem.not_before <= func.now()),
                *(Batch.paused_at.is_(None), Batch.cancelled_at.is_(None)),
            )
            .order_by(BatchItem.number)
            .limit(PAGE)
        )
        return [Item(**row._mapping) for row in connection.execute(asked)]

    def _store(self, connection: Connection, work: Work, item: Item, conversion: Conversion) -> bool:
        """Returns whether the image was stored."""
        if not self._end(connection, work, item, "stored"):
            return False
        row = self._images.put(
            connection, item.article_id, conversion, stored_by=work.submitted_by, older_than=work.created_at
        )
        if row is None:
            connection.execute(_row(work, item).values(state="superseded"))
        _tally(connection, work, "superseded" if row is None else "stored")
        return row is not None

    def _fail(self, connection: Connection, work: Work, item: Item, error: Exception) -> None:
        """Waits for the next attempt where there may be one; else the item is dead."""
        if not isinstance(error, ServiceError):
            log.error("item %d of batch %d: internal error", item.number, work.batch_id, exc_info=error)
            error = ServiceError("The service failed; the log of the worker holds the reason.")
        said = {"code": error.code, "message": str(error)[:500]}
        delay = politeness.delay(self._settings, item.attempts + 1) if politeness.is_transient(error) else None
        if delay is None:
            if self._end(connection, work, item, "dead", **said):
                _tally(connection, work, "dead")
            return
        seconds = max(delay, politeness.pause(error) or 0)
        again = func.clock_timestamp() + literal(timedelta(seconds=seconds))
        connection.execute(
            _row(work, item)
            .where(BatchItem.state == "waiting")
            .values(attempts=item.attempts + 1, not_before=again, updated_at=func.now(), **said)
        )

    def _end(self, connection: Connection, work: Work, item: Item, state: str, **said: str) -> bool:
        """Returns whether it was this transaction that took the item out of ``waiting``."""
        values = {"code": None, "message": None, **said}
        statement = _row(work, item).where(BatchItem.state == "waiting")
        return (
            connection.execute(
                statement.values(
                    state=state, attempts=item.attempts + 1, not_before=None, updated_at=func.now(), **values
                )
            ).rowcount
            == 1
        )

    # --- what is left ------------------------------------------------------------------------------------------------

    def _settle(self, connection: Connection, work: Work, pause: float | None) -> None:
        """Defers what is left of the shard, or ends it, and the batch with its last shard."""
        now = self._load(connection, work.shard_id)
        if now is None or now.paused:
            return
        if now.cancelled:
            cancel_waiting(connection, work.shard_id)
        asked = select(func.now(), func.count(), func.min(func.coalesce(BatchItem.not_before, func.now())))
        clock, waiting, first = connection.execute(
            asked.where(BatchItem.shard_id == work.shard_id, BatchItem.state == "waiting")
        ).one()
        if work.lock and not (waiting and first <= clock):
            self._maker.defer_idle(connection, work.batch_id, work.lock)  # the next of this slot
        if not waiting:
            end_where_done(connection, [work.batch_id])
            return
        due = pause is not None or first <= clock
        connection.execute(
            update(Shard).where(Shard.id == work.shard_id).values(not_before=None if due else first)
        )  # what is not due yet is found by the rescue task
        if due:
            at = None if pause is None else clock + timedelta(seconds=pause)
            self._defer(connection, work, at)

    def _defer(self, connection: Connection, work: Work, at: datetime | None) -> None:
        with connection.begin_nested() as savepoint:
            try:
                queue.defer(
                    connection, [self._maker.job(work.queue, work.priority, work.shard_id, work.host, work.lock, at=at)]
                )
            except AlreadyEnqueued:
                savepoint.rollback()


def cancel_waiting(connection: Connection, shard_id: int) -> None:
    """Cancels the items of a shard that are waiting."""
    statement = update(BatchItem).where(BatchItem.shard_id == shard_id, BatchItem.state == "waiting")
    count = connection.execute(statement.values(state="cancelled", updated_at=func.now())).rowcount
    tally = {"waiting": Shard.waiting - count, "cancelled": Shard.cancelled + count}
    connection.execute(update(Shard).where(Shard.id == shard_id).values(**tally))


def _row(work: Work, item: Item):
    return update(BatchItem).where(BatchItem.batch_id == work.batch_id, BatchItem.number == item.number)


def _tally(connection: Connection, work: Work, state: str) -> None:
    column = getattr(Shard, state)
    values = {"waiting": Shard.waiting - 1, state: column + 1}
    connection.execute(update(Shard).where(Shard.id == work.shard_id).values(**values))
