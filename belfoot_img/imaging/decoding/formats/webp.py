"""WebP. libwebp scales a very large one while it decodes: 90 MP took 150 MB (lossy) and 400 MB (lossless). Pillow's
decoder, which holds four copies of the picture, took over 1 GB.
"""

from __future__ import annotations

import struct

import pyvips
from PIL import Image, WebPImagePlugin

from belfoot_img.imaging.decoding.formats import by_vips
from belfoot_img.imaging.decoding.formats.picture import ExifPicture
from belfoot_img.imaging.jpeg.markers import exif_orientation


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
        if self.is_very_large:
            return self._load_reduced(max_side)
        picture = super().load(max_side)
        vars(picture).pop("_decoder", None)  # it holds further copies of the picture
        return picture

    def check(self) -> None:
        self.load(max_side=256)

    def _load_reduced(self, max_side: int) -> Image.Image:
        scale = min(1.0, max_side / max(self.size))
        picture = pyvips.Image.webpload_buffer(self.padded, scale=scale, fail_on="error")
        profile = picture.get("icc-profile-data") if picture.get_typeof("icc-profile-data") else None
        pixels = by_vips.in_pillow(picture)
        pixels.info["icc_profile"] = profile
        return pixels
