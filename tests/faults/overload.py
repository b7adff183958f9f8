"""More work than the host has time, threads or memory for."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from belfoot_img.settings import ConvertingSettings
from testbed import pictures
from testbed.hostile_origin import HostileOrigin
from testbed.site import Answer, Site, site
from tests.faults.rows import Row, counts, judged

MEGABYTE = 1e6
SPIN = "while True: pass"


def overloaded(folder: Path, posts: int, megapixels: float, converting: int | None, beside: int, tries: int) -> Row:
    """``posts`` callers store a large photograph at once, while ``beside`` processes use all the CPU that they get."""
    if converting == ConvertingSettings().at_once:
        pytest.skip(f"{converting} conversions at once are the default here, which has a row of its own")
    settings = {"converting": str(converting)} if converting else {}
    content = _photograph(megapixels)
    with (
        site(folder, "--workers=2", **settings) as running,
        ThreadPoolExecutor(posts) as pool,
        _burning(beside),
    ):
        urls = [running.origin.serve(content + number.to_bytes(8)) for number in range(posts)]
        started = time.monotonic()
        articles = [f"crowd {number}" for number in range(posts)]
        answers = list(pool.map(lambda *what: _store_with_patience(running, *what, tries), articles, urls))
        took = time.monotonic() - started
        stored, lost = len(running.stored()) - 1, running.lost()
    statuses = Counter(answer.status or answer.error for each in answers for answer in each)
    return judged(
        f"{posts} POSTs of a {megapixels:g} MP JPEG at once, converting = {converting or 'default'}, "
        f"{beside} busy processes beside",
        "only 200, 201, 503; all stored once they tried again as told",
        f"{counts(statuses)}; {stored} of {posts} stored in {took:.0f} s, "
        f"after {max(map(len, answers))} tries at most; {lost} lost",
        only_200_201_503=set(statuses) <= {200, 201, 503},
        all_stored=stored == posts and lost == 0,
    )


def _store_with_patience(running: Site, article_id: str, url: str, tries: int) -> list[Answer]:
    """Every answer until it is stored: a 503 is tried again after its Retry-After."""
    answers = []
    while len(answers) < tries:
        answers.append(running.store(article_id, url, timeout=180))
        if answers[-1].status != 503:
            break
        time.sleep(int(answers[-1].headers["Retry-After"]))
    return answers


def _photograph(megapixels: float) -> bytes:
    side = round((megapixels * 1e6) ** 0.5)
    return pictures.saved(pictures.noise(side // 8, side // 8).resize((side, side)), "JPEG", quality=92)


@contextmanager
def _burning(processes: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(processes):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", SPIN]))
            stack.callback(process.kill)
        yield


def dripping(folder: Path, origins: int, seconds: float, p95: float) -> Row:
    """``origins`` POSTs at once from origins that send a byte now and then, and who reads meanwhile."""
    with site(folder, "--workers=2") as running, HostileOrigin(lifetime=600) as hostile:
        urls = [hostile.url("drip-body") + f"?{number}" for number in range(origins)]
        return _read_meanwhile(
            running, f"{origins} POSTs at once from origins that drip", urls, seconds, p95, {503, 504}, may_store=False
        )


def large_bodies(folder: Path, posts: int, megabytes: int, seconds: float, p95: float) -> Row:
    """``posts`` POSTs at once of pictures of that many megabytes, and who reads meanwhile."""
    size = megabytes * 1_000_000
    content = pictures.padded(pictures.saved(pictures.noise(700, 500), "JPEG", quality=80), size - 8)
    with site(folder, "--workers=2") as running:
        urls = [running.origin.serve(content + number.to_bytes(8)) for number in range(posts)]
        what = f"{posts} POSTs at once of {megabytes} MB each, again and again for {seconds:g} s"
        return _read_meanwhile(running, what, urls, seconds, p95, {200, 201, 503, 504}, may_store=True)


def _read_meanwhile(
    running: Site, what: str, urls: list[str], seconds: float, p95: float, expected: set[int], may_store: bool
) -> Row:
    end, most, over = time.monotonic() + seconds, [], threading.Event()
    reads: dict[str, list[Answer]] = {"health": [], "GET": []}

    def post(number: int) -> Counter:
        statuses: Counter = Counter()
        while time.monotonic() < end:
            answer = running.store(f"large {number}", urls[number], timeout=180)
            statuses[answer.status] += 1
            if answer.status == 503:
                time.sleep(int(answer.headers["Retry-After"]))
        return statuses

    def read(kind: str, ask: Callable[[], Answer]) -> None:
        while not over.is_set():
            reads[kind].append(ask())
            time.sleep(0.05)

    def watch() -> None:
        while not over.wait(0.05):
            most.append(max((worker.memory_info().rss for worker in running.workers()), default=0))

    with ThreadPoolExecutor(len(urls) + 3) as pool:
        posts = [pool.submit(post, number) for number in range(len(urls))]
        time.sleep(1)
        asking = (
            pool.submit(read, "health", lambda: running.caller().request("GET", "/health/live")),
            pool.submit(read, "GET", lambda: running.caller().read("base")),
            pool.submit(watch),
        )
        statuses = sum((each.result() for each in posts), Counter())
        over.set()
        for each in asking:
            each.result()
    slowest = {kind: _p95(answers) for kind, answers in reads.items()}
    served = Counter(answer.status for answers in reads.values() for answer in answers)
    return judged(
        what,
        f"/health/live and GET: p95 below {1000 * p95:g} ms; workers below 400 MB",
        f"POST {counts(statuses)}; reads {counts(served)}, p95 of /health/live {1000 * slowest['health']:.0f} ms, "
        f"of GET {1000 * slowest['GET']:.0f} ms; a worker took {max(most) / MEGABYTE:.0f} MB at most",
        only_expected_answers=set(statuses) <= expected,
        all_reads_served=set(served) == {200},
        health_in_time=slowest["health"] <= p95,
        reads_in_time=slowest["GET"] <= p95,
        memory_bounded=max(most) <= 400 * MEGABYTE,
        some_were_stored=not may_store or statuses[201] + statuses[200] > 0,
    )


def _p95(answers: list[Answer]) -> float:
    seconds = sorted(answer.seconds for answer in answers)
    return seconds[int(0.95 * len(seconds))]
