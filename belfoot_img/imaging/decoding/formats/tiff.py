"""TIFF: by Pillow, and by libvips where Pillow knows the kind of pixels or the compression not.

libvips brings floating point and 32 bit colours, Lab of 16 bit, CMYK and grey with alpha, and the compression WebP. It
also decodes very large ones, which it reduces strip by strip.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pyvips
from PIL import Image, TiffImagePlugin

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats import by_vips
from belfoot_img.imaging.decoding.formats.picture import Picture

MAX_BLANK = 0.5
"""The share of rows that may be blank at the bottom of a TIFF that libtiff complains about."""
_NOT_DECODED = "The TIFF is damaged, or its kind of pixels or its compression is not supported."
_FORGIVING = {2, 3, 4, 7, 32771}
"""Compressions (CCITT fax and JPEG) whose codecs go on over damage and leave the rest blank."""
_COMPRESSIONS = {
    6: "old-style JPEG",
    32809: "ThunderScan",
    34661: "JBIG",
    34677: "SGI Log",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}


class TiffPicture(Picture):
    """Pillow applies the orientation itself; after libvips it is left to do."""

    plugin = TiffImagePlugin.TiffImageFile

    def __init__(self, source: bytes):
        try:
            super().__init__(source)
            self._is_for_vips = False
        except Exception:
            try:
                self._open_by_vips(source)
            except pyvips.Error as error:
                raise ImageDamaged(_NOT_DECODED) from error
        else:
            if self.is_very_large and self._compression(self.open()) not in _FORGIVING:
                with suppress(pyvips.Error):
                    self._open_by_vips(source)

    def load(self, max_side: int) -> Image.Image:
        if not self._is_for_vips:
            try:
                picture = super().load(max_side)
            except OSError as error:
                self._explain(error)
            else:
                return self._checked(picture)
        try:
            return by_vips.in_srgb(self._decoded_by_vips(max_side))
        except pyvips.Error as error:
            raise ImageDamaged(_NOT_DECODED) from error

    def check(self) -> None:
        self.load(max_side=256)

    def _decoded_by_vips(self, max_side: int) -> pyvips.Image:
        if not self.is_very_large:
            return pyvips.Image.tiffload_buffer(self.source, fail_on="error")
        picture = pyvips.Image.tiffload_buffer(self.source, fail_on="error", access="sequential")
        return by_vips.reduced(picture, max_side)

    def _open_by_vips(self, source: bytes) -> None:
        header = pyvips.Image.tiffload_buffer(source, fail_on="error")
        self.source, self._is_for_vips = source, True
        self.size = header.width, header.height
        self.orientation = header.get("orientation") if header.get_typeof("orientation") else 1

    def _explain(self, error: OSError) -> None:
        """Prepares for libvips a TIFF whose compression Pillow does not decode, or raises what is the matter."""
        compression = self._compression(self.open())
        if compression not in _COMPRESSIONS:
            raise error
        try:
            self._open_by_vips(self.source)
            pyvips.Image.tiffload_buffer(self.source, fail_on="error").avg()
        except pyvips.Error:
            kind = _COMPRESSIONS[compression]
            raise ImageDamaged(f"The TIFF is damaged, or its compression ({kind}) is not supported.") from error

    def _checked(self, picture: Image.Image) -> Image.Image:
        """Refuses a picture that the codec left mostly blank without an error."""
        if self._compression(picture) in _FORGIVING:
            values = np.asarray(picture)
            is_blank = by_vips.blank_rows(values, values[-1, -1]) > MAX_BLANK * len(values)
            if is_blank and by_vips.complains("tiffload", self.source):
                raise ImageDamaged("The TIFF is damaged: most of the picture is missing.")
        return picture

    @staticmethod
    def _compression(opened: Image.Image) -> int:
        assert isinstance(opened, TiffImagePlugin.TiffImageFile)
        return opened.tag_v2.get(TiffImagePlugin.COMPRESSION, 1)
