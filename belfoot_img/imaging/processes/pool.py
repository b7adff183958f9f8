"""The processes of conversions, and the queue before them."""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from belfoot_img.errors import Busy
from belfoot_img.imaging.processes.gate import HostGate
from belfoot_img.imaging.processes.slot import Limits, ProcessSlot
from belfoot_img.settings import ConvertingSettings

IDLE = 60.0
"""Seconds after which a process without work is ended; one stays, so that the next conversion need not wait for it."""
LONGEST_RETRY = 300
"""Seconds: the most that a caller is told to wait before the next attempt."""
MEAN_WEIGHT = 0.2
"""Weight of the newest conversion in the mean of durations."""


class ConversionProcesses:
    """Runs functions in processes of their own, ``at_once`` on the whole host; more wait for up to ``queue`` seconds.

    Thread-safe. Processes are spawned, not forked, at the first conversion: a server may fork before, and each of its
    processes then has its own. ``preload``: what a process imports and calls before its first conversion (see
    ``inside.prepare``). ``waiting`` is told +1 as a call begins to wait for its turn, and -1 as it stops.
    ``background``: nobody waits for these conversions, and none that somebody waits for waits for them (see ``gate``).
    """

    def __init__(
        self,
        at_once: int,
        queue: float,
        limits: Limits,
        preload: Sequence[str] = (),
        waiting: Callable[[int], Any] = lambda change: None,
        background: bool = False,
    ):
        self._at_once, self._queue, self._limits, self._background = at_once, queue, limits, background
        self._preload, self._tell_waiting = tuple(preload), waiting
        self._mean_seconds = 1.0  # that a conversion has a slot
        self._forget_processes()
        _instances.add(self)

    @classmethod
    def from_settings(cls, settings: ConvertingSettings, **options: Any) -> ConversionProcesses:
        limits = Limits(settings.deadline, settings.cpu, settings.memory)
        return cls(settings.at_once, settings.queue, limits, **options)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(*arguments)``; it, they and the result can be pickled.

        Raises what the function raises; ImageDamaged where it crashes its process or takes more CPU time than it may;
        ImageTooLarge where it takes more memory; Busy where its turn does not come in time, or the machine has no time
        for it.
        """
        turn = self._wait_for_turn()
        try:
            return turn.slot.run(function, arguments)
        finally:
            self._end_turn(turn)

    def pids(self) -> list[int]:
        """Returns the pids of the processes that there are now."""
        return [slot.pid for slot in self._slots if slot.runs]

    def close(self) -> None:
        """Ends the processes; a conversion that is under way ends in Busy."""
        if self._tidying:
            self._tidying.cancel()
        for slot in self._slots:
            slot.close()
        self._starter.shutdown()
        self._forget_processes()

    def _forget_processes(self) -> None:
        """Resets the pool to its state before the first conversion, also in a child after a fork."""
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starts-conversions")
        self._slots = [ProcessSlot(self._limits, self._preload, self._starter) for _ in range(self._at_once)]
        self._free, self._changed = list(self._slots), threading.Condition()
        self._gate = HostGate(self._at_once, self._background)
        self._waiting = 0
        self._tidying: threading.Timer | None = None

    # --- turns ---

    def _wait_for_turn(self) -> _Turn:
        """Waits for a turn. Raises Busy, which says when there may be one."""
        until = time.monotonic() + self._queue
        self._count_waiting(+1)
        try:
            slot, since = self._take_slot(until), time.monotonic()
            try:
                return _Turn(slot, self._gate.enter(until), since)
            except TimeoutError:
                self._give_back(slot)
                raise
        except TimeoutError:
            raise Busy(retry_after=self.retry_after()) from None
        finally:
            self._count_waiting(-1)

    def _end_turn(self, turn: _Turn) -> None:
        self._gate.leave(turn.place)
        self._mean_seconds += MEAN_WEIGHT * (time.monotonic() - turn.since - self._mean_seconds)
        self._give_back(turn.slot)

    def _count_waiting(self, change: int) -> None:
        with self._changed:
            self._waiting += change
        self._tell_waiting(change)

    def retry_after(self) -> int:
        """Returns the seconds until those who wait now have had their turn. Who gives up later is told less, so that
        callers who are refused in one go do not come back in one go."""
        expected = self._waiting * self._mean_seconds / self._at_once
        return math.ceil(min(max(expected, Busy.retry_after), LONGEST_RETRY))

    # --- slots ---

    def _take_slot(self, until: float) -> ProcessSlot:
        """Returns a free slot, one that has a process where possible, the one used last. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._free, timeout=until - time.monotonic()):
                raise TimeoutError
            slot = next((slot for slot in reversed(self._free) if slot.runs), self._free[-1])
            self._free.remove(slot)
            return slot

    def _give_back(self, *slots: ProcessSlot) -> None:
        with self._changed:
            self._free += slots
            self._changed.notify(len(slots))
            if self._tidying is None and self._spare_slots():
                self._tidying = threading.Timer(IDLE, self._end_idle)
                self._tidying.daemon = True
                self._tidying.start()

    def _spare_slots(self) -> list[ProcessSlot]:
        """Returns the free slots that have a process, without the one used last."""
        return sorted((slot for slot in self._free if slot.runs), key=lambda slot: slot.idle_since)[:-1]

    def _end_idle(self) -> None:
        with self._changed:
            self._tidying = None
            idle = [slot for slot in self._spare_slots() if time.monotonic() - slot.idle_since >= IDLE]
            for slot in idle:
                self._free.remove(slot)
        for slot in idle:
            slot.stop()
        self._give_back(*idle)


@dataclass(frozen=True)
class _Turn:
    """``place``: on the host; ``since``: when the slot was taken, a time of ``time.monotonic``."""

    slot: ProcessSlot
    place: int
    since: float


_instances: weakref.WeakSet[ConversionProcesses] = weakref.WeakSet()


def _after_fork() -> None:
    """Forgets the processes in a forked child, since they are the parent's."""
    for processes in list(_instances):
        processes._forget_processes()


os.register_at_fork(after_in_child=_after_fork)
