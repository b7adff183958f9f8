"""How long the database may take: a client-side deadline for every wait, and a circuit breaker for new connections.

PostgreSQL's own ``statement_timeout`` ends what a healthy server takes too long for. It cannot help where the server is
frozen, its disk hangs or the network drops packets: libpq would then wait for as long as the connection exists.
psycopg2 hands each of its waits to ``wait`` (``set_wait_callback``), which gives up in time; psycopg2 then closes the
connection and SQLAlchemy discards it. Measured: 1 µs a wait, of which a statement has one to three.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, set_wait_callback
from psycopg2.extensions import connection as Psycopg2Connection
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from belfoot_img.settings import DatabaseSettings

MARGIN = 0.5
"""Seconds that the client waits beyond the server's own ``statement_timeout``, whose answer is the better one: the
connection survives it."""
PAUSE = 1.0
"""Seconds after a failed connect in which no other is tried: requests fail fast instead of queueing up."""
ABANDONED = 30_000
"""Milliseconds after which the server ends a transaction whose client does nothing (a host that lost its power)."""


class BoundedConnection(Psycopg2Connection):
    """A connection with a deadline: no wait takes longer than ``patience`` seconds; None waits for ever."""

    patience: float | None = None


def wait(connection: Psycopg2Connection) -> None:
    """psycopg2's wait callback, for every connection of the process. Raises OperationalError at the deadline."""
    patience = getattr(connection, "patience", None)
    end = None if patience is None else time.monotonic() + patience
    while (state := connection.poll()) != POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not poller.poll(None if end is None else max(0, end - time.monotonic()) * 1000):
            raise psycopg2.OperationalError(f"the database did not answer within {patience} s")


class CircuitBreaker:
    """Fails fast while the database is down: after a failed connect one caller at a time probes, the others get an
    error at once.

    Closed, it lets every connect through. A failure opens it for PAUSE seconds; then the next caller probes, while it
    stays open for the others. A probe that succeeds closes it. Thread-safe.
    """

    def __init__(self, patience: float):
        """``patience``: seconds that a connect takes at most."""
        self._probing = patience + PAUSE
        self._open_until: float | None = None
        self._lock = threading.Lock()

    def connect(self, make: Callable[[], Psycopg2Connection]) -> Psycopg2Connection:
        """Raises psycopg2.OperationalError."""
        with self._lock:
            if self._open_until is not None:
                if time.monotonic() < self._open_until:
                    raise psycopg2.OperationalError("the database did not answer a moment ago")
                self._open_until = time.monotonic() + self._probing
        try:
            connection = make()
        except psycopg2.OperationalError:
            with self._lock:
                self._open_until = time.monotonic() + PAUSE
            raise
        with self._lock:
            self._open_until = None
        return connection


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Returns what ``create_engine`` passes to psycopg2."""

    class Connecting(BoundedConnection):
        patience = settings.connect

    options = {"statement_timeout": round(settings.statement * 1000), "idle_in_transaction_session_timeout": ABANDONED}
    return {
        "connection_factory": Connecting,
        "application_name": "belfoot_img",
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }


def keep(engine: Engine, settings: DatabaseSettings) -> None:
    """Makes the engine's connections keep the deadlines, and replaces those that the server closed in the pool."""
    set_wait_callback(wait)
    breaker = CircuitBreaker(settings.connect)

    @event.listens_for(engine, "do_connect")
    def connect(dialect, record, arguments, options):
        return breaker.connect(lambda: dialect.connect(*arguments, **options))

    @event.listens_for(engine, "connect")
    def connected(connection, record):
        connection.patience = settings.statement + MARGIN

    @event.listens_for(engine, "checkout")
    def alive(connection, record, proxy):
        """Returns whether the connection is open, without asking the server: a server that closed it left an
        end-of-file to read."""
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN)
        if poller.poll(0):
            raise DisconnectionError("the server closed this connection")


def lift(connection: Psycopg2Connection) -> None:
    """Removes the deadlines from this connection: a migration may take as long as it needs."""
    if isinstance(connection, BoundedConnection):
        connection.patience = None
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
