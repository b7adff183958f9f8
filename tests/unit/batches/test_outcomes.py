"""Outcomes of items are committed together, each once, on a real database."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from belfoot_img.batches import outcomes, work
from belfoot_img.batches.lists import check
from belfoot_img.batches.making import BatchMaker, Plan
from belfoot_img.batches.outcomes import Outcome, Recorder
from belfoot_img.batches.patience import Patience, Stopped
from belfoot_img.errors import DatabaseUnavailable, NotAnImage, OriginTimedOut
from belfoot_img.imaging.converter import convert_bytes
from belfoot_img.models import engine_from_settings
from belfoot_img.settings import BulkSettings, DatabaseSettings, ImagingSettings
from belfoot_img.store import Conversion, ImageStore
from testbed.photographs import png
from testbed.ports import until

SETTINGS = BulkSettings(shard=10)
CONVERTED = convert_bytes(png(40, 30), ImagingSettings(fit_policy="ladder"))


@pytest.fixture
def images(database) -> ImageStore:
    return ImageStore(database, None, ImagingSettings())


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def recorder(database, images, pool) -> Recorder:
    return Recorder(Patience(database, threading.Event()), images, SETTINGS, pool)


def conversion(number: int) -> Conversion:
    return Conversion(CONVERTED, f"{number:064x}", "settings", f"http://example.com/{number}", 1, False)


def batch(database, articles: list[str]) -> list[Outcome]:
    """A batch of these articles, in shards of ten, and a conversion for each item."""
    lines = [check(n, article, f"http://example.com/{n}") for n, article in enumerate(articles, 1)]
    maker = BatchMaker(SETTINGS)
    with database.begin() as connection:
        made, _ = maker.begin(connection, Plan("editor"))
        maker.fill(connection, made, lines)
        maker.finish(connection, made)
    with database.begin() as connection:
        shards = connection.execute(text(f"SELECT id FROM shards WHERE batch_id = {made.id} ORDER BY id")).scalars()
        works = [work.load(connection, shard_id) for shard_id in shards.all()]
        return [
            Outcome(shard, item, conversion(item.number))
            for shard in works
            if shard is not None
            for item in work.due(connection, shard, 0)
        ]


def record(database, images: ImageStore, given: list[Outcome]) -> int:
    with database.begin() as connection:
        return len(outcomes.record(connection, images, given))


def states(database) -> Counter:
    with database.begin() as connection:
        return Counter(connection.execute(text("SELECT state FROM batch_items")).scalars().all())


def tallied(database) -> Counter:
    names = ("waiting", "stored", "superseded", "dead")
    with database.begin() as connection:
        row = connection.execute(text("SELECT " + ", ".join(f"sum({name})" for name in names) + " FROM shards")).one()
    return +Counter(dict(zip(names, row, strict=True)))


def stored(database) -> dict[str, str]:
    with database.begin() as connection:
        return {row[0]: row[1] for row in connection.execute(text("SELECT article_id, source_sha256 FROM images"))}


@contextmanager
def statements(engine):
    said: list[str] = []

    def note(connection, cursor, statement, *rest):
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_lot_takes_as_many_statements_as_one_item(database, images):
    given = batch(database, [str(n) for n in range(20)])
    with statements(database) as said:
        assert record(database, images, given) == 20
    assert len(said) == 4  # items, images and contents, previews, tally
    assert states(database) == tallied(database) == {"stored": 20}
    assert len(stored(database)) == 20


def test_an_item_that_somebody_else_ended_is_neither_stored_nor_counted_again(database, images):
    given = batch(database, ["1", "2", "3"])
    assert record(database, images, given[:2]) == 2
    late = [replace(outcome, conversion=conversion(900)) for outcome in given]
    assert record(database, images, late) == 1
    assert states(database) == tallied(database) == {"stored": 3}
    assert stored(database) == {"1": f"{1:064x}", "2": f"{2:064x}", "3": f"{900:064x}"}


def test_an_image_that_is_newer_than_the_batch_stays(database, images):
    given = batch(database, ["1", "2", "3"])
    with database.begin() as connection:
        images.put(connection, "2", conversion(900), stored_by="somebody")
    assert record(database, images, given) == 2
    assert states(database) == tallied(database) == {"stored": 2, "superseded": 1}
    assert stored(database)["2"] == f"{900:064x}"


def test_an_article_that_comes_twice_has_its_first_image_together_or_apart(database, images):
    together = batch(database, ["1", "2", "1", "1"])
    assert record(database, images, list(reversed(together))) == 2
    assert stored(database)["1"] == f"{1:064x}"
    for outcome in batch(database, ["8", "9", "8"]):
        record(database, images, [outcome])
    assert stored(database)["8"] == f"{1:064x}"
    assert states(database) == tallied(database) == {"stored": 4, "superseded": 3}


def test_failures_share_the_transaction(database, images):
    given = batch(database, ["1", "2", "3"])
    lot = [
        given[0],
        outcomes.failed(SETTINGS, given[1].work, given[1].item, NotAnImage()),
        outcomes.failed(SETTINGS, given[2].work, given[2].item, OriginTimedOut()),
    ]
    assert record(database, images, lot) == 1
    assert states(database) == tallied(database) == {"stored": 1, "dead": 1, "waiting": 1}
    with database.begin() as connection:
        asked = "SELECT code, attempts, not_before - now() < interval '61 s' FROM batch_items ORDER BY number"
        rows = connection.execute(text(asked)).all()
    assert rows == [(None, 1, None), ("not_an_image", 1, None), ("origin_timed_out", 1, True)]


def test_what_becomes_ready_while_a_transaction_runs_shares_the_next_one(database, recorder):
    given = batch(database, [str(n) for n in range(15)])
    with database.connect() as blocker:
        blocker.execute(text("LOCK TABLE images IN SHARE ROW EXCLUSIVE MODE"))
        first = recorder.take(given[0])
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'images'::regclass"
        with database.connect() as looker:
            until(lambda: looker.execute(text(waits)).first(), 10, "the first is being stored")
        rest = [recorder.take(outcome) for outcome in given[1:]]
        assert not any(future.done() for future in (first, *rest))
        blocker.rollback()
    for future in wait([first, *rest]).done:
        future.result()
    with database.begin() as connection:
        lots = connection.execute(text("SELECT count(*) FROM batch_items GROUP BY xmin ORDER BY 1")).scalars().all()
    assert lots == [1, 14]
    assert tallied(database) == {"stored": 15}


def test_what_the_database_refuses_takes_nothing_else_with_it(database, recorder, images):
    given = batch(database, [str(n) for n in range(6)])
    given[2] = replace(given[2], conversion=replace(conversion(3), url="\0"))  # PostgreSQL has no such text
    blocker = database.connect()
    blocker.execute(text("LOCK TABLE images IN SHARE ROW EXCLUSIVE MODE"))
    futures = [recorder.take(outcome) for outcome in given]
    blocker.close()
    for future in wait(futures).done:
        future.result()
    assert states(database) == tallied(database) == {"stored": 5, "waiting": 1}
    with database.begin() as connection:
        refused = connection.execute(text("SELECT number, code, attempts FROM batch_items WHERE state = 'waiting'"))
        assert refused.all() == [(3, "internal_error", 1)]


def test_a_database_in_trouble_is_waited_for_and_costs_no_attempt(database, images):
    tries = []

    def once_away(connection, *rest):
        tries.append(1)
        if len(tries) == 1:
            raise DatabaseUnavailable
        return outcomes.record(connection, *rest)

    given = batch(database, ["1", "2"])
    patience = Patience(database, threading.Event())
    assert len(patience.transaction(once_away, images, given)) == 2
    assert len(tries) == 2
    assert tallied(database) == {"stored": 2}


def test_a_worker_that_stops_leaves_what_it_could_not_commit(database, images, pool):
    stopping = threading.Event()
    nowhere = engine_from_settings(DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing"))
    recorder = Recorder(Patience(nowhere, stopping), images, SETTINGS, pool)
    futures = [recorder.take(outcome) for outcome in batch(database, ["1", "2"])]
    stopping.set()
    for future in wait(futures).done:
        with pytest.raises(Stopped):
            future.result()
    assert tallied(database) == {"waiting": 2}
