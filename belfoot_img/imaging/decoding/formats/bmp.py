"""BMP: by Pillow, and by hand where its bit fields are none of those that Pillow knows."""

from __future__ import annotations

import struct

import numpy as np
from PIL import BmpImagePlugin, Image

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats.picture import Picture

BITFIELDS, ALPHABITFIELDS = 3, 6
_UNSUPPORTED = {4: "an embedded JPEG", 5: "an embedded PNG", 11: "CMYK", 12: "CMYK", 13: "CMYK"}


class BmpPicture(Picture):
    plugin = BmpImagePlugin.BmpImageFile

    @staticmethod
    def declared_bytes(source: bytes) -> int:
        return int.from_bytes(source[2:6], "little")

    def __init__(self, source: bytes):
        self._fields = None
        try:
            super().__init__(source)
        except Exception:
            self._fields = BitFields(self.padded)
            self.size, self.orientation = self._fields.size, 1

    def load(self, max_side: int) -> Image.Image:
        return self._fields.decode() if self._fields else super().load(max_side)

    def check(self) -> None:
        self.load(max_side=0)


class BitFields:
    """An uncompressed BMP of 16 or 32 bits a pixel, whose masks say which of them are red, green, blue and alpha.

    Source: BITMAPINFOHEADER and BITMAPV4HEADER in Microsoft's documentation of GDI.
    """

    def __init__(self, source: bytes):
        """Raises ImageDamaged, struct.error."""
        self._source = source
        (self._offset,) = struct.unpack_from("<I", source, 10)
        length, width, height, _, self._depth, compression = struct.unpack_from("<IiiHHI", source, 14)
        if kind := _UNSUPPORTED.get(compression):
            raise ImageDamaged(f"The BMP is of a kind that is not supported: {kind}.")
        if length < 40 or compression not in (BITFIELDS, ALPHABITFIELDS) or self._depth not in (16, 32):
            raise ImageDamaged
        has_alpha = length >= 56 or compression == ALPHABITFIELDS
        self._masks = struct.unpack_from("<4I" if has_alpha else "<3I", source, 54)
        self._is_bottom_up = height > 0
        self.size = width, abs(height)

    def decode(self) -> Image.Image:
        """Returns RGB, or RGBA where there is an alpha mask. Raises ImageDamaged where pixels are missing."""
        width, height = self.size
        kind = np.dtype("<u2" if self._depth == 16 else "<u4")
        stride = (width * kind.itemsize + 3) // 4 * 4
        if self._offset + stride * height > len(self._source):
            raise ImageDamaged
        rows = np.ndarray((height, stride), np.uint8, self._source, self._offset)
        values = rows[:, : width * kind.itemsize].view(kind)
        values = values[::-1] if self._is_bottom_up else values
        masks = self._masks if any(self._masks[3:]) else self._masks[:3]
        channels = [Image.fromarray(_channel(values, mask)) for mask in masks]
        return Image.merge("RGBA" if len(channels) == 4 else "RGB", channels)


def _channel(values: np.ndarray, mask: int) -> np.ndarray:
    """Returns the bits of ``mask`` (1 to 32 of them) scaled to 0…255, rounded."""
    if not mask:
        return np.zeros(values.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    highest = mask >> shift
    field = (values & mask) >> shift
    if highest <= 255:
        return np.array([(level * 255 + highest // 2) // highest for level in range(highest + 1)], np.uint8)[field]
    return (field >> (highest.bit_length() - 8)).astype(np.uint8)
