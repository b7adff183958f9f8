"""Where conversions run: in processes of their own, so that a codec that hangs, crashes or eats memory takes down
nothing but its own conversion.

Each of the ``converting`` places has a pebble pool of a single process. Processes of one pool would share a pipe and
its lock, and one that is killed while it holds the lock would stop the others. A place whose process is gone, or was
stopped for good reason, gets a new one at its next conversion.

The processes are spawned, not forked, and at the first conversion, since gunicorn may fork before. They import
``imaging`` alone, inherit no sockets, forget the environment, and end with their parent, however it ends.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import math
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from pebble import CONSTS, ProcessExpired, ProcessFuture, ProcessPool

from belfoot_img.errors import Busy, ImageDamaged
from belfoot_img.settings import ConvertingSettings

log = logging.getLogger(__name__)

STARTING = 60.0
"""Seconds for a process to start and to import, on a machine that is very busy."""
TASKS = 1000
"""Conversions after which a process is replaced, whatever its codecs may have leaked."""
WARM = ("belfoot_img.imaging.converter",)
"""What a process imports before its memory is measured and its first conversion comes."""
KEPT_VARIABLES = {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ"}

CONSTS.term_timeout = 0.01  # pebble's grace between SIGTERM, which the processes ignore, and SIGKILL


@dataclass(frozen=True)
class Limits:
    """Of one conversion: ``deadline`` and ``cpu`` in seconds, ``memory`` in bytes above what an idle process has."""

    deadline: float
    cpu: float
    memory: int


class Workers:
    """Thread-safe. After a fork, parent and child have processes of their own."""

    def __init__(self, at_once: int, wait: float, limits: Limits):
        """``at_once`` processes; a call waits at most ``wait`` seconds for one that is free."""
        self._at_once, self._wait, self._limits = at_once, wait, limits
        self.queued: Callable[[int], Any] = lambda change: None
        """Told +1 as a call begins to wait for a process, and -1 as it stops waiting."""
        self._places_by_pid: dict[int, _Places] = {}

    @classmethod
    def from_settings(cls, settings: ConvertingSettings) -> Workers:
        return cls(settings.at_once, settings.queue, Limits(settings.deadline, settings.cpu, settings.memory))

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(*arguments)``; it, they and the result can be pickled.

        Raises what the function raises, Busy where no process is free in time, and ImageDamaged where the process
        crashes or goes beyond its limits.
        """
        places = self._places
        self.queued(+1)
        try:
            place = places.free.get(timeout=self._wait)
        except queue.Empty:
            raise Busy from None
        finally:
            self.queued(-1)
        try:
            return place.run(function, arguments)
        finally:
            places.free.put(place)

    def close(self) -> None:
        """Stops the processes; a conversion that is under way ends in Busy."""
        if places := self._places_by_pid.pop(os.getpid(), None):
            places.close()

    @property
    def _places(self) -> _Places:
        pid = os.getpid()
        return self._places_by_pid.get(pid) or self._places_by_pid.setdefault(pid, _Places(self._at_once, self._limits))


class _Places:
    """The places of one process of the server; those that are warm are taken first."""

    def __init__(self, at_once: int, limits: Limits):
        # Processes that die with their parent do so with the thread that started them: it has to outlive them.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starts-conversions")
        self._all = [_Place(limits, self._starter) for _ in range(at_once)]
        self.free: queue.LifoQueue[_Place] = queue.LifoQueue()
        for place in self._all:
            self.free.put(place)

    def close(self) -> None:
        for place in self._all:
            place.close()
        self._starter.shutdown()


class _Place:
    """Room for one conversion at a time, and the process it runs in."""

    def __init__(self, limits: Limits, starter: ThreadPoolExecutor):
        self._limits, self._starter = limits, starter
        self._pool: ProcessPool | None = None
        self._future: ProcessFuture | None = None

    def run(self, function: Callable[..., Any], arguments: tuple) -> Any:
        deadline = self._limits.deadline
        pool = self._started()
        try:
            self._future = pool.schedule(_perform, (self._limits.cpu, function, arguments), timeout=deadline)
            return self._future.result(timeout=deadline + STARTING)
        except TimeoutError:
            raise self._lost(f"Converting the image takes more than {deadline:g} s.") from None
        except MemoryError:
            raise self._lost("Converting the image takes more memory than there is for it.") from None
        except (ProcessExpired, BrokenProcessPool) as error:
            log.warning("a conversion ended its process: %s", error)
            raise self._lost("The image is damaged: a codec broke down over it.") from error
        except CancelledError:
            raise Busy from None

    def _started(self) -> ProcessPool:
        if self._pool is None or not self._pool.active:
            self._discard()
            try:
                self._pool = self._starter.submit(_new_pool, self._limits.memory).result()
                self._pool.schedule(_is_ready).result(timeout=STARTING)
            except Exception as error:
                log.exception("no process for conversions could be started")
                self._discard()
                raise Busy from error
        return self._pool

    def _lost(self, message: str) -> ImageDamaged:
        self._discard()
        return ImageDamaged(message)

    def _discard(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.join()

    def close(self) -> None:
        if self._future is not None:
            self._future.cancel()
        self._discard()


def _new_pool(memory: int) -> ProcessPool:
    pool = ProcessPool(1, TASKS, initializer=_prepare, initargs=(os.getpid(), memory, WARM), context=_Context())
    pool.active  # noqa: B018  starts the process, from this thread
    return pool


# --- how a process is started ----------------------------------------------------------------------------------------


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


# --- in the process --------------------------------------------------------------------------------------------------


def _prepare(parent: int, memory: int, modules: Iterable[str]) -> None:
    _die_with(parent)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # meant for the server, which lets conversions finish
    for name in set(os.environ) - KEPT_VARIABLES:
        del os.environ[name]
    os.environ["VIPS_CONCURRENCY"] = "1"  # conversions share the cores already
    for module in modules:
        importlib.import_module(module)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _address_space() + memory)


def _die_with(parent: int) -> None:
    """Linux: has the kernel kill this process as soon as its parent is gone, whatever it is doing."""
    set_death_signal = 1  # PR_SET_PDEATHSIG of linux/prctl.h
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _address_space() -> int:
    """Bytes of this process's address space, which RLIMIT_AS counts; none where there is no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def _limit(what: int, soft: int) -> None:
    resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))


def _is_ready() -> bool:
    return True


def _perform(cpu: float, function: Callable[..., Any], arguments: tuple) -> Any:
    """The limit on CPU time counts from the start of the process: move it on with each conversion."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + cpu))
    return function(*arguments)
