"""Passwords: hashing, its cost, and the memory of pairs that were right.

argon2id with OWASP's minimum of 19 MiB, t=2, p=1: 26 ms of CPU where passlib's default takes 164 ms. Every request
carries its password, so three things keep the cost in bounds: at most ``AT_ONCE`` hashings run beside each other in a
process, a password of more than ``LONGEST`` bytes is never hashed, and a pair that was right is remembered for a while.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cachetools import TTLCache
from passlib.context import CryptContext

from belfoot_img import metrics
from belfoot_img.errors import Busy

LONGEST = 128
"""Bytes of a password in UTF-8."""
SHORTEST = 8
"""Characters of a new password (NIST SP 800-63B)."""
AT_ONCE = 2
WAIT = 2.0
"""Seconds that a login waits for its turn before it is told ``busy``."""
REMEMBERED_FOR = 600.0
"""Seconds since its last use that a right pair stays remembered; the stored hash is asked for at every request."""
REMEMBERED = 1024

CONTEXT = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=19456,  # KiB; OWASP Password Storage Cheat Sheet
    argon2__time_cost=2,
    argon2__parallelism=1,
)


def hash_password(password: str, context: CryptContext = CONTEXT) -> str:
    """Hashes a new password. Raises ValueError, with a sentence for its owner, where it is too short or too long."""
    if len(password) < SHORTEST or not _hashable(password):
        raise ValueError(f"a password has at least {SHORTEST} characters and at most {LONGEST} bytes of UTF-8, no NUL")
    return context.hash(password)


class Passwords:
    """Checks passwords and remembers those that were right. One a process, thread-safe."""

    def __init__(self, context: CryptContext = CONTEXT, remembered: int = REMEMBERED, seconds: float = REMEMBERED_FOR):
        self._context = context
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = context.hash(secrets.token_hex(16))
        self._key = secrets.token_bytes(32)
        self._right: TTLCache[bytes, bool] = TTLCache(remembered, seconds)
        self._lock = threading.Lock()

    def remembered(self, name: str, password: str, stored: str) -> bool:
        """Returns whether this very pair was right under this very hash a while ago. Microseconds, no hashing."""
        mark = self._mark(name, password, stored)
        with self._lock:
            found = mark in self._right
            if found:
                self._right[mark] = True  # its time begins anew
            return found

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Holds one of the ``AT_ONCE`` slots for hashing. Raises Busy where none comes free within ``WAIT``."""
        if not self._slots.acquire(timeout=WAIT):
            raise Busy
        try:
            yield
        finally:
            self._slots.release()

    def verify(self, name: str, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Returns (right, a stronger hash to store or None), to be called in a slot. An unknown name (``stored`` None)
        costs as much as a known one."""
        if not _hashable(password):
            return False, None
        metrics.password_hashings.inc()
        right, stronger = self._context.verify_and_update(password, stored or self._nobody)
        if stored is None or not right:
            return False, None
        with self._lock:
            self._right[self._mark(name, password, stronger or stored)] = True
        return True, stronger

    def _mark(self, name: str, password: str, stored: str) -> bytes:
        # Each part with its length before it, or ("ab", "c") and ("a", "bc") would share a mark.
        parts = b"".join(len(part).to_bytes(4) + part for part in map(_utf8, (name, password, stored)))
        return hmac.digest(self._key, parts, hashlib.sha256)


def _hashable(password: str) -> bool:
    """Returns whether it could be anybody's. What is refused here is refused for every name alike."""
    try:
        return len(password.encode()) <= LONGEST and "\0" not in password
    except UnicodeEncodeError:  # JSON can hold lone surrogates, UTF-8 cannot
        return False


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
