"""An independent decoder to hold ours to: libvips, which shares no code with Pillow's plugins."""

from __future__ import annotations

import contextlib

import numpy as np
import pyvips
from PIL import Image

WHITE = (255, 255, 255)


def distance(pixels, other) -> float:
    """Mean absolute difference of two pictures of one size, in 8-bit levels."""
    assert pixels.size == other.size
    values, others = (np.asarray(picture.convert("RGB")).astype(int) for picture in (pixels, other))
    return float(np.abs(values - others).mean())


def seen_by_libvips(source, background=WHITE) -> Image.Image:
    """The same source as an independent decoder shows it: upright, sRGB, laid on the background."""
    picture = pyvips.Image.new_from_buffer(source, "").autorot()
    if picture.get_typeof("icc-profile-data"):
        with contextlib.suppress(pyvips.Error):  # broken, or of another colour space than the picture
            picture = picture.icc_transform("srgb", embedded=True)
    picture = picture.colourspace("srgb")
    if picture.hasalpha():
        picture = picture.flatten(background=list(background))
    return Image.fromarray(picture.cast("uchar").numpy()).convert("RGB")
