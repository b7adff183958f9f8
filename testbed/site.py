"""A production host in miniature: PostgreSQL, gunicorn's workers, NGINX where wanted, an origin, and who calls them."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from belfoot_img.passwords import hash_password
from testbed import servers
from testbed.client import EDITOR
from testbed.origin import Origin
from testbed.ports import free_port, until
from testbed.postgres import Postgres, postgres

BROKEN = """SELECT count(*) FROM images LEFT JOIN contents USING (article_id, bytes, sha256)
            WHERE image IS NULL OR octet_length(image) <> (bytes + 2) / 3 * 4
            OR encode(sha256(decode(image, 'base64')), 'hex') <> sha256"""


@dataclass(frozen=True)
class Answer:
    """``status`` 0: the connection broke, or nothing came in time; ``error`` says how."""

    status: int
    seconds: float
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def data(self) -> dict:
        return json.loads(self.body)["data"]


class Caller:
    """A CMS on one connection, kept alive or made anew for each request. Not thread-safe."""

    def __init__(self, base: str, keep_alive: bool = False, timeout: float = 60):
        self._address = urlsplit(base).netloc
        self._keep_alive = keep_alive
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, data=None, **headers: str) -> Answer:
        user = {"username": EDITOR.username, "password": EDITOR.password}
        body = json.dumps({"user": user, "data": data or {}})
        started = time.monotonic()
        connection = self._connection or http.client.HTTPConnection(self._address, timeout=self._timeout)
        try:
            self._connection = connection if self._keep_alive else None
            headers = {"Content-Type": "application/json", **headers}
            if not self._keep_alive:
                headers["Connection"] = "close"
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if not self._keep_alive:
                connection.close()
            return Answer(answer.status, time.monotonic() - started, content, dict(answer.getheaders()))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._connection = None
            return Answer(0, time.monotonic() - started, error=repr(error))

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def read(self, article_id: str, **headers: str) -> Answer:
        return self.request("GET", f"/api/v1/images/{article_id}", **headers)

    def store(self, article_id: str, url: str) -> Answer:
        data = {"article_id": article_id, "url": url}
        return self.request("POST", "/api/v1/images", data, Prefer="return=minimal")


class Site:
    """``base``: where callers call; ``master``: gunicorn's."""

    def __init__(self, base: str, master: psutil.Process, database: Postgres, origin: Origin, folder: Path):
        self.base = base
        self.master = master
        self.database = database
        self.origin = origin
        self.folder = folder
        self.acknowledged: dict[str, str] = {}
        """article id → sha256 of what a POST said is stored"""

    def workers(self) -> list[psutil.Process]:
        return self.master.children()

    def all_up(self, count: int) -> bool:
        """Whether that many workers have started: each asks the database for its schema before it serves."""
        workers = self.workers()
        with contextlib.suppress(psutil.Error):
            return len(workers) == count and all(self._knows_database(worker) for worker in workers)
        return False

    def _knows_database(self, worker: psutil.Process) -> bool:
        return any(c.raddr and c.raddr.port == self.database.port for c in worker.net_connections("tcp"))

    def caller(self, **options) -> Caller:
        return Caller(self.base, **options)

    def store(self, article_id: str, url: str, **options) -> Answer:
        """A POST whose acknowledgement is remembered."""
        answer = self.caller(**options).store(article_id, url)
        if answer.status in (200, 201):
            self.acknowledged[article_id] = answer.data["sha256"]
        return answer

    def stored(self) -> dict[str, str]:
        return dict(self.database.question("SELECT article_id, sha256 FROM images"))

    def lost(self) -> int:
        """Counts the acknowledged images that are missing."""
        stored = self.stored()
        return sum(stored.get(article_id) != sha256 for article_id, sha256 in self.acknowledged.items())

    def broken(self) -> int:
        """Counts the rows that are not whole."""
        return self.database.question(BROKEN)[0][0]

    def worker_on_port(self, port: int) -> psutil.Process | None:
        """The worker whose connection to somebody begins at this port of the host."""
        for worker in self.workers():
            with contextlib.suppress(psutil.Error):
                if any(c.laddr and c.laddr.port == port for c in worker.net_connections("tcp")):
                    return worker
        return None

    def recovery(self, seconds: float = 30, in_a_row: int = 5) -> float:
        """Seconds until that many requests in a row were served."""

        def served() -> bool:
            return all(self.caller(timeout=10).read("base").status == 200 for _ in range(in_a_row))

        return until(served, seconds, "requests are served")


@contextmanager
def site(
    folder: Path,
    *arguments: str,
    through: str = "gunicorn",
    database: Postgres | None = None,
    limited: bool = True,
    **settings: str,
) -> Iterator[Site]:
    """``through``: gunicorn (on a loopback port) or nginx, ``limited`` to as many requests as it is delivered with.
    One image is there, under the article id ``base``."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        database = database or stack.enter_context(postgres(folder / "postgres"))
        database.question("DELETE FROM images; DELETE FROM users")
        values = (EDITOR.username, _hash())
        database.question("INSERT INTO users (name, password_hash, role) VALUES (%s, %s, 'editor')", *values)
        origin = stack.enter_context(Origin())
        address = f"unix:{folder}/app.socket" if through == "nginx" else f"127.0.0.1:{free_port()}"
        master = stack.enter_context(servers.app(folder, database.url, f"--bind={address}", *arguments, **settings))
        base = f"http://{address}"
        if through == "nginx":
            changes = {} if limited else servers.UNLIMITED
            base = stack.enter_context(servers.proxy(folder, address, **changes))
        servers.wait_until_ready(base, folder / "gunicorn.log")
        running = Site(base, psutil.Process(master.pid), database, origin, folder)
        until(lambda: running.store("base", origin.serve(picture(0))).status in (200, 201), 30, "an image is stored")
        yield running


@cache
def _hash() -> str:
    return hash_password(EDITOR.password)


def picture(number: int) -> bytes:
    """A small PNG unlike every other number's; storing it takes a few milliseconds of conversion."""
    from testbed.photographs import png

    return png(40 + number % 60, 30 + number // 60 % 60, f"#{number * 2654435761 % 0xFFFFFF:06x}")


class Load:
    """``threads`` callers that ask one request after the other while the block runs."""

    def __init__(self, site: Site, ask: Callable[[Caller, int], Answer], threads: int = 8, keep_alive: bool = False):
        self.answers: list[tuple[float, Answer]] = []
        """(when it came, answer)"""
        self._site = site
        self._ask = ask
        self._threads = threads
        self._keep_alive = keep_alive
        self._over = threading.Event()

    def __enter__(self) -> Load:
        self._pool = ThreadPoolExecutor(self._threads)
        self._running = [self._pool.submit(self._call, number) for number in range(self._threads)]
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._pool.shutdown()
        for running in self._running:
            running.result()

    def _call(self, number: int) -> None:
        caller, count = self._site.caller(keep_alive=self._keep_alive), 0
        while not self._over.is_set():
            answer = self._ask(caller, number * 1_000_000 + count)
            self.answers.append((time.monotonic(), answer))
            count += 1
            if answer.status != 200 and answer.status != 201:
                time.sleep(0.05)  # a caller that is refused does not hammer
        caller.close()

    def statuses(self) -> Counter:
        return Counter(answer.status for _, answer in self.answers)

    def slowest(self) -> float:
        return max(answer.seconds for _, answer in self.answers)

    def errors(self) -> Counter:
        return Counter(answer.error for _, answer in self.answers if answer.status == 0)
