"""An archive of links that workers convert: a PostgreSQL, an origin and a batch, with a log of every effect.

Each image that is stored leaves a line in ``effects``, a table without any key, so that what was done twice would show.
"""

from __future__ import annotations

import contextlib
import http.server
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import Engine

from belfoot_img.batches.lists import Line, check
from belfoot_img.batches.making import BatchMaker, Plan
from belfoot_img.models import engine_from_settings
from belfoot_img.settings import BulkSettings, DatabaseSettings, read_ini
from testbed import servers
from testbed.origin import Origin
from testbed.postgres import Postgres, postgres
from testbed.site import picture
from testbed.workers import worker_ini

EFFECTS = """
    CREATE TABLE effects (article_id text, at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION effect() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO effects (article_id) VALUES (new.article_id); RETURN new; END $$;
    CREATE TRIGGER effect AFTER INSERT OR UPDATE ON images FOR EACH ROW EXECUTE FUNCTION effect()
"""
STALLED = 3.0
"""Seconds of silence after which the workers of these tests count as dead."""


class Workers:
    """``belfoot-img worker`` processes that are started anew when they end, as systemd does it."""

    def __init__(self, ini: Path, database_url: str, count: int, queues: str = "live bulk"):
        self._ini, self._url, self._count, self._queues = ini, database_url, count, queues
        self._log = (ini.parent / "workers.log").open("ab")
        self._running: list[subprocess.Popen] = []
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> Workers:
        self._running = [self._start() for _ in range(self._count)]
        self._keeper.start()
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._keeper.join()
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    def any(self) -> psutil.Process:
        return psutil.Process(random.choice(self._running).pid)

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(process.pid) for process in self._running]

    def _start(self) -> subprocess.Popen:
        command = [servers.BIN / "belfoot-img", "worker", "--queues", self._queues, "--ini", self._ini]
        environment = {**servers.os.environ, "DATABASE_URL": self._url}
        return subprocess.Popen(
            list(map(str, command)), stdout=self._log, stderr=self._log, cwd=servers.PROJECT, env=environment
        )

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            self._running = [process if process.poll() is None else self._start() for process in self._running]


class Archive:
    """PostgreSQL, an origin, and batches that are made without HTTP."""

    def __init__(self, database: Postgres, origin: Origin, ini: Path):
        self.database, self.origin, self.ini = database, origin, ini
        self.settings: BulkSettings = _settings(ini, database.url)
        self.engine: Engine = engine_from_settings(DatabaseSettings(url=database.url))

    def batch(self, lines: list[Line], name: str = "", priority: str = "normal") -> int:
        maker = BatchMaker(self.settings)
        with self.engine.begin() as connection:
            batch, _ = maker.begin(connection, Plan("editor", name=name, priority=priority))
            maker.fill(connection, batch, lines)
            maker.finish(connection, batch)
        return batch.id

    def items(self) -> Counter:
        return Counter(dict(self.database.question("SELECT state, count(*) FROM batch_items GROUP BY state")))

    def tallied(self) -> Counter:
        columns = ", ".join(f"sum({state})" for state in STATES)
        (row,) = self.database.question(f"SELECT {columns} FROM shards")
        return Counter({state: count for state, count in zip(STATES, row, strict=True) if count})

    def ended(self) -> bool:
        return not self.database.question("SELECT 1 FROM batches WHERE ended_at IS NULL")

    def effects(self) -> tuple[int, int]:
        """(how many, how many distinct)"""
        return self.database.question("SELECT count(*), count(DISTINCT article_id) FROM effects")[0]

    def workers(self, count: int) -> Workers:
        return Workers(self.ini, self.database.url, count)


STATES = ("waiting", "stored", "superseded", "dead", "cancelled")


def _settings(ini: Path, url: str) -> BulkSettings:
    before = servers.os.environ.get("DATABASE_URL")
    servers.os.environ["DATABASE_URL"] = url
    try:
        return read_ini(ini).bulk
    finally:
        if before is None:
            del servers.os.environ["DATABASE_URL"]
        else:
            servers.os.environ["DATABASE_URL"] = before


@contextmanager
def archive(folder: Path, database: Postgres | None = None, **settings: str) -> Iterator[Archive]:
    """``database``: one of the caller's; by default the archive has its own."""
    folder.mkdir(parents=True, exist_ok=True)
    ini = worker_ini(
        folder, **{"bulk__stalled": f"{STALLED:g} s", "bulk__slice": "2 s", "bulk__shard": "50", **settings}
    )
    given = contextlib.nullcontext(database) if database else postgres(folder / "postgres")
    with given as database, Origin() as origin:
        database.question(EFFECTS)
        made = Archive(database, origin, ini)
        try:
            yield made
        finally:
            made.engine.dispose()


def links(made: Archive, count: int, source: Callable[[int], bytes] = picture) -> list[Line]:
    """Lines that name pictures of their own; each of those that ``picture`` makes has to be converted."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        content = source(int(handler.path.rpartition("?")[2]))
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    url = made.origin.serve(answer)
    return [check(number, str(number), f"{url}?{number}") for number in range(1, count + 1)]
