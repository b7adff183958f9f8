"""JPEGs and segments that the tests of this folder share."""

import io

import numpy as np
from PIL import Image

from testbed import pictures

ARTIST = b"Jane Roe, 5 Some Street\0"
XMP = pictures.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + ARTIST)
IPTC = pictures.segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x18" + ARTIST)
COMMENT = pictures.segment(0xFE, ARTIST)
C2PA = pictures.segment(0xEB, b"JP\0\0" + ARTIST)
MPF = pictures.segment(0xE2, b"MPF\0" + ARTIST)
JFXX = pictures.segment(0xE0, b"JFXX\0\x10" + ARTIST)
THUMBNAIL = pictures.segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\1\4" + 12 * b"Jane")
EXIF = pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(1, ARTIST))


def plain(**options) -> bytes:
    return pictures.saved(pictures.scene(), "JPEG", **options)


def decoded(source) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(source)))


FULL = pictures.with_segments(
    pictures.turned(pictures.scene(32, 24), 6, icc_profile=pictures.profile(), progressive=True), XMP, MPF, IPTC
)
