"""Trials on a sample of the picture, for the recipe, scale and quality of the greatest likeness.

1. A draft foretells the scale at which ``FIRST_QUALITY`` fills the limit: nearly every picture is best near it.
2. There, and at the scales beside it, the quality that fills the limit is found by drafts, then tried and judged; the
   search follows the scale upwards in likeness until both neighbours are worse. A parabola through the three places
   the scale between them.
3. Other recipes are tried at that scale.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace

from PIL import Image

from belfoot_img.imaging.fitting.best.bytes_model import HEADER, Model
from belfoot_img.imaging.fitting.best.effort import Effort
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.recipes import FIRST, FULL_CHROMA, JPEGLI, MORE_FULL_CHROMA, Recipe, rivals
from belfoot_img.imaging.fitting.best.sampling import sample_of
from belfoot_img.imaging.fitting.policy import Record, reduced

FIRST_QUALITY = 75
STEP = 2**-0.25  # between scales that are tried
UNSCALED = 0.92  # scale above which the picture is not reduced at all: unresampled pixels are crisper
DRAFTS = 3  # of a recipe at a scale, at most
NEAR = 0.06  # log of bytes
FAR = 0.12  # log of bytes
CLOSE = 1.5  # points of likeness between finalists, which the sample cannot tell apart for sure
COLOURFUL = 2.0  # points of likeness behind the best at which 4:4:4 is worth more trials


@dataclass(frozen=True)
class Trial:
    """A recipe tried on the sample: at this scale (new side / reference's side) this quality fills the limit.

    ``likeness`` as if the limit was filled exactly; ``share``: bytes of what is stored / bytes of a draft.
    """

    recipe: Recipe
    scale: float
    quality: int
    likeness: float
    share: float


def by_likeness(trial: Trial) -> float:
    return trial.likeness


def gain(likeness: float) -> float:
    """Points of likeness for e times the bytes, about."""
    return min(30.0, 1.1 * (100 - likeness))


def expected_scale(reference: Image.Image, size_limit: int) -> float:
    """About where pictures end: at one bit for each pixel that is left."""
    return min(1.0, math.sqrt(8 * size_limit / math.prod(reference.size)))


class Search:
    """The trials of one picture."""

    def __init__(self, reference: Image.Image, reference_scale: float, size_limit: int, effort: Effort, record: Record):
        self._effort, self._record = effort, record
        self._reference, self._reference_scale, self._limit = reference, reference_scale, size_limit
        self._expected = expected_scale(reference, size_limit)
        sample = sample_of(reference, self._expected, effort.sample_pixels)
        self._sample = sample.pixels
        self.whole = self._sample is reference
        self._model = Model(size_limit, math.prod(self._sample.size))
        self._likeness = Likeness(sample.pixels, sample.counted)
        self._shares: dict[Recipe, float] = {}
        self._limits: dict[bool, float] = {}
        self._trials: dict[tuple[Recipe, float], Trial] = {}
        self._scaled: dict[float, Image.Image] = {}

    def finalists(self) -> list[Trial]:
        """The best trial; and where the whole picture is to decide, the best of the recipes that come close."""
        best = self._best()
        if self.whole or self._effort.finalists == 1:
            return [self._packed(best)]
        of_recipe: dict[Recipe, Trial] = {}
        for trial in sorted(self._trials.values(), key=by_likeness, reverse=True):
            of_recipe.setdefault(trial.recipe, trial)
        close = [trial for trial in of_recipe.values() if trial.likeness > best.likeness - CLOSE]
        return [self._packed(trial) for trial in close[: self._effort.finalists]]

    def _best(self) -> Trial:
        first = best = self._climb(FIRST, self._first_scale())
        others = [recipe for recipe in rivals(first.scale, first.likeness) if self._suits(recipe)]
        for recipe in others[: self._effort.rivals]:
            best = max(best, self._rival(recipe, first), key=by_likeness)
        if self._tried(FULL_CHROMA) > best.likeness - COLOURFUL:
            for recipe in MORE_FULL_CHROMA[: max(0, self._effort.rivals - 4)]:
                best = max(best, self._rival(recipe, first), key=by_likeness)
        if self._effort.climbs:
            best = self._climb(best.recipe, best.scale)
        return best

    def _packed(self, best: Trial) -> Trial:
        """The trial with what the form that is stored takes of bytes, at the scale between the ones that were tried."""
        encoder = best.recipe.encoder
        jpeg, _ = self._record.make(
            encoder, self._at(best.scale), best.quality, best.recipe.chroma, scale=best.scale * self._reference_scale
        )
        draft = self._draft(best.recipe, best.scale, best.quality)
        return self._between(replace(best, share=max(1, len(jpeg) - HEADER) / max(1, draft - HEADER)))

    def _suits(self, recipe: Recipe) -> bool:
        """A grey picture has no chroma to store in another way, and jpegli would store it in colour."""
        return self._sample.mode != "L" or (recipe.chroma == FIRST.chroma and recipe not in JPEGLI)

    def _rival(self, recipe: Recipe, first: Trial) -> Trial:
        trial = self._trial(recipe, first.scale)
        if 0.65 < first.scale < 1 and trial.likeness > first.likeness - COLOURFUL:
            return max(trial, self._trial(recipe, 1.0), key=by_likeness)
        return trial

    def _tried(self, recipe: Recipe) -> float:
        return max((trial.likeness for trial in self._trials.values() if trial.recipe == recipe), default=-math.inf)

    def _climb(self, recipe: Recipe, scale: float) -> Trial:
        """From scale to scale, to where both neighbours are worse."""
        best = self._trial(recipe, scale)
        while True:
            found = max((self._trial(recipe, near) for near in neighbours(best.scale)), key=by_likeness)
            if found.likeness <= best.likeness:
                return best
            best = found

    def _between(self, best: Trial) -> Trial:
        """The trial moved to the top of the parabola through it and its neighbours, those of ``FIRST`` if need be."""
        for recipe in (best.recipe, FIRST):
            found = (self._trials.get((recipe, scale)) for scale in neighbours(best.scale))
            beside = [trial for trial in found if trial is not None]
            middle = self._trials.get((recipe, best.scale))
            if middle is None or len(beside) < 2 or beside[0].scale == 1:
                continue
            larger, smaller = (trial.likeness - middle.likeness for trial in beside)
            bend = larger + smaller
            shift = 0.5 * (larger - smaller) / -bend if bend < 0 else 0.0
            scale = best.scale * STEP ** -min(max(shift, -0.5), 0.5)
            quality = round(self._model.quality_near(best.quality, scale / best.scale))
            return Trial(best.recipe, scale, quality, best.likeness, best.share)
        return best

    def _first_scale(self) -> float:
        """At which ``FIRST_QUALITY`` fills the limit."""
        scale = snapped(self._expected)
        self._calibrate(scale)
        size = self._draft(FIRST, scale, FIRST_QUALITY)
        self._model.correct(FIRST, scale, FIRST_QUALITY, self._model.excess(size * FIRST.encoder.draft_share))
        return snapped(max(self._model.scale(FIRST, FIRST_QUALITY), 1 / max(self._reference.size)))

    def _calibrate(self, scale: float) -> None:
        """How many bytes of the sample stand for the whole limit: a draft of either says so, once for scale 1, where
        the seams of the sample lie between the blocks of a JPEG and cost nothing, and once for smaller scales."""
        if self.whole:
            return
        unscaled = scale == 1
        if unscaled not in self._limits:
            pixels = reduced(self._reference, scaled(self._reference.size, scale))
            jpeg, _ = self._record.make(
                FIRST.encoder.draft, pixels, FIRST_QUALITY, FIRST.chroma, scale=scale * self._reference_scale
            )
            size = self._draft(FIRST, scale, FIRST_QUALITY)
            share = max(1, size - HEADER) / max(1, len(jpeg) - HEADER)
            self._limits[unscaled] = max(1, self._limit - HEADER) * share + HEADER
        self._model.limit = self._limits[unscaled]

    def _trial(self, recipe: Recipe, scale: float) -> Trial:
        if (recipe, scale) not in self._trials:
            self._trials[recipe, scale] = self._try(recipe, scale)
        return self._trials[recipe, scale]

    def _try(self, recipe: Recipe, scale: float) -> Trial:
        """The quality that fills the limit at this scale, by drafts, and its likeness."""
        encoder = recipe.encoder
        for last in (False, True):
            quality, size = self._drafted(recipe, scale)

            def judged(jpeg: bytes, judged_anyway: bool = last) -> float | None:
                far = abs(self._model.excess(len(jpeg) * encoder.trial_share)) > FAR
                return None if far and not judged_anyway else self._likeness.of(Image.open(io.BytesIO(jpeg)))

            jpeg, candidate = self._record.make(
                encoder.trial,
                self._at(scale),
                quality,
                recipe.chroma,
                scale=scale * self._reference_scale,
                judge=judged,
            )
            share = self._shares[recipe] = len(jpeg) * encoder.trial_share / size
            excess = self._model.excess(len(jpeg) * encoder.trial_share)
            self._model.correct(recipe, scale, quality, excess)
            if candidate.likeness is not None:
                break
        likeness = candidate.likeness
        assert likeness is not None  # the last of them is judged whatever its size
        if quality < 100 or excess > 0:  # nothing can be added to the finest
            likeness -= gain(likeness) * excess
        return Trial(recipe, scale, quality, likeness, share)

    def _drafted(self, recipe: Recipe, scale: float) -> tuple[int, int]:
        """The quality that fills the limit, and the bytes of its draft."""
        self._calibrate(scale)
        quality = self._model.quality(recipe, scale)
        for attempt in range(DRAFTS):
            size = self._draft(recipe, scale, quality)
            share = self._shares.get(recipe, recipe.encoder.draft_share)
            excess = self._model.excess(size * share)
            self._model.correct(recipe, scale, quality, excess)
            better = self._model.quality(recipe, scale)
            if abs(excess) < NEAR or better == quality or attempt == DRAFTS - 1:
                break
            quality = better
        return quality, size

    def _draft(self, recipe: Recipe, scale: float, quality: int) -> int:
        jpeg, _ = self._record.make(
            recipe.encoder.draft, self._at(scale), quality, recipe.chroma, scale=scale * self._reference_scale
        )
        return len(jpeg)

    def _at(self, scale: float) -> Image.Image:
        if scale not in self._scaled:
            self._scaled[scale] = reduced(self._sample, scaled(self._sample.size, scale))
        return self._scaled[scale]


def neighbours(scale: float) -> list[float]:
    """The scales beside this one, the larger first; none is above 1."""
    smaller = scale * STEP
    return [smaller] if scale == 1 else [snapped(scale / STEP), smaller]


def snapped(scale: float) -> float:
    return 1.0 if scale > UNSCALED else scale


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
