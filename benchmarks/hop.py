"""What it costs to convert in another process, and what it gives.

    python -m benchmarks.hop [--short]

The hop: the median wall time of a call that does nothing, with a source and a result of real sizes. What it gives:
conversions a second from as many threads as there are cores, in processes and in threads.
"""

import argparse
import operator
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from belfoot_img.imaging import converter
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.imaging.processes.slot import Limits
from belfoot_img.settings import ImagingSettings
from testbed import pictures

RESULT = 180_000  # bytes
CORES = os.cpu_count() or 1


def median_ms(call, times: int) -> float:
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        durations.append((time.perf_counter() - started) * 1000)
    return statistics.median(durations)


def rate(convert, conversions: int) -> float:
    """Conversions a second, ``CORES`` at once."""
    with ThreadPoolExecutor(CORES) as threads:
        started = time.perf_counter()
        list(threads.map(lambda _: convert(), range(conversions)))
        return conversions / (time.perf_counter() - started)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--short", action="store_true", help="few calls and small sources: does it still run?")
    short = options.parse_args().short
    calls, conversions = (3, 1) if short else (50, 6 * CORES)
    processes = ConversionProcesses(CORES, 60, Limits(60, 60, 10**9))

    def hop(source: bytes) -> bytes:
        return processes.run(operator.getitem, source, slice(RESULT))

    print(f"the hop, median of {calls} calls")
    for size in (100_000, 1_000_000, 5_000_000, 20_000_000, 50_000_000)[: 1 if short else None]:
        source = os.urandom(size)
        hop(source)
        print(f"  source of {size / 1e6:5.1f} MB: {median_ms(lambda s=source: hop(s), calls):6.2f} ms")

    source = pictures.saved(pictures.noise(300, 200).resize((3000, 2000)), "JPEG", quality=95)
    settings = ImagingSettings(fit_policy="ladder")
    in_processes, in_threads = ConversionProcesses(CORES, 60, Limits(60, 60, 10**9)), converter.convert_bytes
    rate(lambda: in_processes.run(converter.convert_bytes, source, settings), 1 if short else 2 * CORES)
    there = rate(lambda: in_processes.run(converter.convert_bytes, source, settings), conversions)
    here = rate(lambda: in_threads(source, settings), conversions)
    print(f"conversions of 6 MP (ladder) a second on {CORES} cores: {there:.2f} in processes, {here:.2f} in threads")
    for each in (processes, in_processes):
        each.close()


if __name__ == "__main__":
    main()
