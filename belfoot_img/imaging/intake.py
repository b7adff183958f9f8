"""How many images one process takes in at once, and how many bytes of them it holds in memory.

An image is taken in from the first byte of its download to the end of its conversion. Beyond either bound there is no
waiting but Busy: who waits would hold one of the server's threads, and these are for health checks and reads too.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from belfoot_img.errors import Busy
from belfoot_img.settings import FetchSettings


class Intake:
    """``at_once`` images with ``memory`` bytes together. Thread-safe.

    ``seconds``: after how many there may be room, as far as is known. Callers that are refused together are told
    between once and twice as many, each another number, so that they do not come back together.
    """

    def __init__(self, at_once: int, memory: int, seconds: Callable[[], int] = lambda: Busy.retry_after):
        self._at_once, self._memory, self._seconds = at_once, memory, seconds
        self._images = self._bytes = 0
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: FetchSettings, seconds: Callable[[], int]) -> Intake:
        return cls(settings.at_once, settings.memory, seconds)

    @contextmanager
    def take(self) -> Iterator[Held]:
        """The bytes held for one image, until the block is left. Raises Busy."""
        held = Held(self)
        self._change(images=1)
        try:
            yield held
        finally:
            self._change(images=-1, size=-held.bytes)

    def _change(self, images: int = 0, size: int = 0) -> None:
        with self._lock:
            if images > 0 and self._images >= self._at_once:
                raise self._busy("it is taking in as many images as it can")
            if size > 0 and self._bytes + size > self._memory:
                raise self._busy("it holds as many bytes of images as it can")
            self._images += images
            self._bytes += size

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
        self._intake._change(size=size)
        self.bytes += size
