"""The migrations, written by hand, and the models say the same."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from belfoot_img.errors import DatabaseUnavailable
from belfoot_img.models import content, engine_from_settings, schema
from belfoot_img.models.meta import Base
from belfoot_img.settings import DatabaseSettings, SettingsError
from tests.unit.models.conftest import differences

CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND coninhcount = 0
      AND conrelid::regclass::text NOT LIKE 'procrastinate%'
"""


def test_migrations_and_models_agree(engine, empty):
    with engine.connect() as connection:
        assert differences(connection) == []
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


def test_the_base64_is_stored_uncompressed_and_out_of_line_in_each_partition(engine):
    storage = text(
        "SELECT count(*) FROM pg_attribute JOIN pg_inherits ON inhrelid = attrelid"
        " WHERE inhparent = 'contents'::regclass AND attname = 'image' AND attstorage = 'e'"
    )
    with engine.connect() as connection:
        assert connection.execute(storage).scalar() == content.PARTITIONS


def test_the_number_of_partitions_is_chosen_once(empty):
    schema.migrate(empty, partitions=3)
    with empty.connect() as connection:
        assert content.count_partitions(connection) == 3
    schema.migrate(empty)
    schema.migrate(empty, partitions=3)
    with pytest.raises(SettingsError, match=r"^--partitions 4: the table contents has 3; .*"):
        schema.migrate(empty, partitions=4)
