"""Colours by code points end in sRGB: primaries are converted, PQ and HLG are brought to standard dynamic range."""

import numpy as np
import pytest
from PIL import Image

from belfoot_img.imaging.decoding.coded_colours import HLG, PQ
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode


def png(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    plain = pictures.saved(picture, "PNG")
    return plain[:33] + pictures.chunk(b"cICP", bytes((primaries, transfer, 0, 1))) + plain[33:]


def avif(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    source = bytearray(pictures.saved(picture, "AVIF", quality=100, subsampling="4:4:4"))
    at = source.index(b"colrnclx") + 8
    source[at : at + 4] = primaries.to_bytes(2, "big") + transfer.to_bytes(2, "big")
    return bytes(source)


@pytest.mark.parametrize("made", [png, avif])
def test_display_p3_looks_as_with_its_profile(made):
    profile = pictures.profile(pictures.P3_COLUMNS)
    expected = decode(pictures.saved(pictures.scene(), "PNG", icc_profile=profile)).pixels
    assert distance(decode(made(pictures.scene(), 12, 13)).pixels, expected) < 3


@pytest.mark.parametrize("transfer", [1, 13])
def test_srgb_stays_as_it_is(transfer):
    assert decode(png(pictures.scene(), 1, transfer)).pixels.tobytes() == pictures.scene().tobytes()


def test_wide_primaries_become_more_colourful_and_grey_stays_grey():
    pixels = decode(png(Image.new("RGB", (8, 8), (200, 100, 100)), 9, 13)).pixels.getpixel((0, 0))
    assert pixels[0] > 200 and pixels[1] < 100
    grey = decode(png(Image.new("RGB", (8, 8), (100, 100, 100)), 9, 13)).pixels.getpixel((0, 0))
    assert max(abs(value - 100) for value in grey) <= 1


@pytest.mark.parametrize("made", [png, avif])
@pytest.mark.parametrize(("transfer", "paper_white"), [(PQ, 148), (HLG, 191)])
def test_high_dynamic_range_uses_the_whole_range(made, transfer, paper_white):
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (16, 1, 3)))
    row = np.asarray(decode(made(ramp, 9, transfer)).pixels.convert("L"))[8].astype(int)
    assert (np.diff(row) >= -1).all()
    assert row[0] <= 1 and row[255] >= 250
    assert 170 <= row[paper_white] <= 215
