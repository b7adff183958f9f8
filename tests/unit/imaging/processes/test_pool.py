"""Promises of the processes conversions run in: whatever happens in one, only its own call ends badly."""

import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from belfoot_img.errors import Busy, ImageDamaged, ImageTooLarge, NotAnImage, ServiceError, UrlRefused
from belfoot_img.imaging.converter import convert_bytes
from belfoot_img.imaging.processes import pool
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.imaging.processes.slot import Limits, resident_bytes
from belfoot_img.settings import ConvertingSettings, ImagingSettings
from testbed import pictures
from testbed.ports import until
from testbed.shared import shared_files
from tests import jobs

PRELOAD = ("belfoot_img.imaging.converter:warm_up",)


def processes_of(at_once=1, queue=60.0, deadline=60.0, cpu=60.0, memory=1_000_000_000, **options):
    return ConversionProcesses(at_once, queue, Limits(deadline, cpu, memory), PRELOAD, **options)


@pytest.fixture(scope="module")
def processes():
    processes = processes_of()
    yield processes
    processes.close()


def test_a_result_comes_back(processes):
    assert processes.run(jobs.add, 2, 3) == 5
    assert processes.run(jobs.sleep, 0) != os.getpid()


def test_megabytes_go_there_and_back(processes):
    source = np.random.default_rng(0).bytes(50_000_000)
    assert processes.run(jobs.add, source, b"!") == source + b"!"


def test_errors_of_the_service_come_out_as_themselves(processes):
    with pytest.raises(UrlRefused, match="no") as refusal:
        processes.run(jobs.refuse, UrlRefused)
    assert refusal.value.retry_after == 7


def test_faults_of_our_own_come_out_as_themselves(processes):
    with pytest.raises(LookupError, match="a fault of our own"):
        processes.run(jobs.fail)


@pytest.mark.parametrize("how", ["exit", "fault", "abort"])
def test_a_crash_ends_its_own_conversion_alone(processes, how):
    with pytest.raises(ImageDamaged):
        processes.run(jobs.crash, how)
    assert processes.run(jobs.add, 1, 1) == 2


def test_a_process_that_is_killed_from_outside_says_nothing_about_the_picture(processes):
    """The kernel does it where the host has no memory left."""
    with pytest.raises(Busy):
        processes.run(jobs.crash, "kill")
    assert processes.run(jobs.add, 1, 1) == 2


def test_a_crash_leaves_the_conversions_beside_it_alone():
    processes = processes_of(at_once=2)
    with ThreadPoolExecutor(2) as threads:
        beside = threads.submit(processes.run, jobs.sleep, 2)
        for how in ("fault", "abort"):
            with pytest.raises(ImageDamaged):
                processes.run(jobs.crash, how)
        assert beside.result()
    processes.close()


@pytest.mark.parametrize("function", [jobs.sleep, jobs.hang])
def test_what_does_not_end_and_uses_no_cpu_is_stopped_and_busy(function):
    processes = processes_of(deadline=2)
    started = time.monotonic()
    with pytest.raises(Busy, match="no time to convert"):
        processes.run(function, 600)
    assert time.monotonic() - started < 60
    assert processes.run(jobs.add, 1, 1) == 2
    processes.close()


def test_a_conversion_that_is_starved_is_busy():
    """Stopped for most of its time, as on a machine that has none for it."""
    processes = processes_of(deadline=3, cpu=2)
    processes.run(jobs.add, 0, 0)
    (pid,) = processes.pids()
    with ThreadPoolExecutor(1) as threads:
        starved = threads.submit(processes.run, jobs.burn)
        time.sleep(0.5)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Busy, match="no time to convert"):
            starved.result()
    processes.close()


def test_cpu_time_is_bounded_for_each_conversion():
    processes = processes_of(cpu=1)
    with pytest.raises(ImageDamaged, match="more than 1 s of CPU time"):
        processes.run(jobs.burn)
    processes.close()


def test_cpu_time_is_not_summed_over_conversions():
    processes = processes_of(cpu=0.6)
    for _ in range(4):
        processes.run(sum, range(12_000_000))
    processes.close()


