"""GIF. A cut-off file is decoded where nearly all of the picture is there, as browsers do."""

from __future__ import annotations

import io
import math

from PIL import GifImagePlugin, Image, ImageFile

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats.picture import MAX_MISSING, Picture

MAX_CODE = 12 / 8
"""Bytes of the longest code of GIF's LZW."""
MAX_BLOCK = 255  # bytes


class GifPicture(Picture):
    plugin = GifImagePlugin.GifImageFile

    def load(self, max_side: int) -> Image.Image:
        opened = self.open()
        tile = opened.tile[0]
        covered = tile.extents or (0, 0, *opened.size)
        try:
            opened.load()
        except OSError:
            opened = self._load_completed(tile.offset, covered)
        if covered == (0, 0, *opened.size) or "transparency" in opened.info:
            return opened
        return _transparent_outside(opened, covered)

    def check(self) -> None:
        self.load(max_side=0)

    def _load_completed(self, start: int, covered: tuple[int, int, int, int]) -> ImageFile.ImageFile:
        """Decodes the first frame with its last pixels in the first colour, where at most about 1 % is missing.

        ``start``: of its data; ``covered``: its box in px. Raises ImageDamaged where more is missing.
        """
        left, upper, right, lower = covered
        pixels = math.ceil(MAX_MISSING * (right - left) * (lower - upper))
        opened = self.plugin(io.BytesIO(_completed(self.source, start, pixels)))
        try:
            opened.load()
        except OSError as error:
            raise ImageDamaged("The GIF is cut off or damaged: more than 1 % of the picture is missing.") from error
        return opened


def _completed(source: bytes, start: int, pixels: int) -> bytes:
    """Appends zeros for at least ``pixels`` to the first frame's data, which begin at ``start``, and ends the file.

    The data stand in blocks, each behind its length; an empty one ends them (GIF89a, 22). Zero is the code of the first
    colour at any length of code, so that zeros never are wrong. A third more pixels fit in, or more where there are few
    colours, since codes may be shorter than ``MAX_CODE``.
    """
    last = end = start
    while end < len(source) and source[end]:
        last, end = end, end + 1 + source[end]
    zeros = bytes(math.ceil(pixels * MAX_CODE))
    pieces = [source[last + 1 : end], *(zeros[at : at + MAX_BLOCK] for at in range(0, len(zeros), MAX_BLOCK))]
    return source[:last] + b"".join(bytes([len(piece)]) + piece for piece in pieces if piece) + b"\0;"


def _transparent_outside(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Makes what lies outside ``box`` transparent, since the first frame need not cover the canvas."""
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, box)
    picture = picture.convert("RGB")
    picture.putalpha(mask)
    return picture
