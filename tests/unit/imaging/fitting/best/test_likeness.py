import io

import pytest
from originals import noise, photograph, red_text
from PIL import Image, ImageFilter

from belfoot_img.imaging.fitting.best.likeness import Likeness

SSIMULACRA2 = {
    "quality 90": 85.00,
    "quality 60": 70.74,
    "quality 30": 55.87,
    "scale 0.7": 77.22,
    "scale 0.4": 56.07,
    "blurred": 9.15,
}
"""By the package ssimulacra2 0.3.0, of these candidates for astronaut.png."""


def through_jpeg(picture, **settings):
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", **settings)
    return Image.open(io.BytesIO(jpeg.getvalue()))


def through_scale(picture, scale):
    return picture.resize(tuple(round(side * scale) for side in picture.size), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (7, 9), (64, 48), (501, 333)], ids=str)
@pytest.mark.parametrize("bands", [1, 3])
def test_a_picture_is_wholly_like_itself(size, bands):
    picture = noise(*size, bands=bands)
    assert Likeness(picture).of(picture) == pytest.approx(100, abs=0.05)


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png"])
def test_every_lower_quality_and_every_smaller_scale_is_less_like(name):
    picture = photograph(name)
    likeness = Likeness(picture)
    by_quality = [likeness.of(through_jpeg(picture, quality=quality)) for quality in (95, 80, 60, 40, 20)]
    by_scale = [likeness.of(through_scale(picture, scale)) for scale in (0.9, 0.7, 0.5, 0.45, 0.3, 0.15)]
    assert by_quality == sorted(by_quality, reverse=True)
    assert by_scale == sorted(by_scale, reverse=True)


@pytest.mark.parametrize("size", [(450, 300), (451, 300), (450, 299), (451, 299)], ids=str)
def test_odd_sides_are_judged_as_even_ones(size):
    """Small candidates are compared at half size, where half a pixel's shift would cost points."""
    picture = photograph("chelsea.png").crop((0, 0, *size))
    even = photograph("chelsea.png").crop((0, 0, 450, 298))
    scale = 0.4
    apart = Likeness(picture).of(through_scale(picture, scale)) - Likeness(even).of(through_scale(even, scale))
    assert abs(apart) < 1


def test_lost_colour_shows():
    picture = red_text()
    likeness = Likeness(picture)
    full, halved = (through_jpeg(picture, quality=85, subsampling=chroma) for chroma in ("4:4:4", "4:2:0"))
    assert likeness.of(full) > likeness.of(halved) + 3


def test_it_ranks_as_ssimulacra2_does():
    picture = photograph("astronaut.png")
    likeness = Likeness(picture)
    candidates = {
        "quality 90": through_jpeg(picture, quality=90),
        "quality 60": through_jpeg(picture, quality=60),
        "quality 30": through_jpeg(picture, quality=30),
        "scale 0.7": through_scale(picture, 0.7),
        "scale 0.4": through_scale(picture, 0.4),
        "blurred": picture.filter(ImageFilter.GaussianBlur(2)),
    }
    ranked = sorted(candidates, key=lambda name: likeness.of(candidates[name]), reverse=True)
    assert ranked == sorted(candidates, key=SSIMULACRA2.get, reverse=True)
    for name, candidate in candidates.items():
        assert likeness.of(candidate) == pytest.approx(SSIMULACRA2[name], abs=5)
