"""Images that were read lately, so that the next GET need not have the base64 sent from the database again.

Nothing is served without asking the database: each GET asks which image is the article's now, and says which one it
has, as a browser does with its ETag (``image.find(known=…)``). That is one query as before, with 240 kB less in its
answer.
"""

from __future__ import annotations

import binascii
import threading
from collections.abc import Sequence
from functools import cached_property

from cachetools import LRUCache
from sqlalchemy import Connection, Row

from belfoot_img.models import image

MOST = 64_000_000
"""Bytes that one process holds: some 150 images of the usual size."""


class Content:
    """One image: ``base64`` as the table has it, ``jpeg`` decoded once, when first asked for."""

    def __init__(self, sha256: str, text: str):
        self.sha256 = sha256
        self.base64 = text.encode("ascii")

    @cached_property
    def jpeg(self) -> bytes:
        return binascii.a2b_base64(self.base64)

    @property
    def size(self) -> int:
        """Bytes of both forms."""
        return len(self.base64) * 7 // 4


class Recent:
    """The least recently read goes first. One a process. Thread-safe."""

    def __init__(self, most: int = MOST):
        self._held: LRUCache[str, Content] = LRUCache(most, getsizeof=lambda content: content.size)
        self._lock = threading.Lock()

    def find(
        self, connection: Connection, article_id: str, known: Sequence[str] = ()
    ) -> tuple[Row | None, Content | None]:
        """Returns (the article's row or None where there is none, its content or None where its sha256 is ``known``)"""
        with self._lock:
            held = self._held.get(article_id)
        row = image.find(connection, article_id, known=[*known, held.sha256] if held else known)
        if row is None or row.sha256 in known:
            return row, None
        if row.image is None:
            return row, held
        content = Content(row.sha256, row.image)
        if content.size <= self._held.maxsize:
            with self._lock:
                self._held[article_id] = content
        return row, content
