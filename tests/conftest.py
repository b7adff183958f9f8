"""A real PostgreSQL for the whole run (embedded, shared by parallel workers), one database a worker, a real origin."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from belfoot_img.models import embedded, schema
from belfoot_img.models.meta import Base
from belfoot_img.models.user import User
from belfoot_img.passwords import Passwords
from tests.client import EDITOR, READER
from tests.origin import Origin

PROJECT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BELFOOT_IMG_SHARED", PROJECT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The collection of awkward and hostile pictures, where it stands beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the shared pictures are not here")
    return SHARED


@pytest.fixture(scope="session")
def database_url(testrun_uid, worker_id) -> str:
    """An empty database of this worker's own. Its server's folder is none of pytest's, whose permissions change."""
    server = embedded.start(Path(tempfile.gettempdir()) / f"belfoot_img-tests-{testrun_uid}", keep=False)
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
    """name → argon2id hash of the two test users; hashed once, since it is meant to be slow."""
    passwords = Passwords()
    return {user.username: passwords.hash(user.password) for user in (EDITOR, READER)}


@pytest.fixture
def database(engine, hashes):
    """The engine, with the two users in it and nothing else."""
    tables = ", ".join(Base.metadata.tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables}"))
        rows = [
            {"name": user.username, "password_hash": hashes[user.username], "role": role}
            for user, role in ((EDITOR, "editor"), (READER, "reader"))
        ]
        connection.execute(User.__table__.insert(), rows)
    return engine


@pytest.fixture(scope="session")
def origin():
    with Origin() as origin:
        yield origin
