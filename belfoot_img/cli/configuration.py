"""Where a command takes its settings from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy import Engine

from belfoot_img.settings import DatabaseSettings, read_ini

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
def database(ini: str | DatabaseSettings) -> Iterator[Engine]:
    """The engine of the .ini; an error of the database ends the command with one line."""
    from sqlalchemy.exc import DBAPIError

    from belfoot_img.errors import DatabaseUnavailable
    from belfoot_img.models import engine_from_settings
    from belfoot_img.models.failures import reason

    engine = engine_from_settings(read_ini(ini).database if isinstance(ini, str) else ini)
    try:
        yield engine
    except DatabaseUnavailable as error:
        raise click.ClickException(f"database error: {error.reason}") from None
    except DBAPIError as error:
        raise click.ClickException(f"database error: {reason(error)}") from None
    finally:
        engine.dispose()
