"""Faults under batches: workers killed and frozen, PostgreSQL away, reading interrupted; and how hosts are treated."""

from __future__ import annotations

import contextlib
import http.server
import random
import statistics
import subprocess
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from pathlib import Path

import psutil

from belfoot_img.batches import queue
from belfoot_img.batches.lists import check
from belfoot_img.batches.making import DEPTH, BatchMaker, Plan
from testbed import servers
from testbed.origin import Origin
from testbed.photographs import noisy_jpeg
from testbed.ports import until
from testbed.postgres import postgres
from testbed.site import picture
from tests.faults.archive import STALLED, Archive, archive, links
from tests.faults.databases import fill, small_disk
from tests.faults.rows import Row, counts, judged

STARTS = """
    CREATE TABLE starts (queue text, at double precision);
    CREATE FUNCTION start() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO starts VALUES (new.queue_name, extract(epoch FROM clock_timestamp())); RETURN new; END $$;
    CREATE TRIGGER start AFTER UPDATE ON procrastinate_jobs FOR EACH ROW WHEN (new.status = 'doing')
      EXECUTE FUNCTION start()
"""


def killed_workers(folder: Path, items: int, kills: int, freezes: int) -> Row:
    """kill -9 and SIGSTOP of workers at random moments, while three of them work."""
    with archive(folder) as made, made.workers(3) as workers:
        made.batch(links(made, items))
        until(lambda: made.items()["stored"], 60, "the work begins")
        done = Counter()
        while not made.ended() and (done["kills"] < kills or done["freezes"] < freezes):
            if done["freezes"] < freezes and random.random() < freezes / (kills + freezes):
                threading.Thread(target=_freeze, args=(workers.any(), STALLED + 2)).start()
                done["freezes"] += 1
            else:
                with contextlib.suppress(psutil.Error):
                    workers.any().kill()
                    done["kills"] += 1
            time.sleep(random.uniform(0.05, 0.6))
        until(made.ended, 300, f"the batch ends: {made.items()}", 0.2)
        states, tallied, effects = made.items(), made.tallied(), made.effects()
    return judged(
        f"{done['kills']} kill -9 and {done['freezes']} SIGSTOP past the stale limit, {items} items, 3 workers",
        "0 lost, 0 double",
        f"items {counts(states)}; {effects[0]} effects, {effects[1]} distinct",
        every_item_stored=states == {"stored": items},
        tally_is_right=tallied == states,
        nothing_twice=effects == (items, items),
        as_often_as_asked=done["kills"] >= kills and done["freezes"] >= freezes,
    )


def _freeze(process: psutil.Process, seconds: float) -> None:
    with contextlib.suppress(psutil.Error):
        process.suspend()
        time.sleep(seconds)
    with contextlib.suppress(psutil.Error):
        process.resume()


def database_away(folder: Path, items: int, away: float) -> Row:
    """PostgreSQL is stopped in the middle of a batch, and comes back."""
    with archive(folder) as made, made.workers(2):
        made.batch(links(made, items))
        until(lambda: made.items()["stored"] > 5, 60, "the work is under way")
        made.database.stop()
        time.sleep(away)
        made.database.start()
        back = time.monotonic()
        until(made.ended, 300, "the batch ends", 0.2)
        states, effects = made.items(), made.effects()
        seconds = time.monotonic() - back
    return judged(
        f"PostgreSQL stopped for {away:g} s during a batch of {items}",
        "the batch ends by itself, nothing lost",
        f"items {counts(states)}; {effects[0]} effects, {effects[1]} distinct; ended {seconds:.1f} s after its return",
        every_item_stored=states == {"stored": items},
        nothing_twice=effects == (items, items),
    )


