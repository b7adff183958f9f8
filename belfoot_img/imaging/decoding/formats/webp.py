"""WebP. libwebp scales a very large one while it decodes: 90 MP took 150 MB (lossy) and 400 MB (lossless). Pillow's
decoder, which holds four copies of the picture, took over 1 GB.
"""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import pyvips
from PIL import Image, WebPImagePlugin

from belfoot_img.imaging.decoding.formats import by_vips
from belfoot_img.imaging.decoding.formats.picture import READ_AHEAD, ExifPicture
from belfoot_img.imaging.jpeg.markers import exif_orientation

MOST_CHUNKS = 100
"""Chunks that are followed; a still picture has at most seven, a hostile file of 50 MB six million."""

FILLINGS = (0x00, 0x33, 0xF0, 0x55)
"""What takes the place of missing bytes of lossless data, in this order. Any bytes are codes of pixels or of copies,
but libwebp refuses a copy from before the picture or to behind it. Of 116 cut-off pictures 80 were decoded with zeros,
113 with one of these."""


class WebpPicture(ExifPicture):
    plugin = WebPImagePlugin.WebPImageFile

    @staticmethod
    def declared_bytes(source: bytes) -> int:
        return 8 + int.from_bytes(source[4:8], "little")

    @staticmethod
    def size_before_opening(source: bytes) -> tuple[int, int]:
        """Returns (width, height) in px of the canvas, by RFC 9649. Raises struct.error where the file is too short."""
        kind, body = source[12:16], source[20:30]
        if kind == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF

    def __init__(self, source: bytes):
        self.size = self.size_before_opening(source)
        if self.is_very_large:
            self.source = source
            header = pyvips.Image.webpload_buffer(self.padded)
            exif = header.get("exif-data") if header.get_typeof("exif-data") else b""
            self.size = header.width, header.height
            self.orientation = exif_orientation(exif.removeprefix(b"Exif\0\0"))
        else:
            super().__init__(source)

    def load(self, max_side: int) -> Image.Image:
        load = self._load_reduced if self.is_very_large else self._load_whole
        padded = self.padded
        missing, last = len(padded) - len(self.source), _last_chunk(padded)
        if not missing or padded[last : last + 4] != b"VP8L":
            return load(padded, max_side)
        for filling in FILLINGS:
            with suppress(Exception):
                filled = self.source + bytes([filling]) * (missing + READ_AHEAD)
                return load(_with_sizes(filled, last), max_side)
        raise ValueError("libwebp takes nothing in place of the missing bytes.")

    def check(self) -> None:
        self.load(max_side=256)

    def _load_whole(self, source: bytes, max_side: int) -> Image.Image:
        picture = self.plugin(io.BytesIO(source))
        picture.load()
        vars(picture).pop("_decoder", None)  # it holds further copies of the picture
        return picture

    def _load_reduced(self, source: bytes, max_side: int) -> Image.Image:
        scale = min(1.0, max_side / max(self.size))
        picture = pyvips.Image.webpload_buffer(source, scale=scale, fail_on="error")
        profile = picture.get("icc-profile-data") if picture.get_typeof("icc-profile-data") else None
        pixels = by_vips.in_pillow(picture)
        pixels.info["icc_profile"] = profile
        return pixels


def _last_chunk(source: bytes) -> int:
    """Returns where the last of the chunks at the top of the file begins (RFC 9649)."""
    at = end = 12
    for _ in range(MOST_CHUNKS):
        if end + 8 > len(source):
            break
        at, size = end, int.from_bytes(source[end + 4 : end + 8], "little")
        end = at + 8 + size + size % 2
    return at


def _with_sizes(source: bytes, last: int) -> bytes:
    """Returns the file, made of an even number of bytes, with the chunk at ``last`` reaching to its end."""
    source += bytes(len(source) % 2)
    whole, chunk = struct.pack("<I", len(source) - 8), struct.pack("<I", len(source) - last - 8)
    return source[:4] + whole + source[8 : last + 4] + chunk + source[last + 8 :]
