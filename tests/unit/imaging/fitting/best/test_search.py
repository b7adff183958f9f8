import numpy as np
import pytest
from originals import original, photograph, red_text
from PIL import Image

from belfoot_img.imaging.fitting.best.recipes import FIRST, KINDS, rivals
from belfoot_img.imaging.fitting.best.sampling import is_flat
from belfoot_img.imaging.fitting.best.trials import as_if_full
from belfoot_img.imaging.fitting.policy import resolve
from belfoot_img.settings import ImagingSettings


def page(width, height):
    """Black lines of one pixel in every eighth row and sixth column, as text has them."""
    pixels = np.full((height, width, 3), 255, dtype=np.uint8)
    pixels[::16] = 0
    pixels[:, ::48] = (200, 0, 0)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("picture", [page(800, 600), red_text(640, 480)])
def test_what_is_drawn_is_told_from_photographs(picture):
    assert is_flat(picture)
    assert not is_flat(photograph("coffee.png"))


def test_a_picture_of_one_column_is_no_page():
    assert not is_flat(Image.new("L", (1, 20)))


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("scale", [0.01, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("quality", [1, 50, 90, 100])
@pytest.mark.parametrize("likeness", [-50.0, 60.0, 85.0, 100.0])
def test_there_are_rivals_for_whatever_the_first_recipe_came_to(flat, scale, quality, likeness):
    found = rivals(scale, quality, likeness, flat)
    assert found in [kind.rivals for kind in KINDS]
    assert FIRST not in [rival.recipe for rival in found]


def test_near_quality_100_empty_bytes_are_not_counted_as_likeness():
    assert as_if_full(60.0, 50, -0.1) > 60.0
    assert as_if_full(90.0, 98, -0.1) == 90.0
    assert as_if_full(90.0, 98, 0.1) < 90.0


def test_a_picture_that_fits_nearly_lossless_is_not_reduced():
    fitted = resolve("best").from_settings(ImagingSettings(size_limit=80_000)).fit(original(photograph("chelsea.png")))
    assert fitted.scale == 1
    assert all(candidate.scale == 1 or not candidate.final for candidate in fitted.candidates)


def test_colour_that_few_places_show_is_kept_at_nearly_full_quality():
    """A sample of plain places would not tell 4:2:0 from 4:4:4: both are judged on the whole picture."""
    plain = photograph("coffee.png").resize((1600, 1200))
    fitted = resolve("best").from_settings(ImagingSettings(size_limit=500_000)).fit(original(plain))
    judged = {candidate.chroma for candidate in fitted.candidates if candidate.final and candidate.width == 1600}
    assert fitted.quality > 90
    assert judged == {"4:2:0", "4:4:4"}
