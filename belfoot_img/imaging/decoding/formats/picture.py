"""What all formats share: a source that one of Pillow's plugins decodes."""

from __future__ import annotations

import io
from typing import ClassVar

from PIL import Image, ImageFile

from belfoot_img.imaging.jpeg.markers import exif_orientation
from belfoot_img.imaging.jpeg.parsing import Jpeg

MAX_WHOLE_PIXELS = 40_000_000
"""Larger pictures are reduced to ``max_side``, while they are decoded where their codec can do so."""

MAX_MISSING = 0.01
"""The share of a picture, or of its file, that may be missing at the end."""
READ_AHEAD = 65536
"""Bytes behind those that stand for the missing ones of AVIF and lossless WebP. Entropy decoders that get wrong bytes
may take more of them, and refuse a picture where they reach the end of its data."""


def padded(source: bytes, size: int) -> bytes:
    """Returns the source with zeros in place of its last bytes, where at most ``MAX_MISSING`` of its ``size`` (bytes,
    as the file itself says) is missing."""
    missing = size - len(source)
    return source + bytes(missing) if 0 < missing <= MAX_MISSING * size else source


class Picture:
    """The first picture of a source whose header has been read; ``load`` decodes it anew at each call.

    ``size``: (width, height) in px as stored; ``orientation``: 1 to 8, what is left to do after ``load``. A subclass
    names its ``plugin`` and overrides what its format needs.
    """

    plugin: ClassVar[type[ImageFile.ImageFile]]
    jpeg: Jpeg | None = None
    """The markers, where the source is a JPEG."""

    def __init__(self, source: bytes):
        """Raises whatever the codec raises."""
        self.source = source
        opened = self.open()
        self.size = opened.size
        self.orientation = self.orientation_of(opened)

    @staticmethod
    def declared_bytes(source: bytes) -> int:
        """Returns the bytes of the whole file by its own headers, 0 where they do not tell. Never raises."""
        return 0

    @staticmethod
    def size_before_opening(source: bytes) -> tuple[int, int] | None:
        """Returns (width, height) in px, where the codec takes memory for the picture as soon as it is opened."""
        return None

    @property
    def padded(self) -> bytes:
        """The source, with zeros for the last bytes where nearly all of the file is there."""
        return padded(self.source, self.declared_bytes(self.source))

    @property
    def is_very_large(self) -> bool:
        return self.size[0] * self.size[1] > MAX_WHOLE_PIXELS

    def open(self) -> ImageFile.ImageFile:
        return self.plugin(io.BytesIO(self.padded))

    def orientation_of(self, opened: Image.Image) -> int:
        return 1

    def load(self, max_side: int) -> Image.Image:
        """Returns the decoded picture in any of Pillow's modes; ``info`` holds its ICC profile and transparent colour.

        May be smaller than ``size``, where that is cheaper and its longer side stays at least ``max_side``.
        """
        opened = self.open()
        opened.load()
        return opened

    def check(self) -> None:
        """Decodes the source to its end and keeps nothing of it. Raises what ``load`` raises."""
        self.open().load()


class ExifPicture(Picture):
    """A picture whose orientation stands in Exif."""

    def orientation_of(self, opened: Image.Image) -> int:
        return exif_orientation(opened.info.get("exif", b"").removeprefix(b"Exif\0\0"))
