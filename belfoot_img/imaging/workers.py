"""Where conversions run: at most ``converting`` at once, the others wait their turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from belfoot_img.errors import Busy
from belfoot_img.settings import ImagingSettings

WAIT = 60.0


class Workers:
    def __init__(self, at_once: int):
        self._slots = threading.BoundedSemaphore(at_once)

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> Workers:
        return cls(settings.converting)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if not self._slots.acquire(timeout=WAIT):
            raise Busy
        try:
            return function(*arguments)
        finally:
            self._slots.release()

    def close(self) -> None:
        pass
