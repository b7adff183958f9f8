"""Makes the awkward pictures of the tests, as bytes. Everything here is drawn or built; nothing is copied from a file.

What Pillow cannot write is written by libvips or by hand (chunks, markers, profiles), which also keeps the tests from
asking one library whether it agrees with itself.
"""

import io
import struct
import zlib

import numpy as np
import pyvips
from PIL import Image

SRGB_COLUMNS = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
"""XYZ (D50) of the red, green and blue primary of sRGB."""
P3_COLUMNS = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
"""The same of Display P3."""

UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""From upright pixels to those that are stored under an Exif orientation."""


def scene(width=96, height=64) -> Image.Image:
    """A smooth, colourful picture that looks different from every side: each corner has a colour of its own."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    red, green, blue = 230 - 200 * y, 30 + 200 * x * y, 40 + 190 * x * (1 - y)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).round().astype(np.uint8))


def noise(width=96, height=64, seed=0) -> Image.Image:
    """What no codec can shrink."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def saved_by_vips(values: np.ndarray, suffix: str, **options) -> bytes:
    """``values``: height × width × bands, any type that libvips knows."""
    picture = (
        pyvips.Image.new_from_array(values)
        if values.ndim == 2
        else pyvips.Image.new_from_memory(
            np.ascontiguousarray(values),
            values.shape[1],
            values.shape[0],
            values.shape[2],
            _VIPS_TYPES[values.dtype.name],
        )
    )
    if values.dtype == np.uint16:
        picture = picture.copy(interpretation="rgb16" if values.ndim == 3 and values.shape[2] > 2 else "grey16")
    return picture.write_to_buffer(suffix, **options)


_VIPS_TYPES = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}


# --- orientation -----------------------------------------------------------------------------------------------------


def exif(orientation: int, extra: bytes = b"") -> bytes:
    """A TIFF structure that says the orientation; ``extra``: an artist's name, which identifies a person."""
    entries = [struct.pack("<HHIHxx", 0x0112, 3, 1, orientation)]
    if extra:
        entries.append(struct.pack("<HHII", 0x013B, 2, len(extra), 8 + 2 + 24 + 4))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + b"\0\0\0\0" + extra


def turned(upright: Image.Image, orientation: int, kind="JPEG", **options) -> bytes:
    """A file whose pixels are stored so that ``orientation`` makes them ``upright``."""
    stored = upright.transpose(UNDO[orientation]) if orientation in UNDO else upright
    return saved(stored, kind, exif=b"Exif\0\0" + exif(orientation), **options)


# --- colour profiles -------------------------------------------------------------------------------------------------


def profile(columns=SRGB_COLUMNS, gamma=2.2) -> bytes:
    """An ICC v2 matrix profile (ICC.1:2001-04): XYZ of the three channels, one exponent."""
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    tags = {name: _xyz(*column) for name, column in zip(names, columns, strict=True)}
    tags |= {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _icc(b"RGB ", tags)


def swapped_profile() -> bytes:
    """sRGB whose channels are exchanged: the first is blue, the second red, the third green."""
    red, green, blue = SRGB_COLUMNS
    return profile((blue, red, green))


def grey_profile(gamma: float) -> bytes:
    return _icc(b"GRAY", {b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    return bytes(pyvips.Image.profile_load("cmyk"))


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(value * 65536) for value in (x, y, z)))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _icc(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"test\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name.ljust(83, b"\0"),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
        **tags,
    }
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        value = value.ljust(-len(value) % 4 + len(value), b"\0")
        table += struct.pack(">4sII", tag, offset + len(body), len(value))
        body += value
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp").ljust(68 - len(header), b"\0")
    header = header.ljust(68, b"\0") + _xyz(0.9642, 1.0, 0.8249)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


# --- JPEG ------------------------------------------------------------------------------------------------------------


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Puts them behind the start of image."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def padded(jpeg: bytes, size: int) -> bytes:
    """Exactly ``size`` bytes, by zeros behind the end of image."""
    assert len(jpeg) <= size
    return jpeg.ljust(size, b"\0")


def ycck(picture: Image.Image) -> bytes:
    """A CMYK picture as Adobe writes it: Y, Cb, Cr of the inverted inks, transform 2."""
    cyan, magenta, yellow, black = picture.split()
    y, cb, cr = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    inverted = [channel.point(range(255, -1, -1)) for channel in (y, cb, cr)]  # Pillow inverts what it saves as CMYK
    jpeg = saved(Image.merge("CMYK", (*inverted, black)), "JPEG", quality=98)
    transform = jpeg.index(b"Adobe") + 11
    return jpeg[:transform] + b"\2" + jpeg[transform + 1 :]


def scan_bomb(scans: int, side=64) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    jpeg = saved(scene(side, side), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * scans + b"\xff\xd9"


# --- PNG -------------------------------------------------------------------------------------------------------------


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """``rows``: unfiltered and packed, without filter bytes; ``colour``: the type of IHDR."""
    stride = len(rows) // height
    raw = b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", head), *chunks, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """Puts a chunk behind IHDR."""
    return png[:33] + chunk(name, body) + png[33:]


def claiming_png(width: int, height: int) -> bytes:
    """A few bytes that claim to be very large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# --- GIF and WebP ----------------------------------------------------------------------------------------------------


def undersized_gif(canvas=(40, 30), frame=(20, 10), at=(4, 6), colour=(200, 30, 40)) -> bytes:
    """One frame that leaves most of the canvas bare."""
    gif = bytearray(saved(Image.new("P", frame), "GIF"))
    palette = 13
    gif[palette : palette + 3] = bytes(colour)
    gif[6:10] = struct.pack("<HH", *canvas)
    descriptor = gif.index(b",", palette)
    gif[descriptor + 1 : descriptor + 5] = struct.pack("<HH", *at)
    return bytes(gif)


def animation(kind: str, frames=3, **options) -> bytes:
    """The first frame is the scene, the others are plain."""
    others = [Image.new("RGB", (96, 64), (40 * n % 256, 10, 200)) for n in range(1, frames)]
    return saved(scene(), kind, save_all=True, append_images=others, duration=50, **options)


def claiming_webp(width: int, height: int) -> bytes:
    """A lossless WebP whose header claims to be very large."""
    body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(11)
    data = b"WEBPVP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(data)) + data


# --- BMP -------------------------------------------------------------------------------------------------------------


def bmp_with_fields(picture: Image.Image, masks: tuple[int, ...], depth: int, top_down=False) -> bytes:
    """``masks`` of red, green, blue and perhaps alpha, in pixels of ``depth`` (16 or 32) bits; BITMAPV4HEADER."""
    channels = np.asarray(picture).astype(np.uint64)
    values = np.zeros(channels.shape[:2], np.uint64)
    for channel, mask in enumerate(masks):
        shift = (mask & -mask).bit_length() - 1
        values |= (channels[:, :, channel] * (mask >> shift) + 127) // 255 << shift
    rows = values.astype("<u2" if depth == 16 else "<u4")[:: 1 if top_down else -1]
    data = b"".join(row.tobytes().ljust(-(-row.nbytes // 4) * 4, b"\0") for row in rows)
    height = -picture.height if top_down else picture.height
    head = struct.pack("<IiiHHIIiiII", 108, picture.width, height, 1, depth, 3, len(data), 0, 0, 0, 0)
    head += struct.pack("<4I", *masks, *(0,) * (4 - len(masks))).ljust(68, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data
