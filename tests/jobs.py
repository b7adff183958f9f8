"""What the tests have run in the processes of conversions. Imports no more than those have of their own."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding import decoder


def add(one, other):
    return one + other


def sleep(seconds):
    time.sleep(seconds)
    return os.getpid()


def hang(seconds):
    """Hangs in C code that holds the interpreter, as a codec may."""
    ctypes.PyDLL(None).sleep(seconds)


def burn():
    while True:
        pass


def crash(how):
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), {"fault": signal.SIGSEGV, "abort": signal.SIGABRT, "kill": signal.SIGKILL}[how])
    time.sleep(10)


def allocate(size):
    return len(bytes(size))


_kept = []


def keep(size):
    """Keeps ``size`` bytes, as a leaking library does."""
    _kept.append(b"x" * size)


def run_out_of_memory():
    raise MemoryError


def spoil():
    """Leaves the process so that ``work`` fails in it."""
    _kept.append(b"spoiled")


def work(how):
    if _kept:
        fail_as(how)
    return "worked"


def fail_as(how):
    if how == "crash":
        crash("fault")
    if how == "memory":
        raise MemoryError
    if how == "library":
        raise RuntimeError("unable to do it")
    if how == "disguised":  # as a codec does that takes much memory and reports damage
        len(b"x" * 400_000_000)
        raise ImageDamaged
    try:
        raise OSError("vips_tracked: out of memory")
    except OSError as error:
        raise ImageDamaged from error


def refuse(kind):
    raise kind("no", retry_after=7)


class Source:
    """What a weak reference can be had of."""


def size(source):
    return isinstance(source, Source)


def fail():
    raise LookupError("a fault of our own")


def modules():
    return sorted(sys.modules)


def environment():
    return dict(os.environ)


def sockets():
    return [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink() and _is_socket(path)]


def _is_socket(path):
    try:
        return str(path.readlink()).startswith("socket:")
    except OSError:  # the descriptor that listed the folder
        return False


def decode(source):
    header = decoder.read_header(source, 100_000_000)
    return decoder.decode(header, (255, 255, 255), 3840).pixels.size
