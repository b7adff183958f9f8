"""A real PostgreSQL for the whole run (embedded, shared by parallel workers), one database a worker, a real origin."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from belfoot_img.models import embedded, schema
from belfoot_img.models.meta import Base
from belfoot_img.models.user import User
from belfoot_img.passwords import hash_password
from testbed.client import ADMIN, EDITOR, READER
from testbed.origin import Origin
from testbed.shared import SHARED

RUN = "BELFOOT_IMG_TESTS_FOLDER"


def pytest_configure(config):
    """One folder a run, for the server and for pytest's own folders.

    With pytest's default all runs of a user share one, which each closes to other users as it starts. PostgreSQL runs
    as a user of its own where root starts it, so that a second run would cut the servers of the first off from their
    data.
    """
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.mkdtemp(prefix="belfoot-")


def pytest_unconfigure(config):
    """Workers are cut short as they leave, so the one process that outlives them stops the server and clears up."""
    if hasattr(config, "workerinput"):
        return
    postmaster = Path(os.environ[RUN], "postgres", "postmaster.pid")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        server = int(postmaster.read_text().splitlines()[0])
        os.kill(server, signal.SIGINT)  # PostgreSQL's fast shutdown
        while postmaster.exists():
            os.kill(server, 0)
            time.sleep(0.05)
    shutil.rmtree(os.environ[RUN], ignore_errors=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The collection of awkward and hostile pictures, where it stands beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the shared pictures are not here")
    return SHARED


@pytest.fixture(scope="session")
def database_url(worker_id) -> str:
    """An empty database of this worker's own."""
    server = embedded.start(Path(os.environ[RUN], "postgres"))
    name = f"test_{worker_id}"
    with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def engine(database_url):
    engine = create_engine(database_url)
    schema.migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def hashes() -> dict[str, str]:
    """name → argon2id hash of the test users; hashed once, since it is meant to be slow."""
    return {user.username: hash_password(user.password) for user in (ADMIN, EDITOR, READER)}


@pytest.fixture
def database(engine, hashes):
    """The engine, with one user of each role in it and nothing else."""
    tables = ", ".join([*Base.metadata.tables, "procrastinate_jobs", "procrastinate_workers"])
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))
        rows = [
            {"name": user.username, "password_hash": hashes[user.username], "role": role}
            for user, role in ((ADMIN, "admin"), (EDITOR, "editor"), (READER, "reader"))
        ]
        connection.execute(User.__table__.insert(), rows)
    return engine


@pytest.fixture(scope="session")
def origin():
    with Origin() as origin:
        yield origin
