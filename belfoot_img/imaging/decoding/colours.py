"""Converts any pixels that Pillow can decode to opaque sRGB in 8 bit.

ICC profiles are followed with relative colorimetric intent, as libvips does; one that is broken or of another colour
space than the picture is ignored. CMYK without a profile is read with the general CMYK profile that libvips brings.
Each step takes a picture and gives one, the same object where there is nothing to do: at three to four bytes a pixel
every copy counts.
"""

from __future__ import annotations

import contextlib
import io
from functools import cache

import numpy as np
import pyvips
from PIL import Image, ImageCms, TiffImagePlugin


def eight_bit(picture: Image.Image) -> Image.Image:
    """Converts any of Pillow's modes to L, LA, RGB, RGBA, CMYK or LAB."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _narrow(picture)
    if picture.mode in ("LA", "RGBA", "CMYK", "LAB"):
        return picture
    transparent = picture.has_transparency_data
    mode = ("LA" if transparent else "L") if picture.mode in ("1", "L", "La") else "RGBA" if transparent else "RGB"
    return picture if mode == picture.mode else picture.convert(mode)


def _narrow(picture: Image.Image) -> Image.Image:
    """Scales 16 or 32 bit grey to 8 bit, by the range of the type, or of the values where the type does not tell."""
    values = np.asarray(picture)
    alpha = None
    if picture.mode.startswith("I;16"):
        key = picture.info.get("transparency")
        alpha = None if key is None else Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
        narrow = (values >> 8).astype(np.uint8)
    else:
        highest = values.max(initial=0)
        whites = (65535, 2**31 - 1) if picture.mode == "I" else (1, 255, 65535, highest)
        white = next((white for white in whites if highest <= white), 1)
        narrow = np.clip(values * (255.0 / white), 0, 255).astype(np.uint8)
    grey = Image.fromarray(narrow)
    tags = picture.tag_v2 if isinstance(picture, TiffImagePlugin.TiffImageFile) else {}
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:
        grey = grey.point(range(255, -1, -1))
    if alpha:
        grey.putalpha(alpha)
    return grey


_SPACES = {"L": "GRAY", "LA": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


def in_srgb(picture: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Converts L, LA, RGB, RGBA, CMYK or LAB to L, LA, RGB or RGBA in sRGB."""
    if picture.mode == "LAB":
        return _transform(picture, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "RGB")
    profile = _usable(icc_profile, _SPACES[picture.mode])
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError):  # one that can be read and yet says nothing of use
            return _converted(picture, profile)
    return _transform(picture, _general_cmyk(), "RGB") if picture.mode == "CMYK" else picture


def _converted(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    if picture.mode == "CMYK":
        return _transform(picture, profile, "RGB")
    if picture.mode in ("L", "LA"):
        return _grey_in_srgb(picture, profile)
    if not _is_srgb(profile):
        ImageCms.profileToProfile(picture, profile, _srgb(), _INTENT, inPlace=True)
    return picture


_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC


def _transform(picture: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    converted = ImageCms.profileToProfile(picture, profile, _srgb(), _INTENT, outputMode=mode)
    assert converted is not None  # only inPlace gives none
    return converted


def _usable(icc_profile: bytes | None, space: str) -> ImageCms.ImageCmsProfile | None:
    """Returns the profile, if it can be read and is one for pictures of this colour space."""
    if not icc_profile:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        return profile if profile.profile.xcolor_space.strip() == space else None
    except (OSError, ImageCms.PyCMSError):
        return None


def _grey_in_srgb(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Converts grey to sRGB by a table of 256 values, since a grey profile is one curve."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    curve = _transform(ramp, profile, "RGB").getchannel("G").tobytes()
    return picture.point([*curve] if picture.mode == "L" else [*curve, *range(256)])


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Returns whether the profile leaves sRGB colours as they are, up to rounding."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    converted = np.asarray(_transform(Image.fromarray(cube), profile, "RGB"))
    return bool(np.abs(converted.astype(int) - cube).max() <= 2)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _general_cmyk() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(bytes(pyvips.Image.profile_load("cmyk"))))


def opaque(picture: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Lays the picture on the background. Grey stays grey if the background is."""
    if picture.mode not in ("LA", "RGBA"):
        return picture
    alpha = picture.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return picture.convert(picture.mode[:-1])
    if picture.mode == "LA" and len(set(background)) == 1:
        canvas = Image.new("L", picture.size, background[0])
    else:
        canvas = Image.new("RGB", picture.size, background)
    canvas.paste(picture, mask=alpha)
    return canvas
