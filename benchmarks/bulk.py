"""What the queue costs: many small items are handed over and drained, with a converter that does nothing.

    python -m benchmarks.bulk --items 100000 --workers 2 [--large]

Each worker is a process of its own, as in production; only downloading and converting are replaced, by one result that
is there already. What is left is the engine: reading the list, jobs, transactions, the stored row. Prints a table: the
rate, a worker's CPU for each item, its memory at the beginning and the end, the time of one fetch of a job, and what
an item takes in the queue's own tables. ``--large`` stores JPEGs of some 180 kB: how many images one PostgreSQL takes.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from sqlalchemy import text

from belfoot_img.batches.lists import read
from belfoot_img.batches.making import BatchMaker, Filling, Plan
from belfoot_img.batches.shards import ShardRunner
from belfoot_img.batches.worker import WorkerProcess
from belfoot_img.imaging.converter import Converted, convert_bytes
from belfoot_img.models import engine_from_settings
from belfoot_img.settings import BulkSettings, DatabaseSettings, ImagingSettings, Settings
from belfoot_img.store import Conversion, ImageStore, fingerprint
from testbed.photographs import noisy_jpeg, png
from testbed.postgres import postgres

HOSTS = 50
SETTINGS = BulkSettings(per_host_rate=1e6, jobs=4, rescue=10)


class Stub(ImageStore):
    """Stores as ever; converting gives the same small JPEG at once."""

    result: Converted

    def convert(self, url=None, source=None, **how):
        return Conversion(self.result, "0" * 64, fingerprint(self._settings), url, 0, False)


class Worker(WorkerProcess):
    large = False

    def _runner(self, converter, pool: ThreadPoolExecutor) -> ShardRunner:
        images = Stub(self._engine, converter, self._settings.imaging)
        images.result = convert_bytes(noisy_jpeg(0, 512) if self.large else png(40, 30), ImagingSettings())
        return ShardRunner(self._engine, images, lambda url: b"", SETTINGS, pool, self._places, self._stopping)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--items", type=int, default=100_000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--large", action="store_true", help="JPEGs of some 180 kB in place of 1 kB")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.worker:
        worker = Worker(Settings(database=DatabaseSettings(url=chosen.worker), bulk=SETTINGS), ["bulk"])
        worker.large = chosen.large
        worker.run()
        return
    with tempfile.TemporaryDirectory(prefix="belfoot_img-bench-") as folder:
        Path(folder).chmod(0o755)
        with postgres(Path(folder) / "postgres") as database:
            measure(database.url, chosen.items, chosen.workers, ["--large"] if chosen.large else [])


def measure(url: str, items: int, count: int, how: list[str]) -> None:
    engine = engine_from_settings(DatabaseSettings(url=url))
    began = time.monotonic()
    maker, shard = BatchMaker(SETTINGS), SETTINGS.shard
    with engine.begin() as connection:
        batch, _ = maker.begin(connection, Plan("benchmark"))
    listed = io.BytesIO(b"".join(b"%d,http://host%d.example.com/%d.jpg\n" % (n, n % HOSTS, n) for n in range(items)))
    for _ in Filling(engine, maker, batch, shard, resumed=False).add(read(listed)):
        pass
    reading = time.monotonic() - began
    command = [sys.executable, "-m", "benchmarks.bulk", "--worker", url, *how]
    workers = [psutil.Process(subprocess.Popen(command, env=os.environ).pid) for _ in range(count)]
    try:
        memory, fetches, seconds, cpu = drained(engine, items, workers)
        taken = {name: _taken(engine, name) / items for name in ("batch_items", "images", "contents", "previews")}
    finally:
        for worker in workers:
            worker.terminate()
        psutil.wait_procs(workers, 30)
        engine.dispose()
    told = ", ".join(f"{name} {taken[name]:.0f}" for name in taken)
    third = len(fetches) // 3 or 1
    print("| engine alone, converter stubbed | |\n|---|---|")
    print(f"| items, workers | {items}, {count} |")
    print(f"| read into the table | {items / reading:.0f} a second |")
    print(f"| bytes an item, with indexes | {told} |")
    print(f"| drained | {items / seconds:.0f} a second |")
    print(f"| CPU of the workers | {1000 * cpu / items:.2f} ms an item |")
    print(f"| memory of a worker, a tenth in and at the end | {memory[0]:.0f} MB, {memory[1]:.0f} MB |")
    print(
        f"| one fetch of a job, first and last third | {1000 * statistics.median(fetches[:third]):.2f} ms, "
        f"{1000 * statistics.median(fetches[-third:]):.2f} ms |"
    )


def drained(engine, items: int, workers: list[psutil.Process]):
    """((MB a tenth in, MB at the end), seconds of each fetch, seconds in all, CPU seconds)"""
    fetches: list[float] = []
    over = threading.Event()
    prober = threading.Thread(target=_probe, args=(engine, fetches, over))
    done, first = 0, 0.0
    while not done:
        done = _done(engine)
        time.sleep(0.1)
    began, start, before = time.monotonic(), done, sum(sum(worker.cpu_times()[:2]) for worker in workers)
    prober.start()
    while (done := _done(engine)) < items:
        if not first and done > items / 10:
            first = _megabytes(workers)
        time.sleep(0.5)
    over.set()
    seconds, cpu = time.monotonic() - began, sum(sum(worker.cpu_times()[:2]) for worker in workers) - before
    prober.join()
    share = items / max(1, items - start)
    return (first, _megabytes(workers)), fetches or [0.0], seconds * share, cpu * share


def _probe(engine, fetches: list[float], over: threading.Event) -> None:
    while not over.wait(0.5):
        raw = engine.raw_connection()
        with raw.cursor() as cursor:
            cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
            (worker,) = cursor.fetchone()
            began = time.perf_counter()
            cursor.execute("SELECT id FROM procrastinate_fetch_job_v2(ARRAY['bulk'], %s)", (worker,))
            fetches.append(time.perf_counter() - began)
        raw.rollback()
        raw.close()


def _done(engine) -> int:
    with engine.begin() as connection:
        return connection.execute(text("SELECT sum(stored + superseded + dead) FROM shards")).scalar_one()


def _taken(engine, table: str) -> int:
    """Returns the bytes of a table with its partitions, indexes and TOAST."""
    asked = """
        SELECT pg_total_relation_size(CAST(:table AS regclass)) + coalesce(sum(pg_total_relation_size(relid)), 0)
        FROM pg_partition_tree(CAST(:table AS regclass))"""
    with engine.begin() as connection:
        return int(connection.execute(text(asked), {"table": table}).scalar_one())


def _megabytes(workers: list[psutil.Process]) -> float:
    return max(worker.memory_info().rss for worker in workers) / 1e6


if __name__ == "__main__":
    main()
