"""Pixels and a quality in, the bytes of a JPEG out: the encoders, behind one small interface.

Every encoder writes 8-bit baseline or progressive JPEG, grey or YCbCr, with no metadata but JFIF's, and the same bytes
for the same pixels and settings.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Protocol

import pyvips
from PIL import Image

# Conversions already share the cores between them, and no operation comes twice.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)

Chroma = str
HALVED, FULL = "4:2:0", "4:4:4"


class Encoder(Protocol):
    """``quality``: libjpeg's scale, 1 to 100. ``dear``: uses trellis quantisation, about six times the time."""

    name: str
    dear: bool

    def encode(self, pixels: Image.Image, quality: int, chroma: Chroma) -> bytes:
        """``pixels``: RGB or L."""
        ...


@dataclass(frozen=True)
class PillowEncoder:
    """libjpeg-turbo: Annex K's quantisation tables, optimised Huffman codes, baseline."""

    name: str = "pillow"
    dear: bool = False

    def encode(self, pixels: Image.Image, quality: int, chroma: Chroma) -> bytes:
        jpeg = io.BytesIO()
        pixels.save(jpeg, "JPEG", quality=quality, subsampling=chroma, optimize=True)
        return jpeg.getvalue()


@dataclass(frozen=True)
class MozjpegEncoder:
    """libvips' mozjpeg, progressive.

    ``table``: mozjpeg's number of a quantisation table (0 Annex K, 2 tuned for MS-SSIM, 3 by Nicolas Robidoux, 5 by
    Watson, Taylor and Borthwick …). ``dear``: trellis quantisation, overshoot deringing and a search of scan splits.
    """

    table: int
    dear: bool = True

    @property
    def name(self) -> str:
        return f"mozjpeg-{self.table}"

    def encode(self, pixels: Image.Image, quality: int, chroma: Chroma) -> bytes:
        picture = pyvips.Image.new_from_memory(
            pixels.tobytes(), pixels.width, pixels.height, len(pixels.getbands()), "uchar"
        )
        return picture.jpegsave_buffer(
            Q=quality,
            quant_table=self.table,
            subsample_mode="on" if chroma == HALVED else "off",
            optimize_coding=True,
            interlace=True,
            trellis_quant=self.dear,
            overshoot_deringing=self.dear,
            optimize_scans=self.dear,
            keep="none",
        )
