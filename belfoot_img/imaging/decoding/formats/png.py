"""PNG. Broken chunks that the picture does not need are left out, as browsers do.

A very large one is reduced while libvips decodes it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

import pyvips
from PIL import Image, ImageFile, PngImagePlugin

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.coded_colours import CodePoints, in_srgb
from belfoot_img.imaging.decoding.formats import by_vips
from belfoot_img.imaging.decoding.formats.picture import MAX_MISSING, ExifPicture

PngImagePlugin.MAX_TEXT_CHUNK = 8 * 2**20
"""Bytes. Pillow's own 1 MiB refuses pictures with long edit histories."""
_SHOWN = (b"tRNS", b"cICP", b"iCCP", b"eXIf")
"""The ancillary chunks that change what is shown."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of each pass: first column, first row, step of columns, step of rows (PNG 3rd edition, 8.1)."""
_PIECE = 2**20  # bytes unpacked at once


class PngPicture(ExifPicture):
    plugin = PngImagePlugin.PngImageFile

    def open(self) -> ImageFile.ImageFile:
        """Returns the file as it is, or without its broken chunks, or without profile and Exif too."""
        with suppress(Exception):
            return super().open()
        with suppress(Exception):
            return self.plugin(io.BytesIO(b"".join(_needed(self.source, _SHOWN))))
        return self.plugin(io.BytesIO(b"".join(_needed(self.source, (b"tRNS",)))))

    def load(self, max_side: int) -> Image.Image:
        opened = self._load_reduced(max_side) if self.is_very_large else self._load_whole()
        points = self._code_points()
        if points is None or points.is_srgb or opened.mode not in ("RGB", "RGBA"):
            return opened
        return in_srgb(opened.convert("RGBA") if opened.has_transparency_data else opened, points)

    def _load_whole(self) -> Image.Image:
        opened = self.open()
        try:
            opened.load()
        except (OSError, SyntaxError, ValueError):
            opened = self.plugin(io.BytesIO(_with_all_pixel_data(self.source)))
            opened.load()
        _scale_colour_key(opened, depth=self.source[24])
        return opened

    def _load_reduced(self, max_side: int) -> Image.Image:
        """Returns the same at ``max_side``, of 8 bit and in sRGB."""
        try:
            return _reduced(b"".join(_needed(self.source, _SHOWN)), max_side)
        except pyvips.Error:
            return _reduced(_with_all_pixel_data(self.source), max_side)

    def _code_points(self) -> CodePoints | None:
        """Of the chunk cICP, which counts before a profile (PNG 3rd edition, 4.3). It stands before the pixel data."""
        for name, start, end in chunks(self.source):
            if name == b"IDAT":
                return None
            if name == b"cICP" and end - start == 16:
                return CodePoints(self.source[start + 8], self.source[start + 9])
        return None

    def check(self) -> None:
        self.load(max_side=256)


def _reduced(source: bytes, max_side: int) -> Image.Image:
    opened = pyvips.Image.pngload_buffer(source, access="sequential", fail_on="error")
    return by_vips.in_srgb(by_vips.reduced(opened, max_side))


def _scale_colour_key(picture: Image.Image, depth: int) -> None:
    """Brings PNG's transparent colour from the file's depth (1 to 16 bit) to that of Pillow's pixels.

    Those have 8 bit, except grey ones of 16 bit.
    """
    key = picture.info.get("transparency")
    if picture.mode == "L" and isinstance(key, int) and depth < 8:
        picture.info["transparency"] = key * 255 // ((1 << depth) - 1)
    elif picture.mode == "RGB" and isinstance(key, tuple) and depth == 16:
        picture.info["transparency"] = tuple(part >> 8 for part in key)


def chunks(source: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of each chunk, length and CRC included; the last may reach beyond the end of the file."""
    position = 8
    while position + 8 <= len(source):
        length, name = struct.unpack_from(">I4s", source, position)
        end = position + 12 + length
        yield name, position, end
        position = end


def _needed(source: bytes, ancillary: tuple[bytes, ...]) -> Iterator[bytes]:
    """The signature, the critical chunks as they are, and those of ``ancillary`` whose CRC is right."""
    yield source[:8]
    for name, start, end in chunks(source):
        whole = source[start:end]
        if name[0:1].isupper() or (name in ancillary and zlib.crc32(whole[4:-4]) == int.from_bytes(whole[-4:], "big")):
            yield whole


def _with_all_pixel_data(source: bytes) -> bytes:
    """Returns the PNG with its pixel data packed anew: right check sums, and zeros for at most 1 % that is missing.

    Raises ImageDamaged where more is missing.
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", source, 16)
    expected = _pixel_data_size(width, height, depth * _CHANNELS[colour], bool(interlaced))
    packer, packed, size = zlib.compressobj(1), io.BytesIO(), 0
    for piece in _unpacked(source):
        piece = piece[: expected - size]
        size += len(piece)
        packed.write(packer.compress(piece))
    if size < (1 - MAX_MISSING) * expected:
        raise ImageDamaged("The PNG is cut off: more than 1 % of the picture is missing.")
    packed.write(packer.compress(bytes(expected - size)) + packer.flush())
    others = [part for part in _needed(source, _SHOWN) if part[4:8] not in (b"IDAT", b"IEND")]
    return b"".join((*others, _chunk(b"IDAT", packed.getvalue()), _chunk(b"IEND", b"")))


def _unpacked(source: bytes) -> Iterator[bytes]:
    """The pixel data as far as it can be unpacked; check sums are not compared."""
    inflater = zlib.decompressobj(wbits=-15)
    header = 2  # of the zlib stream
    with suppress(zlib.error):
        for name, start, end in chunks(source):
            if name != b"IDAT":
                continue
            body = source[start + 8 : min(end - 4, len(source))]
            skipped = min(header, len(body))
            body, header = body[skipped:], header - skipped
            while body:
                yield inflater.decompress(body, _PIECE)
                body = inflater.unconsumed_tail
    yield b""


def _pixel_data_size(width: int, height: int, bits: int, interlaced: bool) -> int:
    """Returns the bytes of all scanlines, their filter bytes included; ``bits`` of one pixel."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    size = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        size += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return size


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
