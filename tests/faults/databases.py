"""Faults of the database and of the disks."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from testbed.photographs import noisy_jpeg
from testbed.ports import until
from testbed.postgres import Postgres, postgres
from testbed.site import Caller, Load, Site, picture, site
from tests.faults.processes import STORES_THAT_WAIT
from tests.faults.rows import Row, counts, judged

PATIENCE = 5.0
"""Seconds: the longest anybody waits for an answer, and for everything to be as before."""


def killed_backends(folder: Path, kills: int) -> Row:
    """kill -9 of the backend that stores, in the middle of its transaction. PostgreSQL restarts all of them then."""
    outcomes, slowest = Counter(), 0.0
    with site(folder, "--workers=2", "--threads=4") as running, ThreadPoolExecutor(1) as pool:
        for number in range(kills):
            request = _caught_in_the_act(running, pool, number)
            answer = request.result()
            outcomes[answer.status or "cut off"] += 1
            slowest = max(slowest, answer.seconds)
            until(running.database.answers, 30, "PostgreSQL is back")
            running.recovery()
        broken, lost = running.broken(), running.lost()
    return judged(
        f"kill -9 a PostgreSQL backend mid-transaction, {kills} times",
        "503 or success; 0 acknowledged rows lost",
        f"{counts(outcomes)}, the slowest after {slowest:.2f} s; {broken} partial rows, {lost} lost",
        only_503_or_success=set(outcomes) <= {200, 201, 503},
        no_partial_rows=broken == 0,
        nothing_lost=lost == 0,
        some_were_cut=outcomes[503] > 0,
    )


def _caught_in_the_act(running: Site, pool: ThreadPoolExecutor, number: int):
    blocker = psycopg2.connect(running.database.url)
    try:
        blocker.cursor().execute("LOCK TABLE images IN SHARE ROW EXCLUSIVE MODE")
        request = pool.submit(running.store, f"backend {number}", running.origin.serve(picture(number)))
        waiting = f"SELECT pid {STORES_THAT_WAIT}"
        until(lambda: running.database.question(waiting), 20, "the store waits")
        running.database.kill_backend(running.database.question(waiting)[0][0])
    finally:
        blocker.close()
    return request


def restarted(folder: Path, away: float) -> Row:
    return _away(folder, "PostgreSQL restarted under load", 0, Postgres.stop, Postgres.start)


def gone(folder: Path, away: float) -> Row:
    return _away(folder, f"PostgreSQL stopped for {away:.0f} s", away, Postgres.stop, Postgres.start)


def frozen(folder: Path, away: float) -> Row:
    return _away(folder, f"PostgreSQL frozen (SIGSTOP) for {away:.0f} s", away, Postgres.freeze, Postgres.thaw)


def _away(
    folder: Path, fault: str, away: float, leave: Callable[[Postgres], None], come_back: Callable[[Postgres], None]
) -> Row:
    def ask(caller: Caller, number: int):
        if number % 5:
            return caller.read("base")
        answer = caller.store(f"away {number}", url)
        if answer.status in (200, 201):
            running.acknowledged[f"away {number}"] = answer.data["sha256"]
        return answer

    with site(folder, "--workers=2", "--threads=8") as running:
        url = running.origin.serve(picture(1))
        before = {worker.pid for worker in running.workers()}
        with Load(running, ask, threads=12) as load:
            time.sleep(1)
            leave(running.database)
            time.sleep(away)
            come_back(running.database)
            back = time.monotonic()
            recovery = running.recovery()
            time.sleep(1)
        late = [answer for when, answer in load.answers if when > back + PATIENCE and answer.status not in (200, 201)]
        refused = [answer for _, answer in load.answers if answer.status == 503]
        declared = all("Retry-After" in a.headers and b"database_unavailable" in a.body for a in refused)
        broken, lost = running.broken(), running.lost()
        same = before == {worker.pid for worker in running.workers()}
    statuses = load.statuses()
    return judged(
        fault,
        "503 within 5 s, back to normal within 5 s of its return, no restart of ours",
        f"{counts(statuses)}, the slowest after {load.slowest():.2f} s; normal {recovery:.2f} s after its return; "
        f"{broken} partial rows, {lost} of {len(running.acknowledged)} acknowledged lost",
        only_503_or_success=set(statuses) <= {200, 201, 503},
        each_503_says_when_to_come_again=declared,
        answered_in_time=load.slowest() <= PATIENCE,
        back_in_time=recovery <= PATIENCE and not late,
        no_restart_of_ours=same,
        no_partial_rows=broken == 0,
        nothing_lost=lost == 0,
    )


def full_database(folder: Path) -> Row:
    """The database's disk has no byte left. Where that ends PostgreSQL itself, it is started again as systemd would."""
    with (
        small_disk(folder / "disk", 160) as disk,
        postgres(disk / "postgres") as database,
        site(folder / "site", "--workers=2", "--threads=4", database=database) as running,
    ):
        filler, outcomes, restarts = disk / "filler", Counter(), 0
        for number in range(8):
            running.store(f"before {number}", running.origin.serve(noisy_jpeg(number)))
        fill(filler)
        for number in range(30):
            answer = running.store(f"full {number}", running.origin.serve(noisy_jpeg(100 + number)), timeout=20)
            outcomes[answer.status or "cut off"] += 1
        reading = running.caller(timeout=20).read("base").status
        filler.unlink()
        if not database.runs():
            restarts += 1
            database.start()
        recovery = running.recovery()
        after = running.store("after", running.origin.serve(noisy_jpeg(999))).status
        broken, lost = running.broken(), running.lost()
    return judged(
        "disk full under the database",
        "503, nothing half stored, recovers when space is back",
        f"POST {counts(outcomes)}, GET meanwhile {reading}, POST afterwards {after}, normal {recovery:.2f} s later; "
        f"PostgreSQL ended itself {restarts} times; {broken} partial rows, {lost} lost",
        only_503_or_success=set(outcomes) <= {200, 201, 503},
        it_was_full=outcomes[503] > 0,
        recovers=after == 201,
        no_partial_rows=broken == 0,
        nothing_lost=lost == 0,
    )


def full_tmp(folder: Path) -> Row:
    """Not a byte left where temporary files go, those of NGINX and of gunicorn."""
    with small_disk(folder / "tmp", 4) as disk, pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(disk))
        with site(folder / "site", "--workers=2", "--threads=4", through="nginx") as running:
            fill(disk / "filler")
            statuses = Counter()
            for number in range(20):
                statuses[running.store(f"tmp-{number}", running.origin.serve(noisy_jpeg(number))).status] += 1
                statuses[running.caller().read(f"tmp-{number}").status] += 1
            (disk / "filler").unlink()
            recovery = running.recovery()
            broken, lost = running.broken(), running.lost()
    return judged(
        "disk full under /tmp",
        "503, nothing half stored, recovers when space is back",
        f"POST and GET {counts(statuses)}; normal {recovery:.2f} s later; {broken} partial rows, {lost} lost",
        only_503_or_success=set(statuses) <= {200, 201, 503},
        no_partial_rows=broken == 0,
        nothing_lost=lost == 0,
    )


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, in memory. Skips where this user may not mount one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(filler: Path) -> None:
    """Writes until the disk has no byte left."""
    with filler.open("wb", buffering=0) as output:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    output.write(b"\0" * size)
            except OSError:
                pass
