"""/metrics: right under several workers, there only where it is wanted."""

from __future__ import annotations

import re

import psutil
import pytest

from belfoot_img import metrics
from belfoot_img.batches.figures import FAMILIES
from testbed import PROJECT, servers
from testbed.client import Client, assert_error
from testbed.photographs import png
from testbed.ports import free_port, until


def value(base: str, sample: str) -> float:
    text = Client(base).send("GET", "/metrics").text
    found = re.search(rf"(?m)^{re.escape(sample)} (\S+)$", text)
    return float(found[1]) if found else 0.0


@pytest.fixture
def running(engine, database, database_url, tmp_path):
    port = free_port()
    arguments = (f"--bind=127.0.0.1:{port}", "--workers=2", "--threads=4")
    with servers.app(tmp_path, database_url, *arguments, metrics="on") as master:
        servers.wait_until_ready(f"http://127.0.0.1:{port}", tmp_path / "gunicorn.log")
        yield f"http://127.0.0.1:{port}", psutil.Process(master.pid)


def test_every_worker_counts_and_what_a_dead_one_counted_stays(running, origin):
    base, master = running
    client = Client(base)
    refused = 'belfoot_img_errors_total{code="image_not_found"}'
    read = 'belfoot_img_requests_total{method="GET",resource="Image",status="404"}'
    for _ in range(30):
        client.read("nothing")
    assert value(base, refused) == value(base, read) == 30
    assert value(base, 'belfoot_img_request_seconds_count{method="GET",resource="Image"}') == 30
    for worker in master.children():
        before = {child.pid for child in master.children()}
        worker.kill()
        until(lambda gone=worker.pid, old=before: _replaced(master, gone, old), 20, "a new worker is there")
        assert value(base, read) == 30
    client.read("nothing")
    assert value(base, read) == 31
    assert value(base, "belfoot_img_requests_in_flight") == 1, "the scrape itself"


def _replaced(master: psutil.Process, gone: int, before: set[int]) -> bool:
    now = {child.pid for child in master.children()}
    return gone not in now and bool(now - before)


def test_conversions_and_bytes(running, origin):
    base, _ = running
    client, content = Client(base), png(64, 48)
    data = client.store(origin.serve(content), "1").json()["data"]
    client.store(origin.serve(content), "2")
    action = data["conversion"]["action"]
    assert value(base, f'belfoot_img_conversions_total{{action="{action}"}}') == 1
    assert value(base, 'belfoot_img_conversions_total{action="reused"}') == 1
    assert value(base, "belfoot_img_encodes_total") == data["conversion"]["encodes"]
    assert value(base, "belfoot_img_source_bytes_total") == 2 * len(content)
    assert value(base, "belfoot_img_stored_bytes_total") == 2 * data["bytes"]
    assert 1 <= value(base, "belfoot_img_database_connections") <= 2 * 8
    assert value(base, "belfoot_img_database_connections_in_use") == 0


def test_where_it_is_off_there_is_nothing(engine, database, database_url, tmp_path):
    with servers.gunicorn(tmp_path, database_url, "--workers=1") as base:
        assert_error(Client(base).send("GET", "/metrics"), 404, "not_found")


def test_every_name_is_in_the_documentation():
    documented = (PROJECT / "docs/operations.md").read_text()
    names = {family.name for family in metrics.THIS_PROCESS.collect() if family.name.startswith("belfoot_img_")}
    assert len(names) > 10
    assert [name for name in names if name not in documented] == []


def test_dashboard_and_alerts_ask_for_names_that_exist():
    names = {family.name for family in metrics.THIS_PROCESS.collect()}
    names |= {f"{family.name}{suffix}" for family in metrics.THIS_PROCESS.collect() for suffix in ("_total", "_bucket")}
    names |= {f"{family.name}{suffix}" for family in metrics.THIS_PROCESS.collect() for suffix in ("_sum", "_count")}
    names |= set(FAMILIES)
    for name in ("grafana-dashboard.json", "prometheus-alerts.yml"):
        asked = set(re.findall(r"belfoot_img_\w+", (PROJECT / "deploy" / name).read_text()))
        assert len(asked) > 3 and asked <= names, asked - names
