"""The count of conversions over all processes of a host."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from belfoot_img.imaging.processes.gate import HostGate

SHARING = """
import os, sys, time
from belfoot_img.imaging.processes import gate
gate.share()
"""


def run(script: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", SHARING + script], stdout=subprocess.PIPE, text=True, **options)


def test_one_process_counts_for_itself():
    gate = HostGate(2)
    first, second = gate.enter(time.monotonic()), gate.enter(time.monotonic())
    assert first != second
    with pytest.raises(TimeoutError):
        gate.enter(time.monotonic() + 0.1)
    gate.leave(first)
    assert gate.enter(time.monotonic()) == first


def test_processes_that_were_forked_count_together():
    script = """
place = gate.HostGate(2)
child = os.fork()
if child == 0:
    place.enter(time.monotonic() + 5)
    time.sleep(0.6)
    os._exit(0)
time.sleep(0.2)
place.enter(time.monotonic())
started = time.monotonic()
place.enter(time.monotonic() + 5)
print(time.monotonic() - started)
"""
    with run(script) as process:
        assert 0.1 < float(process.stdout.read()) < 5


def test_a_process_that_is_killed_leaves_its_place():
    script = """
place = gate.HostGate(1)
child = os.fork()
if child == 0:
    place.enter(time.monotonic() + 5)
    print(os.getpid(), flush=True)
    time.sleep(600)
try:
    time.sleep(0.3)
    place.enter(time.monotonic())
except TimeoutError:
    print("full", flush=True)
place.enter(time.monotonic() + 60)
print("entered", flush=True)
"""
    with run(script) as process:
        child, full = int(process.stdout.readline()), process.stdout.readline()
        os.kill(child, signal.SIGKILL)
        assert (full, process.stdout.readline()) == ("full\n", "entered\n")


def test_units_that_have_the_same_runtime_directory_count_together(tmp_path):
    script = """
place = gate.HostGate(1)
print(place.enter(time.monotonic() + 60), flush=True)
sys.stdin.read()
"""
    options = {"stdin": subprocess.PIPE, "env": {**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)}}
    with run(script, **options) as first:
        assert first.stdout.readline() == "0\n"
        with run(script, **options) as second:
            time.sleep(0.5)
            assert not select.select([second.stdout], [], [], 0.5)[0]
            first.stdin.close()
            assert second.stdout.readline() == "0\n"
            second.stdin.close()
