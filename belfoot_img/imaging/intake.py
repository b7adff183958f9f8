"""How many images one process takes in at once, and how many bytes of them it holds in memory.

An image is taken in from the first byte of its download to the end of its conversion. A few more wait a moment for a
place, so that a burst of quick images is not refused; the others get Busy at once. Whoever waits holds one of the
server's threads, and these are for health checks and reads too.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from belfoot_img.errors import Busy
from belfoot_img.settings import FetchSettings

WAITING_SHARE = 6
"""One image may wait for each six that are taken in: 8 for the 48 of the default, of 64 threads."""
PATIENCE = 1.0
"""Seconds that one waits for a place."""


class Intake:
    """``at_once`` images with ``memory`` bytes together. Thread-safe.

    ``seconds``: after how many there may be room, as far as is known. Callers that are refused together are told
    between once and twice as many, each another number, so that they do not come back together.
    """

    def __init__(
        self,
        at_once: int,
        memory: int,
        seconds: Callable[[], int] = lambda: Busy.retry_after,
        patience: float = PATIENCE,
    ):
        self._at_once, self._memory, self._seconds, self._patience = at_once, memory, seconds, patience
        self._images = self._bytes = self.waiting = 0
        self._room = threading.Condition()

    @classmethod
    def from_settings(cls, settings: FetchSettings, seconds: Callable[[], int]) -> Intake:
        return cls(settings.at_once, settings.memory, seconds)

    @contextmanager
    def take(self) -> Iterator[Held]:
        """The bytes held for one image, until the block is left. Raises Busy."""
        held = Held(self)
        self._enter()
        try:
            yield held
        finally:
            self._leave(held.bytes)

    def hold(self, size: int) -> None:
        """``size`` more bytes are held. Raises Busy."""
        with self._room:
            if self._bytes + size > self._memory:
                raise self._busy("it holds as many bytes of images as it can")
            self._bytes += size

    def _enter(self) -> None:
        with self._room:
            if self._images >= self._at_once and not self._wait():
                raise self._busy("it is taking in as many images as it can")
            self._images += 1

    def _wait(self) -> bool:
        """Returns whether there is a place now."""
        if self.waiting >= self._at_once // WAITING_SHARE:
            return False
        self.waiting += 1
        try:
            return self._room.wait_for(lambda: self._images < self._at_once, self._patience)
        finally:
            self.waiting -= 1

    def _leave(self, size: int) -> None:
        with self._room:
            self._images -= 1
            self._bytes -= size
            self._room.notify()

    def _busy(self, why: str) -> Busy:
        seconds = math.ceil(self._seconds() * random.uniform(1, 2))
        return Busy(f"The service is busy: {why}; try again later.", retry_after=seconds)


class Held:
    """The bytes of one image."""

    def __init__(self, intake: Intake):
        self._intake = intake
        self.bytes = 0

    def add(self, size: int) -> None:
        """``size`` more bytes are about to be held. Raises Busy."""
        self._intake.hold(size)
        self.bytes += size
