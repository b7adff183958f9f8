"""What a POST costs, and where its time goes: fetch, decode, fit, store, and the service's own share.

    python -m benchmarks.posts [--repeats 3] [--plot docs/posts.png] [--short]

The application runs in this process, against an embedded PostgreSQL and an origin on the loopback; conversions run in
their own process, as in production. Times of the stages are taken at the functions that do them. The plot needs
matplotlib.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from webtest import TestApp

from belfoot_img import main as application
from belfoot_img.imaging import converter
from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.models import image
from belfoot_img.settings import ImagingSettings
from testbed.client import EDITOR
from testbed.photographs import noisy_jpeg, photograph
from testbed.site import Site, site

STAGES = ("fetch", "decode", "fit", "hop", "store", "service")
MEANING = "hop: to the converting process and back, headers and repacking there; service: HTTP, JSON, logins, commit"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--plot", help="draw the stages into this PNG")
    options.add_argument("--short", action="store_true", help="small sources and few requests: does it still run?")
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="belfoot_img_bench_") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        running = stack.enter_context(site(Path(folder) / "site", "--workers=1", "--max-requests=0"))
        app = TestApp(
            application(
                {},
                **{
                    "sqlalchemy.url": running.database.url,
                    "belfoot_img.fetch.allow_networks": "127.0.0.0/8",
                    "belfoot_img.fetch.ports": "any",
                },
            )
        )
        rows = {
            name: _stages(app, running, source, reused, options.repeats)
            for name, (source, reused) in sources(options.short).items()
        }
        report(rows)
        own_cost(app, running, requests=10 if options.short else 300)
        rate(running, posts=3 if options.short else 40, at_once=1 if options.short else 8)
        app.app.registry["converter"].close()
    if options.plot:
        draw(rows, options.plot)


def sources(short: bool) -> dict[str, tuple[bytes, bool]]:
    """name → (source, whether its result is there already)"""
    small = {
        "kept: 100 kB JPEG": (noisy_jpeg(1), False),
        "reused: the same again": (noisy_jpeg(1), True),
        "re-encoded: 600x400 PNG": (photograph("coffee.png"), False),
    }
    if short:
        return small
    return small | {
        "re-encoded: 1411x1411 JPEG": (photograph("retina.jpg"), False),
        "re-encoded: 12 MP JPEG": (_enlarged(photograph("retina.jpg"), 4000, 3000), False),
    }


def _enlarged(source: bytes, width: int, height: int) -> bytes:
    from PIL import Image

    output = io.BytesIO()
    Image.open(io.BytesIO(source)).resize((width, height), Image.Resampling.LANCZOS).save(output, "JPEG", quality=92)
    return output.getvalue()


@contextmanager
def timed(spent: dict[str, float], owner, name: str, stage: str) -> Iterator[None]:
    """Adds what the function takes to ``spent[stage]`` while the block runs."""
    function = getattr(owner, name)

    def measured(*arguments, **options):
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent[stage] += time.perf_counter() - started

    setattr(owner, name, measured)
    try:
        yield
    finally:
        setattr(owner, name, function)


def _stages(app: TestApp, running: Site, source: bytes, reused: bool, repeats: int) -> dict[str, float]:
    """Milliseconds a stage, medians."""
    taken = defaultdict(list)
    for number in range(repeats + 1):
        content = source if reused else source + number.to_bytes(8)
        url, spent = running.origin.serve(content), defaultdict(float)
        with (
            timed(spent, Fetcher, "fetch", "fetch"),
            timed(spent, ConversionProcesses, "run", "conversion"),
            timed(spent, image, "put_many", "store"),
        ):
            started = time.perf_counter()
            answer = post(app, url)
            total = time.perf_counter() - started
        assert answer.json["data"]["conversion"]["reused"] is (reused and number > 0)
        if number == 0:
            continue  # starts the converting process, and stores what is reused later
        spent["service"] = total - sum(spent.values())
        if not reused:
            spent.update(_divided(spent.pop("conversion"), content))
        for stage in STAGES:
            taken[stage].append(1000 * spent[stage])
    return {stage: statistics.median(taken[stage]) for stage in STAGES}


def _divided(conversion: float, source: bytes) -> dict[str, float]:
    """Seconds in the other process, told apart by doing the same here: what it took longer there is the hop."""
    spent: dict[str, float] = defaultdict(float)
    settings = ImagingSettings()
    policy = type(converter.fit_policy(settings))
    with timed(spent, decoder, "decode", "decode"), timed(spent, policy, "fit", "fit"):
        started = time.perf_counter()
        converter.convert_bytes(source, settings)
        here = time.perf_counter() - started
    scale = min(1.0, conversion / here)
    decode, fit = scale * spent["decode"], scale * spent["fit"]
    return {"decode": decode, "fit": fit, "hop": conversion - decode - fit}


def post(app: TestApp, url: str):
    user = {"username": EDITOR.username, "password": EDITOR.password}
    body = {"user": user, "data": {"article_id": "1", "url": url}}
    return app.post_json("/api/v1/images", body, headers={"Prefer": "return=minimal"})


def report(rows: dict[str, dict[str, float]]) -> None:
    print(f"| ms | {' | '.join(STAGES)} | all |\n|---|{'---|' * (len(STAGES) + 1)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{row[stage]:.1f}' for stage in STAGES)} | {sum(row.values()):.1f} |")
    print(f"\n({MEANING})\n")


def own_cost(app: TestApp, running: Site, requests: int) -> None:
    """Of a POST whose result is there already, without its fetch; of a GET. In this process, so without a server."""
    url, own, cpu = running.origin.serve(noisy_jpeg(1)), defaultdict(list), defaultdict(list)
    user = {"username": EDITOR.username, "password": EDITOR.password}

    def measure(name: str, ask) -> None:
        for _ in range(requests):
            spent: dict[str, float] = defaultdict(float)
            with timed(spent, Fetcher, "fetch", "fetch"):
                started, busy = time.perf_counter(), time.thread_time()
                ask()
                cpu[name].append(time.thread_time() - busy)
                own[name].append(time.perf_counter() - started - spent["fetch"])

    measure("POST, reused", lambda: post(app, url))
    measure("GET, JSON", lambda: app.request("/api/v1/images/1", method="GET", body=_json({"user": user})))
    print("| the service's own cost, ms | p50 | p99 | CPU p50 |\n|---|---|---|---|")
    for name, times in own.items():
        p99 = sorted(times)[int(0.99 * len(times))]
        busy = statistics.median(cpu[name])
        print(f"| {name} | {1000 * statistics.median(times):.1f} | {1000 * p99:.1f} | {1000 * busy:.1f} |")


def _json(document: dict) -> bytes:
    import json

    return json.dumps(document).encode()


def rate(running: Site, posts: int, at_once: int) -> None:
    """POSTs a second through gunicorn with one worker, as many conversions at once as there are cores."""
    from concurrent.futures import ThreadPoolExecutor

    print("\n| POSTs/s through gunicorn, 1 worker | | CPU ms |\n|---|---|---|")
    for name, source in (("kept", noisy_jpeg(2)), ("re-encoded, 1411x1411 JPEG", photograph("retina.jpg"))):
        urls = [running.origin.serve(source + number.to_bytes(8)) for number in range(posts)]
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda n: running.store(f"{name} {n}", urls[n]), range(at_once)))  # noqa: B023  warm
            before, started = _cpu(running.master), time.perf_counter()
            answers = list(pool.map(lambda n: running.store(f"rate {n}", urls[n]), range(at_once, posts)))  # noqa: B023
            seconds = time.perf_counter() - started
        assert {answer.status for answer in answers} <= {200, 201}
        busy = (_cpu(running.master) - before) / len(answers)
        print(f"| {name} | {len(answers) / seconds:.1f} | {1000 * busy:.0f} |")


def _cpu(server: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in [server, *server.children(recursive=True)])


def draw(rows: dict[str, dict[str, float]], path: str) -> None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("--plot needs matplotlib: pip install 'belfoot_img[plot]'")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 3.6))
    names, left = list(rows), [0.0] * len(rows)
    for stage in STAGES:
        share = [100 * row[stage] / sum(row.values()) for row in rows.values()]
        axes.barh(names, share, left=left, label=stage)
        left = [start + width for start, width in zip(left, share, strict=True)]
    for name, row in rows.items():
        axes.annotate(f" {sum(row.values()):.0f} ms", (100, name), va="center")
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.set_xlabel("% of a POST's time")
    axes.legend(ncols=len(STAGES), loc="upper center", bbox_to_anchor=(0.4, 1.16), frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
