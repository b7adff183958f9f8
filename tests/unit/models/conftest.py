"""Databases that a test migrates by itself, and whether one is what the models say."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from belfoot_img.models import schema
from belfoot_img.models.meta import Base


@pytest.fixture
def empty(database_url, engine):
    """A database of its own that nobody has migrated yet."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = f"{engine.url.database}_empty"
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    empty = create_engine(engine.url.set(database=name))
    yield empty
    empty.dispose()


def differences(connection) -> list:
    """Between the tables of the database and the models."""
    options = {"compare_type": True, "compare_server_default": True, "include_name": schema.include_name}
    return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
