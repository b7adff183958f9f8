"""Moves the base64 that lies in ``images`` into ``contents``, in a database that was made before there was that table.

It runs while the service does. A lot is a few pages of the table, committed by itself; it locks its rows for a second
and passes over those that somebody else has locked, so a reader never waits and a writer hardly. Interrupted, it goes
on where it was. Each image can be read at any moment: ``image.find`` looks into ``contents`` and then into ``images``.

The pages are taken from the end of the table, and a vacuum after each twentieth gives their space back to the disk, so
the disk need not hold the archive twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from belfoot_img.models import deadlines

LOT = 16
"""Pages of ``images``: 50 to 250 images, since a page of 8 kB holds the facts of 3 to 15."""
VACUUMS = 20
"""Vacuums for one pass over the table."""
PAUSE = 0.5
"""Seconds before another look at rows that were locked."""

RESULT = "hashtextextended(source_sha256 || settings_sha256, 0)"

UNFINISHED = text(
    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('images') AND attname = 'image'"
    " AND NOT attisdropped) AND to_regclass('contents') IS NOT NULL"
)
LOCK = text("""
    SELECT article_id FROM images
    WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:end AS tid) AND image IS NOT NULL
    FOR UPDATE SKIP LOCKED""")
COPY = text("""
    INSERT INTO contents AS older (article_id, bytes, sha256, image)
    SELECT article_id, bytes, sha256, image FROM images
    WHERE article_id = ANY(:articles) AND NOT EXISTS (
        SELECT FROM contents WHERE contents.article_id = images.article_id AND contents.sha256 = images.sha256)
    ON CONFLICT (article_id) DO UPDATE
    SET bytes = excluded.bytes, sha256 = excluded.sha256, image = excluded.image""")
"""An article that was stored again meanwhile has its content already, with the ``sha256`` of its facts: that stays. Its
row is locked by an earlier statement, so this one sees whatever was stored."""
CLEAR = text("UPDATE images SET image = NULL WHERE article_id = ANY(:articles)")

CLOSE = """
    ALTER TABLE images DROP CONSTRAINT IF EXISTS ck_images_moved;
    CREATE OR REPLACE FUNCTION images_moved() RETURNS trigger LANGUAGE plpgsql AS $refuse$ BEGIN
        RAISE EXCEPTION 'images.image was moved to contents: reload what runs the older version';
    END $refuse$;
    DROP TRIGGER IF EXISTS images_moved ON images;
    CREATE TRIGGER images_moved BEFORE INSERT OR UPDATE OF image ON images
        FOR EACH ROW WHEN (NEW.image IS NOT NULL) EXECUTE FUNCTION images_moved()"""
"""A process of the old version that was forgotten can store nothing from here on. No CHECK: that would refuse this
version's updates too, of rows whose base64 the second pass has yet to reach. They do not name the column."""
DROP = """
    DROP FUNCTION images_moved() CASCADE;
    ALTER TABLE images DROP COLUMN image"""
"""With the function goes its trigger, which depends on the column."""

Report = Callable[[int, float], None]
"""Images that were moved since the last call, and the share of the table that was passed, 0 to 1."""


def unfinished(connection: Connection) -> bool:
    """Returns whether base64 lies in ``images``, or the column for it is still there."""
    return connection.execute(UNFINISHED).scalar_one()


def move(engine: Engine, report: Report = lambda moved, share: None) -> bool:
    """Returns whether there was anything to do. Two at once wait for each other."""
    with _by_itself(engine) as connection:
        if not unfinished(connection):
            return False
        _build_index(connection)
        _move_all(connection, report)
        _briefly(connection, CLOSE)
        _move_all(connection, report)
        _briefly(connection, DROP)
        connection.execute(text("DROP INDEX CONCURRENTLY IF EXISTS ix_images_source_sha256_settings_sha256"))
        connection.execute(text("VACUUM (ANALYZE) images"))
        connection.execute(text("ANALYZE contents"))
        return True


@contextmanager
def _by_itself(engine: Engine) -> Iterator[Connection]:
    """Opens a connection without deadlines, alone in the database, on which each statement commits by itself."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.driver_connection
        assert driver is not None, "it was checked out just now"
        deadlines.lift(driver)
        connection.execute(text("SELECT pg_advisory_lock(hashtext('belfoot_img move'))"))
        try:
            yield connection
        finally:
            connection.invalidate()  # which gives the lock back


def _build_index(connection: Connection) -> None:
    """Builds the index while others read and write. An interrupted build leaves an invalid index."""
    valid = connection.execute(
        text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_images_result')")
    ).scalar()
    if valid is False:
        connection.execute(text("DROP INDEX CONCURRENTLY ix_images_result"))
    if not valid:
        connection.execute(text(f"CREATE INDEX CONCURRENTLY ix_images_result ON images ({RESULT})"))


def _move_all(connection: Connection, report: Report) -> None:
    left = text("SELECT EXISTS (SELECT FROM images WHERE image IS NOT NULL)")
    while connection.execute(left).scalar_one():
        if not _pass(connection, report):
            time.sleep(PAUSE)


def _pass(connection: Connection, report: Report) -> int:
    """Returns how many images were moved. What another transaction has locked or moves to another page is left."""
    pages = connection.execute(
        text("SELECT pg_relation_size('images') / current_setting('block_size')::bigint")
    ).scalar_one()
    total, vacuum_at = 0, pages - pages / VACUUMS
    for end in range(pages, 0, -LOT):
        first = max(0, end - LOT)
        moved = _lot(connection, first, end)
        total += moved
        report(moved, 1 - first / pages)
        if first < vacuum_at:
            vacuum_at -= pages / VACUUMS
            connection.execute(text("VACUUM images"))
    return total


def _lot(connection: Connection, first: int, end: int) -> int:
    """Moves the images of the pages [first, end) in one transaction, and returns how many they are."""
    with _transaction(connection):
        articles = connection.execute(LOCK, {"first": f"({first},0)", "end": f"({end},0)"}).scalars().all()
        if articles:
            connection.execute(COPY, {"articles": articles})
            connection.execute(CLEAR, {"articles": articles})
    return len(articles)


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """Opens a transaction on a connection whose statements otherwise commit by themselves."""
    connection.execute(text("BEGIN"))
    yield
    connection.execute(text("COMMIT"))


def _briefly(connection: Connection, statement: str) -> None:
    """Runs what needs the table for itself for a moment: gives way where it does not get it in a second, so that no
    reader waits for longer behind it."""
    connection.execute(
        text(f"""
        DO $$ BEGIN
            PERFORM set_config('lock_timeout', '1s', true);
            LOOP
                BEGIN
                    {statement};
                    EXIT;
                EXCEPTION WHEN lock_not_available THEN
                    PERFORM pg_sleep(1);
                END;
            END LOOP;
        END $$""")
    )
