"""Promises of the processes conversions run in: whatever happens in one, only its own call ends badly."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from belfoot_img.errors import Busy, ImageDamaged, ImageTooLarge, NotAnImage, ServiceError, UrlRefused
from belfoot_img.imaging.processes import Limits, Workers
from belfoot_img.settings import ConvertingSettings
from tests import jobs, pictures
from tests.shared import shared_files


def workers_of(at_once=1, wait=60.0, deadline=60.0, cpu=60.0, memory=1_000_000_000):
    return Workers(at_once, wait, Limits(deadline, cpu, memory))


@pytest.fixture(scope="module")
def workers():
    workers = workers_of()
    yield workers
    workers.close()


def test_a_result_comes_back(workers):
    assert workers.run(jobs.add, 2, 3) == 5
    assert workers.run(jobs.sleep, 0) != os.getpid()


def test_megabytes_go_there_and_back(workers):
    source = np.random.default_rng(0).bytes(50_000_000)
    assert workers.run(jobs.add, source, b"!") == source + b"!"


def test_errors_of_the_service_come_out_as_themselves(workers):
    with pytest.raises(UrlRefused, match="no") as refusal:
        workers.run(jobs.refuse, UrlRefused)
    assert refusal.value.retry_after == 7


def test_faults_of_our_own_come_out_as_themselves(workers):
    with pytest.raises(LookupError, match="a fault of our own"):
        workers.run(jobs.fail)


@pytest.mark.parametrize("how", ["exit", "fault", "abort", "kill"])
def test_a_crash_ends_its_own_conversion_alone(workers, how):
    with pytest.raises(ImageDamaged):
        workers.run(jobs.crash, how)
    assert workers.run(jobs.add, 1, 1) == 2


def test_a_crash_leaves_the_conversions_beside_it_alone():
    workers = workers_of(at_once=2)
    with ThreadPoolExecutor(2) as threads:
        beside = threads.submit(workers.run, jobs.sleep, 2)
        for how in ("fault", "kill"):
            with pytest.raises(ImageDamaged):
                workers.run(jobs.crash, how)
        assert beside.result()
    workers.close()


@pytest.mark.parametrize("function", [jobs.sleep, jobs.hang])
def test_what_takes_too_long_is_stopped(function):
    workers = workers_of(deadline=0.5)
    started = time.monotonic()
    with pytest.raises(ImageDamaged, match=r"0\.5 s"):
        workers.run(function, 600)
    assert time.monotonic() - started < 60
    assert workers.run(jobs.add, 1, 1) == 2
    workers.close()


def test_processor_time_is_bounded_for_each_conversion():
    workers = workers_of(cpu=1)
    with pytest.raises(ImageDamaged):
        workers.run(jobs.burn)
    workers.close()


def test_processor_time_is_not_summed_over_conversions():
    workers = workers_of(cpu=0.6)
    for _ in range(4):
        workers.run(sum, range(12_000_000))
    workers.close()


def test_memory_is_bounded():
    workers = workers_of(memory=200_000_000)
    assert workers.run(jobs.allocate, 150_000_000)
    with pytest.raises(ImageDamaged, match="memory"):
        workers.run(jobs.allocate, 300_000_000)
    assert workers.run(jobs.allocate, 150_000_000)
    workers.close()


def test_calls_beyond_the_places_wait_and_are_told_busy():
    workers = workers_of(wait=0.2)
    workers.run(jobs.add, 0, 0)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(workers.run, jobs.sleep, 3)
        time.sleep(0.5)
        with pytest.raises(Busy):
            workers.run(jobs.add, 1, 1)
        assert first.result()
    workers.close()


def test_calls_beyond_the_places_are_served_in_time():
    workers = workers_of(at_once=2)
    with ThreadPoolExecutor(8) as threads:
        pids = set(threads.map(lambda _: workers.run(jobs.sleep, 0.1), range(16)))
    assert len(pids) == 2
    workers.close()


def test_a_process_that_was_killed_while_idle_costs_no_conversion(workers):
    os.kill(workers.run(jobs.sleep, 0), signal.SIGKILL)
    time.sleep(1)
    assert workers.run(jobs.add, 1, 1) == 2


def test_they_import_imaging_alone(workers):
    imported = set(workers.run(jobs.modules))
    assert "belfoot_img.imaging.decoding" in imported
    assert not {name.partition(".")[0] for name in imported} & {
        "pyramid",
        "sqlalchemy",
        "psycopg2",
        "pytest",
        "alembic",
    }


def test_they_know_no_secret_and_no_socket(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/name")
    workers = workers_of()
    assert "DATABASE_URL" not in workers.run(jobs.environment)
    assert workers.run(jobs.sockets) == []
    workers.close()


def test_a_fork_has_processes_of_its_own(workers):
    """As gunicorn does it, after the application is there."""
    before = workers.run(jobs.sleep, 0)
    script = """
