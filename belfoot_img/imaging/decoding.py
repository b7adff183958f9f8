"""Bytes → upright, opaque sRGB pixels, from a hostile file.

A source is what its first bytes say, whatever its name or content type; only the formats of ``_OPENERS`` are ever
given to a codec, and only after the header has been judged. Whatever a codec raises leaves this module as
``ImageDamaged``. Colours and orientation are those that browsers and libvips show:

- Exif orientation counts in JPEG, PNG and WebP, the rotation of the container in AVIF, the tag in TIFF.
- ICC profiles are followed with relative colorimetric intent, as libvips does; one that is broken or of another colour
  space than the picture is ignored. CMYK without a profile is read with the general CMYK profile that libvips brings.
- gAMA and cHRM of PNG are ignored, as libvips, sharp and ImageMagick's resizers do: nearly every file that has them
  says sRGB in other words, and most of the others say something their author never saw.
- Of an animation or a file of many pages the first picture counts.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyvips
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from belfoot_img.errors import ImageDamaged, ImageTooLarge, NotAnImage, ServiceError
from belfoot_img.imaging import jpeg

Image.MAX_IMAGE_PIXELS = None  # the setting fetch.max_pixels decides instead, before anything is decoded
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # conversions share the cores already
PngImagePlugin.MAX_TEXT_CHUNK = 8 * 2**20  # bytes; at 1 MiB, as it comes, it refuses pictures with long edit histories

MOST_SCANS = 100
_OPENERS = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # not the plugin's factory, which may go on to the pictures behind the first
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Header:
    """What is known before decoding. ``width`` × ``height`` in px as shown; ``orientation``: what decoding undoes."""

    format: str
    width: int
    height: int
    orientation: int = 1


@dataclass(frozen=True)
class Original:
    """The picture to fit. ``pixels``: "RGB" or "L", upright, opaque, sRGB, 8 bit.

    ``width`` × ``height``: the source's upright size in px. ``pixels`` may be smaller where a JPEG was decoded at a
    reduced size, but its longer side is never below ``max_side`` unless the source's was. ``source_quality``: the
    estimated libjpeg quality of a JPEG.
    """

    pixels: Image.Image
    width: int
    height: int
    source_bytes: int
    source_quality: int | None = None


def read_header(source: bytes, max_pixels: int) -> Header:
    """Judges a source before it is decoded. Raises NotAnImage, ImageTooLarge (more than max_pixels), ImageDamaged."""
    kind = _format(source)
    with _refusing():
        if kind == "WEBP":  # its codec takes memory for the canvas as soon as it is opened
            _bound(_webp_size(source), max_pixels)
        if kind == "JPEG":
            _judge(jpeg.parse(source))
        picture = _open(source, kind)
        _bound(picture.size, max_pixels)
        orientation = _orientation(source, kind, picture)
    width, height = picture.size if orientation < 5 else picture.size[::-1]
    return Header(kind, width, height, orientation)


def decode(source: bytes, header: Header, background: tuple[int, int, int], max_side: int) -> Original:
    """The first picture of ``source``, laid on ``background`` (sRGB). Raises ImageDamaged."""
    with _refusing():
        pixels = _load(source, header, max_side)
        profile = pixels.info.get("icc_profile")
        pixels = _eight_bit(pixels)
        pixels = _in_srgb(pixels, profile)
        pixels = _opaque(pixels, background)
        pixels = _upright(pixels, header)
    quality = jpeg.estimated_quality(jpeg.parse(source)) if header.format == "JPEG" else None
    return Original(pixels, header.width, header.height, len(source), quality)


def check(source: bytes, header: Header) -> None:
    """Decodes ``source`` to its end and keeps nothing of it. Raises ImageDamaged."""
    with _refusing():
        _load(source, header, max_side=1)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns whatever a codec raises (it may be of any class) into ImageDamaged, and its warnings into silence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ServiceError:
        raise
    except Exception as error:
        raise ImageDamaged from error


# --- opening ---------------------------------------------------------------------------------------------------------


def _format(source: bytes) -> str:
    """The format by its signature. Raises NotAnImage."""
    if source.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if source.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if source.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if source.startswith(b"RIFF") and source[8:12] == b"WEBP":
        return "WEBP"
    if source.startswith(b"BM") and source[14:18] in _BMP_HEADERS:
        return "BMP"
    if source.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if source[4:8] == b"ftyp" and _brands(source) & {b"avif", b"avis"}:
        return "AVIF"
    raise NotAnImage


_BMP_HEADERS = {struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124)}


def _brands(source: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO base media file."""
    box = source[8 : min(int.from_bytes(source[:4], "big"), 1024)]
    return {box[offset : offset + 4] for offset in range(0, len(box), 4) if offset != 4}


