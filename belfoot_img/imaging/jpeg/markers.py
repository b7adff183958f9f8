"""Markers, segments, and the orientation in Exif."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from belfoot_img.errors import ImageDamaged

SOI, EOI, SOS, DQT, DHT, DNL, DRI, DAC, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDC, 0xDD, 0xCC, 0xFE
APP0, APP1, APP2, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
ARITHMETIC, ARITHMETIC_PROGRESSIVE = 0xC9, 0xCA
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
MAX_SEGMENTS = 20_000

EXIF = b"Exif\0\0"
ICC = b"ICC_PROFILE\0"

_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass(frozen=True)
class Segment:
    """One marker with what belongs to it: ``source[start:end]``; a scan includes its entropy-coded data."""

    marker: int
    start: int
    end: int


def read_segments(source: bytes) -> Iterator[Segment]:
    """The segments of ``source`` behind the start of image; the last is the end of image, if there is one.

    Stray restart and start markers, TEM and junk between segments are skipped. Raises ImageDamaged where a segment
    reaches beyond the end of the file, or where there are more than ``MAX_SEGMENTS``.
    """
    position, count = 2, 0
    while match := _MARKER.search(source, position):
        start, position = match.span()
        marker = source[start + 1]
        if marker == EOI:
            yield Segment(EOI, start, position)
            return
        if marker == 0x01 or SOI >= marker >= 0xD0:  # TEM, RSTn and SOI have no body
            continue
        segment = _segment(source, marker, start)
        position, count = segment.end, count + 1
        if count > MAX_SEGMENTS:
            raise ImageDamaged
        yield segment


def _segment(source: bytes, marker: int, start: int) -> Segment:
    length = int.from_bytes(source[start + 2 : start + 4], "big")
    end = start + 2 + length
    if length < 2 or end > len(source):
        raise ImageDamaged
    if marker == SOS:
        following = _MARKER_IN_SCAN.search(source, end)
        end = following.start() if following else len(source)
    return Segment(marker, start, end)


def exif_orientation(tiff: bytes) -> int:
    """Returns the orientation (tag 0x0112) in the first directory of a TIFF structure; 1 where it is absent or not 1 to
    8."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return 1
    directory = struct.unpack_from(order + "I", tiff, 4)[0]
    if directory + 2 > len(tiff):
        return 1
    count = struct.unpack_from(order + "H", tiff, directory)[0]
    entries = tiff[directory + 2 : directory + 2 + 12 * count]
    for tag, kind, _, value in struct.iter_unpack(order + "HHIH2x", entries[: len(entries) // 12 * 12]):
        if tag == 0x0112:
            return value if kind == 3 and 1 <= value <= 8 else 1
    return 1