def test_memory_is_bounded():
    processes = processes_of(memory=200_000_000)
    assert processes.run(jobs.allocate, 150_000_000)
    with pytest.raises(ImageTooLarge, match="memory"):
        processes.run(jobs.allocate, 300_000_000)
    assert processes.run(jobs.allocate, 150_000_000)
    processes.close()


def test_a_process_that_ran_out_of_memory_is_replaced():
    processes = processes_of()
    before = processes.run(jobs.sleep, 0)
    with pytest.raises(ImageTooLarge, match="memory"):
        processes.run(jobs.run_out_of_memory)
    assert processes.run(jobs.sleep, 0) != before
    processes.close()


def test_a_damaged_picture_is_not_said_to_want_memory():
    """What libvips says of it: "unable to write to memory"."""
    source = (Path(__file__).parents[1] / "decoding/formats/arithmetic.jpg").read_bytes()
    processes = processes_of()
    with pytest.raises(ImageDamaged, match="damaged"):
        processes.run(convert_bytes, source[: len(source) * 3 // 4], ImagingSettings())
    processes.close()


def test_a_process_that_keeps_memory_is_replaced():
    processes = processes_of()
    before = processes.run(jobs.sleep, 0)
    processes.run(jobs.keep, 10_000_000)
    assert processes.run(jobs.sleep, 0) == before
    processes.run(jobs.keep, 100_000_000)
    assert processes.run(jobs.sleep, 0) != before
    processes.close()


@pytest.mark.parametrize("how", ["crash", "memory", "library", "disguised", "words"])
def test_what_fails_because_of_an_earlier_conversion_is_tried_in_a_new_process(how):
    processes = processes_of()
    processes.run(jobs.spoil)
    assert processes.run(jobs.work, how) == "worked"
    processes.close()


def test_the_memory_of_a_conversion_is_the_same_for_every_one():
    """Whatever those before it took, and also where they were refused."""
    processes = processes_of(memory=300_000_000)
    for size in (250, 10, 400, 250, 310, 250):
        if size > 300:
            with pytest.raises(ImageTooLarge, match="memory"):
                processes.run(jobs.allocate, size * 1_000_000)
        else:
            assert processes.run(jobs.allocate, size * 1_000_000)
    processes.close()


def test_a_large_source_does_not_stay_in_the_process():
    processes = processes_of()
    processes.run(len, bytes(100_000_000))
    assert resident_bytes(processes.pids()[0]) < 150_000_000
    processes.close()


def test_a_large_source_does_not_stay_in_the_server():
    processes = processes_of()
    source = jobs.Source()
    gone = weakref.ref(source)
    processes.run(jobs.size, source)
    del source
    gc.collect()
    assert gone() is None
    processes.close()


def test_busy_says_when_there_may_be_a_turn():
    processes = processes_of(queue=1)
    processes.run(jobs.add, 0, 0)
    processes._mean_seconds = 60.0
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(processes.run, jobs.sleep, 4) for _ in range(4)]
        told = sorted(call.exception().retry_after for call in calls if call.exception())
    assert len(told) == 3
    assert told[0] >= 60 and told[2] >= told[0] + 60, "those who give up together are told to come back one by one"
    processes.close()


def test_processes_that_are_idle_for_long_are_ended_but_for_one(monkeypatch):
    monkeypatch.setattr(pool, "IDLE", 0.5)
    processes = processes_of(at_once=3)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: processes.run(jobs.sleep, 1), range(3)))
    assert len(processes.pids()) == 3
    until(lambda: len(processes.pids()) == 1, 30, "one process is left")
    assert processes.run(jobs.add, 1, 1) == 2
    processes.close()


def test_calls_beyond_the_places_wait_and_are_told_busy():
    processes = processes_of(queue=0.2)
    processes.run(jobs.add, 0, 0)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(processes.run, jobs.sleep, 3)
        time.sleep(0.5)
        with pytest.raises(Busy):
            processes.run(jobs.add, 1, 1)
        assert first.result()
    processes.close()