def _webp_size(source: bytes) -> tuple[int, int]:
    """(width, height) in px of the canvas, by RFC 9649."""
    kind, body = source[12:16], source[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _bound(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageDamaged
    if width * height > max_pixels:
        raise ImageTooLarge(f"The image has {width} × {height} pixels; at most {max_pixels} are taken.")


def _judge(markers: jpeg.Jpeg) -> None:
    """Refuses what takes hours by design, and in a clear sentence what neither libjpeg-turbo nor a browser decodes."""
    if markers.scans > MOST_SCANS:
        raise ImageDamaged(f"The JPEG has more than {MOST_SCANS} scans.")
    if not markers.is_common:
        raise ImageDamaged("The JPEG is of a rare kind (lossless, arithmetic or not 8 bit); save it as a common one.")


def _open(source: bytes, kind: str) -> Image.Image:
    return _OPENERS[kind](io.BytesIO(source))


def _orientation(source: bytes, kind: str, picture: Image.Image) -> int:
    """1 to 8. Pillow turns TIFF itself, and says the rotation of an AVIF's container as Exif."""
    if kind == "JPEG":
        return jpeg.parse(source).orientation
    if kind in ("PNG", "WEBP", "AVIF"):
        return jpeg.exif_orientation(picture.info.get("exif", b"").removeprefix(b"Exif\0\0"))
    return 1


def _load(source: bytes, header: Header, max_side: int) -> Image.Image:
    """The first picture, decoded, in whatever mode Pillow has for it."""
    picture = _open(source, header.format)
    if header.format == "JPEG":
        _reduce(picture, max_side)
    covered = picture.tile[0].extents if header.format == "GIF" else None
    picture.load()
    if header.format == "PNG":
        _scale_colour_key(picture, depth=source[24])
    if covered and covered != (0, 0, *picture.size) and "transparency" not in picture.info:
        picture = _transparent_outside(picture, covered)
    return picture


def _reduce(picture: JpegImagePlugin.JpegImageFile, max_side: int) -> None:
    """Has libjpeg decode at 1/2, 1/4 or 1/8 where the longer side stays at least ``max_side``."""
    width, height = picture.size
    factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or max(width, height) // factor >= max_side)
    if factor > 1:
        picture.draft(None, (max(1, width // factor), max(1, height // factor)))


# --- pixels ----------------------------------------------------------------------------------------------------------


def _scale_colour_key(picture: Image.Image, depth: int) -> None:
    """PNG's transparent colour is in the file's depth (1 to 16 bit), Pillow's pixels are in 8 bit (grey ones in 16)."""
    key = picture.info.get("transparency")
    if picture.mode == "L" and isinstance(key, int) and depth < 8:
        picture.info["transparency"] = key * 255 // ((1 << depth) - 1)
    elif picture.mode == "RGB" and isinstance(key, tuple) and depth == 16:
        picture.info["transparency"] = tuple(part >> 8 for part in key)


def _transparent_outside(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """A GIF's first frame may leave a part of the canvas bare."""
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, box)
    picture = picture.convert("RGB")
    picture.putalpha(mask)
    return picture


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Any of Pillow's modes → L, LA, RGB, RGBA, CMYK or LAB."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _narrow(picture)
    transparent = picture.has_transparency_data
    if picture.mode in ("1", "L"):
        return picture.convert("LA" if transparent else "L")
    if picture.mode in ("LA", "La", "PA"):
        return picture.convert("RGBA" if picture.mode == "PA" else "LA")
    if picture.mode in ("CMYK", "LAB"):
        return picture
    return picture.convert("RGBA" if transparent else "RGB")


def _narrow(picture: Image.Image) -> Image.Image:
    """16 or 32 bit grey → 8 bit, by the range of the type, or of the values where the type does not tell."""
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
    if picture.format == "TIFF" and picture.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:
        grey = grey.point(range(255, -1, -1))
    if alpha:
        grey.putalpha(alpha)
    return grey


_SPACES = {"L": "GRAY", "LA": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


def _in_srgb(picture: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """L, LA, RGB, RGBA, CMYK or LAB → L, LA, RGB or RGBA in sRGB."""
    if picture.mode == "LAB":
        return _transform(picture, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "RGB")
    profile = _usable(icc_profile, _SPACES[picture.mode])
    if picture.mode == "CMYK":
        return _transform(picture, profile or _general_cmyk(), "RGB")
    if profile is None:
        return picture
    try:
        if picture.mode in ("L", "LA"):
            return _grey_in_srgb(picture, profile)
        if _is_srgb(profile):
            return picture
        ImageCms.profileToProfile(picture, profile, _srgb(), _INTENT, inPlace=True)
    except ImageCms.PyCMSError:
        pass
    return picture


_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC


def _transform(picture: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    return ImageCms.profileToProfile(picture, profile, _srgb(), _INTENT, outputMode=mode)


def _usable(icc_profile: bytes | None, space: str) -> ImageCms.ImageCmsProfile | None:
    """The profile, if it can be read and is one for pictures of this colour space."""
    if not icc_profile:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        return profile if profile.profile.xcolor_space.strip() == space else None
    except (OSError, ImageCms.PyCMSError):
        return None


def _grey_in_srgb(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """A grey profile is a curve: 256 values of it say all."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    curve = _transform(ramp, profile, "RGB").getchannel("G").tobytes()
    return picture.point([*curve] if picture.mode == "L" else [*curve, *range(256)])


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether the profile leaves sRGB colours as they are, give or take rounding: then there is nothing to convert."""
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


def _opaque(picture: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Laid on the background. Grey stays grey if the background is."""
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


def _upright(picture: Image.Image, header: Header) -> Image.Image:
    return picture.transpose(_UPRIGHT[header.orientation]) if header.orientation in _UPRIGHT else picture
