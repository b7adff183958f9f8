"""The .ini, read once: raw strings in, frozen and typed ``Settings`` out.

The only package that sees a raw setting: ``parsers`` says what a value may look like, ``sections`` which settings
there are, ``reading`` how the one becomes the other. A key that is unknown, missing or wrong is refused in one line
(``SettingsError``). Without an .ini every section has its defaults: ``ImagingSettings()`` is what production.ini shows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from belfoot_img.settings.bulk import BulkSettings, HostLimits
from belfoot_img.settings.parsers import Network, parse_bytes
from belfoot_img.settings.reading import PREFIX, SettingsError, keys, one_line
from belfoot_img.settings.sections import (
    EFFORTS,
    ConvertingSettings,
    DatabaseSettings,
    FailureSettings,
    FetchSettings,
    ImagingSettings,
    SecuritySettings,
    Settings,
)

__all__ = [
    "EFFORTS",
    "PREFIX",
    "BulkSettings",
    "ConvertingSettings",
    "DatabaseSettings",
    "FailureSettings",
    "FetchSettings",
    "HostLimits",
    "ImagingSettings",
    "Network",
    "SecuritySettings",
    "Settings",
    "SettingsError",
    "keys",
    "one_line",
    "parse_bytes",
    "read_ini",
    "refusing_in_one_line",
]


def read_ini(path: str | Path) -> Settings:
    """Returns the settings of ``[app:main]`` (or ``path#name``). Raises SettingsError, also where there is no such
    file."""
    from configparser import Error

    from plaster import get_loader

    try:
        return Settings.from_ini(get_loader(str(path), protocols=["wsgi"]).get_wsgi_app_settings())
    except (OSError, LookupError, Error) as error:
        raise SettingsError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None


@contextmanager
def refusing_in_one_line() -> Iterator[None]:
    """A SettingsError becomes its one line on standard error and exit status 3, which also tells gunicorn's master to
    give up instead of starting the worker again and again."""
    try:
        yield
    except SettingsError as error:
        print(f"belfoot_img: {error}", file=sys.stderr, flush=True)
        raise SystemExit(3) from None


def includeme(config):
    """``registry["settings"]``, and what Pyramid and pyramid_tm must do as this service needs it."""
    config.registry["settings"] = Settings.from_ini(config.get_settings())
    config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager", "tm.annotate_user": False})
