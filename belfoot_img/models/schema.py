"""Alembic brings a database's schema up to this version, and says whether it is behind."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from belfoot_img.models import content, deadlines
from belfoot_img.settings import SettingsError

PACKAGE = Path(__file__).parent.parent
MIGRATIONS = next(
    # installed with the package, or at the top of a checkout
    folder
    for folder in (PACKAGE / "migrations", PACKAGE.parent / "alembic")
    if (folder / "env.py").exists()
)


def include_name(name: str | None, type_: str, parent_names) -> bool:
    """Returns whether alembic compares it with the models; the tables of the queue are Procrastinate's, and a partition
    is what its table is."""
    return type_ != "table" or not ((name or "").startswith("procrastinate_") or content.is_partition(name or ""))


def _config(connection: Connection | None = None, partitions: int | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["partitions"] = partitions
    return config


@cache
def head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine, partitions: int | None = None, *, to: str = "head") -> tuple[str | None, str | None]:
    """Returns (revision before, revision after), in one transaction; two at once wait for each other.

    ``partitions`` of ``contents``, where that table is made now; ``to`` another revision than the newest. Raises
    SettingsError where ``contents`` has another number of partitions.
    """
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None, "it was checked out just now"
        deadlines.lift(driver)
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('belfoot_img migrate'))")
        before = current(connection)
        _refuse_newer(before)
        command.upgrade(_config(connection, partitions), to)
        found = content.count_partitions(connection)
        if partitions not in (None, found):
            raise SettingsError(
                f"--partitions {partitions}: the table contents has {found}; the number is chosen when it is made"
            )
        return before, current(connection)


def refuse_old(engine: Engine) -> None:
    """Raises SettingsError where the schema is not this version's, DatabaseUnavailable, and DBAPIError where
    the user of the URL may not read it."""
    with engine.connect() as connection:
        found = current(connection)
    _refuse_newer(found)
    if found != head():
        raise SettingsError(
            f"the database's schema is at {found or 'none'}, this version needs {head()}: run belfoot-img migrate"
        )


def _refuse_newer(found: str | None) -> None:
    revisions = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in revisions:
        raise SettingsError(
            f"the database's schema is at {found}, which this version ({head()}) does not know: install the newer one"
        )
