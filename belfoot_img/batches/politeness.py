"""How bulk work treats the hosts it downloads from: slots, pace, and when a failed download is tried again."""

from __future__ import annotations

import threading
import time

from belfoot_img.errors import OriginFailed, ServiceError
from belfoot_img.settings import BulkSettings, HostLimits

TRANSIENT_STATUSES = frozenset({408, 425, 429})
"""4xx of an origin that do not mean that the link is wrong (RFC 9110, RFC 6585, RFC 8470)."""
UNSAID = 30.0
"""Seconds that a slot pauses after a 429 that names no Retry-After."""
LONGEST_PAUSE = 3600.0


def limits(settings: BulkSettings, host: str) -> HostLimits:
    """Returns the most specific of ``belfoot_img.bulk.hosts`` that covers ``host``, or what holds for every host."""
    covering = [
        limits
        for limits in settings.hosts
        if limits.host == host or (limits.host.startswith("*") and host.endswith(limits.host[1:]))
    ]
    return max(
        covering,
        key=lambda limits: (not limits.host.startswith("*"), len(limits.host)),
        default=HostLimits(host, settings.per_host, settings.per_host_rate),
    )


def lock(settings: BulkSettings, host: str, number: int) -> str:
    """Returns the slot in which the downloads of a host's shard with this number run: ``host#slot``."""
    return f"{host}#{number % limits(settings, host).slots}"


class Pace:
    """Spaces the downloads of one slot, each of which has its share of the host's rate.

    The first waits too: the job before this one in the slot may have downloaded a moment ago. ``waited``: seconds in
    all.
    """

    def __init__(self, limits: HostLimits):
        self._interval = limits.slots / limits.rate
        self._next = time.monotonic() + self._interval
        self.waited = 0.0

    def wait(self, stopping: threading.Event) -> None:
        """Returns when the next download may begin, or at once where the worker is ``stopping``."""
        now = time.monotonic()
        stopping.wait(max(0, self._next - now))
        self.waited += time.monotonic() - now

    def begin(self) -> None:
        """A download begins now."""
        self._next = time.monotonic() + self._interval


def is_transient(error: ServiceError) -> bool:
    """Returns whether the same link may succeed later."""
    if isinstance(error, OriginFailed) and error.origin_status is not None:
        return error.origin_status >= 500 or error.origin_status in TRANSIENT_STATUSES
    return error.status >= 500 or error.status == 429


def pause(error: ServiceError) -> float | None:
    """Returns the seconds that the origin wants to be left alone, None where it does not say so."""
    if not isinstance(error, OriginFailed):
        return None
    if error.retry_after is not None:
        return min(float(error.retry_after), LONGEST_PAUSE)
    return UNSAID if error.origin_status == 429 else None


def delay(settings: BulkSettings, attempts: int) -> float | None:
    """Returns the seconds until the next attempt after ``attempts`` failed ones, None where there is none left."""
    return settings.retries[attempts - 1] if attempts <= len(settings.retries) else None
