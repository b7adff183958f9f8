"""The fit policy ``best``: resolution and quality searched together for what looks closest to the original.

1. A *sample* of the reference is encoded with cheap drafts. For one recipe (an encoder with a way of storing chroma)
   the rungs of the ladder are climbed: at each rung the scale fills the limit, and the likeness says which rung is
   best. A model of bytes against scale and quality, corrected by every encode, finds the scale.
2. Recipes that win at such a scale or quality elsewhere are climbed from there.
3. The winner is encoded in earnest, the whole picture, until it fills the limit: by its scale, or at scale 1 by its
   quality.

Every choice is by bytes and likeness, none by time, and every loop is bounded: the same pixels and settings give the
same bytes.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.encoders import (
    FULL,
    HALVED,
    JPEGLI_INSTALLED,
    Drafting,
    Encoder,
    JpegliEncoder,
    MozjpegEncoder,
)
from belfoot_img.imaging.fitting.best.bytes_model import AIM, HEADER, Model, coarseness, fineness
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.sampling import sample_of
from belfoot_img.imaging.fitting.policy import Candidate, Fitted, Record, reduced, reference_of, rungs
from belfoot_img.imaging.proportions import size_at
from belfoot_img.settings import ImagingSettings

FILLED = 0.986
SURELY_MORE = 4  # pixels for each byte of the limit; beyond them quality 100 is out of reach
DEAR_ENCODES = 5  # at most, in earnest; after them only what is sure to fit
TRUSTED = 0.1  # log of bytes by which a trial may be thought larger than it was
NEAR = 0.05  # log of bytes
CRISP = 0.6  # scale
FINE = 60.0  # likeness below which jpegli never won
CLOSE = 2.5  # points of likeness between finalists, which the sample cannot tell apart for sure
HOPELESS = 1.0  # points of likeness behind the best at about its scale


@dataclass(frozen=True)
class Recipe:
    encoder: Drafting
    chroma: str


@dataclass(frozen=True)
class Trial:
    """A recipe tried on the sample, at the scale (new side / reference's side) that fills the limit."""

    recipe: Recipe
    quality: int
    scale: float
    likeness: float


def by_likeness(trial: Trial) -> float:
    return trial.likeness


def gain(likeness: float) -> float:
    """Points of likeness for e times the bytes, about."""
    return min(30.0, 1.1 * (100 - likeness))


def mozjpeg(table: int, chroma: str = HALVED) -> Recipe:
    return Recipe(MozjpegEncoder(table), chroma)


JPEGLI = (Recipe(JpegliEncoder(), HALVED),) if JPEGLI_INSTALLED else ()
FIRST = mozjpeg(8)


def rivals(trial: Trial) -> tuple[Recipe, ...]:
    """The recipes that were the best of some picture whose best trial with ``FIRST`` was like this one."""
    jpegli = JPEGLI if trial.likeness > FINE else ()
    if trial.scale < 0.4:
        return mozjpeg(7), mozjpeg(3)
    if trial.scale < 0.85:
        return mozjpeg(3), mozjpeg(5), mozjpeg(2), mozjpeg(7), *jpegli, mozjpeg(7, FULL)
    if trial.quality < 80:
        return mozjpeg(5), mozjpeg(2), mozjpeg(3), *jpegli, mozjpeg(7, FULL)
    return *jpegli, mozjpeg(7), mozjpeg(2), mozjpeg(7, FULL)


def expected_scale(reference: Image.Image, size_limit: int) -> float:
    """About where pictures end: at one bit for each pixel that is left."""
    return min(1.0, math.sqrt(8 * size_limit / math.prod(reference.size)))


class Best:
    """Of the pairs of scale and quality that fill the limit, the one of the greatest likeness."""

    name = "best"

    def __init__(self, size_limit: int, rungs: list[int], max_side: int):
        self.size_limit, self.rungs, self.max_side = size_limit, rungs, max_side

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> Best:
        return cls(settings.size_limit, rungs(settings.quality_range, settings.quality_step), settings.max_side)

    def fit(self, original: Original) -> Fitted:
        """Raises CannotFit.

        A source that is a JPEG gets hardly more bytes than it came with: more would go into its artefacts.
        """
        limit = self.size_limit
        if original.source_quality is not None:
            limit = min(limit, original.source_bytes * 6 // 5 + 2 * HEADER)
        record = Record(original)
        reference = reference_of(original, self.max_side)
        filling = Filling(original, reference, self.rungs, limit, record)
        if finest := filling.finest():
            return record.fitted(*finest)
        reference_scale = max(reference.size) / max(original.width, original.height)
        search = Search(reference, reference_scale, self.rungs, limit, record)
        return record.fitted(*filling.fill(filling.likest(search.finalists())))


class Search:
    """Trials on the sample, for the recipe, rung and scale of the greatest likeness."""

    def __init__(
        self, reference: Image.Image, reference_scale: float, rungs: list[int], size_limit: int, record: Record
    ):
        self._sample = sample_of(reference, expected_scale(reference, size_limit))
        self._whole = self._sample is reference
        self._rungs, self._record = rungs, record
        self._reference_scale = reference_scale
        share = math.prod(self._sample.size) / math.prod(reference.size)
        self._model = Model(round((size_limit - HEADER) * share) + HEADER, math.prod(self._sample.size))
        self._likeness = Likeness(self._sample)
        self._trials: dict[tuple[Recipe, int], Trial] = {}
        self._scaled: tuple[float, Image.Image] = (1.0, self._sample)
        self._step = rungs[0] - rungs[1] if len(rungs) > 1 else 1

    def finalists(self) -> list[Trial]:
        """The best trial; where only a sample was seen, also the best of another recipe if that comes close."""
        best = self._best()
        others = [trial for trial in self._trials.values() if trial.recipe != best.recipe]
        second = max(others, key=by_likeness, default=best)
        if self._whole or second.likeness < best.likeness - CLOSE or second == best:
            return [best]
        return [best, second]

    def _best(self) -> Trial:
        wide, narrow = max(1, 10 // self._step), max(1, 5 // self._step)
        best = max((self._trial(FIRST, rung) for rung in self._spread()), key=by_likeness)
        best = self._climb(best, wide)
        for recipe in rivals(best):
            trial = self._begin(recipe, best)
            if trial.likeness > best.likeness - HOPELESS:
                best = max(best, self._climb(trial, wide), key=by_likeness)
        return self._climb(best, narrow)

    def _begin(self, recipe: Recipe, like: Trial) -> Trial:
        """At about the same scale, or unscaled if that is near and better: what is not resampled at all is crisper."""
        self._introduce(recipe, like.scale, like.quality)
        scales = [self._model.scale(recipe, quality) for quality in self._rungs]
        near = min(range(len(scales)), key=lambda rung: abs(math.log(scales[rung] / like.scale)))
        trial = self._trial(recipe, near)
        unscaled = next((rung for rung, scale in enumerate(scales) if scale >= 1), None)
        if unscaled is None or not CRISP <= trial.scale < 1:
            return trial
        return max(trial, self._trial(recipe, unscaled), key=by_likeness)

    def _spread(self) -> list[int]:
        """Rungs wide apart, from fine to coarse."""
        wide = max(1, 15 // self._step)
        first = min(range(len(self._rungs)), key=lambda rung: abs(self._rungs[rung] - 85))
        return list(range(first, len(self._rungs), wide))[:4]

    def _climb(self, best: Trial, stride: int) -> Trial:
        """From rung to rung, to where both neighbours are worse."""
        while True:
            rung = self._rung(best.quality)
            near = [rung + way for way in (stride, -stride) if 0 <= rung + way < len(self._rungs)]
            found = max((self._trial(best.recipe, rung) for rung in near), key=by_likeness, default=best)
            if found.likeness <= best.likeness:
                return best
            best = found

    def _rung(self, quality: int) -> int:
        return next((rung for rung, of_rung in enumerate(self._rungs) if of_rung <= quality), len(self._rungs) - 1)

    def _trial(self, recipe: Recipe, rung: int) -> Trial:
        if (recipe, rung) not in self._trials:
            self._trials[recipe, rung] = self._fill(recipe, self._rungs[rung])
        return self._trials[recipe, rung]

    def _fill(self, recipe: Recipe, quality: int) -> Trial:
        """At the scale that fills the limit, or at scale 1 with the quality, not below this one, that does."""
        for trial in self._trials.values():
            if trial.recipe == recipe and trial.scale == 1 and quality <= trial.quality:
                return trial
        if not self._model.knows(recipe):
            self._introduce(recipe, *self._model.guess(recipe, quality))
        for _ in range(3):
            scale, filling = self._model.guess(recipe, quality)
            jpeg, excess = self._encode(recipe, recipe.encoder.trial, recipe.encoder.trial_share, scale, filling)
            if abs(excess) < NEAR or (excess < 0 and filling == 100):
                break
        likeness = self._judge(jpeg)
        if scale < 1 or excess > 0:  # as if it filled the limit; at scale 1 nothing can be added to what fits
            likeness -= gain(likeness) * max(excess, -TRUSTED)
        return Trial(recipe, filling, scale, likeness)

    def _introduce(self, recipe: Recipe, scale: float, quality: int) -> None:
        """A draft, so that the model knows how many bytes this recipe takes."""
        self._encode(recipe, recipe.encoder.draft, recipe.encoder.draft_share, scale, quality)

    def _encode(
        self, recipe: Recipe, encoder: Encoder, share: float, scale: float, quality: int
    ) -> tuple[bytes, float]:
        """The sample at this scale → the JPEG, and the log of what it would be in earnest / what fills the limit."""
        if self._scaled[0] != scale:
            size = tuple(max(1, round(side * scale)) for side in self._sample.size)
            self._scaled = scale, reduced(self._sample, size)
        jpeg, _ = self._record.make(encoder, self._scaled[1], quality, recipe.chroma, scale * self._reference_scale)
        excess = self._model.excess(round(len(jpeg) * share))
        self._model.correct(recipe, scale, quality, excess)
        return jpeg, excess

    def _judge(self, jpeg: bytes) -> float:
        return self._record.judged(self._likeness.of(Image.open(io.BytesIO(jpeg))))


class Filling:
    """The whole picture by the winning trial's recipe, brought to fill the limit."""

    def __init__(self, original: Original, reference: Image.Image, rungs: list[int], size_limit: int, record: Record):
        self._size = (original.width, original.height)
        self._reference, self._rungs, self._limit, self._record = reference, rungs, size_limit, record
        self._largest = max(reference.size)
        self._made: dict[tuple[Recipe, int, int], tuple[bytes, Candidate]] = {}

    def finest(self) -> tuple[bytes, Candidate] | None:
        """The whole reference at quality 100 with all of its colour, if that fits: there is nothing to search then."""
        recipe = mozjpeg(FIRST.encoder.table, FULL)
        if math.prod(self._reference.size) > SURELY_MORE * self._limit:
            return None
        draft, _ = self._record.make(recipe.encoder.draft, self._reference, 100, recipe.chroma)
        if len(draft) * recipe.encoder.draft_share > 1.05 * self._limit:
            return None
        jpeg, candidate = self._encode(recipe, self._largest, 100)
        return (jpeg, candidate) if len(jpeg) <= self._limit else None

    def likest(self, trials: list[Trial]) -> Trial:
        """Which of the finalists is likest to the whole reference."""
        if len(trials) == 1:
            return trials[0]
        likeness = Likeness(self._reference)

        def judged(trial: Trial) -> float:
            side, quality = self._start(trial)
            jpeg, _ = self._encode(trial.recipe, side, quality)
            points = self._record.judged(likeness.of(Image.open(io.BytesIO(jpeg))))
            return points - gain(points) * max(math.log(len(jpeg) / self._limit), -TRUSTED)

        return max(trials, key=judged)

    def fill(self, trial: Trial) -> tuple[bytes, Candidate]:
        """Raises CannotFit."""
        side, quality = self._start(trial)
        if side == self._largest:
            filled = self._by_quality(trial.recipe, trial.quality)
            if filled is not None:
                return filled
            quality = self._rungs[-1]
        filled = self._by_scale(trial.recipe, quality, side)
        if max(filled[1].width, filled[1].height) == self._largest:  # there is room left that resolution cannot fill
            return self._by_quality(trial.recipe, quality) or filled
        return filled

    def _start(self, trial: Trial) -> tuple[int, int]:
        """Side and quality to begin at: below scale 1 the quality is a rung."""
        side = round(trial.scale * self._largest)
        if side == self._largest:
            return side, trial.quality
        return side, max((rung for rung in self._rungs if rung <= trial.quality), default=self._rungs[-1])

    def _by_quality(self, recipe: Recipe, quality: int) -> tuple[bytes, Candidate] | None:
        """The highest quality that fits at scale 1, if it is not below the last rung."""
        below, above, filled = self._rungs[-1] - 1, 101, None
        for _ in range(DEAR_ENCODES):
            jpeg, candidate = self._encode(recipe, self._largest, quality)
            excess = math.log(len(jpeg) / self._limit)
            if excess <= 0:
                below, filled = quality, (jpeg, candidate)
            else:
                above = quality
            if above - below <= 1 or (filled and math.log(FILLED) <= excess <= 0):
                break
            guess = fineness(coarseness(quality) * math.exp(excess / Model.QUALITY))
            quality = min(max(guess, below + 1), above - 1)
        return filled

    def _by_scale(self, recipe: Recipe, quality: int, side: int) -> tuple[bytes, Candidate]:
        """The largest side that fits at this rung, or near enough to it.

        Bytes go as a power of the side; which one, the last two encodes say.
        """
        below, above, filled = 0, self._largest + 1, None
        power, last, tries = Model.SCALE, None, 0
        while above - below > 1 and (filled is None or tries < DEAR_ENCODES):
            jpeg, candidate = self._encode(recipe, side, quality)
            tries += 1
            if len(jpeg) <= self._limit:
                below, filled = side, (jpeg, candidate)
                if len(jpeg) >= FILLED * self._limit:
                    break
            else:
                above = side
            if last and last[0] != side:
                power = min(max(math.log(len(jpeg) / last[1]) / math.log(side / last[0]), 1.0), 4.0)
            last = side, len(jpeg)
            aim = AIM if tries < DEAR_ENCODES else AIM**10
            guess = round(side * (aim * self._limit / len(jpeg)) ** (1 / power))
            side = min(max(guess, below + 1), above - 1)
        if filled is None:
            raise CannotFit()
        return filled

    def _encode(self, recipe: Recipe, side: int, quality: int) -> tuple[bytes, Candidate]:
        if (recipe, side, quality) not in self._made:
            pixels = reduced(self._reference, size_at(self._size, side))
            self._made[recipe, side, quality] = self._record.make(recipe.encoder, pixels, quality, recipe.chroma)
        return self._made[recipe, side, quality]
