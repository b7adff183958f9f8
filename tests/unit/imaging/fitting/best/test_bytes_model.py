import math

import pytest

from belfoot_img.imaging.fitting.best.bytes_model import AIM, HEADER, Model, coarseness, fineness


@pytest.mark.parametrize("quality", range(1, 100))
def test_quality_and_coarseness_are_one_scale(quality):
    assert fineness(coarseness(quality)) in (quality, quality - 1)
    assert coarseness(quality) >= coarseness(quality + 1)


def made(scale, quality, scale_power, quality_power):
    """Bytes of a picture that follows the powers exactly."""
    return HEADER + 300_000 * scale**scale_power / coarseness(quality) ** quality_power


@pytest.mark.parametrize("powers", [(1.6, 0.65), (2.3, 0.65), (1.3, 0.65)], ids=str)
def test_two_encodes_at_a_quality_foretell_the_scale_that_fills_the_limit(powers):
    model = Model(100_000, 10**6)
    for scale in (0.9, 0.6):
        model.correct("recipe", scale, 75, model.excess(made(scale, 75, *powers)))
    scale = model.scale("recipe", 75)
    assert made(scale, 75, *powers) - HEADER == pytest.approx(AIM * 100_000 - HEADER, rel=1e-6)


def test_two_encodes_at_a_scale_foretell_the_quality_that_fills_the_limit():
    model = Model(600_000, 10**6)
    for quality in (60, 80):
        model.correct("recipe", 1.0, quality, model.excess(made(1.0, quality, 1.6, 0.9)))
    quality = model.quality("recipe", 1.0)
    assert made(1, quality, 1.6, 0.9) <= AIM * 600_000 < made(1, quality + 1, 1.6, 0.9)


def test_excess_is_the_log_of_what_is_too_much():
    model = Model(100_000, 10**6)
    assert model.excess(AIM * 100_000) == pytest.approx(0)
    assert model.excess(2 * (AIM * 100_000 - HEADER) + HEADER) == pytest.approx(math.log(2))
