"""What everything that listens or is waited for needs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(true: Callable[[], object], seconds: float, what: str, pause: float = 0.02) -> float:
    """Waits; returns the seconds it took. Raises AssertionError where it does not come true in time."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        time.sleep(pause)
    return time.monotonic() - started
