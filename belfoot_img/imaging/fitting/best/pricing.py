"""The price of a bit at which a refined picture fills the limit.

Bytes follow the price with friction: a coefficient that one price has moved comes back at a much lower one only. So a
picture is not brought to the limit by ever smaller changes of the price, but by two states, one of too few and one of
too many bytes, of which each block takes either. How many bytes a state has is foretold by its bits; what packing makes
of them corrects that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from belfoot_img.imaging.fitting.best.bytes_model import clipped
from belfoot_img.imaging.fitting.best.refining import Refining
from belfoot_img.imaging.fitting.best.whole import Made

USUAL_PRICE = 0.78  # of a bit where it fills the limit / step of quantisation
POWER = 0.12  # of the price in bytes
LEAST_CHANGE, LARGEST_CHANGE = 2.0, 4.0  # of the price from one pass to the next: below, hardly a coefficient moves
BEYOND = 0.01  # log of bytes beyond the aim that a pass is meant to reach, so that two states lie around it
AIM = 0.996  # of the limit
LEAST_SHARE = 0.85  # of the bytes that an ideal code saves: so much packing saves at least
PASSES, PACKS = 2, 4  # at most; passes between packs
USUAL = (0.93, 1.05)  # of the limit: what the usual price may fill; beyond, another quality is better than a price
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class State:
    """``size``: bytes, by an ideal code of the luma's coefficients alone."""

    values: np.ndarray
    price: float
    size: float


class Pricing:
    """``luma``: as mozjpeg made it; ``limit``: bytes to fill, of which the part ``filled`` is full enough. ``usual``:
    the part that the usual price fills, 0 before that is known."""

    def __init__(self, luma: Refining, limit: int, filled: float):
        self._luma, self._limit, self._filled = luma, limit, filled
        self._beginning = luma.values
        self._states: list[State] = []
        self.usual = 0.0

    @property
    def is_usual(self) -> bool:
        """Returns whether the usual price is near the one that fills the limit."""
        return USUAL[0] <= self.usual <= USUAL[1]

    def fill(self, packed: Callable[[], Made], anyway: bool = True) -> Made | None:
        """Returns what fills the limit or comes nearest to it; None where nothing fits. ``packed`` makes the picture of
        what the passes have left. Not ``anyway``: gives up where the usual price fills too little or too much."""
        found: Made | None = None
        size = self._pass(self._beginning, USUAL_PRICE * self._luma.step).size
        for _ in range(PACKS):
            made = packed()
            full = len(made[0]) / self._limit
            self.usual = self.usual or full
            if full <= 1 and (found is None or len(made[0]) > len(found[0])):
                found = made
            if self._filled <= full <= 1 or not (anyway or self.is_usual):
                break
            change = (AIM - full) * self._limit
            size += change if change > 0 else change / LEAST_SHARE
            around = self._around(size)
            if around is None:
                break
            self._luma.values = mixed(*around, size)
        return found

    def _around(self, size: float) -> tuple[State, State] | None:
        """Returns the nearest states of fewer and of more bytes than ``size``, after as many passes as it takes; None
        where they do not lead there."""
        for left in reversed(range(PASSES + 1)):
            few = max((state for state in self._states if state.size <= size), key=by_size, default=None)
            many = min((state for state in self._states if state.size > size), key=by_size, default=None)
            self._states = [state for state in (few, many) if state]  # the others only take memory
            if few and many:
                return few, many
            if few and left:
                self._cheaper(few, math.log((self._limit + size - few.size) / self._limit))
            elif many and left:
                self._dearer(many, math.log((self._limit + many.size - size) / self._limit))
        return None

    def _dearer(self, state: State, excess: float) -> None:
        change = clipped(math.exp((excess + BEYOND) / POWER), (LEAST_CHANGE, LARGEST_CHANGE))
        self._pass(state.values, state.price * change)

    def _cheaper(self, state: State, lack: float) -> None:
        change = clipped(math.exp((lack + BEYOND) / POWER), (LEAST_CHANGE, LARGEST_CHANGE))
        self._pass(state.values, state.price / change)

    def _pass(self, values: np.ndarray, price: float) -> State:
        self._luma.values = values
        self._luma.refine(price)
        state = State(self._luma.values, price, self._luma.bits() / 8)
        self._states.append(state)
        return state


def by_size(state: State) -> float:
    return state.size


def mixed(few: State, many: State, size: float) -> np.ndarray:
    """Takes each block from either state, so that there are ``size`` bytes; blocks of both are spread evenly, since
    steps of the golden ratio fill an interval evenly."""
    share = (size - few.size) / (many.size - few.size)
    return np.where((np.arange(len(few.values)) * GOLDEN % 1 < share)[:, np.newaxis], many.values, few.values)
