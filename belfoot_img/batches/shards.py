"""The work on one shard: each of its items is downloaded in turn, converted beside the next downloads, and stored.

A database in trouble (away, restarting, its disk full) is waited for with the result in hand; it costs no item an
attempt. ``outcomes`` says how an item is stored exactly once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, Engine, func, select, update

from belfoot_img.batches import outcomes, politeness, queue
from belfoot_img.batches import work as works
from belfoot_img.batches.making import BatchMaker
from belfoot_img.batches.outcomes import Outcome, Recorder
from belfoot_img.batches.patience import Patience, Stopped
from belfoot_img.batches.politeness import Pace
from belfoot_img.batches.progress import end_where_done
from belfoot_img.batches.work import Item, Work
from belfoot_img.errors import ServiceError
from belfoot_img.models.batch import BatchItem, Shard
from belfoot_img.settings import BulkSettings
from belfoot_img.store import ImageStore


@dataclass(frozen=True)
class UnderWay:
    """The items of a run that are being converted, and those that are being recorded."""

    converting: list[Future] = field(default_factory=list)
    recording: list[Future] = field(default_factory=list)

    def join(self) -> None:
        """Waits for them. Raises what one of them raised."""
        for futures in (self.converting, self.recording):  # the second list is complete when the first one is done
            for future in wait(futures).done:
                future.result()


class ShardRunner:
    """Thread-safe; one a queue and process.

    ``fetch``: a link's bytes; ``places``: how many items may be downloaded and not yet converted; ``pool``, of
    ``places`` threads and one more, runs the conversions' callers and stores what they bring.
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
        self._images, self._fetch, self._settings = images, fetch, settings
        self._pool, self._places, self._stopping = pool, threading.BoundedSemaphore(places), stopping
        self._patience = Patience(engine, stopping)
        self._recorder = Recorder(self._patience, images, settings, pool)
        self._maker = BatchMaker(settings)

    def run(self, shard_id: int) -> None:
        """Works for ``belfoot_img.bulk.slice`` at most, and defers what is left."""
        end = time.monotonic() + self._settings.slice
        work = self._patience.transaction(works.load, shard_id)
        if work is None or work.paused:
            return
        pace = Pace(politeness.limits(self._settings, work.host)) if work.queue == queue.BULK else None
        pause = None if work.cancelled else self._items(work, end, pace)
        self._patience.transaction(self._settle, work, pause, pace.waited if pace else 0.0)

    # --- the items ---------------------------------------------------------------------------------------------------

    def _items(self, work: Work, end: float, pace: Pace | None) -> float | None:
        """Returns the seconds for which the origin wants to be left alone, where it said so."""
        under_way = UnderWay()
        last, pause = 0, None
        try:
            while pause is None and (found := self._patience.transaction(works.due, work, last)):
                for item in found:
                    if self._stopping.is_set() or (last and time.monotonic() >= end):
                        return None
                    last = item.number
                    pause = self._download(work, item, pace, under_way)
                    if pause is not None:
                        break
            return pause
        finally:
            under_way.join()

    def _download(self, work: Work, item: Item, pace: Pace | None, under_way: UnderWay) -> float | None:
        """Fetches the item and hands it on to be converted; returns the pause that the origin asked for."""
        if pace:
            pace.wait(self._stopping)  # before it takes a place, which other hosts have a use for
        self._places.acquire()
        try:
            if pace:
                pace.begin()
            if self._stopping.is_set():
                self._places.release()
                return None
            source = self._fetch(item.url)
        except Exception as error:
            self._places.release()
            under_way.recording.append(self._recorder.take(outcomes.failed(self._settings, work, item, error)))
            return politeness.pause(error) if pace and isinstance(error, ServiceError) else None
        under_way.converting.append(self._pool.submit(self._convert, work, item, source, under_way))
        return None

    def _convert(self, work: Work, item: Item, source: bytes, under_way: UnderWay) -> None:
        try:
            under_way.recording.append(self._recorder.take(self._outcome(work, item, source)))
        finally:
            self._places.release()

    def _outcome(self, work: Work, item: Item, source: bytes) -> Outcome:
        try:
            conversion = self._patience.until_available(self._images.convert, item.url, source, **work.how)
        except Stopped:
            raise
        except Exception as error:
            return outcomes.failed(self._settings, work, item, error)
        return Outcome(work, item, conversion)

    # --- what is left ------------------------------------------------------------------------------------------------

    def _settle(self, connection: Connection, work: Work, pause: float | None, paced: float) -> None:
        """Defers what is left of the shard, or ends it, and the batch with its last shard. ``paced``: seconds."""
        if paced:
            waited = {"paced_seconds": Shard.paced_seconds + paced}
            connection.execute(update(Shard).where(Shard.id == work.shard_id).values(**waited))
        now = works.load(connection, work.shard_id)
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
            job = self._maker.job(work.queue, work.priority, work.shard_id, work.host, work.lock, at=at)
            queue.defer_unless_there(connection, [job])


def cancel_waiting(connection: Connection, shard_id: int) -> None:
    """Cancels the items of a shard that are waiting."""
    statement = update(BatchItem).where(BatchItem.shard_id == shard_id, BatchItem.state == "waiting")
    count = connection.execute(statement.values(state="cancelled", updated_at=func.now())).rowcount
    tally = {"waiting": Shard.waiting - count, "cancelled": Shard.cancelled + count}
    connection.execute(update(Shard).where(Shard.id == shard_id).values(**tally))
