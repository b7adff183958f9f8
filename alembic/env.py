"""Runs migrations for ``belfoot-img migrate``, which hands its connection over, and for the command ``alembic``, which
``make revision`` calls: that one works on the database of development.ini, or of the .ini in BELFOOT_IMG_INI."""

import os

from alembic import context
from alembic.script import ScriptDirectory

from belfoot_img.models import engine_from_settings
from belfoot_img.models.meta import Base
from belfoot_img.models.schema import include_name
from belfoot_img.settings import read_ini


def number(migration_context, revision, directives):
    """Name a new revision by the next number, since the migrations are a single line: 0001, 0002, …"""
    if directives:
        head = ScriptDirectory.from_config(context.config).get_current_head()
        directives[0].rev_id = f"{int(head or 0) + 1:04}"


def run(connection):
    context.configure(
        connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        process_revision_directives=number,
    )
    context.run_migrations()


if "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    engine = engine_from_settings(read_ini(os.environ.get("BELFOOT_IMG_INI", "development.ini")).database)
    with engine.begin() as connection:
        run(connection)
    engine.dispose()
