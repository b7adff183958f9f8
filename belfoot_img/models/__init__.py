"""Engine, sessions, transactions.

``request.dbsession`` belongs to the transaction of a request that changes something: pyramid_tm commits it when the
view returned, and takes it back when anything was raised. ``request.short_session()`` is for questions: each statement
commits by itself in one round trip, without the ORM, and leaving the block gives the connection back. Whoever only
reads has no transaction at all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import zope.sqlalchemy
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import configure_mappers, sessionmaker

from belfoot_img import metrics
from belfoot_img.models import deadlines, embedded, image, login, schema, user  # noqa: F401  every table is known from here
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
        pool_size=settings.connections,
        max_overflow=0,
        pool_timeout=settings.wait,
        connect_args=deadlines.connect_arguments(settings),
    )
    deadlines.keep(engine, settings)
    return engine


def database_url(text: str):
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres", "postgresql+psycopg2"):
        raise SettingsError(
            "sqlalchemy.url = (not shown): should be a PostgreSQL URL such as postgresql://user:password@host/database"
        )
    return url.set(drivername="postgresql+psycopg2")


@contextmanager
def short_session(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement commits by itself; rows stay readable after it.

    psycopg2's own switch costs no round trip. SQLAlchemy's (``isolation_level="AUTOCOMMIT"``) asks the server when it
    is switched back, and where that has just died, the pool is a connection short for ever.
    """
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


def changes_something(request) -> bool:
    """Which requests get a transaction."""
    return request.method not in ("GET", "HEAD")


def includeme(config):
    settings: DatabaseSettings = config.registry["settings"].database
    engine = engine_from_settings(settings)
    config.registry["engine"] = engine
    metrics.watch(engine)
    try:
        schema.refuse_old(engine)
    except OperationalError as error:
        # A database that is away stops nobody: the service starts, is not ready, and finds it when it is back.
        log.warning("the database does not answer yet: %s", deadlines.reason(error))
    except DBAPIError as error:
        right = f"the URL of a database that this service may use ({deadlines.reason(error)})"
        raise SettingsError(f"sqlalchemy.url = (not shown): should be {right}") from None
    new_session = sessionmaker(engine)

    def dbsession(request):
        session = new_session()
        zope.sqlalchemy.register(session, transaction_manager=request.tm)
        return session

    config.add_settings({"tm.activate_hook": "belfoot_img.models.changes_something"})
    config.add_request_method(dbsession, reify=True)
    config.add_request_method(lambda request: short_session(engine), "short_session")
