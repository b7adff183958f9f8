"""The checks of ``belfoot-img doctor``, in the order in which one needs the other."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import click
from PIL import Image
from sqlalchemy import Connection, Engine, text

from belfoot_img.cli.configuration import database
from belfoot_img.errors import ServiceError
from belfoot_img.imaging.converter import Converter, convert_bytes
from belfoot_img.imaging.decoding.formats.table import FORMATS
from belfoot_img.imaging.encoders import JPEGLI_INSTALLED
from belfoot_img.settings import ImagingSettings, Settings, SettingsError, read_ini
from belfoot_img.version import __version__

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
LEAST_DISK = 1_000_000_000
"""Bytes that should be free where the service keeps its short-lived files."""


@dataclass(frozen=True)
class Finding:
    """``state``: ok, warning (works, but not for long or not for all), failed, skipped; ``do``: the next step."""

    name: str
    state: str
    says: str
    do: str | None = None


def check_all(ini: str, url: str | None) -> Iterator[Finding]:
    """Yields each finding as soon as it is known. Raises nothing."""
    yield _python()
    try:
        settings = read_ini(ini)
    except SettingsError as error:
        yield Finding("settings", FAILED, str(error), f"mend {ini}, or name the right file with --ini")
        yield Finding("others", SKIPPED, "they need the settings")
        return
    yield Finding("settings", OK, f"{ini} has no wrong key or value")
    yield from _database(settings, ini)
    yield _memory(settings)
    yield _disk()
    yield _codecs()
    yield _fetching(settings)
    yield from _conversion(settings.imaging, url)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", OK, f"belfoot_img {__version__}, Python {version}, {os.cpu_count()} cores")


# --- the database ----------------------------------------------------------------------------------------------------


def _database(settings: Settings, ini: str) -> Iterator[Finding]:
    try:
        with database(settings.database) as engine, _connected(engine) as (connection, milliseconds):
            version = connection.execute(text("SHOW server_version")).scalar_one()
            yield Finding("database", OK, f"PostgreSQL {version} answers within {milliseconds:.0f} ms")
            yield from _schema(connection, ini)
    except (click.ClickException, ServiceError, SettingsError) as error:
        does = "start PostgreSQL; compare sqlalchemy.url (or DATABASE_URL) with its address and password"
        yield Finding("database", FAILED, getattr(error, "message", None) or str(error), does)


@contextmanager
def _connected(engine: Engine) -> Iterator[tuple[Connection, float]]:
    started = time.perf_counter()
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        yield connection, 1000 * (time.perf_counter() - started)


def _schema(connection: Connection, ini: str) -> Iterator[Finding]:
    from belfoot_img.models import schema

    found, needed = schema.current(connection), schema.head()
    if found != needed:
        says = f"the schema is at {found or 'none'}, this version needs {needed}"
        yield Finding("migrations", FAILED, says, f"belfoot-img migrate --ini {ini}")
        return
    yield Finding("migrations", OK, f"the schema is at {found}, which is this version's")
    yield _rights(connection)
    yield _users(connection, ini)
    yield _workers(connection, ini)


def _rights(connection: Connection) -> Finding:
    wanted = ("SELECT", "INSERT", "UPDATE", "DELETE")
    question = text("SELECT has_table_privilege('images', :right)")
    missing = [right for right in wanted if not connection.execute(question, {"right": right}).scalar_one()]
    read_only = connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
    if read_only:
        return Finding("rights", FAILED, "the server is a replica and takes no writes", "name the primary server")
    if missing:
        lacks = f"the database's user may not {', '.join(missing)} in images"
        return Finding("rights", FAILED, lacks, "let the user that migrated own the tables, or GRANT these rights")
    return Finding("rights", OK, "the database's user may read and write images")


def _users(connection: Connection, ini: str) -> Finding:
    counts = connection.execute(text("SELECT role, count(*) FROM users WHERE active GROUP BY role"))
    roles: dict[str, int] = {row[0]: row[1] for row in counts}
    if not roles:
        return Finding("users", WARNING, "nobody may call the API", f"belfoot-img user add NAME --ini {ini}")
    told = ", ".join(f"{count} of role {role}" for role, count in sorted(roles.items()))
    return Finding("users", OK, f"active: {told}")


def _workers(connection: Connection, ini: str) -> Finding:
    from belfoot_img.batches import progress

    alive = progress.workers(connection)
    if alive:
        return Finding("worker", OK, f"{alive} queues have a worker that is alive")
    do = f"systemctl enable --now belfoot-img-worker, or belfoot-img worker --ini {ini}"
    return Finding("worker", WARNING, "no worker is alive: batches and asynchronous POSTs wait", do)


# --- this host -------------------------------------------------------------------------------------------------------


def _memory(settings: Settings) -> Finding:
    """docs/operations.md, Sizing: what the conversions may take at the very most, beside the memory there is."""
    converting = settings.imaging.converting
    most, there = converting.at_once * converting.memory, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    says = f"{converting.at_once} conversions may take {most / 1e9:.1f} GB at most, the host has {there / 1e9:.1f} GB"
    if most > there:
        return Finding("memory", WARNING, says, "lower belfoot_img.converting or belfoot_img.converting.memory")
    return Finding("memory", OK, says)


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    says = f"{free / 1e9:.1f} GB are free in {folder}"
    try:
        with tempfile.TemporaryFile() as file:
            file.write(bytes(4096))
    except OSError as error:
        return Finding("disk", FAILED, f"{folder}: {error.strerror}", "make room, or name another folder in TMPDIR")
    if free < LEAST_DISK:
        return Finding("disk", WARNING, says, f"make room: lists and uploads are kept in {folder} for a moment")
    return Finding("disk", OK, says)


def _codecs() -> Finding:
    """Every format that is read, read for real where Pillow can write a sample of it."""
    samples = {one.name: _sample(one.name) for one in FORMATS}
    settings = ImagingSettings(effort="low", size_limit=2500)
    broken = []
    for name, sample in samples.items():
        try:
            if sample is not None:
                convert_bytes(sample, settings)
        except ServiceError as error:
            broken.append(f"{name} ({error.code})")
    if broken:
        does = "install the package anew: pip install --force-reinstall Pillow pyvips-binary"
        return Finding("codecs", FAILED, "cannot be read: " + ", ".join(broken), does)
    extras = {"heif": any(one.name == "HEIF" for one in FORMATS), "jpegli": JPEGLI_INSTALLED}
    missing = [name for name, there in extras.items() if not there]
    optional = f"; without the extras {', '.join(missing)}" if missing else ""
    return Finding("codecs", OK, "read: " + ", ".join(one.label for one in FORMATS) + optional)


def _sample(name: str) -> bytes | None:
    """A small picture in this format; None where it cannot be written here."""
    content = io.BytesIO()
    try:
        Image.effect_noise((48, 32), 60).convert("RGB").save(content, name)
    except (KeyError, OSError, ValueError):
        return None
    return content.getvalue()


# --- fetching and converting -----------------------------------------------------------------------------------------


def _fetching(settings: Settings) -> Finding:
    fetch = settings.imaging.fetch
    hosts = "any public host" if fetch.hosts is None else f"the hosts {' '.join(fetch.hosts)}"
    ports = "any port" if fetch.ports is None else "ports " + " ".join(map(str, sorted(fetch.ports)))
    says = f"pictures come from {hosts}, {ports}"
    if not fetch.allow_networks:
        return Finding("fetching", OK, f"{says}; private networks are refused")
    says += f", and from {' '.join(map(str, fetch.allow_networks))}"
    risky = [network for network in fetch.allow_networks if network.prefixlen == 0 or network.is_loopback]
    if risky:
        do = "in production name only the networks that hold pictures in belfoot_img.fetch.allow_networks"
        return Finding("fetching", WARNING, f"{says}: callers reach what listens there", do)
    return Finding("fetching", OK, says)


def _conversion(settings: ImagingSettings, url: str | None) -> Iterator[Finding]:
    try:
        converter = Converter.from_settings(settings)
    except SettingsError as error:
        yield Finding("conversion", FAILED, str(error), "mend this setting")
        return
    try:
        yield _converted(converter, settings, _generated(), "a generated picture")
        if url:
            yield _fetched(converter, settings, url)
    finally:
        converter.close()


def _fetched(converter: Converter, settings: ImagingSettings, url: str) -> Finding:
    try:
        with converter.intake.take() as held:
            content = converter.fetch(url, held)
            return replace(_converted(converter, settings, content, url), name="link")
    except ServiceError as error:
        return Finding("link", FAILED, f"{url}: {error.code}: {error}", "open the link from this host with curl -v")


def _converted(converter: Converter, settings: ImagingSettings, content: bytes, what: str) -> Finding:
    """One conversion in a process of its own, as a POST has it."""
    started = time.perf_counter()
    try:
        made = converter.convert(content, settings)
    except ServiceError as error:
        do = "run it again on a quiet host; belfoot_img.converting.memory and .cpu bound each conversion"
        return Finding("conversion", FAILED, f"{what}: {error.code}: {error}", do)
    seconds = time.perf_counter() - started
    with Image.open(io.BytesIO(made.jpeg)) as picture:
        picture.load()
    says = f"{what} of {made.source.width}x{made.source.height} became {made.width}x{made.height}, "
    return Finding("conversion", OK, f"{says}{len(made.jpeg):,} bytes, in {seconds:.1f} s")


def _generated() -> bytes:
    """A PNG of 1200 × 800 with an even gradient and noise, which does not fit any usual limit as it is."""
    gradient = Image.linear_gradient("L").resize((1200, 800))
    noise = Image.effect_noise((1200, 800), 40)
    content = io.BytesIO()
    Image.merge("RGB", (gradient, noise, Image.blend(gradient, noise, 0.5))).save(content, "PNG", compress_level=1)
    return content.getvalue()
