"""What a POST costs more for what the console shows: the candidates, and the small picture of the source.

    python -m benchmarks.kept
    python -m benchmarks.kept --repeats 3 --megapixels 2

One photograph is converted and stored in turn with both and with neither, each time as another source. Thumbnails are
made when a list is first looked at, and failures are written when a POST fails: neither is part of a POST that works.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
from PIL import Image
from sqlalchemy import create_engine, text

from belfoot_img.imaging.converter import Converter
from belfoot_img.models import database_url
from belfoot_img.settings import ConvertingSettings, ImagingSettings
from belfoot_img.store import ImageStore
from testbed.photographs import photograph
from testbed.postgres import postgres


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=15)
    options.add_argument("--megapixels", type=float, default=12)
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="belfoot_img_kept_") as folder:
        Path(folder).chmod(0o755)
        with postgres(Path(folder) / "postgres") as database:
            engine = create_engine(database_url(database.url))
            settings = ImagingSettings(converting=ConvertingSettings(at_once=1))
            converter = Converter.from_settings(settings)
            report(measure(engine, converter, settings, options.repeats, source(options.megapixels)))
            with engine.connect() as connection:
                sizes = text(
                    "SELECT (SELECT avg(octet_length(jpeg)) FROM previews),"
                    " (SELECT max(pg_column_size(candidates)) FROM images)"
                )
                preview, candidates = connection.execute(sizes).one()
                print(f"\nKept: preview {preview:.0f} bytes, candidates {candidates} bytes")
            converter.close()
            engine.dispose()


def source(megapixels: float) -> bytes:
    """A JPEG of 4:3, enlarged from a photograph."""
    side = round((megapixels * 1e6 / 12) ** 0.5)
    output = io.BytesIO()
    Image.open(io.BytesIO(photograph("retina.jpg"))).resize((4 * side, 3 * side)).save(output, "JPEG", quality=92)
    return output.getvalue()


def measure(engine, converter, settings, repeats: int, picture: bytes) -> dict[str, list[tuple[float, float]]]:
    """name → (seconds, seconds of CPU here and where conversions run) of each POST."""
    stores = {
        "kept": ImageStore(engine, converter, settings),
        "not kept": ImageStore(engine, converter, replace(settings, preview=0)),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in stores}
    for number in range(repeats + 1):
        for name, images in stores.items():
            started, busy = time.perf_counter(), cpu()
            conversion = images.convert(source=picture + f"{name} {number}".encode())
            if name == "not kept":
                conversion = replace(conversion, converted=replace(conversion.converted, candidates=()))
            with engine.begin() as connection:
                images.put(connection, f"{name} {number}", conversion, stored_by="editor")
            if number:  # the first starts the process
                taken[name].append((time.perf_counter() - started, cpu() - busy))
    return taken


def cpu() -> float:
    here = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in [here, *here.children(recursive=True)])


def report(taken: dict[str, list[tuple[float, float]]]) -> None:
    print("| a POST of one photograph | median ms | median ms of CPU |\n|---|---|---|")
    medians = {
        name: [1000 * statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in taken.items()
    }
    for name, (wall, busy) in medians.items():
        print(f"| {name} | {wall:.0f} | {busy:.0f} |")
    more = [_more(kept, bare) for kept, bare in zip(medians["kept"], medians["not kept"], strict=True)]
    print(f"| more | {more[0]} | {more[1]} |")


def _more(kept: float, bare: float) -> str:
    """Returns by how much more; "–" where the picture was too small for the clock of CPU time, which ticks 100 times a
    second."""
    return f"{100 * (kept / bare - 1):+.1f} %" if bare else "–"


if __name__ == "__main__":
    main()
