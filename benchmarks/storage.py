"""What growing does to the tables: GET, list and recall with few rows and with many, and moving an older database over.

    python -m benchmarks.storage --rows 10000000
    python -m benchmarks.storage --move 100000 --bytes 60000

The rows are small, so that many fit a disk (1 kB each with the indexes): their facts are as in production, their base64
is 44 characters long. Both sizes are measured in the same run, over one connection, through the queries of the service.
``--move`` fills a database of the version before, with pictures of ``--bytes``, and times what ``belfoot-img migrate
--move`` does.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Engine, text

from belfoot_img.models import engine_from_settings, image, moving, schema, short_session
from belfoot_img.settings import DatabaseSettings
from testbed.postgres import Postgres

FEW = 100_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first row was stored; each next one a millisecond later."""

FACTS = """article_id, url, width, height, bytes, sha256, source_format, source_width, source_height, source_bytes,
  source_sha256, action, policy, scale, encodes, milliseconds, reused, settings_sha256, stored_by, created_at,
  updated_at"""
VALUES = """n, 'http://example.com/' || n, 40, 30, octet_length(jpeg), encode(sha256(jpeg), 'hex'), 'PNG', 1, 1, 3,
  encode(sha256(convert_to(n::text, 'UTF8')), 'hex'), 'kept', 'best', 1, 0, 0, false,
  encode(sha256('settings'), 'hex'), 'editor', at, at"""
ROWS = """generate_series(CAST(:first AS int), CAST(:last AS int)) n,
  LATERAL (SELECT {jpeg} AS jpeg, timestamptz '2026-01-01 00:00Z' + n * interval '1 ms' AS at) made"""
SETTINGS_SHA256 = hashlib.sha256(b"settings").hexdigest()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--few", type=int, default=FEW, help="rows that the many are compared with")
    options.add_argument("--queries", type=int, default=2000, help="of each kind, for each size")
    options.add_argument("--partitions", type=int, default=8)
    options.add_argument("--move", type=int, metavar="IMAGES", help="time moving so many images, and nothing else")
    options.add_argument("--bytes", type=int, default=180_000, help="of each picture that is moved")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="belfoot_img-bench-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres")
        server.start()
        engine = engine_from_settings(DatabaseSettings(url=server.url, statement=3600 * 24))
        try:
            if chosen.move:
                move(engine, chosen.move, chosen.bytes)
            else:
                grow(engine, chosen.few, chosen.rows, chosen.queries, chosen.partitions)
        finally:
            engine.dispose()
            server.stop()


def grow(engine: Engine, few: int, rows: int, queries: int, partitions: int) -> None:
    schema.migrate(engine, partitions)
    print(f"| p50 and p99 in ms, {partitions} partitions | GET | list | recall | filled in |\n|---|---|---|---|---|")
    first = 1
    for last in (few, rows):
        began = time.monotonic()
        fill(engine, first, last)
        filled, first = time.monotonic() - began, last + 1
        cells = [quantiles(engine, ask, last, queries) for ask in (get, list_, recall)]
        print(f"| {last} rows | {' | '.join(cells)} | {filled:.0f} s |", flush=True)
    with short_session(engine) as connection:
        sizes = text("""SELECT pg_total_relation_size('images') / 1e6, pg_relation_size('ix_images_result') / 1e6,
            (SELECT sum(pg_total_relation_size(inhrelid)) / 1e6 FROM pg_inherits
             WHERE inhparent = 'contents'::regclass)""")
        facts, index, contents = connection.execute(sizes).one()
    print(f"\nimages {facts:.0f} MB, of it the index of results {index:.0f} MB; contents {contents:.0f} MB")


def fill(engine: Engine, first: int, last: int) -> None:
    """Adds rows: without foreign keys, and the indexes are built once the rows are there."""
    rows = ROWS.format(jpeg="decode(repeat('00', 33), 'hex')")
    numbers = {"first": first, "last": last}
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        asked = text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'images' AND indexname LIKE 'ix_%'")
        indexes = connection.execute(asked).all()
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        connection.execute(text(f"INSERT INTO images ({FACTS}) SELECT {VALUES} FROM {rows}"), numbers)
        content = "SELECT n, octet_length(jpeg), encode(sha256(jpeg), 'hex'), encode(jpeg, 'base64')"
        connection.execute(text(f"INSERT INTO contents {content} FROM {rows}"), numbers)
        for _, definition in indexes:
            connection.exec_driver_sql(definition)
    with short_session(engine) as connection:
        for table in ("images", "contents"):
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")


def get(connection, number: int) -> None:
    assert image.find(connection, str(number)).image


def list_(connection, number: int) -> None:
    image.page(connection, limit=50, after=(FIRST + timedelta(milliseconds=number), str(number)))


def recall(connection, number: int) -> None:
    source = hashlib.sha256(str(number).encode()).hexdigest()
    assert image.recall(connection, source_sha256=source, settings_sha256=SETTINGS_SHA256)


def quantiles(engine: Engine, ask: Callable, rows: int, queries: int) -> str:
    """The first tenth is not counted."""
    chance, seconds = random.Random(1), []
    with short_session(engine) as connection:
        for _ in range(queries):
            number = chance.randint(1, rows)
            began = time.perf_counter()
            ask(connection, number)
            seconds.append(time.perf_counter() - began)
    cuts = statistics.quantiles(seconds[queries // 10 :], n=100)
    return f"{1000 * cuts[49]:.2f}, {1000 * cuts[98]:.2f}"


def move(engine: Engine, images: int, size: int) -> None:
    schema.migrate(engine, to="0009")
    # Pictures that differ; a hash for every 32 bytes would take longer than the rest.
    jpeg = f"sha256(convert_to(n::text, 'UTF8')) || decode(repeat('ab', {max(0, size - 32)}), 'hex')"
    insert = f"INSERT INTO images ({FACTS}, image) SELECT {VALUES}, replace(encode(jpeg, 'base64'), E'\\n', '')"
    with engine.begin() as connection:
        connection.execute(text(f"{insert} FROM {ROWS.format(jpeg=jpeg)}"), {"first": 1, "last": images})
    began = time.monotonic()
    schema.migrate(engine)
    migrated, lots = time.monotonic() - began, [time.monotonic()]
    moving.move(engine, lambda moved, share: lots.append(time.monotonic()))
    seconds = time.monotonic() - began - migrated
    longest = max(after - before for before, after in pairwise(lots))
    print(f"| moving {images} images of {size} bytes | |\n|---|---|")
    print(f"| migrate, with the table locked | {migrated:.2f} s |")
    print(f"| migrate --move | {seconds:.0f} s, {images / seconds:.0f} images a second |")
    print(f"| longest lot or vacuum | {longest:.2f} s |")


if __name__ == "__main__":
    main()