def disk_full(folder: Path, items: int, seconds: float) -> Row:
    """The database's disk has no byte left in the middle of a batch. Where that ends PostgreSQL itself, it is started
    again as systemd would."""
    with (
        small_disk(folder / "disk", 200) as disk,
        postgres(disk / "postgres") as database,
        archive(folder / "archive", database) as made,
        made.workers(2),
    ):
        made.batch(links(made, items, noisy_jpeg))
        until(lambda: made.items()["stored"] > 5, 60, "the work is under way")
        filler, log = disk / "filler", folder / "archive" / "workers.log"
        fill(filler)
        until(lambda: "the database is waited for" in log.read_text(), 60, "the disk is full")
        time.sleep(1)
        paused = made.items()["stored"] if database.runs() else None
        time.sleep(seconds)
        still = made.items()["stored"] if database.runs() else None
        filler.unlink()
        ended_itself = not database.runs()
        if ended_itself:
            database.start()
        back, stored = time.monotonic(), made.items()["stored"]
        until(made.ended, 300, f"the batch ends: {made.items()}", 0.2)
        took, states, tallied, effects = time.monotonic() - back, made.items(), made.tallied(), made.effects()
        (attempts,) = made.database.question("SELECT max(attempts) FROM batch_items")[0]
    return judged(
        f"disk full under the database for {seconds:g} s during a batch of {items}",
        "the batch pauses and goes on by itself, nothing lost, no attempt spent",
        f"{stored} stored when there was space again (PostgreSQL {'ended itself' if ended_itself else 'stayed up'}); "
        f"items {counts(states)}; {effects[0]} effects, {effects[1]} distinct, {attempts} attempt each; "
        f"ended {took:.1f} s later",
        it_paused=paused == still and stored < items,
        every_item_stored=states == {"stored": items},
        tally_is_right=tallied == states,
        nothing_twice=effects == (items, items),
        no_attempt_spent=attempts == 1,
    )


def polite(folder: Path, items: int, workers: int = 3) -> Row:
    """Five hosts with limits of their own; the first has ten times as many links and stands before the others."""
    limits = {
        "127.0.0.1": (2, 10),
        "127.0.0.2": (1, 5),
        "127.0.0.3": (3, 20),
        "127.0.0.4": (2, 8),
        "127.0.0.5": (4, 40),
    }
    hosts = ", ".join(f"{host} {slots} {rate}/s" for host, (slots, rate) in limits.items())
    seen: dict[str, list[tuple[float, int]]] = defaultdict(list)
    now: Counter[str] = Counter()
    lock = threading.Lock()

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        host = handler.headers["Host"].partition(":")[0]
        with lock:
            now[host] += 1
            seen[host].append((time.monotonic(), now[host]))
        time.sleep(0.03)
        content = picture(1)
        with lock:
            now[host] -= 1
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with archive(folder, bulk__hosts=hosts) as made, ExitStack() as stack:
        urls = {host: stack.enter_context(Origin(host)).serve(answer) for host in limits}
        links = [host for host in limits for _ in range(items * (10 if host == "127.0.0.1" else 1))]
        lines = [check(n, str(n), f"{urls[host]}?{n}") for n, host in enumerate(links, 1)]
        made.batch(lines)
        with made.workers(workers):
            others = [host for host in limits if host != "127.0.0.1"]
            until(lambda: all(len(seen[host]) >= items for host in others), 240, "the others are done", 0.2)
            first = len(seen["127.0.0.1"])
            time.sleep(2)
    most = {host: max(count for _, count in seen[host]) for host in limits}
    rates = {host: _fastest([moment for moment, _ in seen[host]], 10) for host in limits}
    return judged(
        f"{workers} workers, 5 hosts with limits of their own, one of them far ahead in the queue",
        "no host above its slots, none above its rate by more than 10 % over 10 s, the others not starved",
        "; ".join(
            f"{host}: {most[host]} of {slots} at once, {rates[host]:.1f} of {rate}/s"
            for host, (slots, rate) in limits.items()
        )
        + f"; the others were done when {first} of the first's {items * 10} were",
        within_slots=all(most[host] <= slots for host, (slots, _) in limits.items()),
        within_rate=all(rates[host] <= rate * 1.1 for host, (_, rate) in limits.items()),
        not_starved=first < items * 10,
    )


def _fastest(moments: list[float], seconds: float) -> float:
    """The highest rate over any span of that length."""
    moments = sorted(moments)
    best, begin = 0, 0
    for end, moment in enumerate(moments):
        while moment - moments[begin] > seconds:
            begin += 1
        best = max(best, end - begin + 1)
    return best / seconds