import os, sys
from belfoot_img.imaging.processes import Limits, Workers
from tests import jobs
workers = Workers(1, 60, Limits(60, 60, 10**9))
child = os.fork()
pid = workers.run(jobs.sleep, 0)
workers.close()
if child:
    print("parent", pid, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    print("child", pid, flush=True)
    os._exit(0)
"""
    lines = _python(script).stdout.split()
    assert "0" in lines
    assert len({lines[lines.index("parent") + 1], lines[lines.index("child") + 1], str(before)}) == 3


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize(
    "work", ["", "threading.Thread(target=workers.run, args=(jobs.hang, 600), daemon=True).start()"]
)
def test_they_end_with_their_parent(stop, work):
    script = f"""
import threading, time
from belfoot_img.imaging.processes import Limits, Workers
from tests import jobs
workers = Workers(1, 60, Limits(600, 600, 10**9))
print(workers.run(jobs.sleep, 0), flush=True)
{work}
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(stop)
        parent.wait(timeout=30)
    _gone(pid)


def _gone(pid):
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it is still running"
        time.sleep(0.05)


def _python(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)


def test_close_leaves_nothing_running():
    workers = workers_of(at_once=2)
    with ThreadPoolExecutor(2) as threads:
        pids = set(threads.map(lambda _: workers.run(jobs.sleep, 0.3), range(2)))
    workers.close()
    for pid in pids:
        _gone(pid)


def test_the_settings_reach_the_limits():
    workers = Workers.from_settings(ConvertingSettings(at_once=1, deadline=0.4, queue=5.0))
    with pytest.raises(ImageDamaged, match=r"0\.4 s"):
        workers.run(jobs.sleep, 60)
    workers.close()


def test_as_many_scans_as_are_allowed_stay_within_the_limits():
    bomb = pictures.scan_bomb(85, side=3900)
    workers = workers_of(deadline=10, cpu=10)
    assert workers.run(jobs.decode, bomb) == (3900, 3900)
    workers.close()


def test_every_hostile_file_ends_within_ten_seconds_and_a_gigabyte():
    """Of ``bad`` and ``odd``: a picture or a documented error, and not one of them by a crash or a limit."""
    files = [file for folder in ("bad", "odd") for file in shared_files(folder)]
    if not isinstance(files[0], Path):
        pytest.skip("the shared pictures are not here")
    workers = workers_of(deadline=10, cpu=10, memory=1_000_000_000)
    for file in files:
        try:
            workers.run(jobs.decode, file.read_bytes())
        except ServiceError as error:
            assert isinstance(error, NotAnImage | ImageDamaged | ImageTooLarge), file.name
            assert not any(word in str(error) for word in ("takes more", "broke down")), (file.name, str(error))
    workers.close()


def test_it_says_how_many_wait():
    workers, waiting = workers_of(wait=0.2), []
    workers.queued = waiting.append
    with ThreadPoolExecutor(2) as threads:
        busy = threads.submit(workers.run, jobs.sleep, 3)
        while len(waiting) < 2:
            time.sleep(0.01)
        assert waiting == [1, -1]
        with pytest.raises(Busy):
            workers.run(jobs.add, 1, 1)
        assert busy.result()
    workers.close()
    assert waiting == [1, -1, 1, -1]
