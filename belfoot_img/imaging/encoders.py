"""Pixels and a quality in, the bytes of a JPEG out: the encoders, behind one small interface.

Every encoder writes 8-bit baseline or progressive JPEG, grey or YCbCr, with no metadata but JFIF's, and the same bytes
for the same pixels and settings.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import IntEnum
from importlib.util import find_spec
from typing import Protocol

import mozjpeg_lossless_optimization
import pyvips
from PIL import Image

from belfoot_img.imaging.jpeg.coefficients import Coefficients, read

# Conversions already share the cores between them, and no operation comes twice.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)

HALVED, FULL = "4:2:0", "4:4:4"
JPEGLI_INSTALLED = find_spec("pyjpegli") is not None


def in_vips(pixels: Image.Image) -> pyvips.Image:
    """``pixels``: RGB or L."""
    return pyvips.Image.new_from_memory(pixels.tobytes(), *pixels.size, len(pixels.getbands()), "uchar")


class Table(IntEnum):
    """A quantisation table of mozjpeg, by its number there (``jpeg_set_defaults``, ``quant_tables``)."""

    ANNEX_K = 0  # of the JPEG standard
    MS_SSIM = 2  # tuned for MS-SSIM on the Kodak pictures
    ROBIDOUX = 3  # N. Robidoux, as in ImageMagick
    WATSON = 5  # Watson, Taylor and Borthwick: DCTune, 1997
    AHUMADA = 7  # Ahumada, Watson and Peterson: a visual detection model, 1993
    PETERSON = 8  # Peterson, Ahumada and Watson: an improved detection model, 1993


class Encoder(Protocol):
    """``final``: made with all that saves bytes, as what is stored is."""

    @property
    def name(self) -> str: ...

    @property
    def final(self) -> bool: ...

    def encode(self, pixels: Image.Image, quality: int, chroma: str) -> bytes:
        """``pixels``: RGB or L. ``quality``: libjpeg's scale, 1 to 100. ``chroma``: "4:2:0" or "4:4:4"."""
        ...


class Drafting(Encoder, Protocol):
    """An encoder that has cheaper forms to try out.

    ``draft``: the same quantisation tables, bytes in proportion; ``trial``: the same pixels when decoded, or nearly.
    The shares: the encoder's own bytes / theirs, on the average of many pictures.
    """

    @property
    def draft(self) -> Encoder: ...

    @property
    def draft_share(self) -> float: ...

    @property
    def trial(self) -> Encoder: ...

    @property
    def trial_share(self) -> float: ...


@dataclass(frozen=True)
class PillowEncoder:
    """libjpeg-turbo: Annex K's quantisation tables, optimised Huffman codes, baseline."""

    name: str = "pillow"
    final: bool = False

    def encode(self, pixels: Image.Image, quality: int, chroma: str) -> bytes:
        jpeg = io.BytesIO()
        pixels.save(jpeg, "JPEG", quality=quality, subsampling=chroma, optimize=True)
        return jpeg.getvalue()


@dataclass(frozen=True)
class MozjpegEncoder:
    """libvips' mozjpeg.

    ``trellis``: trellis quantisation and overshoot deringing; ``final``: that, progressive, and scans split in the way
    that is smallest.
    """

    table: Table
    trellis: bool = True
    final: bool = True
    draft_share: float = 0.862
    trial_share: float = 0.975

    @property
    def name(self) -> str:
        return f"mozjpeg-{self.table:d}"

    @property
    def draft(self) -> MozjpegEncoder:
        return MozjpegEncoder(self.table, trellis=False, final=False)

    @property
    def trial(self) -> MozjpegEncoder:
        return MozjpegEncoder(self.table, trellis=True, final=False)

    def encode(self, pixels: Image.Image, quality: int, chroma: str) -> bytes:
        return self._saved(pixels, quality, chroma)

    def coefficients(self, pixels: Image.Image, quality: int, chroma: str) -> Coefficients:
        """Returns what ``trial`` chooses, but for its DC, which restart markers lead to choose a little otherwise."""
        return read(self.trial._saved(pixels, quality, chroma, restart_interval=1))

    def _saved(self, pixels: Image.Image, quality: int, chroma: str, restart_interval: int = 0) -> bytes:
        return in_vips(pixels).jpegsave_buffer(
            Q=quality,
            quant_table=self.table,
            subsample_mode="on" if chroma == HALVED else "off",
            optimize_coding=True,
            interlace=self.final,
            trellis_quant=self.trellis,
            overshoot_deringing=self.trellis,
            optimize_scans=self.final,
            keep="none",
            restart_interval=restart_interval,
        )


@dataclass(frozen=True)
class JpegliEncoder:
    """jpegli (the package pyjpegli), which writes baseline, 4:2:0; ``packed``: made progressive without loss."""

    packed: bool = True
    final: bool = True
    name: str = "jpegli"
    draft_share: float = 0.89
    trial_share: float = 1.0

    @property
    def draft(self) -> JpegliEncoder:
        return JpegliEncoder(packed=False, final=False)

    @property
    def trial(self) -> JpegliEncoder:
        """The same bytes: what packing saves differs too much from picture to picture to be foretold."""
        return JpegliEncoder(final=False)

    def encode(self, pixels: Image.Image, quality: int, chroma: str) -> bytes:
        import pyjpegli

        jpeg = pyjpegli.encode(pixels.convert("RGB").tobytes(), *pixels.size, quality)
        return mozjpeg_lossless_optimization.optimize(jpeg) if self.packed else jpeg
