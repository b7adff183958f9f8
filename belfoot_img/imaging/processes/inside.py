"""What happens inside a process of conversions: its limits, and what it gives back when a conversion ends.

Nothing here imports more than the standard library, so that the process has only what it was told to preload.
"""

from __future__ import annotations

import ctypes
import math
import os
import pkgutil
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

KEPT_VARIABLES = {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ"}
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # malloc.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_address_space_before = 0
"""Bytes, of this process before its first conversion."""


def prepare(parent: int, preload: Iterable[str]) -> None:
    """Runs once, before the first conversion. ``parent``: the pid with which this process ends; ``preload``: modules to
    import (``package.module``) and functions to call (``package.module:function``)."""
    _end_with(parent)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # meant for the server, which lets conversions finish
    for name in set(os.environ) - KEPT_VARIABLES:
        del os.environ[name]
    os.environ["VIPS_CONCURRENCY"] = "1"  # conversions share the cores already
    with suppress(AttributeError):  # glibc only
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)  # blocks of 1 MiB and more go back to the system as they are freed
        libc.mallopt(M_ARENA_MAX, 1)  # each further one takes 64 MiB of address space, which the limit counts
    for name in preload:
        loaded = pkgutil.resolve_name(name)
        if callable(loaded):
            loaded()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    global _address_space_before
    _address_space_before = _address_space()


def ready() -> int:
    """Returns the pid of this process, once it is prepared."""
    return os.getpid()


def perform(cpu: float, memory: int, function: Callable[..., Any], arguments: list) -> Any:
    """``function(*arguments)``, which may take ``cpu`` seconds, and ``memory`` bytes beyond what a new process has.

    What earlier conversions left counts too: this one never has more than it would have alone.
    Raises what the function raises; MemoryError also where a library made another error of it. ``arguments`` is
    emptied, since pebble holds on to it until the next conversion.
    """
    _limit_cpu(cpu)
    _forget_peak()
    _limit(resource.RLIMIT_AS, _address_space_before + memory)
    try:
        return function(*arguments)
    except BaseException as error:
        chain = list(_chain(error))
        _forget_locals(chain)
        if any(map(_is_for_want_of_memory, chain)):
            raise MemoryError from error
        raise
    finally:
        _limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)  # receiving the next source is no conversion's matter
        arguments.clear()
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _end_with(parent: int) -> None:
    """Has the kernel (Linux) kill this process as soon as its parent is gone, whatever it is doing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _forget_peak() -> None:
    """Resets VmHWM, the peak of resident memory in /proc/self/status (proc_pid_clear_refs(5))."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _limit_cpu(seconds: float) -> None:
    """The kernel counts CPU time from the start of the process, so the limit moves on with each conversion."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds))


def _limit(what: int, soft: int) -> None:
    """Moves the soft limit, at most to the hard one."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _address_space() -> int:
    """Returns the bytes of this process's address space, which RLIMIT_AS counts; 0 where there is no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields the error, its cause, the cause of that, …"""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_for_want_of_memory(error: BaseException) -> bool:
    """Returns whether memory ran out; libvips, OpenCV, libavif and Pillow's codecs say it in words only. That libvips
    could not write a damaged picture "to memory" is no want of it."""
    return isinstance(error, MemoryError) or bool(re.search(r"(?<!to )memory|alloc", str(error), re.IGNORECASE))


def _forget_locals(errors: Iterable[BaseException]) -> None:
    """Frees what the frames of the tracebacks hold, such as a picture half decoded; the tracebacks stay printable."""
    for error in errors:
        traceback.clear_frames(error.__traceback__)
