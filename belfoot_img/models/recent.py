"""Images that were read lately, so that the next GET need not have the base64 sent from the database again.

Nothing is ever served on memory's word alone: each GET asks the database which image is the article's now, and says
which one it has, as a browser does with its ETag (``image.find(known=…)``). One query as before, 240 kB less in its
answer.
"""

from __future__ import annotations

import binascii
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import Connection, Row

from belfoot_img.models import image

MOST = 64_000_000
"""Bytes that one process holds: some 150 images of the usual size."""


class Content:
    """One image: ``base64`` as it stands in the table, ``jpeg`` decoded once, when first asked for."""

    def __init__(self, sha256: str, text: str):
        self.sha256 = sha256
        self.base64 = text.encode("ascii")

    @cached_property
    def jpeg(self) -> bytes:
        return binascii.a2b_base64(self.base64)

    @property
    def size(self) -> int:
        """Bytes with both forms."""
        return len(self.base64) * 7 // 4


class Recent:
    """One a process. Thread-safe."""

    def __init__(self, most: int = MOST):
        self._most = most
        self._size = 0
        self._held: OrderedDict[str, Content] = OrderedDict()
        self._lock = threading.Lock()

    def find(
        self, connection: Connection, article_id: str, known: Sequence[str] = ()
    ) -> tuple[Row | None, Content | None]:
        """(the article's row or None where there is none, its content or None where its sha256 is ``known``)"""
        held = self._held.get(article_id)
        row = image.find(connection, article_id, known=[*known, held.sha256] if held else known)
        if row is None or row.sha256 in known:
            return row, None
        content = held if row.image is None else Content(row.sha256, row.image)
        self._keep(article_id, content)
        return row, content

    def _keep(self, article_id: str, content: Content) -> None:
        with self._lock:
            before = self._held.pop(article_id, None)
            self._held[article_id] = content
            self._size += content.size - (before.size if before else 0)
            while self._size > self._most:
                self._size -= self._held.popitem(last=False)[1].size
