"""How many bytes a JPEG will have: a model of them against scale and quality."""

from __future__ import annotations

import math
from collections.abc import Hashable

AIM = 0.994  # of the limit
HEADER = 700  # bytes of a progressive JPEG that do not depend on the picture


class Model:
    """Bytes of a JPEG, header apart, as powers of scale and of coarseness, by a level for each recipe.

    Every encode corrects the recipe's level; two in a row that differ in one of them correct that power, which is the
    picture's own: a smooth one with grain takes more than twice the bytes for twice the pixels.
    """

    SCALE, QUALITY = 1.6, 0.65
    SCALES, QUALITIES = (1.2, 3.0), (0.4, 1.3)

    def __init__(self, size_limit: int, pixels: int):
        self._target = math.log(max(1, AIM * size_limit - HEADER))
        self._levels: dict[Hashable, float] = {}
        self._level = math.log(0.09 * pixels)
        self._scale_power, self._quality_power = self.SCALE, self.QUALITY
        self._last: dict[Hashable, tuple[float, float, float]] = {}

    def excess(self, size: int) -> float:
        """Log of (bytes / bytes that fill the limit), header apart."""
        return math.log(max(1, size - HEADER)) - self._target

    def correct(self, recipe: Hashable, scale: float, quality: int, excess: float) -> None:
        at = math.log(scale), math.log(coarseness(quality)), excess
        if recipe in self._last:
            by_scale, by_coarseness, by_bytes = (now - then for now, then in zip(at, self._last[recipe], strict=True))
            if abs(by_scale) > 0.05 and by_coarseness == 0:
                self._scale_power = clipped(by_bytes / by_scale, self.SCALES)
            if abs(by_coarseness) > 0.05 and by_scale == 0:
                self._quality_power = clipped(-by_bytes / by_coarseness, self.QUALITIES)
        self._last[recipe] = at
        self._level = self._target + excess - self._scale_power * at[0] + self._quality_power * at[1]
        self._levels[recipe] = self._level

    def knows(self, recipe: Hashable) -> bool:
        return recipe in self._levels

    def scale(self, recipe: Hashable, quality: int) -> float:
        """At which that quality fills the limit; may be above 1."""
        room = self._target - self._levels.get(recipe, self._level)
        return math.exp((room + self._quality_power * math.log(coarseness(quality))) / self._scale_power)

    def guess(self, recipe: Hashable, quality: int) -> tuple[float, int]:
        """Scale and quality that fill the limit: this quality, or a higher one where even scale 1 does not."""
        scale = self.scale(recipe, quality)
        if scale < 1:
            return scale, quality
        room = self._target - self._levels.get(recipe, self._level)
        return 1.0, max(quality, fineness(math.exp(-room / self._quality_power)))


def clipped(value: float, within: tuple[float, float]) -> float:
    return min(max(value, within[0]), within[1])


def coarseness(quality: int) -> float:
    """libjpeg's factor on the quantisation table, 1 at quality 50 and never quite 0."""
    return max(1.0, 5000 / quality if quality < 50 else 200 - 2 * quality) / 100


def fineness(coarseness: float) -> int:
    """The quality of that coarseness, downwards."""
    percent = 100 * coarseness
    return max(1, min(100, math.floor(5000 / percent if percent > 100 else 100 - percent / 2)))
