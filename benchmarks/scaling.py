"""How a batch of real photographs scales: one worker, then two, of one conversion at a time each.

    python -m benchmarks.scaling FOLDER [--rounds 4] [--workers 1 2]

FOLDER holds pictures; each of them is an item of the batch, in each round with other bytes behind its end, so that no
result is reused. They come from an origin on the loopback, and go into a PostgreSQL of the benchmark's own. Before the
clock starts each worker has converted something. Prints a table: images a second, their ratio to as many times the
first row's, and the share of CPU time, of workers and PostgreSQL together, that was not spent in converting processes.
Each picture is a job of its own, which is the most that the queue can cost.

It is worth what the machine is quiet: there should be a core for each worker and some of another for the rest.
"""

from __future__ import annotations

import argparse
import http.server
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from belfoot_img.batches.lists import check
from belfoot_img.batches.making import BatchMaker, Plan
from belfoot_img.models import engine_from_settings
from belfoot_img.settings import BulkSettings, DatabaseSettings
from testbed.origin import Origin
from testbed.photographs import png
from testbed.ports import until
from testbed.postgres import postgres
from testbed.workers import worker

SETTINGS = BulkSettings(shard=1, per_host=32)
"""A picture a job, so that the workers end at about the same time."""
WORKER = {
    "converting": "1",
    "bulk__jobs": "3",
    "bulk__shard": str(SETTINGS.shard),
    "bulk__per_host": str(SETTINGS.per_host),
    "bulk__per_host_rate": "100000/s",
}
PATIENCE = 3600.0


@dataclass(frozen=True)
class Run:
    """CPU times in seconds."""

    images: int
    failed: int
    seconds: float
    converting: float
    workers: float
    postgres: float

    @property
    def rate(self) -> float:
        return self.images / self.seconds

    @property
    def overhead(self) -> float:
        """Returns the share of CPU time that was not conversion."""
        beside = self.workers + self.postgres
        return beside / (beside + self.converting)

    def cells(self, ratio: float) -> str:
        """Returns the row of the table behind its first cell."""
        beside = " and ".join(
            f"{1000 * seconds / self.images:.0f} ms {who}"
            for who, seconds in (("worker", self.workers), ("PostgreSQL", self.postgres))
        )
        cells = (
            f"{self.images}" + (f", {self.failed} failed" if self.failed else ""),
            f"{self.seconds:.1f}",
            f"{self.rate:.2f}",
            f"{ratio:.2f}",
            f"{self.converting / self.images:.2f}",
            f"{100 * self.overhead:.1f} % ({beside} an image)",
        )
        return " | ".join(cells)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--rounds", type=int, default=4, help="how often each picture is converted")
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    chosen = options.parse_args()
    pictures = sorted(path for path in chosen.folder.iterdir() if path.is_file() and path.suffix != ".tsv")
    if not pictures:
        options.error(f"{chosen.folder} holds no pictures")
    print("| workers | images | s | images/s | of linear | CPU s an image, converting | CPU beside converting |")
    print("|---|---|---|---|---|---|---|", flush=True)
    alone = None
    for count in chosen.workers:
        with tempfile.TemporaryDirectory(prefix="belfoot_img-bench-") as folder:
            Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own where root starts it
            run = measure(Path(folder), pictures, chosen.rounds, count)
        alone = alone or run.rate / count
        print(f"| {count} | {run.cells(run.rate / count / alone)} |", flush=True)


def measure(folder: Path, pictures: Sequence[Path], rounds: int, count: int) -> Run:
    with ExitStack() as stack:
        database = stack.enter_context(postgres(folder / "postgres"))
        origin = stack.enter_context(Origin())
        engine = engine_from_settings(DatabaseSettings(url=database.url))
        stack.callback(engine.dispose)
        workers = []
        for number in range(count):
            (own := folder / f"worker{number}").mkdir()
            started = stack.enter_context(worker(own, database.url, "bulk", **WORKER))
            workers.append(psutil.Process(started.pid))
        warm_up(engine, origin, workers)
        urls = [origin.serve(serving(path), path.name) for path in pictures]
        server = next(child for child in psutil.Process().children() if child.name() == "postgres")
        before, began = cpu(workers, server), time.monotonic()
        images, failed = converted(engine, [f"{url}?{number}" for number in range(rounds) for url in urls])
        seconds = time.monotonic() - began
        spent = [later - earlier for earlier, later in zip(before, cpu(workers, server), strict=True)]
    return Run(images, failed, seconds, *spent)


def warm_up(engine: Engine, origin: Origin, workers: Sequence[psutil.Process]) -> None:
    """Returns when each worker has a process that converts."""
    for number in range(100):
        converted(engine, [origin.serve(png(300 + number, 200 + n)) for n in range(4 * len(workers))])
        if all(worker.children() for worker in workers):
            return
    raise RuntimeError("a worker converts nothing")


def serving(path: Path):
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        number = handler.path.rpartition("?")[2]
        content = path.read_bytes() + (number.encode() if int(number) else b"")
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def converted(engine: Engine, urls: Sequence[str]) -> tuple[int, int]:
    """Makes a batch of the links and waits for its end. Returns (images stored, items that failed)"""
    maker = BatchMaker(SETTINGS)
    with engine.begin() as connection:
        batch, _ = maker.begin(connection, Plan("benchmark"))
        maker.fill(connection, batch, [check(number, str(number), url) for number, url in enumerate(urls, 1)])
        maker.finish(connection, batch)
    until(lambda: ended(engine, batch.id), PATIENCE, "the batch ends", 0.2)
    with engine.begin() as connection:
        asked = "SELECT sum(stored + superseded), sum(dead) FROM shards WHERE batch_id = :batch"
        return tuple(connection.execute(text(asked), {"batch": batch.id}).one())


def ended(engine: Engine, batch_id: int) -> bool:
    with engine.begin() as connection:
        asked = text("SELECT ended_at IS NOT NULL FROM batches WHERE id = :batch")
        return connection.execute(asked, {"batch": batch_id}).scalar_one()


def cpu(workers: Sequence[psutil.Process], server: psutil.Process) -> tuple[float, float, float]:
    """(converting processes, workers, PostgreSQL); those that have ended are in their parents' times."""
    converting = sum(below(worker) for worker in workers)
    own = sum(sum(worker.cpu_times()[:2]) for worker in workers)
    return converting, own, sum(server.cpu_times()[:2]) + below(server)


def below(process: psutil.Process) -> float:
    times = process.cpu_times()
    running = sum(sum(child.cpu_times()[:4]) for child in process.children(recursive=True))
    return times.children_user + times.children_system + running


if __name__ == "__main__":
    main()
