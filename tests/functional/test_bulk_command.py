"""``belfoot-img bulk`` as an operator runs it, with a real worker."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time

import pytest

from testbed import servers
from testbed.photographs import png
from testbed.ports import until
from testbed.workers import worker, worker_ini


@pytest.fixture
def bulk(database, database_url, tmp_path):
    """Runs ``belfoot-img bulk`` with arguments; the completed process."""
    ini = worker_ini(tmp_path)
    environment = {**os.environ, "DATABASE_URL": database_url}

    def run(*arguments, **options):
        command = [servers.BIN / "belfoot-img", "bulk", *arguments, "--ini", ini]
        return subprocess.run(
            list(map(str, command)),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            timeout=120,
            text=True,
            **options,
        )

    return run


@pytest.fixture
def listed(origin, tmp_path):
    lines = [f"{n},{origin.serve(png(20 + n, 20))}" for n in range(6)]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["article_id,url", *lines, "7,ftp://example.com/", "a/b,http://example.com/"]) + "\n")
    return path


def test_a_list_is_converted_and_reported(bulk, listed, database_url, tmp_path):
    with worker(tmp_path, database_url):
        done = bulk(listed, "--report", "report.jsonl")
    assert done.returncode == 1  # something is dead
    assert "ended, 6 stored, 2 dead" in done.stdout
    assert "1 url_refused" in done.stdout
    report = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [line["state"] for line in report] == ["stored"] * 6 + ["dead"] * 2
    assert report[7]["code"] == "invalid_field"
    again = bulk(listed)
    assert "this list is batch" in again.stderr
    assert "6 stored" in again.stdout


def test_a_dry_run_counts_by_host_and_changes_nothing(bulk, listed):
    done = bulk(listed, "--dry-run")
    assert done.returncode == 0
    assert "6 links of 1 hosts, 6 articles" in done.stdout
    assert "6 127.0.0.1 (1000/s)" in done.stdout
    assert "1 invalid_field" in done.stdout
    assert bulk("list").stdout == ""


def test_without_a_worker_it_says_so_and_leaves_the_batch_to_one(bulk, listed, database_url, tmp_path):
    assert "is handed over" in bulk(listed, "--no-wait").stdout
    number = bulk("list").stdout.split()[0]
    assert "no worker is alive" in bulk("status", number).stdout
    assert "6 items would be cancelled" in bulk("cancel", number, "--dry-run").stdout
    assert "6 items left waiting" in bulk("pause", number).stdout
    assert "nothing to do" in bulk("pause", number).stdout
    assert "paused" in bulk("status", number).stdout
    assert "6 items worked on" in bulk("resume", number).stdout
    with worker(tmp_path, database_url):
        until(lambda: "6 stored" in bulk("status", number).stdout, 30, "the batch ends", 0.2)
    assert "nothing to do" in bulk("retry", number).stdout
    assert bulk("status", "999999").returncode == 1


@pytest.mark.parametrize("packed", [False, True])
def test_a_list_on_standard_input(bulk, origin, packed, database_url, tmp_path):
    rows = [{"link": origin.serve(png(20 + n, 20)), "id": n} for n in range(3)]
    content = "\n".join(map(json.dumps, rows))
    path = tmp_path / "input"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    with path.open("rb") as source:
        done = bulk("-", "--no-wait", "--name", "piped", stdin=source)
    assert "is handed over" in done.stdout, done.stderr
    assert "0 of 3" in bulk("list").stdout
    assert "piped" in bulk("list").stdout


def test_a_file_that_is_no_list_is_refused_in_one_line(bulk, tmp_path):
    (tmp_path / "x").write_text("what,is,this\n1,2,3\n")
    done = bulk("x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().endswith("which column holds the url? Its first line is: what, is, this")


def test_sigterm_finishes_what_is_in_hand(database, database_url, origin, bulk, tmp_path):
    def slow(handler):
        time.sleep(1.5)
        content = png(25, 25)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    url = origin.serve(slow)
    (tmp_path / "list.csv").write_text("".join(f"{n},{url}?{n}\n" for n in range(50)))
    with worker(tmp_path, database_url, bulk__per_host="1") as process:
        bulk("list.csv", "--no-wait")
        until(
            lambda: sum(origin.hits[f"{url.removeprefix(origin.base)}?{n}"] for n in range(50)) >= 1, 20, "it fetches"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    hits = sum(origin.hits[f"{url.removeprefix(origin.base)}?{n}"] for n in range(50))
    assert f"{hits} stored, {50 - hits} waiting" in bulk("status", bulk("list").stdout.split()[0]).stdout.replace(
        f"{50 - hits} waiting, {hits} stored", f"{hits} stored, {50 - hits} waiting"
    )
