"""A GIF that is cut off is decoded as long as about 1 % of its first frame is missing."""

import numpy as np
import pytest

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding.formats.gif import _completed
from testbed import pictures
from tests.unit.imaging.decoding.decoded import decode

KINDS = {
    "noise": lambda: pictures.saved(pictures.noise(400, 300), "GIF"),
    "interlaced": lambda: pictures.saved(pictures.noise(400, 300), "GIF", interlace=1),
    "scene": lambda: pictures.saved(pictures.scene(400, 300), "GIF", interlace=0),
    "few colours": lambda: pictures.saved(pictures.noise(400, 300).quantize(4), "GIF"),
}
DATA = b"\x02\x02\x4c\x01\x00;"  # the first byte: how long codes are at first


def lost(whole: bytes, cut: bytes) -> float:
    """Returns the share of pixels that differ."""
    first, second = (np.asarray(decode(source).pixels) for source in (whole, cut))
    return float((first != second).any(axis=-1).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", range(1, 20))
def test_one_without_its_last_bytes_loses_its_last_pixels_alone(kind, missing):
    whole = KINDS[kind]()
    assert lost(whole, whole[:-missing]) <= 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_of_what_is_decoded_about_1_percent_is_missing_at_most(kind):
    whole = KINDS[kind]()
    decoded = damaged = 0
    for missing in range(1, len(whole) // 20, len(whole) // 500):
        try:
            assert lost(whole, whole[:-missing]) <= 0.015
            decoded += 1
        except ImageDamaged:
            damaged += 1
    assert decoded and damaged


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
def test_one_of_which_a_part_is_missing_is_damaged(kind, share):
    whole = KINDS[kind]()
    with pytest.raises(ImageDamaged, match="GIF is cut off"):
        decode(whole[: int(len(whole) * (1 - share))])


def test_a_frame_that_covers_a_part_of_the_canvas_is_completed_within_it():
    whole = pictures.undersized_gif(canvas=(400, 300), frame=(200, 100), at=(40, 60))
    assert lost(whole, whole[:-4]) <= 0.01


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (DATA, DATA[1:4]),
        (DATA[:4], DATA[1:4]),
        (DATA[:3], b"\x01\x4c"),
        (DATA[:2], b""),
        (DATA[:1], b""),
    ],
    ids=["whole", "at the end of a block", "within a block", "behind the length", "before the first block"],
)
def test_the_blocks_that_are_there_are_kept_and_only_what_may_be_missing_is_added(source, kept):
    assert _completed(source, 1, 200) == source[:1] + kept + b"\xff" + bytes(255) + b"\x2d" + bytes(45) + b"\0;"
