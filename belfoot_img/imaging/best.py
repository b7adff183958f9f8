"""The fit policy ``best``: resolution and quality searched together for what looks closest to the original."""

from __future__ import annotations

import io
import math

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.decoding import Original
from belfoot_img.imaging.encoding import HALVED, MozjpegEncoder
from belfoot_img.imaging.fitting import Candidate, Fitted, Record, reduced, reference_of, rungs, size_at
from belfoot_img.imaging.likeness import Likeness
from belfoot_img.settings import ImagingSettings

FILLED = 0.985
TRIES = 8


class Best:
    """At each rung of the ladder the scale that fills the limit; of these, the candidate of the greatest likeness."""

    name = "best"

    def __init__(self, size_limit: int, rungs: list[int], max_side: int):
        self.size_limit, self.rungs, self.max_side = size_limit, rungs, max_side
        self.encoder = MozjpegEncoder(5)

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> Best:
        return cls(settings.size_limit, rungs(settings.quality_range, settings.quality_step), settings.max_side)

    def fit(self, original: Original) -> Fitted:
        """Raises CannotFit."""
        record = Record(original)
        reference = reference_of(original, self.max_side)
        likeness = Likeness(reference)
        chosen: tuple[bytes, Candidate] | None = None
        side = max(reference.size)
        for quality in self.rungs:
            filled = self._fill(record, original, reference, likeness, quality, side)
            if filled is None:
                continue
            if chosen is not None and filled[1].likeness <= chosen[1].likeness:
                break
            chosen = filled
            side = max(filled[1].width, filled[1].height)
            if side == max(reference.size):
                break
        if chosen is None:
            raise CannotFit()
        return record.fitted(*chosen)

    def _fill(
        self,
        record: Record,
        original: Original,
        reference: Image.Image,
        likeness: Likeness,
        quality: int,
        side: int,
    ) -> tuple[bytes, Candidate] | None:
        """The largest side found at which ``quality`` fits, beginning at ``side``; bytes go about as side ** 1.6."""
        largest = max(reference.size)
        below, above, filled = 0, largest + 1, None
        for _ in range(TRIES):
            pixels = reduced(reference, size_at((original.width, original.height), side))
            jpeg, candidate = record.make(
                self.encoder, pixels, quality, HALVED, lambda jpeg: likeness.of(Image.open(io.BytesIO(jpeg)))
            )
            if len(jpeg) <= self.size_limit:
                below, filled = side, (jpeg, candidate)
                if len(jpeg) >= FILLED * self.size_limit:
                    break
            else:
                above = side
            if above - below <= 1:
                break
            guess = math.floor(side * (0.995 * self.size_limit / len(jpeg)) ** (1 / 1.6))
            side = min(max(guess, below + 1), above - 1)
        return filled
