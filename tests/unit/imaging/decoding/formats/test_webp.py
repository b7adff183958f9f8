"""A very large WebP is decoded at a fraction of its size and looks the same."""

import pytest
from PIL import Image

from belfoot_img.imaging.decoding.formats import webp
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode


@pytest.mark.parametrize("options", [{"quality": 90}, {"lossless": True}], ids=["lossy", "lossless"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_reduced_and_whole_look_the_same(monkeypatch, mode, options):
    picture = pictures.scene(900, 600).convert(mode)
    source = pictures.turned(picture, 6, "WEBP", icc_profile=pictures.swapped_profile(), **options)
    whole = decode(source, max_side=300)
    monkeypatch.setattr(webp, "MAX_WHOLE_PIXELS", 100_000)
    reduced = decode(source, max_side=300)
    assert reduced.pixels.size == (300, 200)
    assert (reduced.width, reduced.height) == (whole.width, whole.height) == (900, 600)
    assert distance(reduced.pixels, whole.pixels.resize((300, 200), Image.Resampling.LANCZOS)) < 1
