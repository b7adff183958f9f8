"""A picture without its last bytes is decoded as long as at most 1 % of the file is missing."""

import pytest

from belfoot_img.errors import ImageDamaged
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
def test_a_picture_of_which_more_is_missing_is_damaged(kind):
    name, options = KINDS[kind]
    source = pictures.saved(pictures.noise(200, 150), name, **options)
    with pytest.raises(ImageDamaged):
        decode(source[: len(source) * 97 // 100])
