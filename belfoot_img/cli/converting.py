"""Sources become files, for ``belfoot-img convert``: one in this process, several in processes of their own."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from tqdm import tqdm

from belfoot_img.errors import ServiceError
from belfoot_img.imaging.converter import Converted, convert_bytes
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.fitting.policy import Foretold
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.settings import FetchSettings, ImagingSettings


class Failed(click.ClickException):
    """One source that did not become a file; ``code`` is that of the API, or ``file``."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Work:
    """``source``: a path or a link; ``target``: the JPEG."""

    source: str
    target: Path


# --- one source ------------------------------------------------------------------------------------------------------


def one(source: str, output: str, settings: ImagingSettings, convert=convert_bytes) -> tuple[Converted, float]:
    """Writes the JPEG; returns what was done and the seconds of the conversion. Raises Failed."""
    try:
        content = _read(source, settings.fetch)
        started = time.perf_counter()
        converted = convert(content, settings)
    except ServiceError as error:
        raise Failed(error.code, f"{error.code}: {error}") from None
    seconds = time.perf_counter() - started
    if output == "-":
        sys.stdout.buffer.write(converted.jpeg)
    else:
        _write(Path(output), converted.jpeg)
    return converted, seconds


def _read(source: str, settings: FetchSettings) -> bytes:
    if _is_link(source):
        return Fetcher.from_settings(settings).fetch(source)
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise Failed("file", f"{source}: {error.strerror}") from None


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
        raise Failed("file", f"{path}: {error.strerror}") from None


# --- several sources -------------------------------------------------------------------------------------------------


def several(sources: Sequence[str], folder: Path, settings: ImagingSettings, *, as_json: bool, explain: bool) -> int:
    """Converts each, as many at once as the service would, and says what became of it; returns how many failed."""
    works = list(_works(sources, folder))
    if not works:
        raise click.ClickException("there is no file in " + ", ".join(sources))
    processes = ConversionProcesses.from_settings(settings.converting)
    failed = 0
    threads = ThreadPoolExecutor(settings.converting.at_once)
    try:
        running = {threads.submit(_in_a_process, work, settings, processes): work for work in works}
        for future in tqdm(as_completed(running), total=len(works), unit=" images", file=sys.stderr, disable=None):
            work = running[future]
            with tqdm.external_write_mode(file=sys.stderr):
                try:
                    tell(work.source, str(work.target), *future.result(), as_json=as_json, explain=explain, named=True)
                except Failed as error:
                    failed += 1
                    _tell_failure(work.source, error, as_json)
    finally:
        threads.shutdown(cancel_futures=True)
        processes.close()
    if not as_json:
        click.echo(
            f"{len(works) - failed} of {len(works)} converted, {failed} failed; the JPEGs are in {folder}", err=True
        )
    return failed


def _in_a_process(work: Work, settings: ImagingSettings, processes: ConversionProcesses) -> tuple[Converted, float]:
    try:
        work.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed("file", f"{error.filename}: {error.strerror}") from None
    return one(work.source, str(work.target), settings, lambda *arguments: processes.run(convert_bytes, *arguments))


def _works(sources: Iterable[str], folder: Path) -> Iterator[Work]:
    """A file keeps its name, with .jpg; a file of a folder its place below that too. No two get the same target."""
    taken: set[Path] = set()
    for source, relative in _files(sources, folder):
        target = folder / relative.with_suffix(".jpg")
        for number in range(1, 1_000_000):
            if target not in taken:
                break
            again = "" if number == 1 else f".{number}"
            target = folder / relative.with_name(f"{relative.name}{again}.jpg")
        taken.add(target)
        yield Work(source, target)


def _files(sources: Iterable[str], output: Path) -> Iterator[tuple[str, Path]]:
    """(source, its path relative to the output). Hidden files are left alone, and so is what lies in the output."""
    for source in sources:
        if _is_link(source):
            yield source, Path(Path(urlsplit(source).path).name or "picture")
        elif (top := Path(source)).is_dir():
            for path in sorted(top.rglob("*")):
                relative = path.relative_to(top)
                hidden = any(part.startswith(".") for part in relative.parts)
                if path.is_file() and not hidden and output.resolve() not in path.resolve().parents:
                    yield str(path), relative
        else:
            yield source, Path(top.name)


def _is_link(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


# --- what is said ----------------------------------------------------------------------------------------------------


def tell(
    source: str,
    output: str,
    converted: Converted,
    seconds: float,
    *,
    as_json: bool,
    explain: bool,
    named: bool = False,
) -> None:
    """Sentences go to standard error, since the JPEG may go to standard output; JSON to standard output."""
    if as_json:
        document = _document(converted, seconds) | {"name": source, "output": output}
        if explain:
            document["foretold"] = asdict(converted.foretold) if converted.foretold else None
            document["candidates"] = [asdict(one) for one in converted.candidates]
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{source}: {line(converted, seconds)}" if named else line(converted, seconds), err=True)
    if explain:
        if converted.foretold:
            click.echo(foretold(converted.foretold), err=True)
        click.echo(table(converted), err=True)


def _tell_failure(source: str, error: Failed, as_json: bool) -> None:
    if as_json:
        told = {"code": error.code, "message": error.message}
        click.echo(json.dumps({"name": source, "error": told}, ensure_ascii=False))
    else:
        click.echo(error.message if source in error.message else f"{source}: {error.message}", err=True)


def _document(converted: Converted, seconds: float) -> dict[str, Any]:
    """The names are those of the API (docs/api.md)."""
    return {
        "width": converted.width,
        "height": converted.height,
        "bytes": len(converted.jpeg),
        "source": asdict(converted.source),
        "conversion": {
            "action": converted.action,
            "policy": converted.policy,
            "scale": converted.scale,
            "quality": converted.quality,
            "encodes": converted.encodes,
            "milliseconds": round(1000 * seconds),
        },
    }


def line(converted: Converted, seconds: float) -> str:
    source = converted.source
    how = f", scale {converted.scale:.3f}, quality {converted.quality}, {converted.encodes} encodes"
    return (
        f"{converted.action}: {source.format} {source.width}x{source.height}, {source.bytes:,} bytes"
        f" -> JPEG {converted.width}x{converted.height}, {len(converted.jpeg):,} bytes"
        f"{how if converted.encodes else ''}, {seconds:.2f} s"
    )


def foretold(expected: Foretold) -> str:
    """What was expected, and why the recipes in the table were tried."""
    return (
        f"foretold: a {'page, a chart or the like' if expected.drawn else 'photograph'}, from drafts of the whole"
        f" scale {expected.scale:.3f} and quality {expected.quality}\n"
        f"found: the first recipe is best at scale {expected.found_scale:.3f}, quality {expected.found_quality},"
        f" likeness {expected.found_likeness:.1f}; there {', '.join(expected.rivals) or 'no other recipe'}"
        " may be better"
    )


def table(converted: Converted) -> str:
    """Every candidate in a row; the one that won is marked."""
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
