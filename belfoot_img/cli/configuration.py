"""Where a command takes its settings from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from belfoot_img.settings import read_ini

ini_option = click.option(
    "--ini",
    envvar="BELFOOT_IMG_INI",
    default="development.ini",
    show_default=True,
    show_envvar=True,
    type=click.Path(dir_okay=False),
    help="The settings; in production, production.ini.",
)


@contextmanager
def database(ini: str) -> Iterator:
    """The engine of the .ini; a database that does not answer ends the command with one line."""
    from sqlalchemy.exc import DBAPIError

    from belfoot_img.models import engine_from_settings
    from belfoot_img.models.deadlines import reason

    engine = engine_from_settings(read_ini(ini).database)
    try:
        yield engine
    except DBAPIError as error:
        raise click.ClickException(f"the database does not do it: {reason(error)}") from None
    finally:
        engine.dispose()
