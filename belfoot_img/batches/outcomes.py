"""What became of items, committed: images that are stored, attempts that failed.

An item's effect is one transaction: its row leaves the state ``waiting``, and only the transaction that moved it stores
the image and changes the tally. So an item that two workers have in hand, because one of them was frozen and is thought
to be dead, is stored once.

Outcomes that are ready at the same time share a transaction (group commit): the first is committed at once, and those
that become ready meanwhile are in the next one. Where the database refuses such a lot, each of it is tried by itself.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, text

from belfoot_img import store
from belfoot_img.batches import politeness
from belfoot_img.batches.patience import Patience, Stopped
from belfoot_img.batches.work import Item, Work
from belfoot_img.errors import ServiceError
from belfoot_img.settings import BulkSettings
from belfoot_img.store import Conversion, ImageStore

log = logging.getLogger(__name__)

MOST = 20
"""Outcomes in one transaction, and outcomes that may wait for one; some 0.5 MB each."""


@dataclass(frozen=True)
class Failure:
    """``delay``: seconds until the next attempt; None where there is none left and the item is dead."""

    code: str
    message: str
    delay: float | None

    @property
    def state(self) -> str:
        return "dead" if self.delay is None else "waiting"


@dataclass(frozen=True)
class Outcome:
    """Of one attempt: a conversion to be stored, or else a failure."""

    work: Work
    item: Item
    conversion: Conversion | None = None
    failure: Failure | None = None

    @property
    def state(self) -> str:
        return self.failure.state if self.failure else "stored"


def failed(settings: BulkSettings, work: Work, item: Item, error: Exception) -> Outcome:
    """Says what the error means for the item. One that nobody expected is logged."""
    if not isinstance(error, ServiceError):
        log.error("item %d of batch %d: internal error", item.number, work.batch_id, exc_info=error)
        error = ServiceError("The service failed; the log of the worker holds the reason.")
    delay = politeness.delay(settings, item.attempts + 1) if politeness.is_transient(error) else None
    if delay is not None:
        delay = max(delay, politeness.pause(error) or 0)
    return Outcome(work, item, failure=Failure(error.code, str(error)[:500], delay))


# --- one transaction -------------------------------------------------------------------------------------------------

END = text("""
    UPDATE batch_items AS item
    SET state = given.state, attempts = item.attempts + 1, code = given.code, message = given.message,
        not_before = clock_timestamp() + make_interval(secs => given.delay), updated_at = now()
    FROM unnest(
        CAST(:number AS integer[]), CAST(:state AS text[]), CAST(:code AS text[]), CAST(:message AS text[]),
        CAST(:delay AS double precision[])
    ) AS given (number, state, code, message, delay)
    WHERE item.batch_id = :batch_id AND item.number = given.number AND item.state = 'waiting'
    RETURNING item.number""")
SUPERSEDE = text("""
    UPDATE batch_items SET state = 'superseded'
    WHERE batch_id = :batch_id AND number = ANY(CAST(:number AS integer[]))""")
TALLY = text("""
    UPDATE shards AS shard
    SET waiting = shard.waiting - given.stored - given.superseded - given.dead, stored = shard.stored + given.stored,
        superseded = shard.superseded + given.superseded, dead = shard.dead + given.dead
    FROM unnest(
        CAST(:id AS bigint[]), CAST(:stored AS integer[]), CAST(:superseded AS integer[]), CAST(:dead AS integer[])
    ) AS given (id, stored, superseded, dead)
    WHERE shard.id = given.id""")


def record(connection: Connection, images: ImageStore, outcomes: Sequence[Outcome]) -> list[Conversion]:
    """Writes the outcomes, all of one batch, of those items that are still waiting. Returns what was stored.

    Rows are asked for in the order of their keys, so that two such transactions rarely wait for each other crosswise;
    PostgreSQL ends one of two that do, and it is tried again.
    """
    work = outcomes[0].work
    ended = _end(connection, work.batch_id, sorted(outcomes, key=lambda outcome: outcome.item.number))
    stored, superseded = [], []
    for distinct in _rounds([outcome for outcome in ended if outcome.conversion is not None]):
        given = [(outcome.item.article_id, outcome.conversion) for outcome in distinct if outcome.conversion]
        rows = images.put_many(connection, given, stored_by=work.submitted_by, older_than=work.created_at)
        there = {row.article_id for row in rows}
        stored += [outcome for outcome in distinct if outcome.item.article_id in there]
        superseded += [outcome for outcome in distinct if outcome.item.article_id not in there]
    if superseded:
        numbers = [outcome.item.number for outcome in superseded]
        connection.execute(SUPERSEDE, {"batch_id": work.batch_id, "number": numbers})
    dead = [outcome for outcome in ended if outcome.state == "dead"]
    _tally(connection, {"stored": stored, "superseded": superseded, "dead": dead})
    return [outcome.conversion for outcome in stored if outcome.conversion]


def _end(connection: Connection, batch_id: int, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Returns those whose items were waiting until this transaction."""
    failures = [outcome.failure for outcome in outcomes]
    rows = {
        "number": [outcome.item.number for outcome in outcomes],
        "state": [outcome.state for outcome in outcomes],
        "code": [failure and failure.code for failure in failures],
        "message": [failure and failure.message for failure in failures],
        "delay": [failure and failure.delay for failure in failures],
    }
    ours = set(connection.execute(END, {"batch_id": batch_id, **rows}).scalars())
    return [outcome for outcome in outcomes if outcome.item.number in ours]


