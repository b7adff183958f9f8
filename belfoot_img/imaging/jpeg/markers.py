"""A JPEG as a sequence of markers, without decoding its pixels.

Reading is tolerant, as libjpeg is: junk between segments is skipped, a missing end of image is taken as the end of the
file. It takes linear time and ends in a ``Jpeg`` or in ``ImageDamaged``, whatever the bytes are.

Sources: ITU-T T.81 (markers, annex B), JFIF 1.02 (APP0), Exif 2.32 (APP1), ICC.1 annex B.4 (APP2), and Adobe technical
note 5116 (APP14).
"""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from belfoot_img.errors import ImageDamaged

SOI, EOI, SOS, DQT, DHT, DNL, DRI, DAC, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDC, 0xDD, 0xCC, 0xFE
APP0, APP1, APP2, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
MOST_HEADER_SEGMENTS = 20_000

_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0"


@dataclass(frozen=True)
class Segment:
    """One marker with what belongs to it: ``source[start:end]``; a scan includes its entropy-coded data."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True)
class Component:
    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True)
class Jpeg:
    """What the markers say. ``end``: offset behind the end of image; ``size`` as stored, in px: (width, height)."""

    source: bytes = field(repr=False)
    segments: tuple[Segment, ...]
    process: int
    precision: int
    size: tuple[int, int]
    components: tuple[Component, ...]
    adobe_transform: int | None
    end: int

    @cached_property
    def scans(self) -> int:
        return sum(segment.marker == SOS for segment in self.segments)

    @property
    def is_common(self) -> bool:
        """8 bit and Huffman-coded, sequential or progressive: what every browser decodes."""
        return self.process in (BASELINE, EXTENDED, PROGRESSIVE) and self.precision == 8

    def payload(self, segment: Segment) -> bytes:
        """What follows the segment's marker and length."""
        length = segment.start + 4
        return self.source[length : segment.end]

    @cached_property
    def orientation(self) -> int:
        """1 to 8 as Exif numbers them, 1 where nothing valid is said; the first Exif segment counts."""
        for segment in self.segments:
            if segment.marker == APP1 and self.payload(segment).startswith(_EXIF):
                return exif_orientation(self.payload(segment)[len(_EXIF) :])
        return 1

    @cached_property
    def icc_profile(self) -> bytes | None:
        """The profile put together from its parts, None where there is none or a part is missing."""
        parts = {}
        for segment in self.segments:
            body = self.payload(segment)
            if segment.marker == APP2 and body.startswith(_ICC) and len(body) >= 14:
                parts[body[12]] = (body[13], body[14:])
        if sorted(parts) != list(range(1, len(parts) + 1)) or any(total != len(parts) for total, _ in parts.values()):
            return None
        return b"".join(parts[number][1] for number in sorted(parts)) or None

    @cached_property
    def tables(self) -> dict[int, tuple[int, ...]]:
        """Quantisation tables by their number, in zigzag order; the last definition of a number counts."""
        tables = {}
        for segment in self.segments:
            if segment.marker == DQT:
                tables.update(_tables(self.payload(segment)))
        return tables

    @property
    def colour(self) -> str:
        """``grey``, ``ycbcr``, ``rgb``, ``cmyk``, ``ycck`` or ``unknown``, told apart by libjpeg's rules."""
        identifiers = tuple(component.identifier for component in self.components)
        if len(identifiers) == 1:
            return "grey"
        if len(identifiers) == 3:
            if self._has_jfif:
                return "ycbcr"
            if self.adobe_transform is not None:
                return "rgb" if self.adobe_transform == 0 else "ycbcr"
            return "rgb" if identifiers == tuple(b"RGB") else "ycbcr"
        if len(identifiers) == 4:
            return "ycck" if self.adobe_transform == 2 else "cmyk"
        return "unknown"

    @property
    def _has_jfif(self) -> bool:
        return any(s.marker == APP0 and self.payload(s).startswith(b"JFIF\0") for s in self.segments)


def parse(source: bytes) -> Jpeg:
    """Raises ImageDamaged where the bytes are no JPEG with a frame and a scan."""
    if not source.startswith(b"\xff\xd8"):
        raise ImageDamaged
    segments, frame, adobe, end = [], None, None, len(source)
    position = 2
    while match := _MARKER.search(source, position):
        start, position = match.span()
        marker = source[start + 1]
        if marker == EOI:
            end = position
            break
        if marker == 0x01 or SOI >= marker >= 0xD0:  # TEM, RSTn, SOI stand alone; stray ones mean nothing
            continue
        segment = _segment(source, marker, start)
        position = segment.end
        segments.append(segment)
        if len(segments) > MOST_HEADER_SEGMENTS:
            raise ImageDamaged
        if marker in FRAMES and frame is None:
            frame = segment
        elif marker == APP14 and source.startswith(b"Adobe", start + 4) and segment.end - start >= 16:
            adobe = source[start + 15]
    if frame is None or not any(segment.marker == SOS for segment in segments):
        raise ImageDamaged
    precision, size, components = _frame(source[frame.start + 4 : frame.end])
    return Jpeg(source, tuple(segments), frame.marker, precision, size, components, adobe, end)


def _segment(source: bytes, marker: int, start: int) -> Segment:
    length = int.from_bytes(source[start + 2 : start + 4], "big")
    end = start + 2 + length
    if length < 2 or end > len(source):
        raise ImageDamaged
    if marker == SOS:
        following = _MARKER_IN_SCAN.search(source, end)
        end = following.start() if following else len(source)
    return Segment(marker, start, end)


