"""Faults of our own processes: workers killed, stopped, reloaded and recycled."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg2

from testbed.photographs import photograph
from testbed.ports import until
from testbed.site import Load, Site, picture, site
from tests.faults.rows import Row, counts, judged

ALARM = 2.0
"""Seconds within which the next request is served after a worker was killed."""
STORES_THAT_WAIT = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO images%'"
"""Stores of images that wait for a lock, for ``Postgres.question``."""


def killed_workers(folder: Path, kills: int) -> Row:
    """kill -9 of the very worker that has the request: while it fetches, converts, and commits."""
    stages = {"fetch": _during_fetch, "conversion": _during_conversion, "commit": _during_commit}
    outcomes, slowest = Counter(), 0.0
    with site(folder, "--workers=2", "--threads=4") as running:
        for number in range(kills):
            stage = list(stages)[number % 3]
            until(lambda: running.all_up(2), 30, "both workers are up")
            family = _conversion_processes(running)
            with ThreadPoolExecutor(1) as pool:
                answer = stages[stage](running, pool, number).result()
            outcomes[f"{stage} {answer.status or 'cut off'}"] += 1
            slowest = max(slowest, running.recovery(10, in_a_row=1))
            until(lambda old=family: not _orphans(old), 10, "the killed worker's own processes have left")
        broken, lost = running.broken(), running.lost()
    return judged(
        f"kill -9 a worker during fetch, conversion, commit: {kills} times",
        "0 partial rows, 0 acknowledged images lost, the next request served within 2 s",
        f"{counts(outcomes)}; {broken} partial rows, {lost} lost, served again within {slowest:.2f} s",
        no_partial_rows=broken == 0,
        nothing_lost=lost == 0,
        served_again_in_time=slowest <= ALARM,
    )


def _conversion_processes(running: Site) -> list[psutil.Process]:
    return [child for worker in running.workers() for child in worker.children(recursive=True)]


def _orphans(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that outlived the worker they worked for."""
    return [process for process in family if process.is_running() and process.ppid() == 1]


def _during_fetch(running: Site, pool: ThreadPoolExecutor, number: int):
    asked, killed = threading.Event(), threading.Event()
    port = []

    def answer(handler):
        port.append(handler.client_address[1])
        asked.set()
        killed.wait(10)
        handler.close_connection = True

    request = pool.submit(running.store, f"fetch {number}", running.origin.serve(answer))
    assert asked.wait(20)
    running.worker_on_port(port[0]).kill()
    killed.set()
    return request


def _during_conversion(running: Site, pool: ThreadPoolExecutor, number: int):
    fetched, port = threading.Event(), []
    content = photograph("retina.jpg") + number.to_bytes(8)  # what follows the end of a JPEG makes it another source

    def answer(handler):
        port.append(running.worker_on_port(handler.client_address[1]))
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        fetched.set()

    request = pool.submit(running.store, f"conversion {number}", running.origin.serve(answer))
    assert fetched.wait(20)
    time.sleep(random.uniform(0, 0.3))
    port[0].kill()
    return request


def _during_commit(running: Site, pool: ThreadPoolExecutor, number: int):
    """The store waits for a lock of ours on the table, so it is killed inside its transaction."""
    blocker = psycopg2.connect(running.database.url)
    with contextlib.closing(blocker), blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE images IN SHARE ROW EXCLUSIVE MODE")
        request = pool.submit(running.store, f"commit {number}", running.origin.serve(picture(number)))
        waiting = f"SELECT client_port {STORES_THAT_WAIT}"
        until(lambda: running.database.question(waiting), 20, "the store waits")
        running.worker_on_port(running.database.question(waiting)[0][0]).kill()
    return request


def stopped(folder: Path, requests: int) -> Row:
    """SIGTERM to the master while conversions run: what is in flight is finished and answered."""
    with site(folder, "--workers=2", "--threads=8") as running, ThreadPoolExecutor(requests) as pool:
        source = photograph("retina.jpg")
        urls = [running.origin.serve(source + number.to_bytes(8)) for number in range(requests)]
        answers = [pool.submit(running.store, f"term {number}", url) for number, url in enumerate(urls)]
        until(lambda: sum(running.origin.hits.values()) >= min(requests, 4), 20, "downloads are under way")
        running.master.send_signal(signal.SIGTERM)
        statuses = Counter(answer.result().status or "cut off" for answer in answers)
        until(lambda: not running.master.is_running() or running.master.status() == "zombie", 70, "it has stopped")
        broken, lost = running.broken(), running.lost()
        unsaid = len([name for name in running.stored() if name not in running.acknowledged])
    return judged(
        f"SIGTERM during {requests} conversions",
        "requests in flight finish or store nothing",
        f"{counts(statuses)}; {broken} partial rows, {lost} lost, {unsaid} stored without an answer",
        no_partial_rows=broken == 0,
        nothing_lost=lost == 0,
        nothing_stored_unsaid=unsaid == 0,
        some_were_in_flight=statuses[201] > 0,
    )


def reloaded(folder: Path, through: str, reloads: int, pause: float) -> Row:
    """HUP under load; callers with kept connections and with new ones. A POST is never asked again by anybody."""

    def ask(caller, number):
        return caller.store(f"hup {number}", url) if number % 10 == 0 else caller.read("base")

    with site(folder, "--workers=2", "--threads=8", through=through, limited=False) as running:
        url = running.origin.serve(picture(1))
        with Load(running, ask, threads=4) as fresh, Load(running, ask, threads=4, keep_alive=True) as kept:
            for _ in range(reloads):
                before = {worker.pid for worker in running.workers()}
                time.sleep(pause)
                running.master.send_signal(signal.SIGHUP)
                until(lambda old=before: not old & {worker.pid for worker in running.workers()}, 70, "workers are new")
        statuses = fresh.statuses() + kept.statuses()
        errors = fresh.errors() + kept.errors()
    return judged(
        f"reload (HUP) under load, {'through NGINX' if through == 'nginx' else 'gunicorn alone'}: {reloads} times",
        "0 dropped connections",
        f"{counts(statuses)}; {counts(errors)} dropped",
        nothing_dropped=not errors,
        only_success=set(statuses) <= {200, 201},
    )


def recycled(folder: Path, through: str, requests: int, each: int) -> Row:
    """Workers that leave after ``each`` requests, and are replaced while others go on."""
    arguments = ("--workers=2", "--threads=8", f"--max-requests={each}", f"--max-requests-jitter={each // 4}")
    with site(folder, *arguments, through=through, limited=False) as running:
        first = {worker.pid for worker in running.workers()}
        seen = set(first)
        with (
            Load(running, lambda caller, _: caller.read("base"), threads=3) as fresh,
            Load(running, lambda caller, _: caller.read("base"), threads=3, keep_alive=True) as kept,
        ):
            while len(fresh.answers) + len(kept.answers) < requests:
                seen |= {worker.pid for worker in running.workers()}
                time.sleep(0.1)
        statuses, errors = fresh.statuses() + kept.statuses(), fresh.errors() + kept.errors()
    return judged(
        f"worker recycling over {requests} requests, {'through NGINX' if through == 'nginx' else 'gunicorn alone'}",
        "0 dropped connections",
        f"{counts(statuses)}; {len(seen - first)} workers replaced; {counts(errors)} dropped",
        nothing_dropped=not errors,
        only_success=set(statuses) == {200},
        workers_were_replaced=len(seen) > len(first),
    )
