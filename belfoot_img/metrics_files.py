"""What gunicorn's workers count together: one folder of files, each process with its own, summed at a scrape.

prometheus_client writes the files where ``PROMETHEUS_MULTIPROC_DIR`` is set before it is imported, which
gunicorn.conf.py does. It leaves the files of processes that are gone to lie for ever, since what they counted belongs
to the sums; as workers are recycled by design, ``bury`` adds them into one file instead. Imported by gunicorn's
master, which serves nothing: so nothing is counted here.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BURIED = 0
"""Whose file holds the sums of the dead: a number that no process has."""


@cache
def prepare() -> Path:
    """Makes the folder, once a master: a reload reads gunicorn.conf.py again and goes on counting. In memory if
    possible, as each count is a write to a mapped file; systemd's runtime directory is, and goes with the service."""
    parents = filter(None, (os.environ.get("RUNTIME_DIRECTORY"), "/dev/shm"))
    parent = next((folder for folder in parents if os.access(folder, os.W_OK)), None)
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="belfoot_img_metrics_", dir=parent)
    atexit.register(_remove, os.getpid())
    return Path(os.environ[VARIABLE])


def _remove(master: int) -> None:
    """However the master ends, a refused start included; its workers inherit this and leave the folder alone."""
    if os.getpid() == master:
        shutil.rmtree(prepare(), ignore_errors=True)


def folder() -> Path | None:
    """Where the counts are, or None where this process counts for itself alone."""
    return Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def bury() -> None:
    """Adds what dead processes counted to the file of the dead; what their gauges said is forgotten with them."""
    with _locked(folder(), fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
        if not locked:
            return  # a scrape is under way; the next death buries this one too
        for path in folder().glob("*.db"):
            kind, pid = re.fullmatch(r"(\w+?)_(?:\w+_)?(\d+)\.db", path.name).groups()
            if int(pid) == BURIED or _lives(int(pid)):
                continue
            if kind != "gauge":
                _add(path, folder() / f"{kind}_{BURIED}.db")
            path.unlink()


@contextmanager
def scraping(folder: Path) -> Iterator[None]:
    """Nobody is buried meanwhile, or a scrape would count the dead twice or not at all."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


def _add(path: Path, sums: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # only after prepare(): the package looks at VARIABLE once

    into = MmapedDict(str(sums))
    try:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(path):
            into.write_value(key, into.read_value(key)[0] + value, 0.0)
    finally:
        into.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[bool]:
    """Whether the folder's lock was had; the kernel gives it back with the process, however that ends."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, how)
        except BlockingIOError:
            yield False
        else:
            yield True
