"""The best that could be had: every encoder, chroma and rung, each with the scale that fills the limit."""

from __future__ import annotations

import io

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.encoders import FULL, HALVED
from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.imaging.fitting.best import search as best
from belfoot_img.imaging.fitting.best.likeness import Likeness
from benchmarks.quality import methods

TABLES = (0, 2, 3, 5, 7, 8)
RECIPES = (*(best.mozjpeg(table, chroma) for table in TABLES for chroma in (HALVED, FULL)), *best.JPEGLI)
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
        for quality in range(95, 25, -5):
            filling = best.Filling(original, pixels, [quality], limit, fitting.Record(original))
            try:
                jpeg, candidate = filling.fill(best.Trial(recipe, quality, scale, 0.0))
            except CannotFit:
                continue
            scale = max(candidate.width, candidate.height) / max(pixels.size)
            found[jpeg] = likeness.of(Image.open(io.BytesIO(jpeg)))
    return sorted(found, key=found.get, reverse=True)[:FIRST]
