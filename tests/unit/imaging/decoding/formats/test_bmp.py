"""A BMP's bit fields may be any."""

import pytest
from PIL import Image

from belfoot_img.errors import ImageDamaged
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode

FIELDS = {
    "RGB565": ((0xF800, 0x07E0, 0x001F), 16, 3),
    "BGR565": ((0x001F, 0x07E0, 0xF800), 16, 3),
    "RGB444": ((0x0F00, 0x00F0, 0x000F), 16, 9),
    "RGBX low": ((0xFF000000, 0x00FF0000, 0x0000FF00), 32, 0.1),
    "XBGR": ((0x000000FF, 0x0000FF00, 0x00FF0000), 32, 0.1),
    "10 bit": ((0x3FF00000, 0x000FFC00, 0x000003FF), 32, 1),
    "11-11-10": ((0xFFE00000, 0x001FFC00, 0x000003FF), 32, 1),
    "6-5-7": ((0x00FC0000, 0x00003E00, 0x0000007F), 32, 4),
}


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("name", FIELDS)
def test_colours_may_lie_anywhere(name, top_down):
    masks, depth, tolerance = FIELDS[name]
    picture = pictures.scene(97, 64)
    assert distance(decode(pictures.bmp_with_fields(picture, masks, depth, top_down)).pixels, picture) <= tolerance


@pytest.mark.parametrize(
    ("masks", "depth"),
    [
        ((0xFF000000, 0x00FF0000, 0x0000FF00, 0x000000FF), 32),
        ((0x0000001F, 0x000003E0, 0x00007C00, 0x00008000), 16),
        ((0x3FC00000, 0x003FC000, 0x00003F00, 0x000000FF), 32),
    ],
)
def test_alpha_may_too(masks, depth):
    picture = pictures.scene()
    picture.putalpha(Image.new("L", picture.size, 0))
    picture.paste((10, 200, 30, 255), (0, 0, 20, 20))
    pixels = decode(pictures.bmp_with_fields(picture, masks, depth), (255, 0, 255)).pixels
    assert pixels.getpixel((90, 60)) == (255, 0, 255)
    assert max(abs(a - b) for a, b in zip(pixels.getpixel((5, 5)), (10, 200, 30), strict=True)) <= 8


def test_missing_pixels_are_damage():
    source = pictures.bmp_with_fields(pictures.scene(), *FIELDS["XBGR"][:2])
    with pytest.raises(ImageDamaged):
        decode(source[:-1000])


@pytest.mark.parametrize(("compression", "kind"), [(4, "embedded JPEG"), (5, "embedded PNG")])
def test_a_kind_that_is_not_supported_is_named(compression, kind):
    source = bytearray(pictures.bmp_with_fields(pictures.scene(), *FIELDS["XBGR"][:2]))
    source[30] = compression
    with pytest.raises(ImageDamaged, match=kind):
        decode(bytes(source))