def test_calls_beyond_the_places_are_served_in_time():
    processes = processes_of(at_once=2)
    with ThreadPoolExecutor(8) as threads:
        pids = set(threads.map(lambda _: processes.run(jobs.sleep, 0.1), range(16)))
    assert len(pids) == 2
    processes.close()


def test_a_process_that_was_killed_while_idle_costs_no_conversion(processes):
    os.kill(processes.run(jobs.sleep, 0), signal.SIGKILL)
    time.sleep(1)
    assert processes.run(jobs.add, 1, 1) == 2


def test_they_import_imaging_alone(processes):
    imported = set(processes.run(jobs.modules))
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
    processes = processes_of()
    assert "DATABASE_URL" not in processes.run(jobs.environment)
    assert processes.run(jobs.sockets) == []
    processes.close()


def test_a_fork_has_processes_of_its_own(processes):
    """As gunicorn does it, after the application is there."""
    before = processes.run(jobs.sleep, 0)
    script = """
import os, sys
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.imaging.processes.slot import Limits, resident_bytes
from tests import jobs
processes = ConversionProcesses(1, 60, Limits(60, 60, 10**9))
child = os.fork()
pid = processes.run(jobs.sleep, 0)
processes.close()
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
    "work", ["", "threading.Thread(target=processes.run, args=(jobs.hang, 600), daemon=True).start()"]
)
def test_they_end_with_their_parent(stop, work):
    script = f"""
import threading, time
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.imaging.processes.slot import Limits, resident_bytes
from tests import jobs
processes = ConversionProcesses(1, 60, Limits(600, 600, 10**9))
print(processes.run(jobs.sleep, 0), flush=True)
{work}
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=_heed_sigint,
    ) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(stop)
        parent.wait(timeout=30)
    _gone(pid)


def _heed_sigint():
    """A shell starts what runs in its background with SIGINT ignored, and this suite may run there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _gone(pid):
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it is still running"
        time.sleep(0.05)


def _python(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)


def test_close_leaves_nothing_running():
    processes = processes_of(at_once=2)
    with ThreadPoolExecutor(2) as threads:
        pids = set(threads.map(lambda _: processes.run(jobs.sleep, 0.3), range(2)))
    processes.close()
    for pid in pids:
        _gone(pid)


def test_the_settings_reach_the_limits():
    processes = ConversionProcesses.from_settings(ConvertingSettings(at_once=1, memory=100_000_000, queue=5.0))
    with pytest.raises(ImageTooLarge, match="memory"):
        processes.run(jobs.allocate, 200_000_000)
    processes.close()


def test_as_many_scans_as_are_allowed_stay_within_the_limits():
    bomb = pictures.scan_bomb(85, side=3900)
    processes = processes_of(deadline=10, cpu=10)
    assert processes.run(jobs.decode, bomb) == (3900, 3900)
    processes.close()


def test_every_hostile_file_ends_within_ten_seconds_and_a_gigabyte():
    """Of ``bad`` and ``odd``: a picture or a documented error, and not one of them by a crash or a limit."""
    files = [file for folder in ("bad", "odd") for file in shared_files(folder)]
    if not isinstance(files[0], Path):
        pytest.skip("the shared pictures are not here")
    processes = processes_of(deadline=10, cpu=10, memory=1_000_000_000)
    for file in files:
        try:
            processes.run(jobs.decode, file.read_bytes())
        except ServiceError as error:
            assert isinstance(error, NotAnImage | ImageDamaged | ImageTooLarge), file.name
            assert not any(word in str(error) for word in ("takes more", "crashed")), (file.name, str(error))
    processes.close()


def test_it_says_how_many_wait():
    waiting = []
    processes = processes_of(queue=0.2, waiting=waiting.append)
    with ThreadPoolExecutor(2) as threads:
        busy = threads.submit(processes.run, jobs.sleep, 3)
        while len(waiting) < 2:
            time.sleep(0.01)
        assert waiting == [1, -1]
        with pytest.raises(Busy):
            processes.run(jobs.add, 1, 1)
        assert busy.result()
    processes.close()
    assert waiting == [1, -1, 1, -1]
