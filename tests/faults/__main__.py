"""``make faults``: every row in full; exit status 1 where an aim was missed.

The table goes to standard output, what each row took to standard error.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path

import pytest

from tests.faults import batches, crowds, databases, overload, processes

ROWS = {
    "killed-workers": partial(processes.killed_workers, kills=100),
    "killed-backends": partial(databases.killed_backends, kills=50),
    "restarted": partial(databases.restarted, away=0),
    "gone": partial(databases.gone, away=10),
    "frozen": partial(databases.frozen, away=10),
    "stopped": partial(processes.stopped, requests=12),
    "reloaded": partial(processes.reloaded, through="gunicorn", reloads=5, pause=2),
    "reloaded-nginx": partial(processes.reloaded, through="nginx", reloads=5, pause=2),
    "recycled": partial(processes.recycled, through="gunicorn", requests=10_000, each=500),
    "recycled-nginx": partial(processes.recycled, through="nginx", requests=10_000, each=500),
    "full-database": databases.full_database,
    "full-tmp": databases.full_tmp,
    "readers": partial(crowds.readers, clients=1000),
    "slow-origin": partial(crowds.slow_origin, posts=200, threads=16, seconds=2),
    "drips": partial(overload.dripping, origins=120, seconds=30, p95=0.1),
    "large-bodies": partial(overload.large_bodies, posts=40, megabytes=49, seconds=30, p95=0.1),
    "mixed": partial(crowds.mixed, requests=100_000),
    "batches-killed": partial(batches.killed_workers, items=4000, kills=100, freezes=20),
    "batches-away-10": partial(batches.database_away, items=600, away=10),
    "batches-away-60": partial(batches.database_away, items=600, away=60),
    "batches-full": partial(batches.disk_full, items=400, seconds=20),
    "batches-polite": partial(batches.polite, items=150),
    "batches-live": partial(batches.live_beside_bulk, shards=5000, posts=100),
    "batches-reading": partial(batches.interrupted_reading, lines=100_000, kills=10),
    "batches-failing": partial(batches.failing_links, items=2000),
    "overload": partial(overload.overloaded, posts=64, megapixels=33, converting=None, beside=2, tries=60),
    "overload-2": partial(overload.overloaded, posts=64, megapixels=33, converting=2, beside=2, tries=60),
    "overload-8": partial(overload.overloaded, posts=64, megapixels=33, converting=8, beside=2, tries=60),
}


def main(names: list[str]) -> int:
    missed = 0
    print("| fault or load | aim | counted | met |\n|---|---|---|---|", flush=True)
    for name in names or ROWS:
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="belfoot_img_faults_", ignore_cleanup_errors=True) as folder:
                Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own where root starts it
                row = ROWS[name](Path(folder) / name)
        except pytest.skip.Exception as reason:
            print(f"| {name} | | skipped: {reason} | |", flush=True)
            continue
        except Exception:
            traceback.print_exc()
            print(f"| {name} | | failed after {time.monotonic() - started:.0f} s | **no** |", flush=True)
            missed += 1
            continue
        met = "yes" if not row.failures else f"**no**: {', '.join(row.failures)}"
        print(f"| {row.fault} | {row.aim} | {row.counted} | {met} |", flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        missed += bool(row.failures)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
