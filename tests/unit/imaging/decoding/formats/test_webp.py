"""A lossless WebP without its last bytes is decoded in nearly all cases."""

import pytest
from PIL import Image

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats.webp import MOST_CHUNKS, _last_chunk, _with_sizes
from testbed import pictures
from testbed.photographs import astronaut
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode

SIZE = (600, 400)


KINDS = {
    "photograph": lambda: lossless(astronaut(*SIZE)),
    "profile": lambda: lossless(astronaut(*SIZE), icc_profile=pictures.profile()),
    "noise": lambda: lossless(pictures.noise(*SIZE)),
    "scene": lambda: lossless(pictures.scene(*SIZE)),
    **{
        f"{count} colours": lambda count=count: lossless(astronaut(*SIZE).quantize(count)) for count in (4, 16, 64, 200)
    },
}


def lossless(picture: Image.Image, **options) -> bytes:
    return pictures.saved(picture.convert("RGB"), "WEBP", lossless=True, method=0, **options)


def test_nearly_all_without_their_last_bytes_are_decoded():
    damaged = []
    for kind, make in KINDS.items():
        whole = make()
        pixels = decode(whole).pixels
        for missing in (1, 2, 5, 10, 16, len(whole) // 100):
            try:
                assert distance(decode(whole[:-missing]).pixels, pixels) < 2
            except ImageDamaged:
                damaged.append((kind, missing))
    assert len(damaged) <= 5, damaged


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_which_more_is_missing_is_damaged(kind):
    whole = KINDS[kind]()
    for percent in (2, 10, 50):
        with pytest.raises(ImageDamaged, match="cut off"):
            decode(whole[: -len(whole) * percent // 100])


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2) for name, body in chunks]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("before", [(), ((b"VP8X", bytes(10)), (b"ICCP", bytes(7)))])
@pytest.mark.parametrize("size", [20, 21])
@pytest.mark.parametrize("more", [0, 1, 1000])
def test_a_file_grows_in_its_last_chunk(before, size, more):
    body = bytes(range(1, size + 1))
    source = riff(*before, (b"VP8L", body))
    there = body + bytes(size % 2 + more)
    grown = riff(*before, (b"VP8L", there + bytes(len(there) % 2)))
    assert _with_sizes(source + bytes(more), _last_chunk(source)) == grown


@pytest.mark.parametrize("source", [riff(), riff(*[(b"JUNK", b"")] * 2 * MOST_CHUNKS), b"RIFF"])
def test_chunks_are_followed_within_the_file_and_not_for_ever(source):
    assert _last_chunk(source) <= 12 + 8 * MOST_CHUNKS
