"""The whole picture by the recipe that won on the sample, brought to fill the limit."""

from __future__ import annotations

import io
import math

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.fitting.best.bytes_model import AIM, LEAST_QUALITY, Model, clipped, coarseness, fineness
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.recipes import FINEST, Recipe
from belfoot_img.imaging.fitting.best.trials import Trial, gain
from belfoot_img.imaging.fitting.best.whole import Made, Whole

SURELY_MORE = 4  # pixels for each byte of the limit; beyond them quality 100 is out of reach
FINAL_ENCODES = 5  # at most; after them only what is sure to fit
DRAFTS = 2  # of the whole picture before the first final encode, at most
NEAR = 0.02  # log of bytes
HARDLY_EMPTY = 0.06  # log of bytes that a finalist may lack and still be filled: a step of quality may be more
UNSURE = 0.04  # log of bytes, within which drafts say whether a step of quality fits
NEARLY_FULL = 0.9  # of the limit, below which a higher quality is always tried
SCALES, QUALITIES = (1.0, 4.0), (0.2, 1.5)  # powers of side and coarseness


class Filling:
    """``size_limit`` in bytes; ``filled``: part of it that is full enough."""

    def __init__(self, reference: Image.Image, size_limit: int, filled: float, whole: Whole):
        self.reference, self.size_limit, self.filled, self.whole = reference, size_limit, filled, whole
        self._largest = whole.largest
        self._scale_power, self._quality_power = Model.SCALE, Model.QUALITY

    def finest(self) -> Made | None:
        """Returns the whole reference at quality 100 with all of its colour, if that fits: there is nothing to search
        then."""
        if math.prod(self.reference.size) > SURELY_MORE * self.size_limit:
            return None
        if self.whole.draft(FINEST, self._largest, 100) * FINEST.encoder.draft_share > 1.05 * self.size_limit:
            return None
        made = self.whole.final(FINEST, self._largest, 100)
        return made if len(made[0]) <= self.size_limit else None

    def foretold(self, trial: Trial) -> float:
        """Returns the trial's likeness with what drafts of the whole say that it leaves empty at scale 1."""
        side, quality = self.start(trial)
        size = self._drafted(trial, side, quality)
        if size > self.size_limit and quality > LEAST_QUALITY:
            size = self._drafted(trial, side, quality - 1)
        return trial.likeness + gain(trial.likeness) * math.log(size / self.size_limit)

    def most_alike(self, trials: list[Trial], flat: bool) -> Trial:
        """Returns which of the finalists is most like the whole reference."""
        if len(trials) == 1:
            return trials[0]
        likeness = Likeness(self.reference, flat=flat)

        def judged(trial: Trial) -> float:
            jpeg, _ = self.whole.final(trial.recipe, *self.start(trial))
            points = likeness.of(Image.open(io.BytesIO(jpeg)))
            return points - gain(points) * max(math.log(len(jpeg) / self.size_limit), -HARDLY_EMPTY)

        return max(trials, key=judged)

    def fill(self, trial: Trial) -> Made:
        """Raises CannotFit."""
        side, quality = self.start(trial)
        if side == self._largest:
            filled = self._by_quality(trial.recipe, quality)
            return filled or self._by_scale(trial.recipe, LEAST_QUALITY, side)
        filled = self._by_scale(trial.recipe, quality, side)
        if max(filled[1].width, filled[1].height) == self._largest:  # there is room left that resolution cannot fill
            return self._by_quality(trial.recipe, quality) or filled
        return filled

    def start(self, trial: Trial) -> tuple[int, int]:
        """Side and quality that drafts of the whole say are right: the quality at scale 1, the side below it.

        The second draft also says how bytes go with them here; the powers are the picture's own.
        """
        side, quality = max(1, min(self._largest, round(trial.scale * self._largest))), trial.quality
        size = self._drafted(trial, side, quality)
        for _ in range(DRAFTS - 1):
            excess = math.log(size / (AIM * self.size_limit))
            better = self._better(side, quality, excess)
            if better == (side, quality) or abs(excess) < NEAR:
                return better
            better_size = self._drafted(trial, *better)
            self._learn(better_size / size, (side, quality), better)
            (side, quality), size = better, better_size
        return self._better(side, quality, math.log(size / (AIM * self.size_limit)))

    def _drafted(self, trial: Trial, side: int, quality: int) -> float:
        """Returns the bytes that a draft foretells."""
        return max(1.0, self.whole.draft(trial.recipe, side, quality) * trial.share)

    def _better(self, side: int, quality: int, excess: float) -> tuple[int, int]:
        """``excess``: log of (bytes / those that are aimed at)."""
        if side == self._largest:
            finer = fineness(coarseness(quality) * math.exp(excess / self._quality_power))
            return side, max(LEAST_QUALITY, finer)
        return max(1, min(self._largest, round(side * math.exp(-excess / self._scale_power)))), quality

    def _learn(self, growth: float, at: tuple[int, int], other: tuple[int, int]) -> None:
        """The powers of side and coarseness in bytes, from two encodes, (side, quality), that differ in one of them."""
        by_side = math.log(other[0] / at[0])
        by_coarseness = math.log(coarseness(other[1]) / coarseness(at[1]))
        if abs(by_side) > 0.01 and not by_coarseness:
            self._scale_power = clipped(math.log(growth) / by_side, SCALES)
        elif abs(by_coarseness) > 0.01 and not by_side:
            self._quality_power = clipped(-math.log(growth) / by_coarseness, QUALITIES)

    def _by_quality(self, recipe: Recipe, quality: int) -> Made | None:
        """Returns the highest quality that fits at scale 1, or near enough to it; None where the least does not fit."""
        fits: tuple[int, float] | None = None  # the highest quality that did, and the log of its bytes / limit
        over: tuple[int, float] | None = None
        filled = None
        while True:
            made = self.whole.final(recipe, self._largest, quality)
            excess = math.log(len(made[0]) / self.size_limit)
            if excess <= 0:
                fits, filled = (quality, excess), made
            else:
                over = (quality, excess)
            below, above = fits[0] if fits else LEAST_QUALITY - 1, over[0] if over else 101
            if fits and over:
                self._learn(math.exp(over[1] - fits[1]), (self._largest, fits[0]), (self._largest, over[0]))
            if above - below <= 1 or (fits and (fits[1] > math.log(self.filled) or self._is_full(recipe, *fits))):
                return filled
            guess = fineness(coarseness(quality) * math.exp(excess / self._quality_power))
            quality = min(max(guess, below + 1), above - 1)

    def _is_full(self, recipe: Recipe, quality: int, excess: float) -> bool:
        """Returns whether one step more of quality is foretold to miss the limit; near quality 100 a step may be half
        the bytes, and on a page at quality 15 it is three points."""
        if quality == 100:
            return True
        growth = self._quality_power * math.log(coarseness(quality) / coarseness(quality + 1))
        if abs(excess + growth) < UNSURE:
            drafts = [self.whole.draft(recipe, self._largest, each) for each in (quality, quality + 1)]
            growth = math.log(drafts[1] / drafts[0])
        return excess > math.log(NEARLY_FULL) and excess + growth > 0

    def _by_scale(self, recipe: Recipe, quality: int, side: int) -> Made:
        """Returns the largest side that fits at this quality, or near enough to it. Raises CannotFit."""
        below, above, filled = 0, self._largest + 1, None
        last, tries = None, 0
        while above - below > 1 and (filled is None or tries < FINAL_ENCODES):
            jpeg, candidate = self.whole.final(recipe, side, quality)
            tries += 1
            if len(jpeg) <= self.size_limit:
                below, filled = side, (jpeg, candidate)
                if len(jpeg) >= self.filled * self.size_limit:
                    break
            else:
                above = side
            if last:
                self._learn(len(jpeg) / last[1], (last[0], quality), (side, quality))
            last = side, len(jpeg)
            aim = AIM if tries < FINAL_ENCODES else AIM**10
            guess = round(side * (aim * self.size_limit / len(jpeg)) ** (1 / self._scale_power))
            side = min(max(guess, below + 1), above - 1)
        if filled is None:
            raise CannotFit()
        return filled
