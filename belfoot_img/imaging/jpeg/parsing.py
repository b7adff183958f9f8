"""Parsing a JPEG's markers into a ``Jpeg``."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.jpeg.markers import (
    APP0,
    APP1,
    APP2,
    APP14,
    ARITHMETIC,
    ARITHMETIC_PROGRESSIVE,
    BASELINE,
    DQT,
    EOI,
    EXIF,
    EXTENDED,
    FRAMES,
    ICC,
    PROGRESSIVE,
    SOS,
    Segment,
    exif_orientation,
    read_segments,
)
from belfoot_img.imaging.jpeg.stripping import stripped


@dataclass(frozen=True)
class Component:
    """A colour component of the frame: its sampling factors (1 to 4) and the number of its quantisation table."""

    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True)
class Jpeg:
    """What the markers of one file say.

    ``size``: (width, height) in px as stored, before its orientation is applied; ``precision``: bits a sample;
    ``process``: the frame's marker; ``adobe_transform``: the colour transform in APP14, None without it; ``end``: the
    offset behind the end of image, or the file's length where there is none; ``is_ended``: whether there is one.
    """

    source: bytes = field(repr=False)
    segments: tuple[Segment, ...]
    process: int
    precision: int
    size: tuple[int, int]
    components: tuple[Component, ...]
    adobe_transform: int | None
    end: int
    is_ended: bool

    @cached_property
    def scans(self) -> int:
        return sum(segment.marker == SOS for segment in self.segments)

    @property
    def is_common(self) -> bool:
        """8 bit and Huffman-coded, sequential or progressive: what every browser decodes."""
        return self.process in (BASELINE, EXTENDED, PROGRESSIVE) and self.precision == 8

    @property
    def is_arithmetic(self) -> bool:
        """8 bit and arithmetic-coded, sequential or progressive: what Chromium and libvips decode, Pillow in part."""
        return self.process in (ARITHMETIC, ARITHMETIC_PROGRESSIVE) and self.precision == 8

    @property
    def is_refined(self) -> bool:
        """Whether the scans bring every coefficient to its last bit, and the last scan only adds such bits.

        A progressive file that is cut off in its last scan then holds the whole picture, a little less precise.
        """
        whole, last = set(), None
        for segment in self.segments:
            if segment.marker == SOS:
                body = self.payload(segment)
                names, (first, final, bits) = body[1 : 1 + 2 * body[0] : 2], body[1 + 2 * body[0] : 4 + 2 * body[0]]
                last = bits >> 4
                if bits & 15 == 0:
                    whole |= {(name, index) for name in names for index in range(first, min(final, 63) + 1)}
        return self.is_progressive and bool(last) and len(whole) >= 64 * len(self.components)

    @property
    def is_progressive(self) -> bool:
        return self.process == PROGRESSIVE

    def payload(self, segment: Segment) -> bytes:
        """Returns what follows the segment's marker and length."""
        length = segment.start + 4
        return self.source[length : segment.end]

    @cached_property
    def orientation(self) -> int:
        """1 to 8 as in Exif, of the first Exif segment; 1 where it holds no valid one."""
        for segment in self.segments:
            if segment.marker == APP1 and self.payload(segment).startswith(EXIF):
                return exif_orientation(self.payload(segment)[len(EXIF) :])
        return 1

    @cached_property
    def icc_profile(self) -> bytes | None:
        """The profile joined from its parts; None where there is none or a part is missing."""
        parts = {}
        for segment in self.segments:
            body = self.payload(segment)
            if segment.marker == APP2 and body.startswith(ICC) and len(body) >= 14:
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
                tables.update(quantisation_tables(self.payload(segment)))
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

    def strip(self) -> bytes:
        """Returns the JPEG without what can identify a person, by ``stripping``; ``source`` where there is nothing to
        drop."""
        return stripped(self.source, self.segments, self.orientation, self.end)

    def complies(self, size_limit: int) -> bool:
        """Returns whether the JPEG can be kept: grey or YCbCr, 8 bit, Huffman-coded, and stripped at most
        ``size_limit`` bytes.

        Says nothing about the pixels; ``decoding.decoder.check`` does.
        """
        return self.is_common and self.colour in ("grey", "ycbcr") and len(self.strip()) <= size_limit


def parse(source: bytes) -> Jpeg:
    """Raises ImageDamaged where the bytes are no JPEG with a frame and a scan."""
    if not source.startswith(b"\xff\xd8"):
        raise ImageDamaged
    segments = list(read_segments(source))
    end = segments.pop() if segments and segments[-1].marker == EOI else None
    frame = next((segment for segment in segments if segment.marker in FRAMES), None)
    if frame is None or not any(segment.marker == SOS for segment in segments):
        raise ImageDamaged
    precision, size, components = _frame(source[frame.start + 4 : frame.end])
    return Jpeg(
        source=source,
        segments=tuple(segments),
        process=frame.marker,
        precision=precision,
        size=size,
        components=components,
        adobe_transform=_adobe_transform(source, segments),
        end=end.end if end else len(source),
        is_ended=end is not None,
    )


def _frame(body: bytes) -> tuple[int, tuple[int, int], tuple[Component, ...]]:
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or body[5] == 0:
        raise ImageDamaged
    precision, height, width, count = struct.unpack_from(">BHHB", body)
    components = tuple(
        Component(identifier, sampling >> 4, sampling & 15, table)
        for identifier, sampling, table in struct.iter_unpack("BBB", body[6 : 6 + 3 * count])
    )
    return precision, (width, height), components


def _adobe_transform(source: bytes, segments: list[Segment]) -> int | None:
    """Returns the transform of the last APP14 segment that is Adobe's, as libjpeg takes it."""
    transform = None
    for segment in segments:
        is_adobe = segment.marker == APP14 and source.startswith(b"Adobe", segment.start + 4)
        if is_adobe and segment.end - segment.start >= 16:
            transform = source[segment.start + 15]
    return transform


def quantisation_tables(body: bytes) -> dict[int, tuple[int, ...]]:
    """Returns the tables of one DQT segment by their number, 64 values each in zigzag order."""
    tables, position = {}, 0
    while position < len(body):
        shape = ">64H" if body[position] >> 4 else "64B"
        if position + 1 + struct.calcsize(shape) > len(body):
            break
        tables[body[position] & 15] = struct.unpack_from(shape, body, position + 1)
        position += 1 + struct.calcsize(shape)
    return tables
