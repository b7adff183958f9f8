"""The embedded PostgreSQL stops with the last process that uses it, however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from testbed.ports import until

USER = """
import sys, time
from belfoot_img.models import embedded
embedded.start(sys.argv[1])
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="belfoot_img-embedded-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as a user of its own where root starts it
        yield Path(name) / "postgres"


@contextlib.contextmanager
def user(folder: Path):
    with subprocess.Popen([sys.executable, "-c", USER, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"started\n"
        try:
            yield process
        finally:
            process.kill()


def postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


def test_it_stops_when_its_last_user_is_killed(folder):
    with user(folder) as first:
        server = postmaster(folder)
        with user(folder) as second:
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            with pytest.raises(AssertionError):
                until(lambda: not psutil.pid_exists(server), 3, "it stops, although it is used")
            os.kill(second.pid, signal.SIGKILL)
            second.wait()
            until(lambda: not psutil.pid_exists(server), 30, "it stops with its last user")
