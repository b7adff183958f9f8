"""How many bytes a JPEG will have: a model of them against scale and quality."""

from __future__ import annotations

import math
from collections.abc import Hashable

AIM = 0.994  # of the limit
HEADER = 700  # bytes of a progressive JPEG that do not depend on the picture
LEAST_QUALITY = 5


class Model:
    """Log of the bytes of a JPEG, header apart: linear in the logs of scale and coarseness, with a level a recipe.

    Every encode corrects the recipe's level. Two encodes of a recipe in a row that differ in scale or quality alone
    correct that power, which is the picture's own: a smooth one with grain takes more than twice the bytes for twice
    the pixels.
    """

    SCALE, QUALITY = 1.6, 0.75
    SCALES, QUALITIES = (1.2, 3.0), (0.4, 1.5)

    def __init__(self, size_limit: int, pixels: int):
        self.limit = size_limit
        self._level = math.log(0.09 * pixels)  # one bit or so a pixel at quality 50
        self._levels: dict[Hashable, float] = {}
        self.scale_power, self.quality_power = self.SCALE, self.QUALITY
        self._last: dict[Hashable, tuple[float, int, float]] = {}

    @property
    def limit(self) -> float:
        """Bytes of a JPEG that fills the limit."""
        return math.exp(self._target) + HEADER

    @limit.setter
    def limit(self, size: float) -> None:
        self._target = math.log(max(1, AIM * size - HEADER))

    def excess(self, size: float) -> float:
        """Log of (bytes / bytes that fill the limit), header apart."""
        return math.log(max(1, size - HEADER)) - self._target

    def correct(self, recipe: Hashable, scale: float, quality: int, excess: float) -> None:
        if recipe in self._last:
            last_scale, last_quality, last_excess = self._last[recipe]
            by_scale = math.log(scale / last_scale)
            by_coarseness = math.log(coarseness(quality) / coarseness(last_quality))
            if abs(by_scale) > 0.05 and quality == last_quality:
                self.scale_power = clipped((excess - last_excess) / by_scale, self.SCALES)
            if abs(by_coarseness) > 0.05 and scale == last_scale:
                self.quality_power = clipped((last_excess - excess) / by_coarseness, self.QUALITIES)
        self._last[recipe] = scale, quality, excess
        self._level = self._target + excess - self._shape(scale, quality)
        self._levels[recipe] = self._level

    def scale(self, recipe: Hashable, quality: int) -> float:
        """At which that quality fills the limit; may be above 1."""
        return math.exp((self._room(recipe) - self._shape(1, quality)) / self.scale_power)

    def quality(self, recipe: Hashable, scale: float) -> int:
        """That fills the limit at that scale."""
        room = self._room(recipe) - self._shape(scale, 50)
        return max(LEAST_QUALITY, fineness(math.exp(-room / self.quality_power)))

    def quality_near(self, quality: int, by_scale: float) -> int:
        """That gives as many bytes at ``by_scale`` times the scale."""
        change = self.scale_power * math.log(by_scale) / self.quality_power
        return max(LEAST_QUALITY, fineness(coarseness(quality) * math.exp(change)))

    def _room(self, recipe: Hashable) -> float:
        return self._target - self._levels.get(recipe, self._level)

    def _shape(self, scale: float, quality: int) -> float:
        return self.scale_power * math.log(scale) - self.quality_power * math.log(coarseness(quality))


def clipped(value: float, within: tuple[float, float]) -> float:
    return min(max(value, within[0]), within[1])


def coarseness(quality: int) -> float:
    """libjpeg's factor on the quantisation table, 1 at quality 50 and never quite 0."""
    return max(1.0, 5000 / quality if quality < 50 else 200 - 2 * quality) / 100


def fineness(coarseness: float) -> int:
    """Returns the quality of that coarseness, downwards."""
    percent = 100 * coarseness
    return max(1, min(100, math.floor(1e-9 + (5000 / percent if percent > 100 else 100 - percent / 2))))
