"""One process for conversions: it is started at its first conversion, judged after each, and replaced where needed.

It is a pebble pool of one. Processes of one pool would share a pipe and its lock, and one that is killed while it holds
the lock would stop the others.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from pebble import CONSTS, ProcessExpired, ProcessFuture, ProcessPool

from belfoot_img.errors import Busy, ImageDamaged, ImageTooLarge, ServiceError
from belfoot_img.imaging.processes import inside

log = logging.getLogger(__name__)

STARTING = 60.0
"""Seconds for a process to start and to import, on a machine that is very busy."""
CONVERSIONS = 1000
"""After so many a process is replaced, whatever its codecs may have leaked."""
SPARE = 64_000_000
"""Bytes that a process may keep between conversions, above what it had before its first."""
LARGE = 0.25
"""Of the memory that a conversion may have: one that took as much, and failed, may have failed for want of memory,
which many a codec reports as damage."""

CONSTS.term_timeout = 0.01  # pebble's grace between SIGTERM, which the processes ignore, and SIGKILL


@dataclass(frozen=True)
class Limits:
    """The limits of one conversion: ``deadline`` in seconds of wall time, ``cpu`` in seconds of CPU time, ``memory``
    in bytes above what the process has before it."""

    deadline: float
    cpu: float
    memory: int


class ProcessSlot:
    """Runs one conversion at a time in its process. ``idle_since`` is a time of ``time.monotonic``."""

    def __init__(self, limits: Limits, preload: Sequence[str], starter: ThreadPoolExecutor):
        """``starter``: a thread that outlives the process, since it ends with the thread that started it."""
        self._limits, self._preload, self._starter = limits, preload, starter
        self._pool: ProcessPool | None = None
        self._future: ProcessFuture | None = None
        self.pid = self._idle_bytes = self._idle_space = self._conversions = 0
        self.idle_since = 0.0

    def run(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """``function(*arguments)``. Raises what that raises, ImageDamaged where it crashed or took too much CPU time,
        ImageTooLarge where it took too much memory, and Busy where it did not get enough of the machine.

        What fails in a process that had conversions before is tried once more in a new one: it is what the picture
        comes to when it is converted alone.
        """
        try:
            self._start(time.monotonic() + STARTING)
            until = time.monotonic() + self._limits.deadline
            if self._conversions:
                with suppress(_Failure):
                    return self._attempt(function, arguments, until)
                self._start(until)
            return self._attempt(function, arguments, until)
        except _Failure as failure:
            raise failure.verdict from failure.__cause__
        finally:
            self.idle_since = time.monotonic()

    @property
    def runs(self) -> bool:
        """Returns whether the slot has a process."""
        return self._pool is not None

    def stop(self) -> None:
        """Ends the process; the next conversion gets a new one."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.join()

    def close(self) -> None:
        """Ends the process; a conversion that runs in it raises Busy."""
        if self._future is not None:
            self._future.cancel()
        self.stop()

    def _start(self, until: float) -> None:
        if self._pool is not None and self._pool.active:
            return
        self.stop()
        try:
            self._pool = pool = self._starter.submit(_new_pool, self._preload).result()
            self.pid = pool.schedule(inside.ready).result(timeout=until - time.monotonic())
        except Exception as error:
            log.warning("no process for conversions could be started", exc_info=error)
            self.stop()
            raise Busy from error
        self._conversions = 0
        self._idle_bytes, self._idle_space = resident_bytes(self.pid), _address_space(self.pid)

    def _attempt(self, function: Callable[..., Any], arguments: Sequence[Any], until: float) -> Any:
        limits, before = self._limits, _cpu_seconds(self.pid)
        assert self._pool is not None
        self._conversions += 1
        sent = list(arguments)
        future = self._future = self._pool.schedule(inside.perform, (limits.cpu, limits.memory, function, sent))
        try:
            result = future.result(timeout=until - time.monotonic())
        except ServiceError as error:
            if isinstance(error, ImageDamaged) and _peak_bytes(self.pid) - self._idle_bytes > LARGE * limits.memory:
                self.stop()
                raise _Failure(error) from error
            self._replace_if_spoiled()
            raise
        except CancelledError:
            raise Busy from None
        except BaseException as error:
            late, spent = not future.done(), _cpu_seconds(self.pid) - before
            self.stop()
            if late:
                raise self._verdict_when_late(spent) from None
            raise _failure(error, limits) from error
        finally:
            sent.clear()  # pebble's threads hold on to it until the next conversion
        self._replace_if_spoiled()
        return result

    def _verdict_when_late(self, spent: float) -> ServiceError:
        """Returns the error of a conversion that reached its deadline after ``spent`` seconds of CPU time."""
        limits = self._limits
        if spent >= limits.cpu:
            return _takes_too_long(limits.cpu)
        log.warning("a conversion got %.1f s of CPU time in the %g s of its deadline", spent, limits.deadline)
        return Busy("The service is busy: there was no time to convert the image; try again later.", began=True)

    def _replace_if_spoiled(self) -> None:
        spoiled = (
            resident_bytes(self.pid) > self._idle_bytes + SPARE or _address_space(self.pid) > self._idle_space + SPARE
        )
        if spoiled or self._conversions >= CONVERSIONS:
            self.stop()


