"""The best that could be had: every encoder, chroma and rung, each with the scale that fills the limit."""

from __future__ import annotations

import io

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.encoders import FULL, HALVED, Table
from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.imaging.fitting.best.filling import Filling
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.recipes import JPEGLI, mozjpeg
from belfoot_img.imaging.fitting.best.trials import Trial
from belfoot_img.imaging.fitting.best.whole import Whole
from benchmarks.quality import methods

RECIPES = (*(mozjpeg(table, chroma) for table in Table for chroma in (HALVED, FULL)), *JPEGLI)
FIRST = 5


def search(source: bytes, limit: int) -> list[bytes]:
    """The few JPEGs, of all that fill the limit, that are likest to the whole reference; one of them is the best."""
    settings = methods.SETTINGS
    original = methods.original(source, settings.max_side)
    pixels = fitting.reference_of(original, settings.max_side)
    likeness = Likeness(pixels)
    found: dict[bytes, float] = {}
    for recipe in RECIPES:
        scale = 0.5
        for quality in range(95, 5, -5):
            filling = Filling(pixels, limit, 0.986, Whole(original, pixels, fitting.Record(original)))
            try:
                jpeg, candidate = filling.fill(Trial(recipe, scale, quality, 0.0, recipe.encoder.draft_share))
            except CannotFit:
                continue
            scale = max(candidate.width, candidate.height) / max(pixels.size)
            found[jpeg] = likeness.of(Image.open(io.BytesIO(jpeg)))
    return sorted(found, key=found.get, reverse=True)[:FIRST]