def live_beside_bulk(folder: Path, shards: int, posts: int) -> Row:
    """Single items on the queue ``live`` while thousands of shards wait and a worker is busy with them."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        content = picture(1)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with archive(folder, bulk__shard="1", bulk__per_host_rate="2/s") as made:
        url = made.origin.serve(answer)
        lines = [check(n, f"bulk {n}", f"{url}?bulk{n}") for n in range(1, shards + 1)]
        for at in range(0, shards, 1000):
            made.batch(lines[at : at + 1000])
        maker = BatchMaker(made.settings)
        made.database.question(STARTS)
        waits = []
        with made.workers(1):
            until(lambda: made.items()["stored"], 60, "the worker is at work")
            for number in range(posts):
                line = check(1, f"live {number}", f"{url}?live{number}")
                with made.engine.begin() as connection:
                    batch, _ = maker.begin(connection, Plan("editor", queue=queue.LIVE))
                    maker.fill(connection, batch, [line])
                    maker.finish(connection, batch)
                committed = time.time()
                until(lambda number=number: _live(made) > number, 30, "it is begun", 0.02)
                waits.append(_live(made, "max(at)") - committed)
                time.sleep(0.1)
            fetches = _fetch_times(made, 30)
    waits.sort()
    p99 = waits[min(len(waits) - 1, round(len(waits) * 0.99))]
    return judged(
        f"{posts} live POSTs beside {shards} shards that wait",
        "commit to start p99 at most 100 ms, one fetch of a job at most 50 ms",
        f"p50 {1000 * statistics.median(waits):.0f} ms, p99 {1000 * p99:.0f} ms; "
        f"fetch of a job {1000 * statistics.median(fetches):.1f} ms, at most {1000 * max(fetches):.1f} ms",
        starts_in_time=p99 <= 0.1,
        fetched_in_time=statistics.median(fetches) <= 0.05,
    )


def _live(made: Archive, what: str = "count(*)") -> float:
    return made.database.question(f"SELECT {what} FROM starts WHERE queue = 'live'")[0][0]


def _fetch_times(made: Archive, times: int) -> list[float]:
    """Seconds that PostgreSQL takes to find the next bulk job; each is given back."""
    found = []
    raw = made.engine.raw_connection()
    with contextlib.closing(raw), raw.cursor() as cursor:
        for _ in range(times):
            cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
            (worker,) = cursor.fetchone()
            begun = time.perf_counter()
            cursor.execute("SELECT id FROM procrastinate_fetch_job_v2(ARRAY['bulk'], %s)", (worker,))
            found.append(time.perf_counter() - begun)
            raw.rollback()
    return found


def interrupted_reading(folder: Path, lines: int, kills: int) -> Row:
    """``belfoot-img bulk`` is killed while it reads a list, and run again until it comes to an end."""
    with archive(folder, bulk__shard="200") as made:
        listed = folder / "list.csv"
        hosts = [f"host{n}.example.com" for n in range(40)]
        listed.write_text(
            "article_id,url\n" + "".join(f"{n},http://{hosts[n * n % 40]}/{n}.jpg\n" for n in range(lines))
        )
        command = [servers.BIN / "belfoot-img", "bulk", listed, "--no-wait", "--ini", made.ini]
        environment = {**servers.os.environ, "DATABASE_URL": made.database.url}

        def start() -> subprocess.Popen:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            return subprocess.Popen(list(map(str, command)), cwd=servers.PROJECT, env=environment, **quiet)

        killed, reading = 0, start()
        while killed < kills and reading.poll() is None:
            there = _lines(made)
            with contextlib.suppress(AssertionError):
                until(lambda then=there: _lines(made) > then, 3, "it reads")
            time.sleep(random.uniform(0, 0.3))
            if reading.poll() is None:
                reading.kill()
                reading.communicate()
                killed += 1
                reading = start()
        reading.communicate(timeout=300)
        before = _lines(made)
        again = start()
        again.communicate(timeout=120)
        total, distinct = made.database.question("SELECT count(*), count(DISTINCT article_id) FROM batch_items")[0]
        (batches,) = made.database.question("SELECT count(*) FROM batches")[0]
        (tallied,) = made.database.question("SELECT sum(waiting) FROM shards")[0]
        (jobs,) = made.database.question("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'shard'")[0]
        shards, slots = made.database.question("SELECT count(*), count(DISTINCT lock) FROM shards")[0]
    return judged(
        f"`bulk` killed {killed} times while it read a list of {lines}, and run again",
        "each line once, one batch",
        f"{total} items, {distinct} distinct, {batches} batch, {shards} shards, {jobs} jobs for {slots} slots",
        ended_well=reading.returncode == 0 and again.returncode == 0,
        each_line_once=(total, distinct, tallied) == (lines, lines, lines) and before == lines,
        one_batch=batches == 1,
        each_slot_has_jobs=slots <= jobs <= DEPTH * slots,
    )


def _lines(made: Archive) -> int:
    return made.database.question("SELECT count(*) FROM batch_items")[0][0]


def failing_links(folder: Path, items: int) -> Row:
    """A tenth of the links fail in every documented way."""
    statuses = {"404": 404, "500": 500, "429": 429}

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        kind = handler.path.rpartition("?")[2].partition("-")[0]
        content = {"html": b"<html>", "cut": picture(3)[:60], "large": b"\0" * 300_000}.get(kind)
        if kind in statuses:
            handler.send_response(statuses[kind])
            handler.send_header("Retry-After", "1")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if kind == "slow":
            time.sleep(2.5)
        content = content or picture(1 + int(handler.path.rpartition("-")[2]))
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) + (10 if kind == "short" else 0)))
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    expected_codes = {
        "404": "origin_failed",
        "500": "origin_failed",
        "429": "origin_failed",
        "short": "origin_failed",
        "slow": "origin_timed_out",
        "html": "not_an_image",
        "cut": "image_damaged",
        "large": "image_too_large",
        "refused": "url_refused",
        "line": "invalid_field",
    }
    kinds = list(expected_codes)
    with archive(folder, fetch__deadline="1 s", fetch__max_bytes="200 kB", bulk__retries="1 s") as made:
        url = made.origin.serve(answer)
        lines, failing = [], Counter()
        for n in range(1, items + 1):
            kind = kinds[n // 10 % len(kinds)] if n % 10 == 0 else "good"
            link = {"refused": "http://10.0.0.1/", "line": ""}.get(kind, f"{url}?{kind}-{n}")
            lines.append(check(n, str(n), link))
            failing[expected_codes.get(kind, "")] += 1
        good = failing.pop("")
        _keep_old(made, items)
        number = made.batch(lines)
        with made.workers(2):
            until(made.ended, 300, f"the batch ends: {made.items()}", 0.2)
        codes = Counter(
            dict(made.database.question("SELECT code, count(*) FROM batch_items WHERE state = 'dead' GROUP BY code"))
        )
        (old,) = made.database.question("SELECT count(*) FROM images WHERE stored_by = 'before'")[0]
        retried = _retry(made, number)
    may_pass = failing["origin_failed"] + failing["origin_timed_out"]
    return judged(
        f"a tenth of {items} links fail in {len(kinds)} ways",
        "counts by code are right, old images stand, retry takes exactly those that may be retried",
        f"{good} stored; dead: {counts(codes)}; {old} old images stand; {retried} retried",
        counts_are_right=codes == failing,
        old_images_stand=old == failing.total(),
        retries_exactly_those=retried == may_pass,
    )


def _keep_old(made: Archive, items: int) -> None:
    """Every article has an image before the batch."""
    made.database.question(f"""
        INSERT INTO images (article_id, url, width, height, bytes, sha256, source_format, source_width, source_height,
          source_bytes, source_sha256, action, policy, scale, encodes, milliseconds, reused, settings_sha256, stored_by)
        SELECT n::text, 'http://example.com/', 1, 1, 3, encode(sha256('old'), 'hex'), 'JPEG', 1, 1, 3,
          encode(sha256('old'), 'hex'), 'kept', 'best', 1, 0, 0, false, 'x', 'before'
        FROM generate_series(1, {items}) n;
        INSERT INTO contents SELECT article_id, bytes, sha256, encode('old', 'base64') FROM images""")


def _retry(made: Archive, number: int) -> int:
    from belfoot_img.batches import control

    with made.engine.begin() as connection:
        return control.retry(connection, BatchMaker(made.settings), number)
