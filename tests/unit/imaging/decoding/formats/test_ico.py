"""ICO: the largest picture counts, and its size is judged before it is decoded."""

import struct

import pytest
from PIL import Image

from belfoot_img.errors import ImageDamaged, ImageTooLarge, NotAnImage
from belfoot_img.imaging.decoding import decoder
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import PIXELS, decode

SCENE = pictures.scene(64, 64)


def icon(*contents: bytes, width=64, height=64) -> bytes:
    """An ICO of these contents, each said to be of this size."""
    offset, entries = 6 + 16 * len(contents), []
    for content in contents:
        entries.append(struct.pack("<BBBBHHII", width % 256, height % 256, 0, 0, 1, 32, len(content), offset))
        offset += len(content)
    return struct.pack("<HHH", 0, 1, len(contents)) + b"".join(entries) + b"".join(contents)


@pytest.mark.parametrize("inside", ["png", "bmp"])
def test_what_pillow_writes_is_read(inside):
    source = pictures.saved(SCENE.convert("RGBA"), "ICO", bitmap_format=inside, sizes=[(64, 64), (16, 16)])
    original = decode(source)
    assert (original.width, original.height) == (64, 64)
    assert distance(original.pixels, SCENE) < 1


def test_of_two_pictures_of_one_size_the_deeper_one_counts():
    flat, deep = (pictures.saved(picture, "PNG") for picture in (Image.new("L", (64, 64), 90), SCENE))
    entries = bytearray(icon(flat, deep))
    entries[6 + 6] = 4  # bits a pixel of the first
    assert distance(decode(bytes(entries)).pixels, SCENE) == 0


def test_transparent_pixels_show_the_background():
    picture = SCENE.convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    for inside in ("png", "bmp"):
        source = pictures.saved(picture, "ICO", bitmap_format=inside, sizes=[(64, 64)])
        assert decode(source, background=(10, 20, 30)).pixels.getpixel((5, 5)) == (10, 20, 30)


def test_the_size_is_that_of_the_picture_inside_and_judged_from_its_header():
    with pytest.raises(ImageTooLarge):
        decoder.read_header(icon(pictures.claiming_png(60_000, 60_000)), PIXELS)
    bomb = struct.pack("<IiiHHIIiiII", 40, 60_000, 120_000, 1, 32, 0, 0, 0, 0, 0, 0)
    with pytest.raises(ImageTooLarge):
        decoder.read_header(icon(bomb), PIXELS)


@pytest.mark.parametrize("content", [b"", b"\0" * 39, struct.pack("<IiiHHIIiiII", 40, 64, 128, 1, 32, *[0] * 6)])
def test_a_picture_that_is_not_there_is_damaged(content):
    with pytest.raises(ImageDamaged):
        decode(icon(content + b"\0"))


def test_a_cursor_is_no_image():
    source = bytearray(pictures.saved(SCENE, "ICO", sizes=[(64, 64)]))
    source[2] = 2
    with pytest.raises(NotAnImage):
        decoder.read_header(bytes(source), PIXELS)
