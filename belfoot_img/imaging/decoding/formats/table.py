"""The table of formats. To add one, add an entry here, its class beside the others, and its tests."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from belfoot_img.errors import NotAnImage
from belfoot_img.imaging.decoding.formats import heif, ico
from belfoot_img.imaging.decoding.formats.avif import AvifPicture, brands
from belfoot_img.imaging.decoding.formats.bmp import BmpPicture
from belfoot_img.imaging.decoding.formats.gif import GifPicture
from belfoot_img.imaging.decoding.formats.ico import IcoPicture
from belfoot_img.imaging.decoding.formats.jpeg import JpegPicture
from belfoot_img.imaging.decoding.formats.picture import Picture
from belfoot_img.imaging.decoding.formats.png import PngPicture
from belfoot_img.imaging.decoding.formats.tiff import TiffPicture
from belfoot_img.imaging.decoding.formats.webp import WebpPicture


@dataclass(frozen=True)
class Format:
    """``name``: as the JSON says it; ``label``: as a sentence says it; ``picture``: reads the header and decodes."""

    name: str
    label: str
    has_signature: Callable[[bytes], bool]
    picture: type[Picture]


def _starts_with(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda source: source.startswith(signatures)


_BMP_HEADERS = {struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124)}

FORMATS: tuple[Format, ...] = (
    Format("JPEG", "JPEG", _starts_with(b"\xff\xd8\xff"), JpegPicture),
    Format("PNG", "PNG", _starts_with(b"\x89PNG\r\n\x1a\n"), PngPicture),
    Format("GIF", "GIF", _starts_with(b"GIF87a", b"GIF89a"), GifPicture),
    Format("WEBP", "WebP", lambda source: source[:4] == b"RIFF" and source[8:12] == b"WEBP", WebpPicture),
    Format("BMP", "BMP", lambda source: source[:2] == b"BM" and source[14:18] in _BMP_HEADERS, BmpPicture),
    Format("TIFF", "TIFF", _starts_with(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffPicture),
    Format("AVIF", "AVIF", lambda source: bool(brands(source) & {b"avif", b"avis"}), AvifPicture),
    Format("ICO", "ICO", ico.has_signature, IcoPicture),
)
if heif.INSTALLED:
    FORMATS = (*FORMATS, Format("HEIF", "HEIC", heif.has_signature, heif.HeifPicture))


def format_of(source: bytes) -> Format:
    """Returns the format whose signature ``source`` has. Raises NotAnImage, which names all of them."""
    for candidate in FORMATS:
        if candidate.has_signature(source):
            return candidate
    *labels, last = (known.label for known in FORMATS)
    raise NotAnImage(f"What the link gave is no {', '.join(labels)} or {last}.")