def _rounds(outcomes: Sequence[Outcome]) -> Iterator[list[Outcome]]:
    """Yields lists in which no article comes twice. An article's items keep their order: the first one is stored, and
    the others find it there."""
    rounds: defaultdict[int, list[Outcome]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for outcome in outcomes:
        rounds[seen[outcome.item.article_id]].append(outcome)
        seen[outcome.item.article_id] += 1
    yield from rounds.values()


def _tally(connection: Connection, ended: dict[str, list[Outcome]]) -> None:
    counts = {state: Counter(outcome.work.shard_id for outcome in outcomes) for state, outcomes in ended.items()}
    if shards := sorted({shard_id for count in counts.values() for shard_id in count}):
        columns = {state: [count[shard_id] for shard_id in shards] for state, count in counts.items()}
        connection.execute(TALLY, {"id": shards, **columns})


# --- which of them share a transaction -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ready:
    outcome: Outcome
    committed: Future = field(default_factory=Future)


class Recorder:
    """Commits outcomes, one transaction at a time. Thread-safe.

    ``pool`` lends it a thread while there is something to commit.
    """

    def __init__(self, patience: Patience, images: ImageStore, settings: BulkSettings, pool: Executor):
        self._patience, self._images, self._settings, self._pool = patience, images, settings, pool
        self._changed = threading.Condition()
        self._ready: list[_Ready] = []
        self._at_work = False

    def take(self, outcome: Outcome) -> Future:
        """Returns a future that is done when the outcome is committed; it raises Stopped where the worker stopped
        before. Waits while MOST outcomes do so."""
        ready = _Ready(outcome)
        with self._changed:
            self._changed.wait_for(lambda: len(self._ready) < MOST)
            self._ready.append(ready)
            if not self._at_work:
                self._at_work = True
                self._pool.submit(self._work)
        return ready.committed

    def _work(self) -> None:
        while lot := self._next_lot():
            self._commit(lot)

    def _next_lot(self) -> list[_Ready]:
        """Returns what is ready of the batch that has waited longest."""
        with self._changed:
            if not self._ready:
                self._at_work = False
                return []
            batch_id = self._ready[0].outcome.work.batch_id
            lot = [ready for ready in self._ready if ready.outcome.work.batch_id == batch_id]
            self._ready = [ready for ready in self._ready if ready.outcome.work.batch_id != batch_id]
            self._changed.notify_all()
            return lot

    def _commit(self, lot: Sequence[_Ready]) -> None:
        try:
            stored = self._patience.transaction(record, self._images, [ready.outcome for ready in lot])
        except Stopped as stopped:
            for ready in lot:
                ready.committed.set_exception(stopped)
        except Exception as error:
            self._commit_each(lot, error)
        else:
            for conversion in stored:
                store.count(conversion)
            for ready in lot:
                ready.committed.set_result(None)

    def _commit_each(self, lot: Sequence[_Ready], error: Exception) -> None:
        """After the database refused the lot: what it refuses of a single one is a failure of that item."""
        if len(lot) > 1:
            for ready in lot:
                self._commit([ready])
            return
        (ready,) = lot
        outcome = ready.outcome
        if outcome.failure is not None:  # it takes not even that
            ready.committed.set_exception(error)
            return
        self._commit([replace(ready, outcome=failed(self._settings, outcome.work, outcome.item, error))])
