"""A picture without its last bytes is decoded as long as at most 1 % of the file is missing."""

import pytest

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats.avif import AvifPicture
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode

KINDS = {
    "webp": ("WEBP", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "bmp": ("BMP", {}),
    "avif": ("AVIF", {"speed": 9}),
}


@pytest.mark.parametrize(
    ("kind", "missing"), [("webp", 1), ("webp", 12), ("lossless webp", 1), ("bmp", 12), ("avif", 1), ("avif", 12)]
)
def test_a_picture_without_its_last_bytes_is_shown(kind, missing):
    name, options = KINDS[kind]
    source = pictures.saved(pictures.noise(400, 300), name, **options)
    assert missing <= len(source) / 100
    assert distance(decode(source[:-missing]).pixels, decode(source).pixels) < 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("percent", [3, 10, 60])
def test_a_picture_of_which_more_is_missing_is_damaged_and_the_message_says_how_much(kind, percent):
    name, options = KINDS[kind]
    source = pictures.saved(pictures.noise(200, 150), name, **options)
    missing = len(source) * percent // 100
    with pytest.raises(ImageDamaged, match=f"cut off: {missing} of {len(source)} bytes are missing"):
        decode(source[:-missing])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_filled_in_does_not_count_as_bytes_of_the_source(kind):
    name, options = KINDS[kind]
    source = pictures.saved(pictures.noise(400, 300), name, **options)
    assert decode(source[:-1]).source_bytes == len(source) - 1


def test_no_memory_is_taken_for_what_a_file_claims_to_hold():
    source = pictures.saved(pictures.noise(200, 150), "AVIF", speed=9)
    at = source.index(b"mdat") - 4
    claiming = source[:at] + (1).to_bytes(4, "big") + b"mdat" + (2**62).to_bytes(8, "big") + source[at + 8 :]
    assert AvifPicture.declared_bytes(claiming) > 2**62
    assert AvifPicture(claiming).padded is claiming
