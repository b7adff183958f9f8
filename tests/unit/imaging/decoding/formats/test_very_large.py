"""A very large PNG, TIFF or WebP is reduced while it is decoded, and looks the same as when it is decoded whole."""

import numpy as np
import pytest
import pyvips
from PIL import Image

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats import picture
from testbed import pictures
from tests import jobs
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode
from tests.unit.imaging.processes.test_pool import processes_of

SIZE = (900, 600)


def shaded() -> Image.Image:
    """RGBA: the scene, transparent towards its right side, with an edge between opaque and transparent."""
    shown = pictures.scene(*SIZE).convert("RGBA")
    alpha = np.tile(np.linspace(255, 0, SIZE[0]).astype(np.uint8), (SIZE[1], 1))
    alpha[:200] = np.where(np.arange(SIZE[0]) % 100 < 50, 255, 0)
    shown.putalpha(Image.fromarray(alpha))
    return shown


def by_vips(image: Image.Image, deep: bool) -> pyvips.Image:
    made = pyvips.Image.new_from_array(np.asarray(image))
    return (made * 257).cast("ushort").copy(interpretation="rgb16") if deep else made


def png(image: Image.Image, deep: bool = False, **options) -> bytes:
    return by_vips(image, deep).pngsave_buffer(**options)


def tiff(image: Image.Image, deep: bool = False, **options) -> bytes:
    return by_vips(image, deep).tiffsave_buffer(**options)


PLAIN = pictures.scene(*SIZE)
SOURCES = {
    "png": lambda: png(PLAIN),
    "png, palette": lambda: pictures.saved(PLAIN.quantize(64), "PNG"),
    "png, grey": lambda: png(PLAIN.convert("L")),
    "png, alpha": lambda: png(shaded()),
    "png, 16 bit": lambda: png(PLAIN, deep=True),
    "png, 16 bit and alpha": lambda: png(shaded(), deep=True),
    "png, 16 bit and alpha, interlaced": lambda: png(shaded(), deep=True, interlace=True),
    "png, turned and with a profile": lambda: pictures.turned(PLAIN, 6, "PNG", icc_profile=pictures.swapped_profile()),
    "png, with code points": lambda: pictures.with_chunk(png(PLAIN), b"cICP", bytes((12, 13, 0, 1))),
    "png, with a broken chunk": lambda: pictures.with_chunk(png(PLAIN), b"gAMA", b"x"),
    "tiff": lambda: tiff(PLAIN, compression="lzw"),
    "tiff, tiled": lambda: tiff(PLAIN, tile=True),
    "tiff, alpha": lambda: tiff(shaded(), compression="deflate"),
    "tiff, 16 bit": lambda: tiff(PLAIN, deep=True),
    "tiff, float": lambda: by_vips(PLAIN, False).colourspace("scrgb").tiffsave_buffer(),
    "tiff, cmyk": lambda: pictures.saved(PLAIN.convert("CMYK"), "TIFF"),
    "tiff, turned": lambda: pictures.saved(PLAIN.transpose(Image.Transpose.ROTATE_90), "TIFF", tiffinfo={274: 6}),
    "webp": lambda: pictures.turned(PLAIN, 6, "WEBP", icc_profile=pictures.swapped_profile(), quality=90),
    "webp, alpha": lambda: pictures.turned(shaded(), 6, "WEBP", icc_profile=pictures.swapped_profile(), quality=90),
    "webp, lossless": lambda: pictures.turned(PLAIN, 6, "WEBP", icc_profile=pictures.swapped_profile(), lossless=True),
    "webp, lossless and alpha": lambda: pictures.turned(shaded(), 6, "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", SOURCES)
def test_reduced_and_whole_look_the_same(monkeypatch, name):
    source = SOURCES[name]()
    whole = decode(source, max_side=300)
    monkeypatch.setattr(picture, "MAX_WHOLE_PIXELS", 100_000)
    reduced = decode(source, max_side=300)
    assert reduced.pixels.size == (300, 200)
    assert reduced.pixels.mode in ("L", "RGB")
    assert (reduced.width, reduced.height) == (whole.width, whole.height) == SIZE
    assert distance(reduced.pixels, whole.pixels.resize((300, 200), Image.Resampling.LANCZOS)) < 1


def test_a_png_that_is_cut_off_is_damaged_and_one_without_its_last_bytes_is_not(monkeypatch):
    monkeypatch.setattr(picture, "MAX_WHOLE_PIXELS", 100_000)
    source = png(pictures.noise(*SIZE))
    with pytest.raises(ImageDamaged, match="cut off"):
        decode(source[: len(source) // 2], max_side=300)
    shown = decode(source[:-30], max_side=300).pixels
    assert distance(shown, pictures.noise(*SIZE).resize((300, 200), Image.Resampling.LANCZOS)) < 5


def test_ninety_megapixels_with_alpha_take_less_than_one_byte_a_pixel_and_channel():
    x = pyvips.Image.xyz(9500, 9500)
    colours = x[0].bandjoin([x[1], x[0] + x[1], x[0]]).cast("uchar").copy(interpretation="srgb")
    source = colours.pngsave_buffer(compression=1)
    processes = processes_of(memory=340_000_000)
    assert processes.run(jobs.decode, source) == (3840, 3840)
    processes.close()
