"""Images of a database of an older version are moved into ``contents`` while they are read and written."""

from __future__ import annotations

import base64
import hashlib
import threading

import pytest
from alembic import command
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from belfoot_img.models import image, moving, schema
from tests.unit.models.conftest import differences
from tests.unit.models.test_image import result

IMAGES = 600
BEFORE = "0009"
INSERT = """
    INSERT INTO images (article_id, url, image, width, height, bytes, sha256, source_format, source_width,
      source_height, source_bytes, source_sha256, action, policy, scale, encodes, milliseconds, reused,
      settings_sha256, stored_by)
    SELECT n, 'http://example.com/', replace(encode(jpeg, 'base64'), E'\\n', ''), 40, 30, octet_length(jpeg),
      encode(sha256(jpeg), 'hex'), 'PNG', 1, 1, 3, encode(sha256(convert_to(n::text, 'UTF8')), 'hex'), 'kept', 'best',
      1, 0, 0, false, encode(sha256('settings'), 'hex'), 'before'
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n,
      LATERAL (SELECT convert_to(repeat('picture ' || n, 300), 'UTF8') AS jpeg) AS made
    ON CONFLICT (article_id) DO UPDATE SET image = excluded.image, bytes = excluded.bytes, sha256 = excluded.sha256"""
"""As the version before stores; a picture says which article it is of."""


def picture(number: int) -> bytes:
    return f"picture {number}".encode() * 300


@pytest.fixture
def old(empty):
    """A database of the version before, with images, brought up to this version; nothing is moved yet."""
    schema.migrate(empty, to=BEFORE)
    with empty.begin() as connection:
        connection.execute(text(INSERT), {"first": 1, "last": IMAGES})
    schema.migrate(empty)
    return empty


def stored(engine, article_id: int) -> bytes | None:
    with engine.connect() as connection:
        row = image.find(connection, str(article_id))
    jpeg = base64.b64decode(row.image)
    assert hashlib.sha256(jpeg).hexdigest() == row.sha256
    return jpeg


def count(engine, sql: str) -> int:
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar_one()


def store(engine, article_id: int, jpeg: bytes) -> None:
    with engine.begin() as connection:
        image.put_many(connection, [{"article_id": str(article_id), "url": None, "stored_by": "now", **result(jpeg)}])


def as_the_old_version(engine, article_id: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(INSERT), {"first": article_id, "last": article_id})


class Interrupted(Exception):
    pass


def interrupt_second_pass(engine, article_id: int) -> None:
    """Moves all images but one, which the old version stores just before its place is closed."""
    late = []

    def step(connection, cursor, statement, *rest):
        if late and "SKIP LOCKED" in statement:
            raise Interrupted
        if not late and "lock_timeout" in statement:
            late.append(article_id)
            as_the_old_version(engine, article_id)

    event.listen(engine, "before_cursor_execute", step)
    try:
        with pytest.raises(Interrupted):
            moving.move(engine)
    finally:
        event.remove(engine, "before_cursor_execute", step)


def interrupt(moved: int, share: float) -> None:
    if share > 0.4:
        raise Interrupted


def test_migrating_moves_nothing_and_everything_can_be_read_and_recalled(old):
    assert count(old, "SELECT count(*) FROM contents") == 0
    assert [stored(old, n) for n in (1, 7, IMAGES)] == [picture(n) for n in (1, 7, IMAGES)]
    source, settings = (hashlib.sha256(what).hexdigest() for what in (b"7", b"settings"))
    with old.connect() as connection:
        row, content = image.recall(connection, source_sha256=source, settings_sha256=settings)
    assert (row.article_id, base64.b64decode(content)) == ("7", picture(7))


