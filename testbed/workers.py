"""``belfoot-img worker`` as a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed import servers

FAST = {
    "bulk__retries": "1 s, 1 s",
    "bulk__rescue": "1",
    "bulk__stalled": "3 s",
    "bulk__per_host": "4",
    "bulk__per_host_rate": "1000/s",
}
"""Settings for tests that cannot wait minutes."""


def worker_ini(folder: Path, **settings: str) -> Path:
    return servers.ini_file(folder / "worker.ini", servers.PRODUCTION, {**FAST, **settings})


@contextmanager
def worker(
    folder: Path, database_url: str, queues: str = "live bulk", ini: Path | None = None, **settings: str
) -> Iterator[subprocess.Popen]:
    """Starts a worker, and stops it at the end of the block."""
    ini = ini or worker_ini(folder, **settings)
    command = [servers.BIN / "belfoot-img", "worker", "--queues", queues, "--ini", ini]
    with servers.process(command, folder / "worker.log", database_url) as process:
        yield process
