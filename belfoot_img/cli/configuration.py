"""Where a command takes its settings from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from belfoot_img.settings import Settings, SettingsError

ini_option = click.option(
    "--ini",
    envvar="BELFOOT_IMG_INI",
    default="development.ini",
    show_default=True,
    show_envvar=True,
    type=click.Path(dir_okay=False),
    help="The settings; in production, production.ini.",
)


def settings_from(ini: str) -> Settings:
    """Raises SettingsError, also where the file is missing or is no .ini of this service."""
    from configparser import Error

    from pyramid.paster import get_appsettings

    try:
        return Settings.from_ini(get_appsettings(ini))
    except (OSError, LookupError, Error) as error:
        raise SettingsError(f"--ini {ini}: cannot be read: {str(error).splitlines()[0]}") from None


@contextmanager
def database(ini: str) -> Iterator:
    """The engine of the .ini; a database that does not answer ends the command with one line."""
    from sqlalchemy.exc import DBAPIError

    from belfoot_img.models import engine_from_settings
    from belfoot_img.models.deadlines import reason

    engine = engine_from_settings(settings_from(ini).database)
    try:
        yield engine
    except DBAPIError as error:
        raise click.ClickException(f"the database does not do it: {reason(error)}") from None
    finally:
        engine.dispose()
