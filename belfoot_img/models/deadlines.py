"""How long the database may take: a client's deadline on every wait for it, and no queue before one that is away.

PostgreSQL's own ``statement_timeout`` ends what a healthy server takes too long for. It cannot help where the server is
frozen, its disk hangs or the network swallows packets: libpq would then wait for as long as the connection stands.
psycopg2 hands each of its waits to ``wait`` (``set_wait_callback``), which gives up in time; psycopg2 then closes the
connection and SQLAlchemy throws it away. Measured: 1 µs a wait, of which a statement has one to three.
"""

from __future__ import annotations

import select
import threading
import time

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, set_wait_callback
from psycopg2.extensions import connection as Psycopg2Connection
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from belfoot_img.settings import DatabaseSettings, one_line

MARGIN = 0.5
"""Seconds that the client waits beyond the server's own ``statement_timeout``, whose answer is the better one: the
connection survives it."""
PAUSE = 1.0
"""Seconds after a failed connect in which nobody else tries: requests are refused at once instead of queueing up."""
ABANDONED = 30_000
"""Milliseconds after which the server drops a transaction whose client does nothing (a host that lost its power)."""


def reason(error: Exception) -> str:
    """What the database or its driver says is wrong, in one line; neither puts a password into it."""
    return one_line(getattr(error, "orig", None) or error)


class Connection(Psycopg2Connection):
    """One that does not wait for longer than ``patience`` seconds at a time; None waits for ever."""

    patience: float | None = None


def wait(connection: Psycopg2Connection) -> None:
    """psycopg2's wait callback, for every connection of the process. Raises OperationalError when time is up."""
    patience = getattr(connection, "patience", None)
    end = None if patience is None else time.monotonic() + patience
    while (state := connection.poll()) != POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not poller.poll(None if end is None else max(0, end - time.monotonic()) * 1000):
            raise psycopg2.OperationalError(f"the database did not answer within {patience} s")


class Door:
    """Where new connections are made. After a failure one caller knocks at a time; the others are refused at once."""

    def __init__(self, patience: float):
        self._knocking = patience + PAUSE
        self._closed_until: float | None = None
        self._lock = threading.Lock()

    def connect(self, make) -> Psycopg2Connection:
        """Raises psycopg2.OperationalError."""
        with self._lock:
            if self._closed_until is not None:
                if time.monotonic() < self._closed_until:
                    raise psycopg2.OperationalError("the database did not answer a moment ago")
                self._closed_until = time.monotonic() + self._knocking
        try:
            connection = make()
        except psycopg2.OperationalError:
            with self._lock:
                self._closed_until = time.monotonic() + PAUSE
            raise
        with self._lock:
            self._closed_until = None
        return connection


def connect_arguments(settings: DatabaseSettings) -> dict:
    """What ``create_engine`` hands to psycopg2."""

    class Connecting(Connection):
        patience = settings.connect

    options = {"statement_timeout": round(settings.statement * 1000), "idle_in_transaction_session_timeout": ABANDONED}
    return {
        "connection_factory": Connecting,
        "application_name": "belfoot_img",
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }


def keep(engine: Engine, settings: DatabaseSettings) -> None:
    """Makes the engine's connections keep the deadlines, and replaces those that died in the pool unnoticed."""
    set_wait_callback(wait)
    door = Door(settings.connect)

    @event.listens_for(engine, "do_connect")
    def through_the_door(dialect, record, arguments, options):
        return door.connect(lambda: dialect.connect(*arguments, **options))

    @event.listens_for(engine, "connect")
    def connected(connection, record):
        connection.patience = settings.statement + MARGIN

    @event.listens_for(engine, "checkout")
    def alive(connection, record, proxy):
        """A server that closed the connection left an end-of-file to read, which costs no question to see."""
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN)
        if poller.poll(0):
            raise DisconnectionError("the server closed this connection")


def lift(connection: Psycopg2Connection) -> None:
    """No deadlines on this connection from now on: a migration takes what it takes."""
    if isinstance(connection, Connection):
        connection.patience = None
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
