"""An AVIF without its last bytes is decoded, and what its boxes claim costs nothing."""

import pytest
from PIL import Image

from belfoot_img.imaging.decoding.formats.avif import NEAR, _extents, _without_last_size
from testbed import pictures
from testbed.photographs import astronaut
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode

SIZE = (600, 400)


def with_alpha() -> Image.Image:
    picture = astronaut(*SIZE)
    picture.putalpha(Image.linear_gradient("L").resize(SIZE))
    return picture


KINDS = {
    "photograph": lambda: pictures.saved(astronaut(*SIZE), "AVIF", speed=9),
    "tiles": lambda: pictures.saved(astronaut(*SIZE), "AVIF", speed=9, tile_rows=1, tile_cols=1),
    "alpha": lambda: pictures.saved(with_alpha(), "AVIF", speed=9),
    "metadata": lambda: pictures.saved(astronaut(*SIZE), "AVIF", speed=9, xmp=b"<x:xmpmeta/>"),
    "scene": lambda: pictures.saved(pictures.scene(*SIZE), "AVIF", speed=9, quality=95),
    "noise": lambda: pictures.saved(pictures.noise(*SIZE), "AVIF", speed=9),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_without_its_last_bytes_is_decoded(kind):
    whole = KINDS[kind]()
    pixels = decode(whole).pixels
    for missing in (1, 2, 5, 10, 16, len(whole) // 100):
        assert distance(decode(whole[:-missing]).pixels, pixels) < 1


def iloc(version: int, sizes: int, body: bytes) -> bytes:
    return bytes(4) + b"iloc" + bytes([version, 0, 0, 0]) + sizes.to_bytes(2, "big") + body


@pytest.mark.parametrize(
    ("version", "sizes", "body", "at"),
    [
        (0, 0x4400, "0001 0007 0000 0001 00000100 00000020", 26),
        (1, 0x4440, "0001 0007 0000 0000 00000080 0001 00000080 00000020", 32),
        (1, 0x4404, "0001 0007 0000 0000 0001 00000009 00000100 00000020", 32),
        (2, 0x8400, "00000001 00000007 0000 0000 0001 0000000000000100 00000020", 36),
    ],
    ids=["version 0", "with a base", "with an index", "version 2, long offsets"],
)
def test_extents_are_read_in_every_form_of_their_box(version, sizes, body, at):
    source = iloc(version, sizes, bytes.fromhex(body))
    assert next(_extents(source + bytes(400))) == (0x100, 0x20, at, 4)
    assert source[at : at + 4] == (0x20).to_bytes(4, "big")


@pytest.mark.parametrize("sizes", [0x4400, 0x0000, 0x0400, 0xFFFF])
@pytest.mark.parametrize("padding", [0, 10, 2 * NEAR])
@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_numbers_that_a_box_claims_to_hold_end_with_the_box(sizes, padding, byte):
    source = iloc(2, sizes, b"\xff" * 4 + byte * padding)
    assert len(list(_extents(source))) <= NEAR


@pytest.mark.parametrize(
    ("item", "unbounded"),
    [
        ("1200 0a01aa 3203bbccdd", "1200 0a01aa 30bbccdd"),
        ("1200 320abbccdd", "1200 30bbccdd"),
        ("360803bbccdd", "3408bbccdd"),
        ("32830100", "3000"),
        ("1200 30bbccdd", "1200 30bbccdd"),
        ("3c3f786d6c", "3c3f786d6c"),
    ],
    ids=["the last of three", "cut off", "with an extension", "a size of two bytes", "without a size", "XML"],
)
def test_the_last_unit_of_a_picture_reaches_to_its_end(item, unbounded):
    assert _without_last_size(bytes.fromhex(item)) == bytes.fromhex(unbounded)
