"""The fit policy ``best``: resolution and quality searched together for what looks closest to the original.

``search`` tries recipes, scales and qualities on a sample; ``filling`` encodes the whole picture by what won. Every
choice is by bytes and likeness, none by time, and every loop is bounded: the same pixels and settings give the same
bytes.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.fitting.best.bytes_model import HEADER
from belfoot_img.imaging.fitting.best.effort import EFFORTS, Effort
from belfoot_img.imaging.fitting.best.filling import Filling
from belfoot_img.imaging.fitting.best.refined_filling import RefinedFilling
from belfoot_img.imaging.fitting.best.search import Search
from belfoot_img.imaging.fitting.best.whole import Whole
from belfoot_img.imaging.fitting.policy import Fitted, Record, reference_of
from belfoot_img.settings import ImagingSettings


class Best:
    """Of the pairs of scale and quality that fill the limit, the one of the greatest likeness."""

    name = "best"

    def __init__(self, size_limit: int, max_side: int, effort: Effort):
        self.size_limit, self.max_side, self.effort = size_limit, max_side, effort

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> Best:
        return cls(settings.size_limit, settings.max_side, EFFORTS[settings.effort])

    def fit(self, original: Original) -> Fitted:
        """Raises CannotFit.

        A source that is a JPEG gets hardly more bytes than it came with: more would go into its artefacts.
        """
        limit = self.size_limit
        if original.source_quality is not None:
            limit = min(limit, original.source_bytes * 6 // 5 + 2 * HEADER)
        record = Record(original)
        reference = without_needless_colour(reference_of(original, self.max_side))
        whole = Whole(original, reference, record)
        filling = Filling(reference, limit, self.effort.filled, whole)
        if finest := filling.finest():
            return record.fitted(*finest)
        search = Search(original, reference, limit, self.effort, filling)
        trial = filling.most_alike(search.finalists(), search.flat)
        refined = RefinedFilling(filling, self.effort, search.clearest if search.flat else None).fill(trial)
        return record.fitted(*(refined or filling.fill(trial)), search.foretold)


def without_needless_colour(pixels: Image.Image) -> Image.Image:
    """RGB of which every pixel is grey, as L."""
    if pixels.mode == "L":
        return pixels
    for step in (97, 1):  # most pictures with colour show it on a few of their rows
        rows = np.asarray(pixels)[::step]
        if (rows[..., 0] != rows[..., 1]).any() or (rows[..., 1] != rows[..., 2]).any():
            return pixels
    return pixels.getchannel("G")
