"""Counts of processes that are gone stay in the sums, their gauges do not; no folder outlives its processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

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
MASTER = """
import os, sys, time
from belfoot_img import metrics_files
folder = metrics_files.prepare()
{worker}
print(folder, flush=True)
{end}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path))
    return tmp_path


def run(program: str) -> str:
    """In a process of its own, as prometheus_client looks at the environment when it is imported."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_what_ended_workers_counted_stays_and_what_their_gauges_said_goes(folder):
    for _ in range(3):
        worker = subprocess.Popen([sys.executable, "-c", COUNTING])
        assert worker.wait(30) == 0
        metrics_files.worker_ended(worker.pid)
    assert not list(folder.glob("gauge*.db"))
    sums = run(SUMS)
    assert 'answers_total{status="200"} 9.0' in sums
    assert 'seconds_bucket{le="1.0"} 0.0' in sums and 'seconds_bucket{le="2.0"} 3.0' in sums
    assert "seconds_sum 4.5" in sums and "seconds_count 3.0" in sums
    assert "busy" not in sums


@pytest.fixture
def masters(tmp_path, monkeypatch):
    """Starts masters that keep their folders in one parent, and returns (the process, its folder)."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    started = []

    def start(worker: str = "", end: str = "time.sleep(60)") -> tuple[subprocess.Popen, Path]:
        program = MASTER.format(worker=worker, end=end)
        master = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        started.append(master)
        return master, Path(master.stdout.readline().strip())

    yield start
    for master in started:
        master.kill()
        master.wait()
        master.stdout.close()


def test_what_a_killed_master_left_is_removed_at_the_next_start(masters, tmp_path):
    killed, left = masters()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert left.is_dir()
    _, folder = masters()
    assert list(tmp_path.iterdir()) == [folder]


def test_the_folder_of_a_master_that_lives_is_left_alone(masters, tmp_path):
    folders = {masters()[1] for _ in range(3)}
    assert set(tmp_path.iterdir()) == folders and len(folders) == 3


def test_a_folder_without_a_lock_is_left_alone(masters, tmp_path):
    foreign = tmp_path / f"{metrics_files.PREFIX}of_a_master_that_knows_no_lock"
    foreign.mkdir()
    _, folder = masters()
    assert set(tmp_path.iterdir()) == {foreign, folder}


def test_the_folder_is_kept_for_workers_that_outlive_their_master(masters, tmp_path):
    killed, left = masters(worker="if os.fork() == 0:\n    os.close(1); time.sleep(5); os._exit(0)")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    _, folder = masters()
    assert set(tmp_path.iterdir()) == {left, folder}


def test_a_master_that_ends_removes_its_folder(masters, tmp_path):
    master, _ = masters(end="")
    assert master.wait(30) == 0
    assert list(tmp_path.iterdir()) == []
