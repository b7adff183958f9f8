"""One method on one picture, in a process of its own, so that CPU time and peak memory are its alone.

    python -m benchmarks.quality.one METHOD SOURCE LIMIT RESULT

Writes the JPEG to RESULT, if there is one, and prints JSON: CPU seconds, peak memory in MB above the idle process.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from PIL import Image

from benchmarks.quality import methods


def main() -> None:
    method, source, limit, result = sys.argv[1:]
    run = methods.available()[method]
    _warm(run)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew; it would be the parent's otherwise
    idle, began = _status("VmRSS"), _cpu()
    jpeg = run(Path(source).read_bytes(), int(limit))
    seconds, megabytes = _cpu() - began, _status("VmHWM") - idle
    if jpeg is not None:
        Path(result).write_bytes(jpeg)
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


def _warm(run) -> None:
    """Imports and tables belong to the idle process."""
    run(methods.pillow(Image.linear_gradient("L").convert("RGB"), 100), 50_000)


def _cpu() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _status(key: str) -> float:
    """MB of this process; what a command of others needs is its own affair."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
