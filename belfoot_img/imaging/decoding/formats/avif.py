"""AVIF, and the brands of ISO base media files."""

from __future__ import annotations

import struct

from PIL import AvifImagePlugin, Image

from belfoot_img.imaging.decoding.coded_colours import CodePoints, in_srgb
from belfoot_img.imaging.decoding.formats.picture import ExifPicture

MOST_BOXES = 100
"""Boxes at the top of a file that are followed; a picture has three to five, a hostile file of 50 MB six million."""
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

    def load(self, max_side: int) -> Image.Image:
        picture = super().load(max_side)
        vars(picture).pop("_decoder", None)  # it holds further copies of the picture
        points = self._code_points()
        has_profile = bool(picture.info.get("icc_profile"))
        return picture if points is None or points.is_srgb or has_profile else in_srgb(picture, points)

    def _code_points(self) -> CodePoints | None:
        """Of the first box colr of kind nclx (ISO/IEC 23008-12), which stands near the beginning."""
        found = self.source.find(b"colrnclx", 0, 65536)
        return None if found < 0 else CodePoints(*struct.unpack_from(">HH", self.source, found + 8))
