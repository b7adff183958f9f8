"""TIFF has many kinds of pixels and compressions; what cannot be shown is named, and a blank rest is refused."""

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageDraw

from belfoot_img.errors import ImageDamaged
from testbed import pictures
from tests.independent import distance, seen_by_libvips
from tests.unit.imaging.decoding.decoded import decode


def vips() -> pyvips.Image:
    return pyvips.Image.new_from_array(np.asarray(pictures.scene()))


def saved(picture: pyvips.Image, **options) -> bytes:
    return picture.tiffsave_buffer(**options)


def deep(picture: pyvips.Image, interpretation: str) -> pyvips.Image:
    return (picture * 257).cast("ushort").copy(interpretation=interpretation)


COLOURS = {
    "linear float": lambda: vips().colourspace("scrgb"),
    "float to 255": lambda: vips().cast("float"),
    "32 bit": lambda: (vips().cast("uint") * 16843009).cast("uint").copy(interpretation="rgb"),
    "Lab of 16 bit": lambda: vips().colourspace("labs"),
    "16 bit": lambda: deep(vips(), "rgb16"),
    "16 bit and alpha": lambda: deep(vips().bandjoin(255), "rgb16"),
}


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("name", COLOURS)
def test_kinds_of_colour(name, tiled):
    assert distance(decode(saved(COLOURS[name](), tile=tiled)).pixels, pictures.scene()) < 1.5


def test_cmyk_with_alpha_is_laid_on_the_background():
    inks = vips().colourspace("cmyk")
    for alpha, expected in ((255, seen_by_libvips(saved(inks))), (0, Image.new("RGB", (96, 64), (9, 99, 199)))):
        assert distance(decode(saved(inks.bandjoin(alpha)), (9, 99, 199)).pixels, expected) < 1.5


def test_grey_of_16_bit_with_alpha_is_laid_on_the_background():
    grey = vips().colourspace("b-w")
    source = saved(deep(grey.bandjoin(255), "grey16"))
    assert distance(decode(source).pixels, Image.fromarray(grey.numpy())) < 1
    source = saved(deep(grey.bandjoin(0), "grey16"))
    assert decode(source, (9, 99, 199)).pixels.getpixel((50, 30)) == (9, 99, 199)


@pytest.mark.parametrize("tiled", [False, True])
def test_the_compression_webp(tiled):
    source = saved(vips(), compression="webp", Q=95, tile=tiled)
    assert distance(decode(source).pixels, pictures.scene()) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_libvips_decodes_is_upright_too(orientation):
    stored = pictures.scene().transpose(pictures.UNDO[orientation]) if orientation > 1 else pictures.scene()
    picture = pyvips.Image.new_from_array(np.asarray(stored)).cast("float").copy()
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    original = decode(saved(picture))
    assert (original.width, original.height) == (96, 64)
    assert distance(original.pixels, pictures.scene()) < 1


def test_a_compression_that_is_not_supported_may_be_the_reason():
    source = saved(vips(), compression="lzw")
    renamed = source.replace(b"\3\1\3\0\1\0\0\0\5\0", b"\3\1\3\0\1\0\0\0\x47\x87")  # LERC, tag 259
    assert renamed != source
    with pytest.raises(ImageDamaged, match="compression is not supported"):
        decode(renamed)


def page() -> Image.Image:
    picture = Image.new("1", (800, 600), 1)
    for y in range(0, 600, 20):
        ImageDraw.Draw(picture).text((5, y), "The quick brown fox jumps over the lazy dog " * 3, fill=0)
    return picture


def test_a_fax_whose_larger_part_is_lost_is_damaged():
    source = bytearray(pictures.saved(page(), "TIFF", compression="group4"))
    start = len(source) // 10
    source[start : start + 30] = bytes(30)
    with pytest.raises(ImageDamaged, match="most of the picture"):
        decode(bytes(source))


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_fax_that_is_blank_is_not(compression):
    source = pictures.saved(Image.new("1", (800, 600), 1), "TIFF", compression=compression)
    assert decode(source).pixels.getextrema() in (255, (255, 255))
    assert decode(pictures.saved(page(), "TIFF", compression=compression)).pixels.size == (800, 600)
