"""Many callers at once, and many requests in a row."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from testbed.client import EDITOR
from testbed.photographs import noisy_jpeg
from testbed.site import Caller, Site, picture, site
from tests.faults.rows import Row, counts, judged

MEGABYTE = 1e6
IN_USE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'belfoot_img' AND state <> 'idle'"


def readers(folder: Path, clients: int, rounds: int = 3) -> Row:
    """``clients`` connections ask at the same moment, through NGINX as it is delivered."""
    with site(folder, "--workers=2", through="nginx") as running:
        running.store("large", running.origin.serve(noisy_jpeg(1)))
        outcomes = _all_at_once(running.base, clients)
        before = _memory(running)
        for _ in range(rounds):
            outcomes += _all_at_once(running.base, clients)
        after = _memory(running)
    growth = max(after[pid] / before[pid] - 1 for pid in before if pid in after)
    return judged(
        f"{clients} clients GET at once, {rounds + 1} times",
        "0 errors but declared 503/429; memory flat",
        f"{counts(outcomes)}; memory of a worker {max(after.values()) / MEGABYTE:.0f} MB, {growth:+.1%} at most",
        no_errors=set(outcomes) <= {200, 503, 429} and outcomes[200] > 0,
        memory_flat=growth < 0.1,
    )


def _all_at_once(base: str, clients: int) -> Counter:
    """Statuses, or the name of the error; every request is sent before the first answer is read."""
    address = urlsplit(base)
    body = json.dumps({"user": {"username": EDITOR.username, "password": EDITOR.password}})
    request = (
        f"GET /api/v1/images/large HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    waiting, answers = selectors.DefaultSelector(), {}
    outcomes: Counter = Counter()
    for _ in range(clients):
        connection = socket.create_connection((address.hostname, address.port), timeout=60)
        connection.sendall((request + body).encode())
        connection.setblocking(False)
        waiting.register(connection, selectors.EVENT_READ)
        answers[connection] = bytearray()
    end = time.monotonic() + 120
    while waiting.get_map() and time.monotonic() < end:
        for key, _ in waiting.select(1):
            try:
                piece = key.fileobj.recv(1 << 18)
            except OSError as error:
                outcomes[type(error).__name__] += 1
                piece = None
            if piece:
                answers[key.fileobj] += piece
                continue
            waiting.unregister(key.fileobj)
            if piece is not None:
                outcomes[_status(answers[key.fileobj])] += 1
            key.fileobj.close()
    for key in list(waiting.get_map().values()):
        outcomes["no answer"] += 1
        key.fileobj.close()
    return outcomes


def _status(answer: bytearray) -> int | str:
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and int(value) != len(body):
            return "cut short"
    return int(head.split(b" ", 2)[1]) if head else "empty answer"


def _memory(running: Site) -> dict[int, int]:
    """Resident bytes that are a worker's own, by its pid."""
    return {worker.pid: worker.memory_info().rss - worker.memory_info().shared for worker in running.workers()}


def slow_origin(folder: Path, posts: int, threads: int, seconds: float, share: float = 0.8) -> Row:
    """Everybody stores at once, from an origin that takes its time; two connections a worker are enough for it.

    A worker may download with all but two of its threads here. ``share`` of that must be seen downloading at once:
    those that store at that moment, or whose worker is still booting, do not.
    """
    now, most, lock = 0, 0, threading.Lock()
    used, over = [], threading.Event()
    two = {"database__connections": "2", "fetch__at_once": str(threads - 2)}

    def store(number: int) -> int:
        """How often it was told that the service is busy."""
        for busy in range(1000):
            answer = running.store(f"slow {number}", urls[number], timeout=180)
            if answer.status != 503:
                return busy
            time.sleep(int(answer.headers["Retry-After"]))
        return 1000

    def answering(number: int):
        content = picture(number)

        def answer(handler):
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(seconds)
            with lock:
                now -= 1
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

        return answer

    def watch():
        while not over.wait(0.01):
            used.append(running.database.question(IN_USE)[0][0])

    with (
        site(folder, "--workers=2", f"--threads={threads}", f"--worker-connections={2 * threads}", **two) as running,
        ThreadPoolExecutor(posts + 1) as pool,
    ):
        watching = pool.submit(watch)
        urls = [running.origin.serve(answering(number)) for number in range(posts)]
        started = time.monotonic()
        busy = sum(pool.map(store, range(posts)))
        took = time.monotonic() - started
        over.set()
        watching.result()
        stored, lost = len(running.stored()) - 1, running.lost()
    return judged(
        f"{posts} POSTs at once from an origin that takes {seconds:g} s, 2 workers of {threads} threads",
        "as many downloads in flight as fetch.at_once allows, at most 4 database connections in use, all stored",
        f"{most} downloads at once, at most {max(used)} connections in use, {stored} of {posts} stored in {took:.1f} s "
        f"({busy} times 503 before), {lost} lost",
        as_many_downloads_as_allowed=share * 2 * (threads - 2) <= most <= 2 * (threads - 2),
        few_connections=max(used) <= 4,
        all_stored=stored == posts and lost == 0,
    )


