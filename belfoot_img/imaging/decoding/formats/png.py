"""PNG."""

from __future__ import annotations

from PIL import Image, PngImagePlugin

from belfoot_img.imaging.decoding.formats.picture import ExifPicture

PngImagePlugin.MAX_TEXT_CHUNK = 8 * 2**20
"""Bytes. Pillow's own 1 MiB refuses pictures with long edit histories."""


class PngPicture(ExifPicture):
    plugin = PngImagePlugin.PngImageFile

    def load(self, max_side: int) -> Image.Image:
        picture = super().load(max_side)
        _scale_colour_key(picture, depth=self.source[24])
        return picture


def _scale_colour_key(picture: Image.Image, depth: int) -> None:
    """Brings PNG's transparent colour from the file's depth (1 to 16 bit) to that of Pillow's pixels.

    Those have 8 bit, except grey ones of 16 bit.
    """
    key = picture.info.get("transparency")
    if picture.mode == "L" and isinstance(key, int) and depth < 8:
        picture.info["transparency"] = key * 255 // ((1 << depth) - 1)
    elif picture.mode == "RGB" and isinstance(key, tuple) and depth == 16:
        picture.info["transparency"] = tuple(part >> 8 for part in key)
