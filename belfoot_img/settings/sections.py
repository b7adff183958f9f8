"""Every setting: its key, its parser, its default; a section for each part of the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from belfoot_img.settings.bulk import BulkSettings
from belfoot_img.settings.parsers import (
    Network,
    parse_bytes,
    parse_bytes_or_none,
    parse_choice,
    parse_colour,
    parse_dotted,
    parse_hosts,
    parse_networks,
    parse_ports,
    parse_proxies,
    parse_quality_range,
    parse_seconds,
    parse_sources,
    parse_text,
    parse_whole,
)
from belfoot_img.settings.reading import PREFIX, SettingsError, keys, nearest, read, section, setting
from belfoot_img.version import __version__


@dataclass(frozen=True)
class FetchSettings:
    """What may be fetched. ``max_bytes`` in bytes, ``max_pixels`` = width × height, ``deadline`` in seconds.

    A process takes in ``at_once`` images, from the download to the end of the conversion, and holds ``memory`` bytes
    of them.
    """

    max_bytes: int = setting(PREFIX + "fetch.max_bytes", parse_bytes, "50 MB")
    max_pixels: int = setting(PREFIX + "fetch.max_pixels", parse_whole(1, 10**9), "100 000 000")
    deadline: float = setting(PREFIX + "fetch.deadline", parse_seconds, "15 s")
    at_once: int = setting(PREFIX + "fetch.at_once", parse_whole(1, 10_000), "48")
    memory: int = setting(PREFIX + "fetch.memory", parse_bytes, "100 MB")
    redirects: int = setting(PREFIX + "fetch.redirects", parse_whole(0, 20), "3")
    ports: frozenset[int] | None = setting(PREFIX + "fetch.ports", parse_ports, "80 443")
    hosts: tuple[str, ...] | None = setting(PREFIX + "fetch.hosts", parse_hosts, "any")
    allow_networks: tuple[Network, ...] = setting(PREFIX + "fetch.allow_networks", parse_networks, "none")
    user_agent: str = setting(PREFIX + "fetch.user_agent", parse_text, f"belfoot_img/{__version__}")


@dataclass(frozen=True)
class ConvertingSettings:
    """Conversions run ``at_once`` on the host, over all its gunicorn workers; more wait for at most ``queue`` seconds.

    One of them may take ``deadline`` seconds of wall time, ``cpu`` seconds of CPU time, and ``memory`` bytes.
    """

    at_once: int = setting(PREFIX + "converting", parse_whole(1, 256), str(os.cpu_count() or 1))
    queue: float = setting(PREFIX + "converting.queue", parse_seconds, "30 s")
    deadline: float = setting(PREFIX + "converting.deadline", parse_seconds, "60 s")
    cpu: float = setting(PREFIX + "converting.cpu", parse_seconds, "30 s")
    memory: int = setting(PREFIX + "converting.memory", parse_bytes, "1 GB")


EFFORTS = ("low", "normal", "high")
"""How much CPU the fit policy ``best`` may spend, least first."""


@dataclass(frozen=True)
class ImagingSettings:
    """What img_converter does. ``size_limit`` in bytes, ``quality_range`` = (first rung, last rung), ``preview``: the
    most bytes that the small picture kept of a source may have, 0 where none is kept.

    Every field but ``preview`` and the sections shapes a result, and is part of the hash under which results are
    reused.
    """

    size_limit: int = setting(PREFIX + "size_limit", parse_bytes, "180 kB")
    quality_step: int = setting(PREFIX + "quality_step", parse_whole(1, 99), "5")
    quality_range: tuple[int, int] = setting(PREFIX + "quality_range", parse_quality_range, "95 30")
    max_side: int = setting(PREFIX + "max_side", parse_whole(16, 65500), "3840")
    fit_policy: str = setting(PREFIX + "fit_policy", parse_dotted, "best")
    effort: str = setting(PREFIX + "effort", parse_choice(**{name: name for name in EFFORTS}), "normal")
    background: tuple[int, int, int] = setting(PREFIX + "background", parse_colour, "#ffffff")
    preview: int = setting(PREFIX + "preview", parse_bytes_or_none, "40 kB")
    converting: ConvertingSettings = section(ConvertingSettings)
    fetch: FetchSettings = section(FetchSettings)

    def overridden(self, **overrides: Any) -> ImagingSettings:
        """Returns these settings with other values for some fields; a field whose value is None stays as it is."""
        return replace(self, **{name: value for name, value in overrides.items() if value is not None})


@dataclass(frozen=True)
class FailureSettings:
    """Single POSTs that failed are listed for ``keep`` seconds, the newest ``most`` of them; none where that is 0."""

    keep: float = setting(PREFIX + "failures.keep", parse_seconds, "30 d")
    most: int = setting(PREFIX + "failures.most", parse_whole(0, 10_000_000), "100 000")


@dataclass(frozen=True)
class SecuritySettings:
    """What admin_auth does."""

    security_policy: str = setting(PREFIX + "security_policy", parse_dotted, "belfoot_img.security.CredentialsPolicy")
    authentication: tuple[str, ...] = setting(PREFIX + "authentication", parse_sources, "body basic")


@dataclass(frozen=True)
class DatabaseSettings:
    """Of ``url`` and ``embedded_postgres`` (a folder) one is set. ``connections`` that a process has at most; seconds
    that one is waited for, that connecting and that a statement may take."""

    url: str | None = setting("sqlalchemy.url", parse_text)
    embedded_postgres: str | None = setting(PREFIX + "embedded_postgres", parse_text)
    connections: int = setting(PREFIX + "database.connections", parse_whole(1, 100), "8")
    wait: float = setting(PREFIX + "database.wait", parse_seconds, "1 s")
    connect: float = setting(PREFIX + "database.connect", parse_seconds, "2 s")
    statement: float = setting(PREFIX + "database.statement", parse_seconds, "3 s")


@dataclass(frozen=True)
class Settings:
    """All of it; ``metrics``: serve ``/metrics``; ``console``: serve ``/console/``;
    ``trusted_proxies``: whose word on the client's address counts."""

    metrics: bool = setting(PREFIX + "metrics", parse_choice(on=True, off=False), "off")
    console: bool = setting(PREFIX + "console", parse_choice(on=True, off=False), "on")
    trusted_proxies: tuple[Network | str, ...] = setting(PREFIX + "trusted_proxies", parse_proxies, "none")
    database: DatabaseSettings = section(DatabaseSettings)
    security: SecuritySettings = section(SecuritySettings)
    imaging: ImagingSettings = section(ImagingSettings)
    bulk: BulkSettings = section(BulkSettings)
    failures: FailureSettings = section(FailureSettings)

    @classmethod
    def from_ini(cls, raw: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingsError. Keys outside ``belfoot_img.`` and ``sqlalchemy.`` are others' and left alone."""
        ours = {key: value for key, value in raw.items() if key.startswith((PREFIX, "sqlalchemy."))}
        known = set(keys(cls))
        for key in ours:
            if key not in known:
                raise SettingsError(f"{key}: there is no such setting; {nearest(key, known)}")
        settings = read(cls, ours, environ)
        if (settings.database.url is None) == (settings.database.embedded_postgres is None):
            raise SettingsError(
                "sqlalchemy.url: set either it (postgresql://user:${PASSWORD}@host/database) "
                f"or {PREFIX}embedded_postgres (a folder), and not both"
            )
        if (settings.bulk.webhook_url is None) != (settings.bulk.webhook_secret is None):
            raise SettingsError(f"{PREFIX}bulk.webhook.url: set both it and {PREFIX}bulk.webhook.secret, or neither")
        _refuse_contradictions(settings.imaging)
        return settings


def _refuse_contradictions(imaging: ImagingSettings) -> None:
    """Raises SettingsError."""
    converting, fetch = imaging.converting, imaging.fetch
    if converting.deadline <= converting.cpu:
        # Otherwise a picture that can never be converted ends at its deadline: as busy, again and again.
        raise SettingsError(
            f"{PREFIX}converting.deadline = {converting.deadline:g} s: should be longer than "
            f"{PREFIX}converting.cpu = {converting.cpu:g} s"
        )
    if fetch.memory < fetch.max_bytes:
        raise SettingsError(
            f"{PREFIX}fetch.memory = {fetch.memory} B: should be at least {PREFIX}fetch.max_bytes = {fetch.max_bytes} B"
        )
