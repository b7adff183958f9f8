"""Counts of processes that are gone stay in the sums; their gauges and their files do not."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from belfoot_img import metrics_files

COUNTING = """
from prometheus_client import Counter, Gauge, Histogram
Counter("answers", "", ["status"]).labels("200").inc(3)
Histogram("seconds", "", buckets=(1, 2)).observe(1.5)
Gauge("busy", "", multiprocess_mode="livesum").set(7)
"""
SUMS = """
from belfoot_img import metrics
print(metrics.exposition().decode())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path))
    return tmp_path


def run(program: str) -> str:
    """In a process of its own, as prometheus_client looks at the environment when it is imported."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_the_dead_are_counted_once_and_leave_one_file_a_kind(folder):
    for _ in range(3):
        run(COUNTING)
        metrics_files.bury()
    assert sorted(path.name for path in folder.glob("*.db")) == ["counter_0.db", "histogram_0.db"]
    sums = run(SUMS)
    assert 'answers_total{status="200"} 9.0' in sums
    assert 'seconds_bucket{le="1.0"} 0.0' in sums and 'seconds_bucket{le="2.0"} 3.0' in sums
    assert "seconds_sum 4.5" in sums and "seconds_count 3.0" in sums
    assert "busy" not in sums


def test_the_living_are_left_alone(folder):
    living = subprocess.Popen(
        [sys.executable, "-c", COUNTING + "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    living.stdout.readline()
    metrics_files.bury()
    assert {path.name for path in folder.glob("*.db")} == {
        f"{kind}_{living.pid}.db" for kind in ("counter", "histogram", "gauge_livesum")
    }
    living.communicate(b"\n")
    metrics_files.bury()
    assert 'answers_total{status="200"} 3.0' in run(SUMS)


def test_nobody_is_buried_during_a_scrape(folder):
    run(COUNTING)
    with metrics_files.scraping(folder):
        burier = threading.Thread(target=metrics_files.bury)
        burier.start()
        burier.join(10)
        assert not burier.is_alive(), "gunicorn's master never waits for a scrape"
        assert len(list(folder.glob("*.db"))) == 3
    metrics_files.bury()
    assert len(list(folder.glob("*.db"))) == 2
