"""The whole picture by the recipe that won on the sample, brought to fill the limit."""

from __future__ import annotations

import io
import math

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.fitting.best.bytes_model import AIM, HEADER, LEAST_QUALITY, Model, coarseness, fineness
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.recipes import FINEST, Recipe
from belfoot_img.imaging.fitting.best.search import Trial, gain
from belfoot_img.imaging.fitting.policy import Candidate, Record, reduced
from belfoot_img.imaging.proportions import size_at

SURELY_MORE = 4  # pixels for each byte of the limit; beyond them quality 100 is out of reach
FINAL_ENCODES = 5  # at most; after them only what is sure to fit

Made = tuple[bytes, Candidate]


class Filling:
    """``filled``: part of ``size_limit`` that is full enough."""

    def __init__(self, original: Original, reference: Image.Image, size_limit: int, filled: float, record: Record):
        self._size = (original.width, original.height)
        self._reference, self._limit, self._record = reference, size_limit, record
        self._filled = filled
        self._largest = max(reference.size)
        self._made: dict[tuple[Recipe, int, int], Made] = {}
        self._scaled: tuple[int, Image.Image] = (self._largest, reference)

    def finest(self) -> Made | None:
        """The whole reference at quality 100 with all of its colour, if that fits: there is nothing to search then."""
        if math.prod(self._reference.size) > SURELY_MORE * self._limit:
            return None
        draft, _ = self._record.make(FINEST.encoder.draft, self._reference, 100, FINEST.chroma)
        if len(draft) * FINEST.encoder.draft_share > 1.05 * self._limit:
            return None
        made = self._encode(FINEST, self._largest, 100)
        return made if len(made[0]) <= self._limit else None

    def likest(self, trials: list[Trial]) -> Trial:
        """Which of the finalists is likest to the whole reference."""
        if len(trials) == 1:
            return trials[0]
        likeness = Likeness(self._reference)

        def judged(trial: Trial) -> float:
            jpeg, _ = self._encode(trial.recipe, *self._start(trial))
            points = likeness.of(Image.open(io.BytesIO(jpeg)))
            return points - gain(points) * math.log(len(jpeg) / self._limit)

        return max(trials, key=judged)

    def fill(self, trial: Trial) -> Made:
        """Raises CannotFit."""
        side, quality = self._start(trial)
        if side == self._largest:
            filled = self._by_quality(trial.recipe, quality)
            return filled or self._by_scale(trial.recipe, LEAST_QUALITY, side)
        filled = self._by_scale(trial.recipe, quality, side)
        if max(filled[1].width, filled[1].height) == self._largest:  # there is room left that resolution cannot fill
            return self._by_quality(trial.recipe, quality) or filled
        return filled

    def _start(self, trial: Trial) -> tuple[int, int]:
        """Side and quality that a draft of the whole says are right: the quality at scale 1, the side below it."""
        side = max(1, min(self._largest, round(trial.scale * self._largest)))
        draft, _ = self._record.make(trial.recipe.encoder.draft, self._at(side), trial.quality, trial.recipe.chroma)
        size = (len(draft) - HEADER) * trial.share + HEADER
        excess = math.log(max(1, size) / (AIM * self._limit))
        if side == self._largest:
            quality = fineness(coarseness(trial.quality) * math.exp(excess / Model.QUALITY))
            return side, max(LEAST_QUALITY, quality)
        return max(1, min(self._largest, round(side * math.exp(-excess / Model.SCALE)))), trial.quality

    def _by_quality(self, recipe: Recipe, quality: int) -> Made | None:
        """The highest quality that fits at scale 1, or near enough to it; None where the least does not fit.

        Bytes go as a power of the coarseness; which one, two encodes say.
        """
        fits: tuple[int, float] | None = None  # the highest quality that did, and the log of its bytes / limit
        over: tuple[int, float] | None = None
        power, filled = Model.QUALITY, None
        while True:
            made = self._encode(recipe, self._largest, quality)
            excess = math.log(len(made[0]) / self._limit)
            if excess <= 0:
                fits, filled = (quality, excess), made
            else:
                over = (quality, excess)
            below, above = fits[0] if fits else LEAST_QUALITY - 1, over[0] if over else 101
            if fits and over:
                power = (over[1] - fits[1]) / math.log(coarseness(fits[0]) / coarseness(over[0]))
            if above - below <= 1 or (fits and (fits[1] > math.log(self._filled) or _is_full(*fits, power))):
                return filled
            guess = fineness(coarseness(quality) * math.exp(excess / min(max(power, 0.2), 1.5)))
            quality = min(max(guess, below + 1), above - 1)

    def _by_scale(self, recipe: Recipe, quality: int, side: int) -> Made:
        """The largest side that fits at this quality, or near enough to it.

        Bytes go as a power of the side; which one, the last two encodes say. Raises CannotFit.
        """
        below, above, filled = 0, self._largest + 1, None
        power, last, tries = Model.SCALE, None, 0
        while above - below > 1 and (filled is None or tries < FINAL_ENCODES):
            jpeg, candidate = self._encode(recipe, side, quality)
            tries += 1
            if len(jpeg) <= self._limit:
                below, filled = side, (jpeg, candidate)
                if len(jpeg) >= self._filled * self._limit:
                    break
            else:
                above = side
            if last and last[0] != side:
                power = min(max(math.log(len(jpeg) / last[1]) / math.log(side / last[0]), 1.0), 4.0)
            last = side, len(jpeg)
            aim = AIM if tries < FINAL_ENCODES else AIM**10
            guess = round(side * (aim * self._limit / len(jpeg)) ** (1 / power))
            side = min(max(guess, below + 1), above - 1)
        if filled is None:
            raise CannotFit()
        return filled

    def _encode(self, recipe: Recipe, side: int, quality: int) -> Made:
        if (recipe, side, quality) not in self._made:
            made = self._record.make(recipe.encoder, self._at(side), quality, recipe.chroma)
            self._made[recipe, side, quality] = made
        return self._made[recipe, side, quality]

    def _at(self, side: int) -> Image.Image:
        if self._scaled[0] != side:
            self._scaled = side, reduced(self._reference, size_at(self._size, side))
        return self._scaled[1]


def _is_full(quality: int, excess: float, power: float) -> bool:
    """Whether one step more of quality is foretold to miss the limit."""
    return quality == 100 or excess + power * math.log(coarseness(quality) / coarseness(quality + 1)) > 0
