"""belfoot-img convert"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from belfoot_img.settings import EFFORTS, FetchSettings, ImagingSettings, parse_bytes, read_ini


def _bytes(context, parameter, value):
    try:
        return value and parse_bytes(value)
    except ValueError as right:
        raise click.BadParameter(f"should be {right}") from None


@click.command()
@click.argument("source", metavar="FILE|URL")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    help="The JPEG; - for standard output.",
)
@click.option(
    "--ini",
    envvar="BELFOOT_IMG_INI",
    type=click.Path(exists=True, dir_okay=False),
    help="Take the settings from here instead of the defaults.",
)
@click.option("--size-limit", callback=_bytes, help="Such as '180 kB'.")
@click.option("--fit-policy", help="best, ladder, or a dotted name.")
@click.option("--effort", type=click.Choice(EFFORTS), help="How much CPU the policy best may spend.")
@click.option("--explain", is_flag=True, help="Print every candidate and which one won.")
@click.option(
    "--plot", type=click.Path(dir_okay=False), help="Draw the candidates into this PNG (needs belfoot_img[plot])."
)
def convert(source, output, ini, size_limit, fit_policy, effort, explain, plot):
    """Convert one image as the service would, without server or database, and say what was done."""
    from belfoot_img.errors import ServiceError
    from belfoot_img.imaging import converter

    settings = _settings(ini, size_limit=size_limit, fit_policy=fit_policy, effort=effort)
    converter.fit_policy(settings)
    try:
        content = _read(source, settings.fetch)
        started = time.perf_counter()
        converted = converter.convert_bytes(content, settings)
    except ServiceError as error:
        raise click.ClickException(f"{error.code}: {error}") from None
    seconds = time.perf_counter() - started
    if output == "-":
        sys.stdout.buffer.write(converted.jpeg)
    else:
        _write(Path(output), converted.jpeg)
    click.echo(_line(converted, seconds), err=True)
    if explain:
        click.echo(_table(converted), err=True)
    if plot:
        from belfoot_img.cli.plot import draw

        draw(converted, settings, plot)


def _settings(ini: str | None, **chosen: Any) -> ImagingSettings:
    settings = read_ini(ini).imaging if ini else ImagingSettings()
    return replace(settings, **{name: value for name, value in chosen.items() if value})


def _read(source: str, settings: FetchSettings) -> bytes:
    if source.lower().startswith(("http://", "https://")):
        from belfoot_img.imaging.fetching.fetcher import Fetcher

        return Fetcher.from_settings(settings).fetch(source)
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{source}: {error.strerror}") from None


def _write(path: Path, jpeg: bytes) -> None:
    """Whole or not at all: what stood there stays until the new file is complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        if path.exists() and not path.is_file():  # a device, a pipe
            path.write_bytes(jpeg)
            return
        part.write_bytes(jpeg)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise click.ClickException(f"{path}: {error.strerror}") from None


def _line(converted, seconds: float) -> str:
    source = converted.source
    how = f", scale {converted.scale:.3f}, quality {converted.quality}, {converted.encodes} encodes"
    return (
        f"{converted.action}: {source.format} {source.width}x{source.height}, {source.bytes:,} bytes"
        f" -> JPEG {converted.width}x{converted.height}, {len(converted.jpeg):,} bytes"
        f"{how if converted.encodes else ''}, {seconds:.2f} s"
    )


def _table(converted) -> str:
    if not converted.candidates:
        return "nothing was re-encoded, so there were no candidates"
    rows = ["  encoder        scale    size         quality  chroma      bytes  likeness       ms"]
    stored = (len(converted.jpeg), converted.width, converted.quality)
    winner = next((c for c in reversed(converted.candidates) if (c.bytes, c.width, c.quality) == stored), None)
    for c in converted.candidates:
        won = "*" if c is winner else " "  # an encode that was made twice wins once
        likeness = "-" if c.likeness is None else f"{c.likeness:.5f}"
        size = f"{c.width}x{c.height}"
        rows.append(
            f"{won} {c.encoder:<14} {c.scale:<8.4f} {size:<12} {c.quality:>7}  {c.chroma:<7} {c.bytes:>9,}"
            f"  {likeness:>8} {c.milliseconds:>8.1f}"
        )
    return "\n".join(rows)