def _frame(body: bytes) -> tuple[int, tuple[int, int], tuple[Component, ...]]:
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or body[5] == 0:
        raise ImageDamaged
    precision, height, width, count = struct.unpack_from(">BHHB", body)
    components = tuple(
        Component(identifier, sampling >> 4, sampling & 15, table)
        for identifier, sampling, table in struct.iter_unpack("BBB", body[6 : 6 + 3 * count])
    )
    return precision, (width, height), components


def _tables(body: bytes) -> dict[int, tuple[int, ...]]:
    tables, position = {}, 0
    while position < len(body):
        shape = ">64H" if body[position] >> 4 else "64B"
        if position + 1 + struct.calcsize(shape) > len(body):
            break
        tables[body[position] & 15] = struct.unpack_from(shape, body, position + 1)
        position += 1 + struct.calcsize(shape)
    return tables


def exif_orientation(tiff: bytes) -> int:
    """The tag 0x0112 of the first directory of a TIFF structure; 1 where it is absent or out of 1 to 8."""
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


def complies(source: bytes, size_limit: int) -> bool:
    """Whether the JPEG can be kept: grey or YCbCr, 8 bit, Huffman-coded, stripped at most ``size_limit`` bytes.

    Says nothing about the pixels: ``decoding.check`` does. Raises ImageDamaged.
    """
    jpeg = parse(source)
    return jpeg.is_common and jpeg.colour in ("grey", "ycbcr") and len(strip(source)) <= size_limit


def strip(source: bytes) -> bytes:
    """The same JPEG without what can identify a person; the very same bytes where there is nothing to drop.

    Kept: what decoding needs, JFIF without its thumbnail, Adobe's colour transform, the ICC profile, and of Exif the
    orientation. Dropped: all other application segments (XMP, IPTC, further pictures of MPF, C2PA, …), comments, bytes
    between segments, and what follows the end of image, unless that is mere padding. Raises ImageDamaged.
    """
    jpeg = parse(source)
    pieces, position, orientation = [b"\xff\xd8"], 2, jpeg.orientation
    for segment in jpeg.segments:
        fill = source[position : segment.start]
        pieces.append(fill if not fill.strip(b"\xff") else b"")
        if segment.marker == APP1 and orientation != 1 and jpeg.payload(segment).startswith(_EXIF):
            pieces.append(orientation_segment(orientation))
            orientation = 1
        else:
            pieces.append(_harmless(jpeg, segment))
        position = segment.end
    pieces.append(b"\xff\xd9")
    stripped = b"".join(pieces)
    is_clean = stripped == source[: jpeg.end] and not source[jpeg.end :].strip(b"\0\xff \t\r\n")
    return source if is_clean else stripped


def _harmless(jpeg: Jpeg, segment: Segment) -> bytes:
    """The segment as it may stay, empty where it may not."""
    body = jpeg.payload(segment)
    if segment.marker in FRAMES or segment.marker in (SOS, DQT, DHT, DNL, DRI, DAC):
        return jpeg.source[segment.start : segment.end]
    if segment.marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
        return _marked(APP0, body[:12] + b"\0\0")
    if segment.marker == APP2 and body.startswith(_ICC):
        return jpeg.source[segment.start : segment.end]
    if segment.marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        return _marked(APP14, body[:12])
    return b""


def _marked(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def orientation_segment(orientation: int) -> bytes:
    """The least Exif that says ``orientation``: one directory with one tag."""
    return _marked(APP1, _EXIF + b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0))


def repack(source: bytes) -> bytes:
    """The stripped JPEG with its coefficients untouched and coded anew, progressive with optimal Huffman tables.

    Never longer than what ``strip`` gives, and exactly that where the transcoder fails. It runs in a process of its own
    (80 ms), since it ends its process at whatever it does not like, such as data that any decoder shows with a warning.
    Raises ImageDamaged.
    """
    stripped = strip(source)
    end = parse(stripped).end
    command = [sys.executable, "-P", "-c", _TRANSCODER]
    try:
        done = subprocess.run(command, input=stripped[:end], capture_output=True, timeout=_TRANSCODING, check=True)
    except (OSError, subprocess.SubprocessError):
        return stripped[:end]
    return min(done.stdout or stripped, stripped, key=len)


_TRANSCODER = """
import sys
from mozjpeg_lossless_optimization import COPY_MARKERS, optimize
sys.stdout.buffer.write(optimize(sys.stdin.buffer.read(), COPY_MARKERS.ALL))
"""
_TRANSCODING = 10  # seconds


def estimated_quality(jpeg: Jpeg) -> int | None:
    """The libjpeg quality (1 to 100) whose luminance table is as coarse as this one's; None without a table."""
    table = jpeg.tables.get(jpeg.components[0].table)
    return None if table is None else 1 + int(np.abs(_coarseness() - sum(table)).argmin())


@cache
def _coarseness() -> np.ndarray:
    """Sums of the luminance table of T.81 annex K.1 as libjpeg scales it for qualities 1 to 100."""
    table = np.array(_LUMINANCE)
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.clip((table * scale[:, None] + 50) // 100, 1, 255).sum(axis=1)


# In no order that matters, since only the sum of the scaled table is used.
_LUMINANCE = [
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29),
    *(51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121),
    *(120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
]
