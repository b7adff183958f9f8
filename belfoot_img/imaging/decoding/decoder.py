"""Reads the header of a source, then decodes its first picture into the ``Original`` that is fitted.

- Exif orientation counts in JPEG, PNG and WebP, the rotation of the container in AVIF, the tag in TIFF.
- gAMA and cHRM of PNG are ignored, as libvips, sharp and ImageMagick's resizers do: nearly every file that has them
  says sRGB in other words, and most of the others say something their author never saw.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image

from belfoot_img.errors import ImageDamaged, ImageTooLarge, ServiceError
from belfoot_img.imaging.decoding import colours
from belfoot_img.imaging.decoding.formats.picture import MAX_WHOLE_PIXELS, Picture
from belfoot_img.imaging.decoding.formats.table import format_of
from belfoot_img.imaging.jpeg.parsing import Jpeg
from belfoot_img.imaging.jpeg.quality import estimated_quality
from belfoot_img.imaging.proportions import size_at

Image.MAX_IMAGE_PIXELS = None  # the setting fetch.max_pixels decides instead, before anything is decoded

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
    """A source before it is decoded.

    ``format``: a name of the table of formats; ``width`` × ``height`` in px as shown; ``picture``: decodes the source.
    """

    format: str
    width: int
    height: int
    picture: Picture = field(repr=False, compare=False)

    @property
    def jpeg(self) -> Jpeg | None:
        """Returns the parsed markers of a JPEG, None for other formats."""
        return self.picture.jpeg


@dataclass(frozen=True)
class Original:
    """The picture to fit. ``pixels``: "RGB" or "L", upright, opaque, sRGB, 8 bit.

    ``width`` × ``height``: the source's upright size in px. ``pixels`` is smaller where a JPEG is more than twice as
    large as ``max_side``, or any source has more than ``MAX_WHOLE_PIXELS``: then ``max_side`` is its longer side.
    ``source_quality``: the estimated libjpeg quality of a JPEG.
    """

    pixels: Image.Image
    width: int
    height: int
    source_bytes: int
    source_quality: int | None = None


def read_header(source: bytes, max_pixels: int) -> Header:
    """Checks a source before it is decoded. Raises NotAnImage, ImageTooLarge (more than max_pixels), ImageDamaged."""
    kind = format_of(source)
    with _refusing(kind.picture, source):
        if size := kind.picture.size_before_opening(source):
            check_size(size, max_pixels)
        picture = kind.picture(source)
        check_size(picture.size, max_pixels)
    width, height = picture.size if picture.orientation < 5 else picture.size[::-1]
    return Header(kind.name, width, height, picture)


def decode(header: Header, background: tuple[int, int, int], max_side: int) -> Original:
    """Returns the first picture of the source, laid on ``background`` (sRGB). Raises ImageDamaged."""
    picture = header.picture
    with _refusing(type(picture), picture.source):
        pixels = picture.load(max_side)
        profile = pixels.info.get("icc_profile")
        pixels = colours.eight_bit(pixels)
        pixels = colours.in_srgb(pixels, profile)
        pixels = colours.opaque(pixels, background)
        pixels = _reduced(pixels, max_side)
        if picture.orientation in _UPRIGHT:
            pixels = pixels.transpose(_UPRIGHT[picture.orientation])
        pixels.info = {}  # Pillow would write some of it, such as a comment, into what it encodes
    quality = estimated_quality(header.jpeg) if header.jpeg else None
    return Original(pixels, header.width, header.height, len(picture.source), quality)


def _reduced(pixels: Image.Image, max_side: int) -> Image.Image:
    if pixels.width * pixels.height <= MAX_WHOLE_PIXELS or max(pixels.size) <= max_side:
        return pixels
    return pixels.resize(size_at(pixels.size, max_side), Image.Resampling.LANCZOS)


def check(header: Header) -> None:
    """Decodes the source to its end and keeps nothing of it. Raises ImageDamaged."""
    with _refusing(type(header.picture), header.picture.source):
        header.picture.check()


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Checks ``size``, (width, height) in px. Raises ImageTooLarge, and ImageDamaged where the picture is empty."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageDamaged
    if width * height > max_pixels:
        raise ImageTooLarge(f"The image has {width} × {height} pixels; at most {max_pixels} are taken.")


@contextmanager
def _refusing(kind: type[Picture], source: bytes) -> Iterator[None]:
    """Turns whatever a codec raises, of any class, into ImageDamaged, and silences its warnings. The message says how
    much is missing of a file that is shorter than its headers say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ServiceError:
        raise
    except Exception as error:
        declared = kind.declared_bytes(source)
        missing = declared - len(source)
        if missing > 0:
            raise ImageDamaged(f"The image is cut off: {missing} of {declared} bytes are missing.") from error
        raise ImageDamaged from error
