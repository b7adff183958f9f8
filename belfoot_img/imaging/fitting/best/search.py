"""The search for the recipe, scale and quality of the greatest likeness.

1. At the scale where drafts of the whole picture foretell the best, and at the scales beside it, ``FIRST`` is tried;
   the search follows the scale upwards in likeness until both neighbours are worse.
2. Other recipes are tried at that scale: which ones, the scale, the likeness and the kind of picture say.
3. A parabola through the best scale and its neighbours places the scale between them.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.encoders import FULL, HALVED, Table
from belfoot_img.imaging.fitting.best.effort import Effort
from belfoot_img.imaging.fitting.best.filling import Filling
from belfoot_img.imaging.fitting.best.recipes import FIRST, JPEGLI, Recipe, Rival, mozjpeg, rivals
from belfoot_img.imaging.fitting.best.trials import STEP, Trial, Trials, neighbours
from belfoot_img.imaging.fitting.policy import Foretold

CLOSE = 1.5  # points of likeness between finalists, which the sample cannot tell apart for sure
UNSURE = 2.5  # the same where the sample tells less
FINE = 90  # quality above which chroma's resolution matters most, and few places show it
FINEST = 96  # quality at which a picture that fits unreduced stays so
SIMILAR = mozjpeg(Table.ROBIDOUX, FULL)  # to what wins of those that keep all of the colour at nearly full quality
SIMILAR_BEHIND = 0.3  # points of likeness that it is taken to be behind
SHARP = 14  # quality of a page or a chart above which it is not reduced: text loses more by it than by quality
SMOOTH = 70  # quality of what is drawn above which it is mostly smooth ground, of which a sample misses the lines
UNREDUCED_FROM = 0.7  # scale from which the unreduced picture is tried too


def by_likeness(trial: Trial) -> float:
    return trial.likeness


class Search:
    """The choice among the trials of one picture."""

    def __init__(self, original: Original, reference: Image.Image, size_limit: int, effort: Effort, filling: Filling):
        self._effort, self._filling = effort, filling
        self._source_side = max(original.width, original.height)
        self.foretold: Foretold | None = None
        self._first_quality = 0
        self._trials = Trials(original, reference, size_limit, effort.sample_pixels, filling.whole)

    def finalists(self) -> list[Trial]:
        """Returns the best trial; and where the whole picture is to decide, the best of the recipes that come close."""
        best = self._best()
        quality = max(best.quality, self._first_quality)  # tables differ in what a quality means; FINE is of FIRST's
        unsure = quality > FINE or (self.flat and best.scale < 1 and quality > SMOOTH)
        count = self._effort.unsure_finalists if unsure else self._effort.finalists
        close_by = UNSURE if unsure else CLOSE
        if self._trials.whole or count == 1:
            return [self._between(best)]
        of_recipe = {best.recipe: best}
        tried = sorted(self._trials.known().values(), key=by_likeness, reverse=True)
        for trial in tried:
            of_recipe.setdefault(trial.recipe, trial)
        found = [trial for trial in of_recipe.values() if trial.likeness > best.likeness - close_by]
        found.sort(key=by_likeness, reverse=True)
        if unsure and best.scale < 1:  # a sample of drawn lines on a smooth ground misses most of the lines
            found[1:1] = [trial for trial in tried if trial.scale == 1][:1]
        if quality > FINE and best.scale == 1 and not self.flat:
            return self._fine(found)
        return [self._between(trial) for trial in found[:count]]

    def _fine(self, found: list[Trial]) -> list[Trial]:
        """Returns the finalist of each chroma: few places show what 4:2:0 loses, and a sample may have none of them.

        A step of quality is a tenth of the bytes and more here, so that drafts of the whole say how much of the limit
        each would leave empty. Another table may leave less.
        """
        full = next((trial for trial in found if trial.recipe.chroma == FULL), None)
        if full:
            found = [*found, replace(full, recipe=SIMILAR, likeness=full.likeness - SIMILAR_BEHIND)]
        of_chroma = ([trial for trial in found if trial.recipe.chroma == chroma] for chroma in (HALVED, FULL))
        return [max(trials, key=self._filling.foretold) for trials in of_chroma if trials]

    def clearest(self, trial: Trial, qualities: range) -> int:
        return self._trials.clearest(trial.recipe, trial.scale, qualities)

    @property
    def flat(self) -> bool:
        return self._trials.flat

    def _best(self) -> Trial:
        first = best = self._trials.calibrated(self._climb(self._trials.first_scale))
        self._first_quality = first.quality
        told = rivals(first.scale, first.quality, first.likeness, self.flat)
        count = self._effort.rivals_of(first.quality, unreduced_page=self.flat and first.scale == 1)
        others = [rival for rival in told if self._suits(rival.recipe)][:count]
        self.foretold = self._told(first, others)
        lead = best.likeness
        for rival in others:
            trial = self._trials.of(rival.recipe, first.scale * rival.by_scale)
            if trial.likeness + rival.usual > lead:
                best, lead = trial, trial.likeness + rival.usual
        if UNREDUCED_FROM < best.scale < 1 and best.recipe != FIRST:
            best = max(best, self._trials.of(best.recipe, 1.0), key=by_likeness)
        return best

    def _told(self, first: Trial, others: list[Rival]) -> Foretold:
        by_source = self._filling.whole.largest / self._source_side
        return Foretold(
            drawn=self.flat,
            scale=self._trials.first_scale * by_source,
            quality=self._trials.first_quality,
            found_scale=first.scale * by_source,
            found_quality=first.quality,
            found_likeness=first.likeness,
            rivals=tuple(f"{rival.recipe.encoder.name} {rival.recipe.chroma}" for rival in others),
        )

    def _suits(self, recipe: Recipe) -> bool:
        """Returns whether the recipe suits the picture: a grey one has no chroma to store in another way, and jpegli
        would store it in colour."""
        return self._trials.in_colour or (recipe.chroma == FIRST.chroma and recipe not in JPEGLI)

    def _climb(self, scale: float) -> Trial:
        """Returns the trial of ``FIRST`` at the scale of which both neighbours are worse."""
        best = self._trials.of(FIRST, scale)
        while best.scale < 1 or best.quality <= (SHARP if self.flat else FINEST):
            found = max((self._trials.of(FIRST, near) for near in neighbours(best.scale)), key=by_likeness)
            if found.likeness <= best.likeness:
                break
            best = found
        return best

    def _between(self, best: Trial) -> Trial:
        """Returns the trial moved to the top of the parabola through it and its neighbours, those of ``FIRST`` if need
        be."""
        known = self._trials.known()
        for recipe in (best.recipe, FIRST):
            beside = [known[recipe, near] for near in neighbours(best.scale) if (recipe, near) in known]
            middle = known.get((recipe, best.scale))
            if middle is None or len(beside) < 2 or beside[0].scale == 1:
                continue
            larger, smaller = (trial.likeness - middle.likeness for trial in beside)
            bend = larger + smaller
            shift = 0.5 * (larger - smaller) / -bend if bend < 0 else 0.0
            by_scale = STEP ** -min(max(shift, -0.5), 0.5)
            quality = round(self._trials.quality_near(best.quality, by_scale))
            return replace(best, scale=best.scale * by_scale, quality=quality)
        return best
