"""libvips as the decoder of what Pillow cannot decode or has no memory for.

Only a loader that the caller names is used, never libvips' own guess of the format.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pyvips
from PIL import Image

from belfoot_img.imaging.proportions import size_at

_FLOATS = ("float", "double")
_FULL_SCALE = {"uint": 2**32 - 1, "int": 2**31 - 1}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def in_srgb(picture: pyvips.Image) -> Image.Image:
    """Converts any picture of libvips to L, LA, RGB or RGBA in sRGB, 8 bit. Raises pyvips.Error."""
    picture = _in_known_range(picture)
    if picture.get_typeof("icc-profile-data"):
        with contextlib.suppress(pyvips.Error):  # a profile that is broken or of another colour space is ignored
            picture = picture.icc_transform("srgb", embedded=True, intent="relative")
    return in_pillow(picture.colourspace("srgb"))


def reduced(picture: pyvips.Image, max_side: int) -> pyvips.Image:
    """Scales the picture, in memory, to ``max_side`` as its longer side. One that was opened for sequential access is
    never held as a whole: 98 MP of RGBA in 16 bit take 300 MB."""
    width, height = size_at((picture.width, picture.height), max_side)
    kind, has_alpha = picture.format, picture.hasalpha()
    if has_alpha:
        picture = picture.premultiply()
    picture = picture.resize(width / picture.width, vscale=height / picture.height)
    if has_alpha:
        picture = picture.unpremultiply()
        picture = picture if kind in _FLOATS else picture.rint()
    return picture.cast(kind).copy_memory()


def in_pillow(picture: pyvips.Image) -> Image.Image:
    """Converts a picture of 1 to 4 bands in 8 bit to L, LA, RGB or RGBA; further bands are left out."""
    if picture.bands > 4:
        picture = picture.extract_band(0, n=4)
    pixels = picture.cast("uchar").write_to_memory()
    return Image.frombuffer(_MODES[picture.bands], (picture.width, picture.height), pixels)


def _in_known_range(picture: pyvips.Image) -> pyvips.Image:
    """Brings values whose type does not tell their range to the one that libvips expects.

    Floating point colours are linear from 0 to 1, as libvips reads them; where the highest value lies far above 1 they
    are gamma-coded up to 255 or 65535. Integers of 32 bit use the range of their type, unless all are below 256.
    """
    if picture.interpretation in ("lab", "labs", "cmyk", "xyz"):
        return picture
    if picture.format in _FLOATS and picture.max() > 100:
        white = 255 if picture.max() <= 255 else 65535
        return (picture * (255 / white)).cast("uchar").copy(interpretation="srgb")
    if picture.format in _FULL_SCALE and picture.max() > 255:
        return (picture * (255 / _FULL_SCALE[picture.format])).rint().cast("uchar").copy(interpretation="srgb")
    return picture


def complains(loader: str, source: bytes) -> bool:
    """Returns whether libvips' ``loader`` ("jpegload", "tiffload") or the codec below it warns while it decodes
    ``source``."""
    try:
        getattr(pyvips.Image, f"{loader}_buffer")(source, fail_on="warning", access="sequential").avg()
    except pyvips.Error:
        return True
    return False


def blank_rows(values: np.ndarray, blank: np.ndarray) -> int:
    """Counts the rows at the end of ``values`` (rows × columns, or × bands) that hold nothing but ``blank``."""
    rows = 0
    while rows < len(values) and (values[-1 - rows] == blank).all():
        rows += 1
    return rows
