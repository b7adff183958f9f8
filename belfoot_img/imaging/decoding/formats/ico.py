"""ICO, the icons of Windows and of web sites: the largest and deepest picture of the file, a PNG or a BMP
without its header."""

from __future__ import annotations

import io
import struct

from PIL import IcoImagePlugin, Image

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats.picture import Picture, padded
from belfoot_img.imaging.decoding.formats.png import PngPicture

PNG = b"\x89PNG"
ENTRY = 16  # bytes


def has_signature(source: bytes) -> bool:
    """Returns whether the source begins as an ICO, with an entry whose picture lies behind the entries."""
    if len(source) < 6 + ENTRY or not source.startswith(b"\0\0\1\0"):
        return False
    count, reserved, offset = source[4] | source[5] << 8, source[9], int.from_bytes(source[18:22], "little")
    return count > 0 and reserved == 0 and 6 + ENTRY * count <= offset < len(source)


class IcoPicture(Picture):
    """Only the headers are read until ``load``: what an entry says of its size need not be true."""

    def __init__(self, source: bytes):
        """Raises ImageDamaged, and whatever Pillow or the PNG inside raise."""
        self.source, self.orientation, self._png = source, 1, None
        entries = IcoImagePlugin.IcoFile(io.BytesIO(source)).entry
        self._number = max(range(len(entries)), key=lambda number: (entries[number].square, entries[number].bpp))
        entry = entries[self._number]
        source = padded(source, entry.offset + entry.size)
        self._file = IcoImagePlugin.IcoFile(io.BytesIO(source))
        content = source[entry.offset : entry.offset + entry.size]
        if content.startswith(PNG):
            self._png = PngPicture(content)
            self.size, self.orientation = self._png.size, self._png.orientation
            return
        if len(content) < 16 or int.from_bytes(content[:4], "little") < 40:  # a header of OS/2, which no icon has
            raise ImageDamaged
        width, height = struct.unpack_from("<ii", content, 4)
        self.size = width, abs(height) // 2  # the mask of transparent pixels lies below the picture

    def load(self, max_side: int) -> Image.Image:
        if self._png:
            return self._png.load(max_side)
        picture = self._file.frame(self._number)
        picture.load()
        return picture

    def check(self) -> None:
        self.load(max_side=0)
