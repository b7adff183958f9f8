"""How long the console's searches take, by kind, among many images.

    python -m benchmarks.search
    python -m benchmarks.search --images 20000 --repeats 20

Each kind is asked for in turn, with what it looks for drawn anew (from a seed), the first and a later page alike.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from belfoot_img.models import database_url, listing, short_session
from testbed.images import fill, searches
from testbed.postgres import postgres

PAGE = 25


def measure(engine: Engine, count: int, repeats: int) -> dict[str, list[float]]:
    """name → milliseconds of each search."""
    chance, taken = random.Random(7), {}
    for _ in range(repeats):
        for name, wanted in searches(count, chance).items():
            after = None
            for _ in range(2):  # the first page, and the one after it
                started = time.perf_counter()
                with short_session(engine) as connection:
                    rows = listing.search(connection, wanted, limit=PAGE, after=after)
                taken.setdefault(name, []).append(1000 * (time.perf_counter() - started))
                if len(rows) < PAGE:
                    break
                after = (rows[-1].updated_at, rows[-1].article_id)
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=100_000)
    options.add_argument("--repeats", type=int, default=30)
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="belfoot_img_search_") as folder:
        Path(folder).chmod(0o755)
        with postgres(Path(folder) / "postgres") as database:
            engine = create_engine(database_url(database.url))
            with engine.begin() as connection:
                fill(connection, options.images)
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
            measure(engine, options.images, 2)
            print("| search | p50 ms | p95 ms |\n|---|---|---|")
            for name, times in measure(engine, options.images, options.repeats).items():
                p95 = sorted(times)[int(0.95 * len(times))]
                print(f"| {name} | {statistics.median(times):.1f} | {p95:.1f} |")
            engine.dispose()


if __name__ == "__main__":
    main()
