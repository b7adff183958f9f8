"""The whole picture with refined luma, brought to fill the limit: at which qualities, and by which price of a bit."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from belfoot_img.imaging.encoders import MozjpegEncoder
from belfoot_img.imaging.fitting.best.bytes_model import LEAST_QUALITY, Model, coarseness, fineness
from belfoot_img.imaging.fitting.best.effort import Effort
from belfoot_img.imaging.fitting.best.filling import Filling
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.pricing import Pricing
from belfoot_img.imaging.fitting.best.recipes import FIRST
from belfoot_img.imaging.fitting.best.trials import Trial
from belfoot_img.imaging.fitting.best.whole import Made

FINER = (0.915, 0.86)  # steps of a page that is refined / of what fills the limit as it is, the better first
NEARLY_FULL = 0.96  # of the limit, below which another quality is tried
LARGE = 4_000_000  # pixels, above which a photograph takes more time and memory than it gains: 40 bytes a pixel
AROUND = range(-1, 3)  # steps of quality, among which the clearest is chosen


class RefinedFilling:
    """``clearest``: chooses among qualities side by side; None of a photograph, where they hardly differ."""

    def __init__(self, filling: Filling, effort: Effort, clearest: Callable[[Trial, range], int] | None):
        self._filling, self._effort, self._clearest = filling, effort, clearest
        self._flat = clearest is not None

    def fill(self, trial: Trial) -> Made | None:
        """Returns the refined encode that fills the limit; None where refining does not pay or nothing fits.

        With an effort of more than one try, the encodes are compared on the whole picture; of a photograph, with the
        one that is not refined too.
        """
        encoder = trial.recipe.encoder
        if not isinstance(encoder, MozjpegEncoder) or not self._effort.refines(trial.quality, self._flat):
            return None
        whole = self._filling.whole
        if not self._flat and math.prod(whole.size(round(trial.scale * whole.largest))) > LARGE:
            return None
        tries = dict.fromkeys(self._started(*each) for each in _worth_trying(trial)[: self._effort.refined])
        found = [made for each in tries if (made := self._filled(*each))]
        if self._effort.refined > 1 and not self._flat:
            found.append(self._filling.fill(trial))
        if len(found) < 2:
            return found[0] if found else None
        likeness = Likeness(self._filling.reference, flat=self._flat)
        return max(found, key=lambda made: likeness.of(Image.open(io.BytesIO(made[0]))))

    def _started(self, trial: Trial, finer: float) -> tuple[Trial, int, int]:
        """Returns the trial, with the side and quality to refine at. A reduced picture keeps the quality at which it
        fills the limit as it is: at a higher one it lost 2 to 7 points, since its side was chosen for this one."""
        side, quality = self._filling.start(trial)
        if self._clearest and side == self._filling.whole.largest:
            quality = max(quality, fineness(finer * coarseness(quality)))
            quality = self._clearest(trial, range(quality + AROUND.start, min(quality + AROUND.stop, 101)))
        return trial, side, quality

    def _filled(self, trial: Trial, side: int, quality: int) -> Made | None:
        encoder, limit = trial.recipe.encoder, self._filling.size_limit
        assert isinstance(encoder, MozjpegEncoder)
        for last in (False, False, True):
            luma, packed = self._filling.whole.refining(encoder, trial.recipe.chroma, side, quality)
            pricing = Pricing(luma, limit, self._filling.filled)
            made = pricing.fill(packed, anyway=last)
            full = len(made[0]) / limit if made and pricing.is_usual else pricing.usual
            fitting = max(LEAST_QUALITY, fineness(coarseness(quality) * full ** (1 / Model.QUALITY)))
            if last or NEARLY_FULL <= full <= 1 or fitting == quality:
                break
            quality = fitting
        return made


def _worth_trying(trial: Trial) -> list[tuple[Trial, float]]:
    """Returns what to refine and by how much finer its steps are, the best on average first."""
    first = [(replace(trial, recipe=FIRST), FINER[0])] if trial.recipe != FIRST else []
    return [(trial, FINER[0]), *first, (trial, FINER[1]), (trial, 1.0)]
