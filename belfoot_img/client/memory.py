"""Cache of bodies by their ETag, so that the same image crosses the network once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class Remembered:
    etag: str
    body: bytes


class Memory:
    """LRU cache of at most ``limit`` bytes of bodies. Thread-safe."""

    def __init__(self, limit: int):
        self._limit = limit
        self._size = 0
        self._known: OrderedDict[tuple[str, str], Remembered] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str, form: str) -> Remembered | None:
        with self._lock:
            found = self._known.get((path, form))
            if found:
                self._known.move_to_end((path, form))
            return found

    def put(self, path: str, form: str, etag: str, body: bytes) -> None:
        with self._lock:
            self._forget((path, form))
            self._known[path, form] = Remembered(etag, body)
            self._size += len(body)
            while self._size > self._limit:
                self._forget(next(iter(self._known)))

    def forget(self, path: str) -> None:
        with self._lock:
            for key in [key for key in self._known if key[0] == path]:
                self._forget(key)

    def _forget(self, key: tuple[str, str]) -> None:
        if key in self._known:
            self._size -= len(self._known.pop(key).body)