def test_an_interrupted_move_goes_on_and_ends_in_the_schema_of_a_new_database(old):
    with pytest.raises(Interrupted):
        moving.move(old, interrupt)
    moved = count(old, "SELECT count(*) FROM contents")
    assert 0 < moved < IMAGES
    assert count(old, "SELECT count(*) FROM images WHERE image IS NULL") == moved
    moves, shares = [], []
    assert moving.move(old, lambda moved, share: (moves.append(moved), shares.append(share)))
    assert sum(moves) == IMAGES - moved, "nothing is moved twice"
    assert shares[-1] == 1
    with old.connect() as connection:
        assert differences(connection) == []
        assert not moving.unfinished(connection)
    assert [stored(old, n) for n in range(1, IMAGES + 1)] == [picture(n) for n in range(1, IMAGES + 1)]
    assert not moving.move(old), "there is nothing left to do"


def test_an_index_whose_building_was_interrupted_is_built_anew(old):
    with old.begin() as connection:
        connection.execute(text("CREATE INDEX ix_images_result ON images (article_id)"))
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_images_result'::regclass")
        )
    moving.move(old)
    with old.connect() as connection:
        assert differences(connection) == []


def test_a_reader_sees_each_image_during_the_move_and_what_is_stored_meanwhile_stays(old):
    over, seen, wrong = threading.Event(), [], []

    def read():
        while not over.is_set():
            for number in range(1, IMAGES + 1, 19):
                if stored(old, number) not in (picture(number), b"newer"):
                    wrong.append(number)
            seen.append(count(old, "SELECT count(*) FROM contents"))

    def write():
        for number in range(5, IMAGES + 1, 20):
            store(old, number, b"newer")

    threads = [threading.Thread(target=work) for work in (read, write)]
    for thread in threads:
        thread.start()
    try:
        moving.move(old)
        threads[1].join()
        read_after = len(seen) + 1
        while len(seen) <= read_after and threads[0].is_alive():
            over.wait(0.01)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert seen[-1] == IMAGES
    newer = set(range(5, IMAGES + 1, 20))
    assert all(stored(old, n) == (b"newer" if n in newer else picture(n)) for n in range(1, IMAGES + 1))


def test_what_a_process_of_the_old_version_stores_during_the_move_is_not_lost(old):
    store(old, 3, b"newer")  # its content is in the new table
    with old.begin() as connection:  # and is then replaced in the old place
        connection.execute(text(INSERT), {"first": 3, "last": 3})
    assert stored(old, 3) == picture(3)
    moving.move(old)
    assert stored(old, 3) == picture(3)


def test_an_article_that_lies_in_the_old_place_is_stored_anew_also_when_that_is_closed(old):
    interrupt_second_pass(old, 3)
    assert count(old, "SELECT count(*) FROM images WHERE image IS NOT NULL") == 1
    store(old, 3, b"newer")
    assert stored(old, 3) == b"newer"
    moving.move(old)
    assert stored(old, 3) == b"newer"


def test_the_old_version_can_store_nothing_once_its_place_is_closed(old):
    interrupt_second_pass(old, 3)
    for article in (3, 4, IMAGES + 1):
        with pytest.raises(DBAPIError, match="moved"):
            as_the_old_version(old, article)
    moving.move(old)
    with old.connect() as connection:
        assert differences(connection) == []


def test_rows_that_somebody_has_locked_are_passed_over_and_taken_later(old):
    moved = []
    with old.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SELECT FROM images WHERE article_id = '9' FOR UPDATE"))
        mover = threading.Thread(target=moving.move, args=(old, lambda count, share: moved.append(count)))
        mover.start()
        while mover.is_alive() and sum(moved) < IMAGES - 1:
            mover.join(0.01)
        transaction.rollback()
    mover.join()
    assert sum(moved) == IMAGES and stored(old, 9) == picture(9)


def test_the_way_back_puts_the_base64_where_it_was(old):
    moving.move(old)
    with old.begin() as connection:
        command.downgrade(schema._config(connection), BEFORE)
    assert count(old, "SELECT count(*) FROM images WHERE octet_length(decode(image, 'base64')) = bytes") == IMAGES


def test_the_way_back_is_open_in_the_middle_of_a_move(old):
    interrupt_second_pass(old, 3)
    with old.begin() as connection:
        command.downgrade(schema._config(connection), BEFORE)
    assert count(old, "SELECT count(*) FROM images WHERE octet_length(decode(image, 'base64')) = bytes") == IMAGES
    as_the_old_version(old, 3)
