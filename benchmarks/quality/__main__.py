"""How good are the pictures? The fit policies beside what others do with the same limit.

    python -m benchmarks.quality FOLDER … [--limit 180kB …] [--methods best ladder …] [--quick] [--oracle]

Each picture is converted by each method in a process of its own and measured against the original, reduced to the
longest side that is ever stored: bytes, SSIMULACRA2, PSNR-HVS-M, CPU seconds, peak memory. The extra "benchmarks" has
what it needs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.settings import parse_bytes
from benchmarks.quality import methods, metrics, oracle, report
from benchmarks.quality.quick import QuickSsimulacra2

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", type=Path, nargs="+")
    options.add_argument("--limit", type=parse_bytes, nargs="+", default=[180_000])
    options.add_argument("--methods", nargs="+", choices=list(methods.available()), default=list(methods.available()))
    options.add_argument("--oracle", action="store_true", help="search everything; minutes for each picture")
    options.add_argument("--quick", action="store_true", help="SSIMULACRA2 by OpenCV, a seventh of the CPU")
    options.add_argument("--plot", type=Path, help="needs matplotlib")
    options.add_argument("--rows", type=Path, help="keep every measurement in this file, one line of JSON each")
    options.add_argument("--processes", type=int, default=1)
    chosen = options.parse_args()
    pictures = sorted(path for folder in chosen.folders for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    jobs = [(path, limit) for limit in chosen.limit for path in pictures]
    rows = []
    with ProcessPoolExecutor(chosen.processes) as pool:
        for found in pool.map(
            partial(measure, names=chosen.methods, with_oracle=chosen.oracle, quick=chosen.quick), jobs
        ):
            rows += found
            print(*(report.line(row) for row in found), sep="\n", flush=True)
            if chosen.rows:
                chosen.rows.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for limit in chosen.limit:
        for folder in chosen.folders:
            its = [row for row in rows if row["limit"] == limit and row["folder"] == folder.name]
            print("", f"{folder.name}", report.table(its, limit), sep="\n")
    if chosen.plot:
        report.plot(rows, chosen.plot)


def measure(job: tuple[Path, int], names: list[str], with_oracle: bool, quick: bool) -> list[dict]:
    path, limit = job
    source = path.read_bytes()
    reference = _reference(source)
    measure_of = QuickSsimulacra2 if quick else metrics.Ssimulacra2
    judge = partial(_judged, limit=limit, reference=reference, ssimulacra2=measure_of(reference))
    rows = []
    for name in names:
        jpeg, costs = _run(name, path, limit)
        pixels = reference.width * reference.height
        facts = {"picture": path.name, "folder": path.parent.name, "pixels": pixels, "limit": limit, "method": name}
        rows.append({**facts, **costs, **judge(jpeg)})
    if with_oracle:
        found = map(judge, oracle.search(source, limit))
        best = max(found, key=lambda row: row["ssimulacra2"])
        rows.append({"picture": path.name, "folder": path.parent.name, "limit": limit, "method": report.ORACLE, **best})
    return rows


def _reference(source: bytes) -> Image.Image:
    original = methods.original(source)
    return fitting.reference_of(original, methods.SETTINGS.max_side)


def _run(name: str, path: Path, limit: int) -> tuple[bytes | None, dict]:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.jpg"
        command = [sys.executable, "-m", "benchmarks.quality.one", name, str(path), str(limit), str(result)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return (result.read_bytes() if result.exists() else None), json.loads(told)


def _judged(
    jpeg: bytes | None, limit: int, reference: Image.Image, ssimulacra2: Callable[[Image.Image], float]
) -> dict:
    if jpeg is None:
        return {"bytes": None, "fits": False}
    picture = metrics.brought_back(jpeg, reference.size)
    return {
        "bytes": len(jpeg),
        "fits": len(jpeg) <= limit,
        "ssimulacra2": ssimulacra2(picture),
        "psnr_hvs_m": float(metrics.psnr_hvs_m(reference, picture)),
    }


if __name__ == "__main__":
    main()
