"""The best that could be had: eight recipes at six scales, every one tried on the whole picture.

``best`` tries few recipes, at few scales, on a sample. Here nothing is foretold and nothing is a sample, so that the
difference is what that costs. The few trials that come out best are then brought to fill the limit, and judged.
"""

from __future__ import annotations

import math
import sys

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.encoders import FULL, HALVED, Table
from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.imaging.fitting.best.filling import Filling
from belfoot_img.imaging.fitting.best.policy import without_needless_colour
from belfoot_img.imaging.fitting.best.recipes import FIRST, JPEGLI, mozjpeg
from belfoot_img.imaging.fitting.best.search import by_likeness
from belfoot_img.imaging.fitting.best.trials import STEP, Trials
from belfoot_img.imaging.fitting.best.whole import Whole
from benchmarks.quality import methods

RECIPES = (*(mozjpeg(table, chroma) for table in Table for chroma in (HALVED, FULL)), *JPEGLI)
SEARCHED = (
    *(mozjpeg(table) for table in Table if table != Table.ANNEX_K),  # Annex K's is the best of no picture
    *(mozjpeg(table, FULL) for table in (Table.MS_SSIM, Table.AHUMADA)),
    *JPEGLI,
)
SCALES = [STEP**step for step in range(12)]
AROUND = 6  # scales at which every recipe is tried: those around the one at which ``FIRST`` is best
FILLED = 5  # trials that are brought to fill the limit


def search(source: bytes, limit: int) -> list[bytes]:
    """The few JPEGs that are most like the whole reference; one of them is the best."""
    original = methods.original(source, methods.SETTINGS.max_side)
    pixels = without_needless_colour(fitting.reference_of(original, methods.SETTINGS.max_side))
    whole = Whole(original, pixels, fitting.Record(original))
    trials = Trials(original, pixels, limit, sys.maxsize, whole)
    first = max((trials.of(FIRST, scale) for scale in SCALES), key=by_likeness)
    trials.calibrated(first)
    start = min(max(0, round(math.log(first.scale, STEP)) - AROUND // 2), len(SCALES) - AROUND)
    recipes = SEARCHED if trials.in_colour else [recipe for recipe in SEARCHED if recipe.chroma == HALVED]
    tried = [trials.of(recipe, scale) for recipe in recipes for scale in SCALES[start : start + AROUND]]
    filling = Filling(pixels, limit, 0.986, whole)
    found = []
    for trial in sorted(tried, key=by_likeness, reverse=True)[:FILLED]:
        try:
            found.append(filling.fill(trial)[0])
        except CannotFit:
            continue
    return found