class _Failure(Exception):
    """A conversion failed in a way that an earlier one may be the reason of; ``verdict`` counts in a new process."""

    def __init__(self, verdict: BaseException):
        super().__init__()
        self.verdict = verdict


def _failure(error: BaseException, limits: Limits) -> BaseException:
    """Returns what the error that ended a process means: a verdict, or a _Failure."""
    if isinstance(error, MemoryError):
        return _Failure(
            ImageTooLarge(
                "Converting the image takes more memory than there is for it; send it with fewer pixels, or without "
                "transparency, interlacing or more than 8 bit."
            )
        )
    if isinstance(error, BrokenProcessPool):  # it was gone before it had the conversion
        return _Failure(Busy())
    if not isinstance(error, ProcessExpired):  # an error that nobody expected: ours, or a library's
        return _Failure(error)
    log.warning("a conversion ended its process: %s", error)
    if error.exitcode == -signal.SIGXCPU:
        return _takes_too_long(limits.cpu)
    if error.exitcode == -signal.SIGKILL:  # by the kernel for want of memory, or by an operator: not by itself
        return Busy(began=True)
    return _Failure(ImageDamaged("The image is damaged: a codec crashed on it."))


def _takes_too_long(seconds: float) -> ImageDamaged:
    return ImageDamaged(f"Converting the image takes more than {seconds:.3g} s of CPU time.")


# --- what /proc says of a process; 0 where there is no /proc, or no such process any more ----------------------------


def resident_bytes(pid: int) -> int:
    return _statm(pid)[1] * resource.getpagesize()


def _address_space(pid: int) -> int:
    return _statm(pid)[0] * resource.getpagesize()


def _statm(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/statm").read_text().split()))
    except OSError:
        return [0, 0]


def _peak_bytes(pid: int) -> int:
    """Returns the peak of resident bytes since the conversion began."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return 0


def _cpu_seconds(pid: int) -> float:
    """Returns the CPU seconds of the process and of its children that have ended (proc_pid_stat(5), fields 14 to
    17)."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")


# --- how a process is started ----------------------------------------------------------------------------------------


def _new_pool(preload: Sequence[str]) -> ProcessPool:
    pool = ProcessPool(1, initializer=inside.prepare, initargs=(os.getpid(), tuple(preload)), context=_Context())
    pool.active  # noqa: B018  starts the process, from this thread
    return pool


class _Process(SpawnProcess):
    """Spawning imports the parent's main module anew, which here is a whole web server: show it an empty one."""

    _swapping = threading.Lock()

    def start(self) -> None:
        with self._swapping:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                sys.modules["__main__"] = main


class _Context(SpawnContext):
    Process = _Process
