"""Bytes → upright, opaque sRGB pixels, from a hostile file.

A source is what its first bytes say, whatever its name or content type; only the formats of ``_OPENERS`` are ever
given to a codec, and only after the header has been judged. Whatever a codec raises leaves this module as
``ImageDamaged``. Colours (``colours``) and orientation are those that browsers and libvips show:

- Exif orientation counts in JPEG, PNG and WebP, the rotation of the container in AVIF, the tag in TIFF.
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

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from belfoot_img.errors import ImageDamaged, ImageTooLarge, NotAnImage, ServiceError
from belfoot_img.imaging.decoding import colours
from belfoot_img.imaging.jpeg import markers as jpeg

Image.MAX_IMAGE_PIXELS = None  # the setting fetch.max_pixels decides instead, before anything is decoded
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # conversions share the cores already
PngImagePlugin.MAX_TEXT_CHUNK = 8 * 2**20  # bytes; at 1 MiB, as it comes, it refuses pictures with long edit histories

MOST_SCANS = 100
MOST_SCANNED_PIXELS = 4_000_000_000
"""Scans × pixels. An ordinary progressive JPEG has a dozen scans; one of 100 MP may have forty."""
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

    ``width`` × ``height``: the source's upright size in px. ``pixels`` is smaller where a JPEG is more than twice as
    large as ``max_side``: then it has exactly that longer side. ``source_quality``: the estimated libjpeg quality of a
    JPEG.
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
            bound(_webp_size(source), max_pixels)
        if kind == "JPEG":
            _judge(jpeg.parse(source))
        picture = _open(source, kind)
        bound(picture.size, max_pixels)
        orientation = _orientation(source, kind, picture)
    width, height = picture.size if orientation < 5 else picture.size[::-1]
    return Header(kind, width, height, orientation)


def decode(source: bytes, header: Header, background: tuple[int, int, int], max_side: int) -> Original:
    """The first picture of ``source``, laid on ``background`` (sRGB). Raises ImageDamaged."""
    with _refusing():
        pixels = _load(source, header, max_side)
        profile = pixels.info.get("icc_profile")
        pixels = colours.eight_bit(pixels)
        pixels = colours.in_srgb(pixels, profile)
        pixels = colours.opaque(pixels, background)
        pixels = _upright(pixels, header)
        pixels.info = {}  # Pillow would write some of it, such as a comment, into what it encodes
    quality = jpeg.estimated_quality(jpeg.parse(source)) if header.format == "JPEG" else None
    return Original(pixels, header.width, header.height, len(source), quality)


def check(source: bytes, header: Header) -> None:
    """Decodes ``source`` to its end and keeps nothing of it. Raises ImageDamaged."""
    with _refusing():
        picture = _open(source, header.format)
        if header.format == "JPEG":
            _draft(picture, None, 8)
        picture.load()


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


def bound(size: tuple[int, int], max_pixels: int) -> None:
    """Raises ImageTooLarge, and ImageDamaged where there is nothing to see."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageDamaged
    if width * height > max_pixels:
        raise ImageTooLarge(f"The image has {width} × {height} pixels; at most {max_pixels} are taken.")


def _judge(markers: jpeg.Jpeg) -> None:
    """Refuses what takes hours by design, and in a clear sentence what neither libjpeg-turbo nor a browser decodes."""
    width, height = markers.size
    if markers.scans > MOST_SCANS or markers.scans * width * height > MOST_SCANNED_PIXELS:
        raise ImageDamaged(f"The JPEG has {markers.scans} scans, far more than it needs.")
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
    if header.format == "JPEG" and (factor := _reduction(header, max_side)) > 1:
        return _load_reduced(source, factor, max_side)
    picture = _open(source, header.format)
    covered = picture.tile[0].extents if header.format == "GIF" else None
    picture.load()
    vars(picture).pop("_decoder", None)  # of WebP and AVIF: it holds further copies of the picture
    if header.format == "PNG":
        _scale_colour_key(picture, depth=source[24])
    if covered and covered != (0, 0, *picture.size) and "transparency" not in picture.info:
        picture = _transparent_outside(picture, covered)
    return picture


def _reduction(header: Header, max_side: int) -> int:
    """1, 2, 4 or 8: how much smaller libjpeg may decode so that the longer side stays at least ``max_side``."""
    longer = max(header.width, header.height)
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or longer // factor >= max_side)


def _load_reduced(source: bytes, factor: int, max_side: int) -> Image.Image:
    """A large JPEG brought to ``max_side`` in a fraction of the memory, and as good as from all of its pixels.

    Colours are decoded at 1/factor, where libjpeg loses a little sharpness. Luma is decoded at twice that size too, in
    one byte a pixel, and what it has more of detail is added. The sums stay in RGB, since Pillow's way from YCbCr to
    RGB and back is off by half a level.
    """
    markers = jpeg.parse(source)
    size = _within(markers.size, max_side)
    if markers.colour == "grey":
        picture = _scaled(source, None, factor // 2, size)
    else:
        picture = _scaled(source, None, factor, size)
    if markers.colour == "ycbcr":
        detail = ImageChops.subtract(
            _scaled(source, "L", factor // 2, size), _scaled(source, "L", factor, size), offset=128
        )
        picture = ImageChops.add(picture, Image.merge("RGB", (detail,) * 3), offset=-128)
    picture.info = {"icc_profile": markers.icc_profile}
    return picture


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """``size`` with its longer side brought to ``side``, each rounded half up."""
    longer = max(size)
    return tuple(max(1, (2 * length * side + longer) // (2 * longer)) for length in size)


def _scaled(source: bytes, mode: str | None, factor: int, size: tuple[int, int]) -> Image.Image:
    """Decoded at 1/factor, then brought to ``size``; what the codec rounds up is not part of the picture."""
    picture = _open(source, "JPEG")
    width, height = picture.size
    _draft(picture, mode, factor)
    box = (0, 0, min(width / factor, picture.width), min(height / factor, picture.height))
    return picture.resize(size, Image.Resampling.LANCZOS, box=box)


def _draft(picture: JpegImagePlugin.JpegImageFile, mode: str | None, factor: int) -> None:
    picture.draft(mode, tuple(max(1, length // factor) for length in picture.size))


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


def _upright(picture: Image.Image, header: Header) -> Image.Image:
    return picture.transpose(_UPRIGHT[header.orientation]) if header.orientation in _UPRIGHT else picture
