"""JPEG. A large one is decoded at a fraction of its size, in a fraction of the memory.

A cut-off file is decoded where nearly all of the picture is there. libjpeg fills what is missing with mid-grey, so a
grey area at the bottom right shows how much is missing.
"""

from __future__ import annotations

import io

import numpy as np
import pyvips
from PIL import Image, ImageChops, JpegImagePlugin

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats import by_vips
from belfoot_img.imaging.decoding.formats.picture import MAX_MISSING, Picture
from belfoot_img.imaging.jpeg.parsing import Jpeg, parse
from belfoot_img.imaging.proportions import size_at

MAX_SCANS, MAX_SCANNED_PIXELS = 100, 4_000_000_000
"""Scans, and scans × pixels. An ordinary progressive JPEG has a dozen scans; one of 100 MP may have forty."""
MAX_SCANS_OF_SMALL, MAX_SCANNED_PIXELS_OF_SMALL = 1000, 20_000_000
"""The same of a JPEG with more scans than that: it is decoded in 0.3 s."""
MAX_MISSING_IF_ENDED = 0.5
"""The share of the picture that may be missing in a file with an end of image: its data are damaged rather than cut
off, and browsers show it."""
MCU = 16
"""Rows of px that are coded together, at most in common files."""


class JpegPicture(Picture):
    plugin = JpegImagePlugin.JpegImageFile  # not the plugin's factory, which may go on to the pictures behind the first

    jpeg: Jpeg

    def __init__(self, source: bytes):
        self.jpeg = parse(source)
        _check_kind(self.jpeg)
        super().__init__(source)

    def orientation_of(self, opened: Image.Image) -> int:
        return self.jpeg.orientation

    def open(self) -> JpegImagePlugin.JpegImageFile:
        return self.plugin(io.BytesIO(self._ended))

    def load(self, max_side: int) -> Image.Image:
        if self.jpeg.is_arithmetic:
            return _by_libvips(self.source, max_side if self.is_very_large else None)
        factor = _reduction(self.size, max_side)
        picture = super().load(max_side) if factor == 1 else self._load_reduced(factor, max_side)
        self._check_whole(picture)
        return picture

    def check(self) -> None:
        if self.jpeg.is_arithmetic:
            self.load(max_side=0)
            return
        opened = self.open()
        _draft(opened, None, 8)
        opened.load()
        self._check_whole(opened)

    @property
    def _ended(self) -> bytes:
        """The source with an end of image, without which Pillow waits for more."""
        return self.source if self.jpeg.is_ended else self.source + b"\xff\xd9"

    def _check_whole(self, picture: Image.Image) -> None:
        """Raises ImageDamaged where a real part of the picture is missing.

        libjpeg is asked for its warnings where that alone tells; libvips hides those about the last rows.
        """
        if not self.jpeg.is_ended and (self.jpeg.is_progressive or self.jpeg.scans > 1):
            is_cut = not self.jpeg.is_refined and by_vips.complains("jpegload", self._ended)
        else:
            missing = _missing(picture, band=max(1, MCU * picture.height // self.jpeg.size[1]))
            is_cut = missing > (MAX_MISSING_IF_ENDED if self.jpeg.is_ended else MAX_MISSING)
            if is_cut and (self.jpeg.is_ended or missing == 1):
                is_cut = by_vips.complains("jpegload", self._ended)
        if is_cut:
            raise ImageDamaged("The JPEG is cut off: a part of the picture is missing.")

    def _load_reduced(self, factor: int, max_side: int) -> Image.Image:
        """Returns the picture at ``max_side``, nearly as sharp as from all of its pixels.

        Colours are decoded at 1/factor, where libjpeg loses a little sharpness. Luma is decoded at twice that size too,
        at one byte a pixel, and its additional detail is added. The sums are in RGB, since Pillow's conversion from
        YCbCr to RGB and back is off by half a level.
        """
        size = size_at(self.jpeg.size, max_side)
        if self.jpeg.colour == "grey":
            picture = self._scaled(None, factor // 2, size)
        else:
            picture = self._scaled(None, factor, size)
        if self.jpeg.colour == "ycbcr":
            detail = ImageChops.subtract(
                self._scaled("L", factor // 2, size), self._scaled("L", factor, size), offset=128
            )
            picture = ImageChops.add(picture, Image.merge("RGB", (detail,) * 3), offset=-128)
        picture.info = {"icc_profile": self.jpeg.icc_profile}
        return picture

    def _scaled(self, mode: str | None, factor: int, size: tuple[int, int]) -> Image.Image:
        """Decoded at 1/factor, then brought to ``size``, without the pixels that the codec adds by rounding up."""
        opened = self.open()
        width, height = opened.size
        _draft(opened, mode, factor)
        box = (0, 0, min(width / factor, opened.width), min(height / factor, opened.height))
        return opened.resize(size, Image.Resampling.LANCZOS, box=box)


def _check_kind(jpeg: Jpeg) -> None:
    """Refuses what takes hours to decode, and names the kinds that neither libjpeg-turbo nor a browser decodes."""
    scanned = jpeg.scans * jpeg.size[0] * jpeg.size[1]
    is_usual = jpeg.scans <= MAX_SCANS and scanned <= MAX_SCANNED_PIXELS
    if not is_usual and (jpeg.scans > MAX_SCANS_OF_SMALL or scanned > MAX_SCANNED_PIXELS_OF_SMALL):
        raise ImageDamaged(f"The JPEG has {jpeg.scans} scans, far more than it needs.")
    if not jpeg.is_common and not jpeg.is_arithmetic:
        raise ImageDamaged("The JPEG is of a rare kind (lossless or not 8 bit); save it as a common one.")


def _by_libvips(source: bytes, max_side: int | None) -> Image.Image:
    """Returns the picture in sRGB, at ``max_side`` where there is one. Raises pyvips.Error also where it is cut off."""
    opened = pyvips.Image.jpegload_buffer(source, access="sequential", fail_on="warning")
    return by_vips.in_srgb(opened if max_side is None else by_vips.reduced(opened, max_side))


def _reduction(size: tuple[int, int], max_side: int) -> int:
    """1, 2, 4 or 8: how much smaller libjpeg may decode so that the longer side stays at least ``max_side``."""
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or max(size) // factor >= max_side)


def _draft(opened: JpegImagePlugin.JpegImageFile, mode: str | None, factor: int) -> None:
    opened.draft(mode, (max(1, opened.width // factor), max(1, opened.height // factor)))


def _missing(picture: Image.Image, band: int) -> float:
    """Returns the share of the picture that is even mid-grey at its end: whole rows, and columns of the ``band`` rows
    above."""
    last: np.ndarray = np.atleast_1d(np.asarray(picture.getpixel((picture.width - 1, picture.height - 1))))
    if not np.isin(last, (127, 128)).all():
        return 0.0
    values = np.asarray(picture)
    rows = by_vips.blank_rows(values, last)
    begun = values[max(0, len(values) - rows - band) : len(values) - rows]
    begun = begun[1:] if len(begun) > 2 else begun  # colours of its first row are mixed with those above
    columns = by_vips.blank_rows(begun.swapaxes(0, 1), last) if rows < len(values) else 0
    return (rows * picture.width + columns * len(begun)) / (picture.width * picture.height)