def mixed(folder: Path, requests: int, growth: float = 0.01, callers: int = 6) -> Row:
    """Reads, 304s, JPEGs, listings, refusals, small and reused conversions; the memory of each worker meanwhile, which
    may have grown by the share ``growth`` in the second half."""
    with site(folder, "--workers=2", "--max-requests=0") as running, ThreadPoolExecutor(callers) as pool:
        running.store("large", running.origin.serve(noisy_jpeg(1)))
        known = running.caller().read("large").headers["ETag"]
        urls = [running.origin.serve(picture(number)) for number in range(200)]
        samples: list[tuple[int, dict[int, int]]] = []
        statuses: Counter = Counter()
        done, step = 0, max(requests // 100, callers)
        while done < requests:
            share = [range(done + start, done + step, callers) for start in range(callers)]
            for counted in pool.map(lambda numbers: _mix(running.caller(keep_alive=True), numbers, known, urls), share):
                statuses += counted
            done += step
            samples.append((done, _memory(running)))
        broken = running.broken()
    slope = _slope(samples[len(samples) // 2 :])
    return judged(
        f"{done} mixed requests",
        "memory of each worker: slope below 1 % in the second half",
        f"{counts(statuses)}; memory {max(samples[-1][1].values()) / MEGABYTE:.0f} MB, "
        f"{slope:+.2%} over the second half; {broken} partial rows",
        memory_flat=slope < growth,
        no_errors=set(statuses) <= {200, 201, 304, 401, 404, 422},
        no_partial_rows=broken == 0,
    )


def _mix(caller: Caller, numbers: range, known: str, urls: list[str]) -> Counter:
    statuses: Counter = Counter()
    for number in numbers:
        kind = number % 20
        if kind < 8:
            answer = caller.read("large")
        elif kind < 12:
            answer = caller.read("large", Accept="image/jpeg")
        elif kind < 15:
            answer = caller.read("large", **{"If-None-Match": known})
        elif kind == 15:
            answer = caller.request("GET", "/api/v1/images?limit=20")
        elif kind == 16:
            answer = caller.read("nothing")
        elif kind == 17:
            answer = caller.request("POST", "/api/v1/images", {"article_id": "1", "url": "http://10.0.0.1/"})
        else:
            answer = caller.store(f"mixed {number % 500}", urls[number % len(urls)])
        statuses[answer.status] += 1
    caller.close()
    return statuses


def _slope(samples: list[tuple[int, dict[int, int]]]) -> float:
    """Growth over the samples' span by a least-squares line, as a share of the mean; the worst of all workers."""
    import numpy

    worst = 0.0
    for pid in set.intersection(*(set(memory) for _, memory in samples)):
        done = numpy.array([number for number, _ in samples], dtype=float)
        bytes_ = numpy.array([memory[pid] for _, memory in samples], dtype=float)
        growth = numpy.polyfit(done, bytes_, 1)[0] * (done[-1] - done[0])
        worst = max(worst, growth / bytes_.mean())
    return worst
