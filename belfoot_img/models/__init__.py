"""Engine, sessions, transactions.

``request.dbsession`` is the session of a request that changes something: pyramid_tm commits it when the view returned,
and rolls it back when anything was raised. ``request.short_session()`` is for reading: each statement commits by itself
in one round trip, without the ORM, and leaving the block gives the connection back; there is no transaction. A
database that fails raises DatabaseUnavailable, wherever it is asked (``failures``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import zope.sqlalchemy
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import configure_mappers, sessionmaker

from belfoot_img import metrics
from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.models import (  # noqa: F401  every table is known from here
    batch,
    content,
    deadlines,
    embedded,
    failed_post,
    failures,
    image,
    listing,
    login,
    moving,
    preview,
    schema,
    thumbnail,
    user,
)
from belfoot_img.settings import DatabaseSettings, SettingsError

log = logging.getLogger(__name__)

configure_mappers()


def engine_from_settings(settings: DatabaseSettings) -> Engine:
    """Raises SettingsError where the URL is none of PostgreSQL's."""
    folder = settings.embedded_postgres
    url = embedded.start(folder) if folder else database_url(settings.url)
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=failures.Pool,
        pool_size=settings.connections,
        max_overflow=0,
        pool_timeout=settings.wait,
        connect_args=deadlines.connect_arguments(settings),
    )
    deadlines.keep(engine, settings)
    failures.translate(engine)
    return engine


def database_url(text: str | None) -> URL:
    """Raises SettingsError where it is no URL of PostgreSQL's."""
    try:
        url = make_url(text or "")
    except (ArgumentError, ValueError):
        url = URL.create("none")
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg2"):
        raise SettingsError(
            "sqlalchemy.url = (not shown): should be a PostgreSQL URL such as postgresql://user:password@host/database"
        )
    return url.set(drivername="postgresql+psycopg2")


@contextmanager
def short_session(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement commits by itself; rows stay readable after it.

    psycopg2's own switch costs no round trip. SQLAlchemy's (``isolation_level="AUTOCOMMIT"``) asks the server when it
    is switched back; where the server has just died, the pool loses that connection for good.
    """
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None, "it was checked out just now"
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


def _count_connections(engine: Engine) -> None:
    event.listen(engine, "connect", lambda *_: metrics.connections.inc())
    event.listen(engine, "close", lambda *_: metrics.connections.dec())
    event.listen(engine, "checkout", lambda *_: metrics.connections_in_use.inc())
    event.listen(engine, "checkin", lambda *_: metrics.connections_in_use.dec())


def changes_something(request) -> bool:
    """Returns whether the request gets a transaction."""
    return request.method not in ("GET", "HEAD")


def includeme(config):
    settings: DatabaseSettings = config.registry["settings"].database
    engine = engine_from_settings(settings)
    config.registry["engine"] = engine
    _count_connections(engine)
    try:
        schema.refuse_old(engine)
    except DatabaseUnavailable as error:
        # The service starts without its database: it is not ready, and connects when the database is back.
        log.warning("the database does not answer yet: %s", error.reason)
    except DBAPIError as error:
        right = f"the URL of a database that this service may use ({failures.reason(error)})"
        raise SettingsError(f"sqlalchemy.url = (not shown): should be {right}") from None
    new_session = sessionmaker(engine)

    def dbsession(request):
        session = new_session()
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    config.add_settings({"tm.activate_hook": "belfoot_img.models.changes_something"})
    config.add_request_method(dbsession, reify=True)
    config.add_request_method(lambda request: short_session(engine), "short_session")
