"""A database that is away, slow or frozen: every wait for it ends, and ends for everyone."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.models import deadlines, engine_from_settings, schema, short_session
from belfoot_img.settings import DatabaseSettings
from testbed.ports import until
from testbed.postgres import postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with postgres(tmp_path_factory.mktemp("postgres") / "data") as server:
        yield server


@pytest.fixture
def engine(server):
    engine = engine_from_settings(DatabaseSettings(url=server.url, connections=2, wait=1, connect=0.5, statement=0.5))
    yield engine
    server.thaw()
    engine.dispose()


@contextmanager
def unavailable(reason: str):
    with pytest.raises(DatabaseUnavailable) as raised:
        yield
    assert reason in raised.value.reason


def ask(engine, sql: str = "SELECT 1"):
    with short_session(engine) as session:
        return session.execute(text(sql)).scalar_one()


def test_a_slow_statement_is_ended_by_the_server_and_the_connection_survives(engine):
    backend = ask(engine, "SELECT pg_backend_pid()")
    with unavailable("statement timeout"):
        ask(engine, "SELECT pg_sleep(60)")
    assert ask(engine, "SELECT pg_backend_pid()") == backend


def test_a_frozen_server_is_given_up_in_time_and_found_again_when_it_is_back(engine, server):
    ask(engine)
    server.freeze()
    started = time.monotonic()
    with unavailable("did not answer within"):
        ask(engine)
    with unavailable("did not answer"):
        ask(engine)
    assert time.monotonic() - started < 4
    server.thaw()
    until(lambda: answers(engine), 5, "the engine finds the server again")


def test_nobody_queues_up_before_a_frozen_server(engine, server):
    ask(engine)
    server.freeze()
    with ThreadPoolExecutor(20) as threads:
        started = time.monotonic()
        outcomes = list(threads.map(lambda _: answers(engine), range(100)))
        assert time.monotonic() - started < 10
    assert not any(outcomes)


def answers(engine) -> bool:
    try:
        return ask(engine) == 1
    except DatabaseUnavailable:
        return False


def test_a_connection_that_died_in_the_pool_is_replaced_unnoticed(engine, server):
    backend = ask(engine, "SELECT pg_backend_pid()")
    terminate(server, backend)
    assert ask(engine, "SELECT pg_backend_pid()") != backend


def terminate(server, backend: int) -> None:
    server.question("SELECT pg_terminate_backend(%s)", backend)
    until(lambda: not server.question("SELECT 1 FROM pg_stat_activity WHERE pid = %s", backend), 5, "it is gone")


def test_connections_that_die_in_use_cost_the_pool_nothing(engine, server):
    for _ in range(5):
        with short_session(engine) as session:
            backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            terminate(server, backend)
    with engine.connect() as one, engine.connect() as other:
        assert one.execute(text("SELECT 1")).scalar_one() == other.execute(text("SELECT 1")).scalar_one() == 1


def test_more_callers_than_connections_wait_their_turn_and_no_longer_than_they_may(engine):
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: ask(engine, "SELECT 1 FROM pg_sleep(0.02)"), range(40))) == [1] * 40
    with engine.connect(), engine.connect(), unavailable("every connection of this process was in use"):
        ask(engine)


def test_a_migration_has_all_the_time_it_needs(engine):
    with engine.connect() as connection:
        deadlines.lift(connection.connection.driver_connection)
        assert connection.execute(text("SELECT 1 FROM pg_sleep(1.2)")).scalar_one() == 1
        connection.invalidate()
    assert schema.migrate(engine) == (schema.head(), schema.head())


def test_a_peer_that_accepts_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/database"
        engine = engine_from_settings(DatabaseSettings(url=url, connect=0.3))
        started = time.monotonic()
        with unavailable("did not answer within"):
            ask(engine)
        assert time.monotonic() - started < 3


def test_one_caller_probes_after_a_failure_and_the_others_fail_fast():
    breaker, probes, hold = deadlines.CircuitBreaker(patience=5), [], threading.Event()

    def refuse():
        probes.append(1)
        raise psycopg2.OperationalError("away")

    def slow():
        probes.append(1)
        hold.wait(5)
        return "connection"

    with pytest.raises(psycopg2.OperationalError, match="away"):
        breaker.connect(refuse)
    with pytest.raises(psycopg2.OperationalError, match="a moment ago"):
        breaker.connect(refuse)
    assert len(probes) == 1
    time.sleep(deadlines.PAUSE)
    prober = threading.Thread(target=breaker.connect, args=(slow,))
    prober.start()
    until(lambda: len(probes) == 2, 5, "one probes")
    with pytest.raises(psycopg2.OperationalError, match="a moment ago"):
        breaker.connect(refuse)
    hold.set()
    prober.join()
    assert breaker.connect(lambda: "another") == "another"


def test_a_fault_in_a_statement_is_no_failure_of_the_database(engine):
    with pytest.raises(ProgrammingError):
        ask(engine, "SELECT nothing")
    assert ask(engine) == 1


def test_a_session_of_the_orm_and_a_commit_fail_the_same_way(engine, server):
    for use in (lambda session: session.commit(), lambda session: session.execute(text("SELECT 1"))):
        with Session(engine) as session, unavailable("terminat"):
            terminate(server, session.execute(text("SELECT pg_backend_pid()")).scalar_one())
            use(session)
