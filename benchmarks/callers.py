"""What checking callers costs, and what floods do to the right ones: wrong passwords, and links that drip.

    python -m benchmarks.callers [--seconds 60] [--rate 200]

Starts an embedded PostgreSQL and gunicorn with two workers, both its own, on loopback only. Prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import create_engine, text

from belfoot_img.authentication import Authenticator
from belfoot_img.errors import ServiceError
from belfoot_img.models import embedded, schema, short_session
from belfoot_img.models.user import User
from belfoot_img.passwords import hash_password
from belfoot_img.payload import Credentials
from testbed import servers
from testbed.client import EDITOR, Client
from testbed.hostile_origin import HostileOrigin

CLIENTS = 4
DRIPS = 40


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60, help="how long the flood lasts")
    options.add_argument("--rate", type=float, default=200, help="wrong logins a second, all clients together")
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="belfoot_img-bench-") as folder:
        url = embedded.start(Path(folder) / "postgres").render_as_string(hide_password=False)
        engine = create_engine(url)
        schema.migrate(engine)
        with engine.begin() as connection:
            row = {"name": EDITOR.username, "password_hash": hash_password(EDITOR.password), "role": "editor"}
            connection.execute(User.__table__.insert(), row)
        checking(engine)
        with servers.gunicorn(Path(folder), url, "--workers=2") as base:
            flood(Client(base, checked=False), options.seconds, options.rate)
            drips(Client(base, checked=False))
        engine.dispose()


def checking(engine) -> None:
    """One check inside the process, its queries included."""
    authenticator = Authenticator(lambda: short_session(engine))

    def check(credentials: Credentials) -> float:
        began = time.perf_counter()
        with contextlib.suppress(ServiceError):
            authenticator.authenticate(credentials.username, credentials.password, "192.0.2.1")
        return 1000 * (time.perf_counter() - began)

    def cold(credentials: Credentials) -> float:
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE login_failures"))
        return check(credentials)

    check(EDITOR)
    warm = sorted(check(EDITOR) for _ in range(500))
    print(f"warm credentials       p50 {warm[250]:6.2f} ms   p99 {warm[495]:6.2f} ms")
    names = {"wrong password": Credentials("editor", "wrong"), "unknown name": Credentials("nobody", "wrong")}
    taken = {what: [] for what in names}
    for _ in range(60):
        for what, credentials in names.items():
            taken[what].append(cold(credentials))
    wrong, unknown = (statistics.median(times) for times in taken.values())
    print(f"wrong password         p50 {wrong:6.2f} ms\nunknown name           p50 {unknown:6.2f} ms")
    print(f"their ratio            {wrong / unknown:6.3f}")


def flood(client: Client, seconds: float, rate: float) -> None:
    """The right user's GETs, ten a second, idle and while four clients guess."""
    for _ in range(20):
        timed(client, EDITOR)  # warm on both workers, as a user is who is at work
    idle = reads(client, 100)
    with ProcessPoolExecutor(CLIENTS) as pool:
        end = time.time() + seconds
        guessers = [pool.submit(guess, client.base, rate / CLIENTS, end) for _ in range(CLIENTS)]
        during = []
        while time.time() < end:
            during += reads(client, 5)
        statuses = sum((guesser.result() for guesser in guessers), Counter())
    print(f"\nwrong logins           {statuses.total() / seconds:6.0f} a second, by status: {dict(statuses)}")
    report(idle=idle, flooded=during)


def drips(client: Client) -> None:
    """The right user's GETs while as many POSTs as there are drips wait for an origin that never ends."""
    with HostileOrigin(lifetime=120) as hostile, ThreadPoolExecutor(DRIPS) as pool:
        idle = reads(client, 60)
        posts = [pool.submit(client.store, hostile.url("drip-body"), f"drip {number}") for number in range(DRIPS)]
        time.sleep(1)
        during = reads(client, 60)
        dripping = sum(not post.done() for post in posts)
        ends = Counter(post.result().status_code for post in posts)
    print(f"\n{DRIPS} dripping origins     {dripping} still dripping after the GETs, all ended as {dict(ends)}")
    report(idle=idle, dripping=during)


def report(**answers: list[tuple[int, float]]) -> None:
    for what, some in answers.items():
        times = sorted(milliseconds for _, milliseconds in some)
        served = sum(status == 200 for status, _ in some)
        p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
        print(f"right user, {what:<10} {served} of {len(some)} served   p50 {p50:6.1f} ms   p95 {p95:6.1f} ms")


def reads(client: Client, count: int) -> list[tuple[int, float]]:
    answers = []
    for _ in range(count):
        time.sleep(0.1)
        answers.append(timed(client, EDITOR))
    return answers


def guess(base: str, rate: float, end: float) -> Counter:
    """Wrong logins from one client on one connection, at ``rate`` a second where the service answers that fast."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    statuses, due = Counter(), time.time()
    while (now := time.time()) < end:
        time.sleep(max(0.0, due - now))
        due += 1 / rate
        user = {"username": EDITOR.username, "password": f"guess {due}"}
        connection.request("GET", "/api/v1/images", json.dumps({"user": user}))
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
    return statuses


def timed(client: Client, user: Credentials) -> tuple[int, float]:
    began = time.perf_counter()
    status = client.request("GET", "/api/v1/images", user=user).status_code
    return status, 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
