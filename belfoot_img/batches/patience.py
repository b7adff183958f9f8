"""Waiting out what is no item's fault: a database in trouble (away, restarting, its disk full), a host that is busy."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from belfoot_img.errors import Busy, DatabaseUnavailable

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
"""Seconds between two attempts; each wait is twice the one before."""
TRIES = 8
"""Of a conversion that the host ended after it had begun, over 45 s; then it is an attempt that failed. One that no
turn came for is tried for as long as it takes."""


class Stopped(Exception):
    """The worker is stopping while it waits; what is in hand will be done anew."""


class Patience:
    """Tries again until it succeeds, or the worker is ``stopping``. Thread-safe."""

    def __init__(self, engine: Engine, stopping: threading.Event):
        self._engine, self._stopping = engine, stopping

    def transaction(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(connection, *arguments)`` in a transaction of its own. Raises Stopped, and what the function
        raises."""

        def once():
            with self._engine.begin() as connection:
                return function(connection, *arguments)

        return self.until_available(once)

    def until_available(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """``function(*arguments, **options)``. Raises Stopped, and what the function raises."""
        pause, begun = FIRST_WAIT, 0
        while True:
            try:
                return function(*arguments, **options)
            except DatabaseUnavailable as error:
                log.warning("the database is waited for: %s", error.reason)
            except Busy as error:
                begun += error.began
                if begun >= TRIES:
                    raise
                log.warning("a conversion is waited for: %s", error)
            if self._stopping.wait(pause):
                raise Stopped
            pause = min(2 * pause, LONGEST_WAIT)
