"""Encodes of a sample of the picture: which quality fills the limit by a recipe at a scale, and how that looks."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace

from PIL import Image

from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.encoders import HALVED, Encoder
from belfoot_img.imaging.fitting.best import sharp_yuv
from belfoot_img.imaging.fitting.best.bytes_model import HEADER, Model, coarseness
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.recipes import FIRST, Recipe
from belfoot_img.imaging.fitting.best.sampling import is_flat, sample_of
from belfoot_img.imaging.fitting.best.whole import Whole
from belfoot_img.imaging.fitting.policy import reduced

STEP = 2**-0.25  # between scales that are tried
UNSCALED = 0.92  # scale above which the picture is not reduced at all: unresampled pixels are crisper
DRAFTS = 3  # of a recipe at a scale, at most
NEAR = 0.06  # log of bytes
FAR = 0.12  # log of bytes
FLAT_UNREDUCED = 0.6  # scale from which a page or a chart is first tried unreduced, where nearly all are best
FLAT_PIXELS = 2  # times the pixels of a photograph's sample: text and empty places are spread unevenly
COARSE_STEPS = 96  # quality above which a step is a fifth of the bytes and more: the rest may stay empty
ALIKE = 0.1  # log of coarseness, within which a calibration holds


@dataclass(frozen=True)
class Prior:
    """What is usual for a kind of picture: the quality of the best; bytes of what is stored / bytes of a draft; and
    bytes of what is stored / bytes of a trial."""

    quality: int
    share: float
    packing: float


PHOTOGRAPH = Prior(quality=75, share=0.862, packing=0.98)
FLAT = Prior(quality=25, share=0.74, packing=0.9)


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


def gain(likeness: float) -> float:
    """Points of likeness for e times the bytes, about."""
    return min(30.0, 1.1 * (100 - likeness))


def as_if_full(likeness: float, quality: int, excess: float) -> float:
    """Likeness of what fills the limit; ``excess``: log of (bytes / those of the limit)."""
    if quality > COARSE_STEPS and excess <= 0:
        return likeness
    return likeness - gain(likeness) * excess


class Trials:
    """``whole``: the sample is the picture; ``flat``: it is a page, a chart or the like; ``first_scale``: where drafts
    of the whole picture foretell the best."""

    def __init__(self, original: Original, reference: Image.Image, limit: int, pixels: int, whole: Whole):
        """``limit`` in bytes; ``pixels`` of the sample at the scale of the trials."""
        self._record, self._reference, self._whole, self._limit = whole.record, reference, whole, limit
        self._reference_scale = max(reference.size) / max(original.width, original.height)
        self.flat = is_flat(reference)
        self._prior = FLAT if self.flat else PHOTOGRAPH
        self._model = Model(limit, math.prod(reference.size))
        self.first_scale, drafted = self._foretold()
        self.first_quality = self._model.quality(FIRST, self.first_scale)
        sample = sample_of(reference, self.first_scale, pixels * FLAT_PIXELS if self.flat else pixels)
        self._sample, self.whole = sample.pixels, sample.pixels is reference
        self._likeness = Likeness(sample.pixels, sample.counted, self.flat)
        self._known: dict[tuple[Recipe, float], Trial] = {}
        self._raw: dict[tuple[Recipe, float], float] = {}
        self._sizes: dict[tuple[Encoder, str, float, int], int] = {}
        self._scaled: dict[float, Image.Image] = {}
        self._corrected: dict[float, Image.Image] = {}
        self._limits: dict[bool, float] = {}
        self._calibrated: dict[bool, tuple[float, int]] = {}
        self._packing = {family(FIRST): self._prior.packing}
        self._shares: dict[Recipe, float] = {FIRST: self._prior.share}
        self._calibrate(*drafted)

    @property
    def in_colour(self) -> bool:
        return self._sample.mode != "L"

    def known(self) -> dict[tuple[Recipe, float], Trial]:
        """Returns what has been tried, by recipe and scale."""
        return self._known

    def of(self, recipe: Recipe, scale: float) -> Trial:
        if (recipe, scale) not in self._known:
            self._known[recipe, scale] = self._try(recipe, scale)
        return self._known[recipe, scale]

    def calibrated(self, trial: Trial) -> Trial:
        """Returns the trial of ``FIRST``, with its bytes measured against the whole picture at its own scale and
        quality, and with what packing saves there."""
        scale, quality = self._calibrated[trial.scale == 1]
        apart = abs(math.log(scale / trial.scale)), abs(math.log(coarseness(quality) / coarseness(trial.quality)))
        if apart[0] > -0.3 * math.log(STEP) or apart[1] > ALIKE:
            self._calibrate(trial.scale, trial.quality)
        packed, packed_less = (
            self._size(FIRST, encoder, trial.scale, trial.quality) for encoder in (FIRST.encoder, FIRST.encoder.trial)
        )
        self._packing = {family(FIRST): packed / packed_less}
        self._shares[FIRST] = packed / self._size(FIRST, FIRST.encoder.draft, trial.scale, trial.quality)
        self._model.limit = self._limits[trial.scale == 1]
        excess = self._model.excess(packed)
        self._model.correct(FIRST, trial.scale, trial.quality, excess)
        if abs(excess) > FAR:
            return self._try(FIRST, trial.scale)
        likeness = as_if_full(self._raw[FIRST, trial.scale], trial.quality, excess)
        return replace(trial, likeness=likeness, share=self._shares[FIRST])

    def _calibrate(self, scale: float, quality: int) -> None:
        """How many bytes of the sample stand for the limit near this scale and quality.

        Where a page has text and empty places, or a photograph sharp and blurred ones, their shares of the bytes change
        with either. The seams of the sample cost bytes below scale 1, where they do not lie between the blocks of a
        JPEG, so that limits of the sample are kept apart for scale 1 and for smaller ones.
        """
        draft = self._size(FIRST, FIRST.encoder.draft, scale, quality)
        share = 1.0
        if not self.whole:
            share = max(1, draft - HEADER) / max(1, self._size_of_whole(scale, quality) - HEADER)
        self._limits[scale == 1] = self._model.limit = max(1, self._limit - HEADER) * share + HEADER
        self._calibrated[scale == 1] = scale, quality
        self._model.correct(FIRST, scale, quality, self._model.excess(draft * self._shares[FIRST]))

    def quality_near(self, quality: int, by_scale: float) -> int:
        """That gives as many bytes at ``by_scale`` times the scale."""
        return self._model.quality_near(quality, by_scale)

    def _foretold(self) -> tuple[float, tuple[float, int]]:
        """Returns the scale at which the usual quality fills the limit; scale and quality of the draft that said so
        last."""
        quality = self._prior.quality
        scale = snapped(expected_scale(self._reference, self._limit))
        for _ in range(2):
            at = scale, quality
            excess = self._model.excess(self._size_of_whole(*at) * self._prior.share)
            self._model.correct(FIRST, *at, excess)
            better = snapped(max(self._model.scale(FIRST, self._prior.quality), 1 / max(self._reference.size)))
            if better == 1:
                quality = max(quality, self._model.quality(FIRST, 1))
            if abs(math.log(better / scale)) < -2 * math.log(STEP):
                break
            scale = better
        return (1.0 if self.flat and better > FLAT_UNREDUCED else better), at

    def clearest(self, recipe: Recipe, scale: float, qualities: range) -> int:
        """Returns the quality of which a draft is most like the sample, for its bytes.

        On a page, qualities side by side differ by up to three points: one table meets the tones of paper, ink and
        fields that the next one misses.
        """
        pixels = self._pixels(recipe, recipe.encoder.trial, scale)
        drafts = {}
        for quality in qualities:
            jpeg, _ = self._record.make(
                recipe.encoder.draft, pixels, quality, recipe.chroma, scale=scale * self._reference_scale
            )
            drafts[quality] = jpeg
        usual = len(drafts[qualities[len(qualities) // 2]])

        def for_its_bytes(quality: int) -> float:
            jpeg = drafts[quality]
            likeness = self._likeness.of(Image.open(io.BytesIO(jpeg)))
            return as_if_full(likeness, quality, math.log(len(jpeg) / usual))

        return max(qualities, key=for_its_bytes)

    def _try(self, recipe: Recipe, scale: float) -> Trial:
        """Returns the quality that fills the limit at this scale, by drafts, and its likeness."""
        if (scale == 1) not in self._limits:
            self._calibrate(scale, self._model.quality(FIRST, scale))
        self._model.limit = self._limits[scale == 1]
        encoder = recipe.encoder
        for last in (False, True):
            quality, draft = self._drafted(recipe, scale)
            packing = self._packing_of(recipe, scale, quality)

            def judged(jpeg: bytes, packing: float = packing, judged_anyway: bool = last) -> float | None:
                far = abs(self._model.excess(len(jpeg) * packing)) > FAR
                return None if far and not judged_anyway else self._likeness.of(Image.open(io.BytesIO(jpeg)))

            jpeg, candidate = self._record.make(
                encoder.trial,
                self._pixels(recipe, encoder.trial, scale),
                quality,
                recipe.chroma,
                scale=scale * self._reference_scale,
                judge=judged,
            )
            share = self._shares[recipe] = len(jpeg) * packing / draft
            excess = self._model.excess(len(jpeg) * packing)
            self._model.correct(recipe, scale, quality, excess)
            if candidate.likeness is not None:
                break
        likeness = candidate.likeness
        assert likeness is not None  # the last of them is judged whatever its size
        self._raw[recipe, scale] = likeness
        return Trial(recipe, scale, quality, as_if_full(likeness, quality, excess), share)

    def _drafted(self, recipe: Recipe, scale: float) -> tuple[int, int]:
        """Returns the quality that fills the limit, and the bytes of its draft."""
        quality = self._model.quality(recipe, scale)
        usual = self._shares[FIRST] * recipe.encoder.draft_share / FIRST.encoder.draft_share
        for attempt in range(DRAFTS):
            size = self._size(recipe, recipe.encoder.draft, scale, quality)
            excess = self._model.excess(size * self._shares.get(recipe, usual))
            self._model.correct(recipe, scale, quality, excess)
            better = self._model.quality(recipe, scale)
            if abs(excess) < NEAR or better == quality or attempt == DRAFTS - 1:
                break
            quality = better
        return quality, size

    def _packing_of(self, recipe: Recipe, scale: float, quality: int) -> float:
        """Returns the bytes of what is stored / bytes of a trial: one encode says so for each chroma of a family of
        encoders, whose tables differ little in it, but it is 0.98 for photographs and 0.78 for some pages."""
        if recipe.encoder.trial_share == 1:
            return 1.0
        if family(recipe) not in self._packing:
            packed, trial = (
                self._size(recipe, encoder, scale, quality) for encoder in (recipe.encoder, recipe.encoder.trial)
            )
            self._packing[family(recipe)] = packed / trial
        return self._packing[family(recipe)]

    def _size_of_whole(self, scale: float, quality: int) -> int:
        """Returns the bytes of a draft of the whole picture."""
        return self._whole.draft(FIRST, max(1, round(scale * max(self._reference.size))), quality)

    def _size(self, recipe: Recipe, encoder: Encoder, scale: float, quality: int) -> int:
        """Returns the bytes of the sample by this form of the recipe's encoder; each encode is made once."""
        key = encoder, recipe.chroma, scale, quality
        if key not in self._sizes:
            pixels = self._pixels(recipe, encoder, scale)
            jpeg, _ = self._record.make(encoder, pixels, quality, recipe.chroma, scale=scale * self._reference_scale)
            self._sizes[key] = len(jpeg)
        return self._sizes[key]

    def _pixels(self, recipe: Recipe, encoder: Encoder, scale: float) -> Image.Image:
        """Returns what this form of the recipe's encoder is given; drafts do without the correction, as those of the
        whole do."""
        if recipe.chroma != HALVED or encoder == recipe.encoder.draft:
            return self._at(scale)
        if scale not in self._corrected:
            self._corrected[scale] = sharp_yuv.corrected(self._at(scale))
        return self._corrected[scale]

    def _at(self, scale: float) -> Image.Image:
        if scale not in self._scaled:
            self._scaled[scale] = reduced(self._sample, scaled(self._sample.size, scale))
        return self._scaled[scale]


def family(recipe: Recipe) -> tuple[type, str]:
    return type(recipe.encoder), recipe.chroma


def expected_scale(reference: Image.Image, size_limit: int) -> float:
    """About where pictures end: at one bit for each pixel that is left."""
    return min(1.0, math.sqrt(8 * size_limit / math.prod(reference.size)))


def neighbours(scale: float) -> list[float]:
    """Returns the scales beside this one, the larger first; none is above 1."""
    smaller = scale * STEP
    return [smaller] if scale == 1 else [snapped(scale / STEP), smaller]


def snapped(scale: float) -> float:
    return 1.0 if scale > UNSCALED else scale


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
