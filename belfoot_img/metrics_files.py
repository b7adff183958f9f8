"""The folder in which gunicorn's workers count together: a file of prometheus_client for each process and kind.

prometheus_client writes files where ``PROMETHEUS_MULTIPROC_DIR`` is set before it is imported, which gunicorn.conf.py
does by ``prepare``; a scrape sums them. The files of a worker that ended stay, since its counts belong to the sums;
what its gauges said is removed. Workers are replaced by a reload or after a crash only, so the files stay few.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "belfoot_img_metrics_"
LOCK = "lock"
"""A file that the master and its workers keep locked for as long as one of them lives."""

_held: list[int] = []


@cache
def prepare() -> Path:
    """Makes the folder, once for each master: a reload reads gunicorn.conf.py again and goes on counting.

    It lies in memory where possible, since each count is a write to a mapped file: in systemd's runtime directory, or
    in /dev/shm. Folders there that a killed master left are removed.
    """
    candidates = filter(None, (os.environ.get("RUNTIME_DIRECTORY"), "/dev/shm"))
    parent = next((folder for folder in candidates if os.access(folder, os.W_OK)), tempfile.gettempdir())
    with _one_at_a_time(parent):
        _remove_abandoned(Path(parent))
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        _hold(folder)
    os.environ[VARIABLE] = str(folder)
    atexit.register(_remove, folder, os.getpid())
    return folder


def folder() -> Path | None:
    """Returns where the counts are, or None where this process counts for itself alone."""
    return Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def worker_ended(pid: int) -> None:
    """Removes what the gauges of a worker said; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead  # only after prepare(): it looks at VARIABLE once

    mark_process_dead(pid)


def _remove(folder: Path, master: int) -> None:
    """Removes the folder however the master ends, a refused start included; its workers inherit this and leave
    the folder alone."""
    if os.getpid() == master:
        shutil.rmtree(folder, ignore_errors=True)


def _hold(folder: Path) -> None:
    """Holds a lock that forked workers share; the kernel releases it when the last of them has ended, killed or
    not."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    _held.append(lock)


def _remove_abandoned(parent: Path) -> None:
    """Removes the folders whose lock nobody holds. Another user's, which cannot be opened, stay, and so do those
    without a lock: their masters may live, and not know of it.
    """
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder / LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError where somebody lives
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


@contextmanager
def _one_at_a_time(parent: str) -> Iterator[None]:
    """Keeps another master that starts from taking this one's folder, not locked yet, for an abandoned one."""
    directory = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)
