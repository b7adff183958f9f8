"""AVIF, and the brands of ISO base media files."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from PIL import AvifImagePlugin, Image

from belfoot_img.imaging.decoding.coded_colours import CodePoints, in_srgb
from belfoot_img.imaging.decoding.formats.picture import READ_AHEAD, ExifPicture

MOST_BOXES = 100
"""Boxes at the top of a file that are followed; a picture has three to five, a hostile file of 50 MB six million."""
MOST_OBUS = 100
"""The same of an item's OBUs (open bitstream units), of which a picture has two to five."""
NEAR = 65536
"""Bytes at the beginning in which the boxes iloc and colr are looked for, without following those around them."""
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # conversions share the cores already


def brands(source: bytes) -> set[bytes]:
    """Returns the major and compatible brands of an ISO base media file; empty for other files."""
    if source[4:8] != b"ftyp":
        return set()
    box = source[8 : min(int.from_bytes(source[:4], "big"), 1024)]
    return {box[offset : offset + 4] for offset in range(0, len(box), 4) if offset != 4}


def end_of_boxes(source: bytes) -> int:
    """Returns the bytes that the boxes at the top of an ISO base media file (ISO/IEC 14496-12) take, by their own
    headers; more than there are where the last box is cut off."""
    end = 0
    for _ in range(MOST_BOXES):
        if end + 8 > len(source):
            break
        size = int.from_bytes(source[end : end + 4], "big")
        if size == 1:
            size = int.from_bytes(source[end + 8 : end + 16], "big")
        if size < 8:  # 0: to the end of the file; less is damage
            return len(source)
        end += size
    return end


class AvifPicture(ExifPicture):
    """Pillow reports the rotation of the container as the orientation of Exif."""

    plugin = AvifImagePlugin.AvifImageFile

    @staticmethod
    def declared_bytes(source: bytes) -> int:
        return end_of_boxes(source)

    @property
    def padded(self) -> bytes:
        padded = super().padded
        if padded is not self.source:
            with suppress(Exception):  # whatever is odd about the boxes, zeros may be enough
                return _lengthened(padded)
        return padded

    def load(self, max_side: int) -> Image.Image:
        picture = super().load(max_side)
        vars(picture).pop("_decoder", None)  # it holds further copies of the picture
        points = self._code_points()
        has_profile = bool(picture.info.get("icc_profile"))
        return picture if points is None or points.is_srgb or has_profile else in_srgb(picture, points)

    def _code_points(self) -> CodePoints | None:
        """Of the first box colr of kind nclx (ISO/IEC 23008-12), which stands near the beginning."""
        found = self.source.find(b"colrnclx", 0, NEAR)
        return None if found < 0 else CodePoints(*struct.unpack_from(">HH", self.source, found + 8))


class _Extent(NamedTuple):
    """A part of an item: its first byte in the file, its bytes, and where the box iloc holds their number."""

    start: int
    length: int
    field: int
    field_bytes: int


def _extents(source: bytes) -> Iterator[_Extent]:
    """Reads the box iloc (ISO/IEC 14496-12, 8.11.3), whose numbers of items and extents may be lies."""
    at = source.index(b"iloc", 0, NEAR) + 4
    end = min(NEAR, len(source) - at)
    box = io.BytesIO(source[at : at + end])

    def number(size: int) -> int:
        return int.from_bytes(box.read(size), "big")

    version, _, sizes = number(1), number(3), number(2)
    start_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    for _ in range(number(2 if version < 2 else 4)):
        box.seek((2 if version < 2 else 4) + (2 if version else 0) + 2, io.SEEK_CUR)  # id, method, file
        base = number(base_bytes)
        for _ in range(number(2)):
            number(index_bytes)
            start, field = base + number(start_bytes), at + box.tell()
            if not length_bytes or box.tell() >= end:
                return
            yield _Extent(start, number(length_bytes), field, length_bytes)
        if box.tell() >= end:
            return


def _lengthened(source: bytes) -> bytes:
    """Returns the file with ``READ_AHEAD`` zeros in the item that ends it. Raises StopIteration where there is none,
    and other errors where the boxes are odd."""
    last = next(extent for extent in _extents(source) if extent.start + extent.length == len(source))
    item = _without_last_size(source[last.start :]) + bytes(READ_AHEAD)
    field = len(item).to_bytes(last.field_bytes, "big")
    return source[: last.field] + field + source[last.field + last.field_bytes : last.start] + item


def _without_last_size(item: bytes) -> bytes:
    """Returns the OBUs of an AV1 picture with the last one reaching to their end, whatever that is (AV1 specification,
    5.3: obu_has_size_field). Metadata, which do not look like an OBU with a size, stay as they are."""
    at = 0
    for _ in range(MOST_OBUS):
        if not item[at] & 2:
            return item
        header = 2 if item[at] & 4 else 1
        body, size = _leb128(item, at + header)
        if body + size >= len(item):
            return item[:at] + bytes([item[at] & ~2]) + item[at + 1 : at + header] + item[body:]
        at = body + size
    return item


def _leb128(source: bytes, at: int) -> tuple[int, int]:
    """Returns the position behind the number at ``at``, and the number (AV1 specification, 4.10.5)."""
    value = 0
    for place in range(8):
        value |= (source[at + place] & 127) << 7 * place
        if source[at + place] < 128:
            break
    return at + place + 1, value
