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


HELD = """
kind, count = sys.argv[1] == "background", int(sys.argv[2])
place = gate.HostGate(2, background=kind)
for _ in range(count):
    place.enter(time.monotonic() + 60)
print("in", flush=True)
sys.stdin.read()
"""
TURNS = """
import threading
place = gate.HostGate(2, background=sys.argv[1] == "background")
def turns():
    for _ in range(15):
        taken = place.enter(time.monotonic() + 60)
        os.write(1, f"{time.monotonic()} +1\\n".encode())
        time.sleep(0.01)
        os.write(1, f"{time.monotonic()} -1\\n".encode())
        place.leave(taken)
threads = [threading.Thread(target=turns) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


class TestTheBackground:
    @pytest.fixture
    def start(self, tmp_path):
        """Starts a script whose processes all share one file, with its arguments."""
        environment = {**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)}

        def start(script: str, *arguments: str) -> subprocess.Popen:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            return subprocess.Popen([sys.executable, "-c", SHARING + script, *arguments], env=environment, **pipes)

        return start

    @staticmethod
    def is_in(process: subprocess.Popen, seconds: float) -> bool:
        return bool(select.select([process.stdout], [], [], seconds)[0])

    def test_never_more_than_the_places_run_over_all_processes(self, start):
        moments = []
        processes = [start(TURNS, "background") for _ in range(3)]
        for process in processes:
            moments += [line.split() for line in process.communicate(timeout=60)[0].splitlines()]
        running, most = 0, 0
        for _, change in sorted(moments, key=lambda moment: float(moment[0])):
            running += int(change)
            most = max(most, running)
        assert len(moments) == 2 * 3 * 3 * 15
        assert most == 2

    def test_what_somebody_waits_for_does_not_wait_for_it(self, start):
        with start(HELD, "background", "2") as background:
            assert self.is_in(background, 20)
            with start(HELD, "awaited", "2") as awaited:
                assert self.is_in(awaited, 20)
                awaited.stdin.close()
            background.stdin.close()

    def test_it_begins_only_where_a_place_is_free_of_both_kinds(self, start):
        with start(HELD, "awaited", "1") as awaited, start(HELD, "background", "1") as background:
            assert self.is_in(awaited, 20) and self.is_in(background, 20)
            with start(HELD, "background", "1") as waiting:
                assert not self.is_in(waiting, 1)
                awaited.stdin.close()
                assert self.is_in(waiting, 20)
                waiting.stdin.close()
            background.stdin.close()

    def test_two_gates_of_one_process_count_each_other(self, start):
        script = """
awaited, background = gate.HostGate(1), gate.HostGate(1, background=True)
place = awaited.enter(time.monotonic())
try:
    background.enter(time.monotonic() + 0.1)
except TimeoutError:
    print("full")
awaited.leave(place)
background.enter(time.monotonic())
awaited.enter(time.monotonic())
print("both")
"""
        assert start(script).communicate(timeout=30)[0] == "full\nboth\n"
