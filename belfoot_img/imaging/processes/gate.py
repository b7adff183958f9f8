"""Counts the conversions of a host: at most so many run at once, over all processes that share a file.

Every conversion that runs has one byte of the file locked (POSIX record locks, fcntl(2)). The kernel releases a lock
with the process that holds it, however that ends, so nothing has to be cleared up after a ``kill -9``. Waiting is
polling: record locks cannot be waited for with a timeout, nor for "any of these bytes".

Conversions that somebody waits for and those in the background have bytes of their own. One in the background begins
only where fewer than ``at_once`` of both kinds run; the others count only their own kind. So a caller never waits for
the background. Where callers come while the background has every place, up to twice ``at_once`` run until the
conversions in the background end, and no further one begins.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL = 0.02
"""Seconds between two looks for a free place."""
BACKGROUND, DOOR = 1 << 20, 1 << 21
"""The first byte of conversions in the background, and the byte of the process that looks for a place for one."""


class _Places:
    """The bytes that this process has locked. Without a file it counts for itself alone."""

    def __init__(self, file: IO[bytes] | None = None):
        self.file = file
        self.taken: set[int] = set()  # a record lock does not tell the threads of a process apart
        self.changing = threading.Lock()

    def take_first(self, places: range) -> int | None:
        for place in places:
            if place not in self.taken and self._lock(place):
                self.taken.add(place)
                return place
        return None

    def leave(self, place: int) -> None:
        with self.changing:
            self.taken.discard(place)
            self._unlock(place)

    def running(self, places: range) -> int:
        """Returns how many of the places are taken, by this process or another one. Only behind the ``door``, since
        processes that were forked share the position in the file."""
        return sum(place in self.taken or self._locked_elsewhere(place) for place in places)

    @contextmanager
    def door(self) -> Iterator[bool]:
        """Yields whether this process is the only one behind it."""
        if not self._lock(DOOR):
            yield False
            return
        try:
            yield True
        finally:
            self._unlock(DOOR)

    def _lock(self, place: int) -> bool:
        if self.file is None:
            return True
        try:
            fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):  # POSIX leaves the choice between EAGAIN and EACCES
            return False
        return True

    def _unlock(self, place: int) -> None:
        if self.file is not None:
            fcntl.lockf(self.file, fcntl.LOCK_UN, 1, place)

    def _locked_elsewhere(self, place: int) -> bool:
        if self.file is None:
            return False
        os.lseek(self.file.fileno(), place, os.SEEK_SET)
        try:
            os.lockf(self.file.fileno(), os.F_TEST, 1)
        except (BlockingIOError, PermissionError):
            return True
        return False


_shared: _Places | None = None


def share() -> None:
    """Makes the gates of this process, and of every process that is forked from it, count together from now on.

    The file is one without a name, or lies in systemd's runtime directory, where other units share it.
    """
    global _shared
    if _shared is None:
        folder = os.environ.get("RUNTIME_DIRECTORY")
        file = (Path(folder) / "conversions.lock").open("a+b") if folder else tempfile.TemporaryFile()  # noqa: SIM115
        _shared = _Places(file)


def _after_fork() -> None:
    """A forked child holds none of its parent's locks."""
    global _shared
    if _shared is not None:
        _shared = _Places(_shared.file)


os.register_at_fork(after_in_child=_after_fork)


class HostGate:
    """``at_once`` places; thread-safe. Without ``share`` it counts for itself alone."""

    def __init__(self, at_once: int, background: bool = False):
        self._at_once, self._background = at_once, background
        self._places = _shared or _Places()

    def enter(self, until: float) -> int:
        """Takes a place and returns its number; raises TimeoutError where none is free ``until`` then, a time of
        ``time.monotonic``."""
        take = self._take_in_background if self._background else self._take
        while (place := take()) is None:
            if time.monotonic() >= until:
                raise TimeoutError
            time.sleep(POLL)
        return place

    def leave(self, place: int) -> None:
        self._places.leave(place)

    def _take(self) -> int | None:
        with self._places.changing:
            return self._places.take_first(range(self._at_once))

    def _take_in_background(self) -> int | None:
        awaited, background = range(self._at_once), range(BACKGROUND, BACKGROUND + self._at_once)
        with self._places.changing, self._places.door() as alone:
            if not alone or self._places.running(awaited) + self._places.running(background) >= self._at_once:
                return None
            return self._places.take_first(background)
