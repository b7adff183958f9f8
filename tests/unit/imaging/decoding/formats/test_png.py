"""A PNG is shown in spite of broken chunks that its picture does not need."""

import zlib

import numpy as np
import pytest
from PIL import Image

from belfoot_img.errors import ImageDamaged
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode

PLAIN = pictures.saved(pictures.scene(), "PNG")
END = len(pictures.chunk(b"IEND", b""))


def with_chunk(chunk: bytes) -> bytes:
    return PLAIN[:33] + chunk + PLAIN[33:]


def broken(name: bytes, body: bytes) -> bytes:
    chunk = pictures.chunk(name, body)
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"gAMA", (45455).to_bytes(4, "big")),
        (b"zTXt", b"k\0\0" + zlib.compress(b"text")),
        (b"iCCP", b"x\0\0" + zlib.compress(pictures.swapped_profile())),
        (b"pHYs", bytes(9)),
        (b"eXIf", pictures.exif(6)),
        (b"tEXt", b"a\0b"),
    ],
)
def test_an_ancillary_chunk_with_a_wrong_check_sum_is_left_out(name, body):
    assert decode(with_chunk(broken(name, body))).pixels.tobytes() == pictures.scene().tobytes()


@pytest.mark.parametrize("name", [b"cHRM", b"pHYs", b"gAMA", b"sRGB", b"acTL"])
def test_an_ancillary_chunk_that_is_too_short_is_left_out(name):
    assert decode(with_chunk(pictures.chunk(name, b""))).pixels.tobytes() == pictures.scene().tobytes()


def test_profile_and_orientation_count_beside_a_broken_chunk():
    red, green, blue = pictures.scene().split()
    stored = Image.merge("RGB", (blue, red, green))
    source = pictures.turned(stored, 6, "PNG", icc_profile=pictures.swapped_profile())
    source = source[:33] + broken(b"gAMA", bytes(4)) + source[33:]
    assert distance(decode(source).pixels, pictures.scene()) < 3


def test_a_critical_chunk_with_a_wrong_check_sum_is_not():
    with pytest.raises(ImageDamaged):
        decode(PLAIN[:32] + bytes([PLAIN[32] ^ 1]) + PLAIN[33:])


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("cut", [END, END + 4, END + 8, END + 40])
def test_missing_bytes_at_the_end_do_not_matter(interlaced, cut):
    source = pictures.saved_by_vips(np.asarray(pictures.noise(300, 200)), ".png", interlace=interlaced)
    assert distance(decode(source[:-cut]).pixels, pictures.noise(300, 200)) < 0.5


def test_a_wrong_check_sum_of_the_pixel_data_does_not_matter():
    source = bytearray(PLAIN)
    source[-END - 5] ^= 1  # Adler-32
    assert decode(bytes(source)).pixels.tobytes() == pictures.scene().tobytes()


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_part_of_the_picture_that_is_missing_does(interlaced):
    source = pictures.saved_by_vips(np.asarray(pictures.noise(300, 200)), ".png", interlace=interlaced)
    with pytest.raises(ImageDamaged, match="cut off"):
        decode(source[: int(len(source) * 0.97)])
