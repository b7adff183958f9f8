"""Encodes of the whole picture, each made once."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.encoders import HALVED, MozjpegEncoder
from belfoot_img.imaging.fitting.best import sharp_yuv
from belfoot_img.imaging.fitting.best.recipes import Recipe
from belfoot_img.imaging.fitting.best.refining import RefinedEncoder, Refining
from belfoot_img.imaging.fitting.policy import Candidate, Record, reduced
from belfoot_img.imaging.proportions import size_at

Made = tuple[bytes, Candidate]


class Whole:
    """``largest``: the longest side of the reference, px."""

    def __init__(self, original: Original, reference: Image.Image, record: Record):
        self._size = (original.width, original.height)
        self._reference, self.record = reference, record
        self.largest = max(reference.size)
        self._made: dict[tuple[Recipe, int, int], Made] = {}
        self._drafts: dict[tuple[Recipe, int, int], int] = {}
        self._scaled: tuple[int, Image.Image] = (self.largest, reference)
        self._corrected: tuple[int, Image.Image] | None = None

    def size(self, side: int) -> tuple[int, int]:
        """Returns width and height at the longest side."""
        return size_at(self._size, side)

    def draft(self, recipe: Recipe, side: int, quality: int) -> int:
        """Returns the bytes of a draft; ``side``: the longest, px."""
        key = recipe, side, quality
        if key not in self._drafts:
            jpeg, _ = self.record.make(recipe.encoder.draft, self._at(side), quality, recipe.chroma)
            self._drafts[key] = len(jpeg)
        return self._drafts[key]

    def final(self, recipe: Recipe, side: int, quality: int) -> Made:
        """As it is stored."""
        key = recipe, side, quality
        if key not in self._made:
            pixels = self._corrected_at(side) if recipe.chroma == HALVED else self._at(side)
            self._made[key] = self.record.make(recipe.encoder, pixels, quality, recipe.chroma)
        return self._made[key]

    def refining(
        self, encoder: MozjpegEncoder, chroma: str, side: int, quality: int
    ) -> tuple[Refining, Callable[[], Made]]:
        """Returns the luma of mozjpeg's encode, and what packs the picture with the luma as it is then."""
        pixels = self._corrected_at(side) if chroma == HALVED else self._at(side)
        refined = RefinedEncoder(encoder, pixels, quality, chroma)
        return refined.luma, lambda: self.record.make(refined, pixels, quality, chroma)

    def _corrected_at(self, side: int) -> Image.Image:
        if self._corrected is None or self._corrected[0] != side:
            self._corrected = side, sharp_yuv.corrected(self._at(side))
        return self._corrected[1]

    def _at(self, side: int) -> Image.Image:
        if side == self.largest:
            return self._reference
        if self._scaled[0] != side:
            self._scaled = side, reduced(self._reference, self.size(side))
        return self._scaled[1]
