"""Counts the conversions of a host: at most so many run at once, over all processes that share a file.

Every conversion that runs has one byte of the file locked (POSIX record locks, fcntl(2)). The kernel releases a lock
with the process that holds it, however that ends, so nothing has to be cleared up after a ``kill -9``. Waiting is
polling: record locks cannot be waited for with a timeout, nor for "any of these bytes".
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

POLL = 0.02
"""Seconds between two looks for a free place."""

_file: IO[bytes] | None = None


def share() -> None:
    """Makes every process that is forked from this one from now on count together; called by gunicorn.conf.py.

    The file is one without a name, or lies in systemd's runtime directory, where other units can share it.
    """
    global _file
    if _file is None:
        folder = os.environ.get("RUNTIME_DIRECTORY")
        _file = (Path(folder) / "conversions.lock").open("a+b") if folder else tempfile.TemporaryFile()  # noqa: SIM115


class HostGate:
    """``at_once`` places; thread-safe. Without ``share`` it counts the conversions of this process alone."""

    def __init__(self, at_once: int):
        self._at_once = at_once
        self._taken: set[int] = set()  # by this process, whose threads a record lock does not tell apart
        self._lock = threading.Lock()

    def enter(self, until: float) -> int:
        """Takes a place and returns its number; raises TimeoutError where none is free ``until`` then, a time of
        ``time.monotonic``."""
        while (place := self._take()) is None:
            if time.monotonic() >= until:
                raise TimeoutError
            time.sleep(POLL)
        return place

    def leave(self, place: int) -> None:
        with self._lock:
            self._taken.discard(place)
            if _file is not None:
                fcntl.lockf(_file, fcntl.LOCK_UN, 1, place)

    def _take(self) -> int | None:
        with self._lock:
            for place in range(self._at_once):
                if place not in self._taken and _locked(place):
                    self._taken.add(place)
                    return place
        return None


def _locked(place: int) -> bool:
    if _file is None:
        return True
    try:
        fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):  # POSIX leaves the choice between EAGAIN and EACCES
        return False
    return True
