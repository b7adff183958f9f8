"""The migrations, written by hand, and the models say the same."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.models import engine_from_settings, schema
from belfoot_img.models.meta import Base
from belfoot_img.settings import DatabaseSettings, SettingsError


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


CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND conrelid::regclass::text NOT LIKE 'procrastinate%'
"""


def test_migrations_and_models_agree(engine, empty):
    options = {"compare_type": True, "compare_server_default": True, "include_name": schema.include_name}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        migrated = set(connection.execute(text(CHECKS)).all())
    with empty.begin() as connection:  # alembic does not compare checks, so PostgreSQL does
        Base.metadata.create_all(connection)
        assert set(connection.execute(text(CHECKS)).all()) == migrated
    assert migrated


def test_migrating_twice_changes_nothing(empty):
    assert schema.migrate(empty) == (None, schema.head())
    assert schema.migrate(empty) == (schema.head(), schema.head())


def test_a_start_against_an_older_schema_is_refused_in_one_line(empty):
    with pytest.raises(SettingsError, match=r"^the database's schema is at none, .* run belfoot-img migrate$"):
        schema.refuse_old(empty)
    schema.migrate(empty)
    schema.refuse_old(empty)


def test_a_schema_of_a_newer_version_is_not_sent_to_migrate(empty):
    schema.migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (schema.refuse_old, schema.migrate):
        with pytest.raises(SettingsError, match=r"is at 9999, which this version .* does not know"):
            ask(empty)


def test_a_database_that_does_not_answer_says_why():
    away = engine_from_settings(DatabaseSettings(url="postgresql://127.0.0.1:1/nothing"))
    with pytest.raises(DatabaseUnavailable) as raised:
        schema.refuse_old(away)
    assert "refused" in raised.value.reason


def test_the_base64_is_stored_uncompressed_and_out_of_line(engine):
    storage = text("SELECT attstorage FROM pg_attribute WHERE attrelid = 'images'::regclass AND attname = 'image'")
    with engine.connect() as connection:
        assert connection.execute(storage).scalar() in (b"e", "e")
