"""Small pictures of a picture, for pages that show many or show a source."""

from __future__ import annotations

import io

from PIL import Image

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.fitting.policy import reduced, size_at

WHITE = (255, 255, 255)
SOURCE_SIDE = 640
"""Pixels of the longer side of what is kept of a source."""
QUALITIES = (76, 68, 58, 46, 34, 22)
SHRINK = 0.75
"""Factor by which a picture is made smaller, repeatedly, until its lowest quality fits."""


def preview(source: bytes, side: int, most: int, max_pixels: int) -> bytes:
    """Returns a JPEG of at most ``most`` bytes whose longer side is at most ``side`` px, upright, sRGB, without
    metadata.

    Runs where conversions run: the source may be hostile. Raises NotAnImage, ImageDamaged, ImageTooLarge, CannotFit.
    """
    header = decoder.read_header(source, max_pixels)
    return small(decoder.decode(header, background=WHITE, max_side=side), side, most)


def small(original: Original, side: int, most: int) -> bytes:
    """Makes a preview of a picture that is decoded already. Raises CannotFit."""
    side = min(side, max(original.width, original.height))
    while side >= 8:
        pixels = reduced(original.pixels, size_at((original.width, original.height), side))
        for quality in QUALITIES:
            jpeg = _encoded(pixels, quality)
            if len(jpeg) <= most:
                return jpeg
        side = round(side * SHRINK)
    raise CannotFit


def _encoded(pixels: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    pixels.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    return file.getvalue()
