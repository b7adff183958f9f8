"""WebP."""

from __future__ import annotations

import struct

from PIL import Image, WebPImagePlugin

from belfoot_img.imaging.decoding.formats.picture import ExifPicture


class WebpPicture(ExifPicture):
    plugin = WebPImagePlugin.WebPImageFile

    @staticmethod
    def size_before_opening(source: bytes) -> tuple[int, int]:
        """(width, height) in px of the canvas, by RFC 9649. Raises struct.error where the file is too short."""
        kind, body = source[12:16], source[20:30]
        if kind == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF

    def load(self, max_side: int) -> Image.Image:
        picture = super().load(max_side)
        vars(picture).pop("_decoder", None)  # it holds further copies of the picture
        return picture
