"""The fit policy ``ladder``: the brief to the letter, resolution first and then quality in steps."""

from __future__ import annotations

import math

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.encoders import HALVED, PillowEncoder
from belfoot_img.imaging.fitting.policy import Fitted, Record, reduced, reference_of, rungs
from belfoot_img.imaging.proportions import size_at
from belfoot_img.settings import ImagingSettings


class Ladder:
    """Resolution first, by one coefficient for both sides, to ``max_side``; then quality from the first rung down until
    it fits; where even the last rung does not fit, resolution again, at that rung.
    """

    name = "ladder"

    def __init__(self, size_limit: int, rungs: list[int], max_side: int):
        self.size_limit, self.rungs, self.max_side = size_limit, rungs, max_side
        self.encoder = PillowEncoder()

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> Ladder:
        return cls(settings.size_limit, rungs(settings.quality_range, settings.quality_step), settings.max_side)

    def fit(self, original: Original) -> Fitted:
        record = Record(original)
        pixels = reference_of(original, self.max_side)
        for quality in self.rungs:
            jpeg, candidate = record.make(self.encoder, pixels, quality, HALVED)
            if len(jpeg) <= self.size_limit:
                return record.fitted(jpeg, candidate)
        return self._shrink(record, original, pixels, jpeg)

    def _shrink(self, record: Record, original: Original, reference: Image.Image, jpeg: bytes) -> Fitted:
        """At the last rung. Bytes go about as pixels do, so the side goes as the root of what is left of them."""
        side = max(reference.size)
        while side > 1:
            side = max(1, min(side - 1, math.floor(side * math.sqrt(self.size_limit / len(jpeg)))))
            pixels = reduced(reference, size_at((original.width, original.height), side))
            jpeg, candidate = record.make(self.encoder, pixels, self.rungs[-1], HALVED)
            if len(jpeg) <= self.size_limit:
                return record.fitted(jpeg, candidate)
        raise CannotFit()
