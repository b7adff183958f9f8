import io
from dataclasses import replace

import pytest
from originals import original, photograph, text_page
from PIL import Image

from belfoot_img.imaging.fitting.best.effort import COARSE, EFFORTS, REFINED_UP_TO
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.policy import Best


def fitted(picture, limit, effort):
    return Best(limit, 3840, effort).fit(original(picture))


def is_refined(fit):
    return final(fit).encoder.startswith("refined-")


def final(fit):
    return next(candidate for candidate in fit.candidates if candidate.final and candidate.bytes == len(fit.jpeg))


def points(picture, jpeg):
    return Likeness(picture, flat=True).of(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize("effort", ["normal", "high"])
def test_a_page_is_refined_and_looks_better_for_it(effort):
    refined = fitted(text_page(), 30_000, EFFORTS[effort])
    plain = fitted(text_page(), 30_000, replace(EFFORTS[effort], refined=0))
    assert is_refined(refined) and not is_refined(plain)
    assert 0.95 * 30_000 < len(refined.jpeg) <= 30_000
    assert points(text_page(), refined.jpeg) > points(text_page(), plain.jpeg) + 1


def test_low_effort_refines_nothing():
    assert not is_refined(fitted(text_page(), 30_000, EFFORTS["low"]))


def test_more_tries_store_the_one_that_is_most_like_the_page():
    one, three = (fitted(text_page(), 30_000, replace(EFFORTS["normal"], refined=tries)) for tries in (1, 3))
    assert points(text_page(), three.jpeg) >= points(text_page(), one.jpeg)
    assert len({candidate.quality for candidate in three.candidates if candidate.final}) > 1


@pytest.mark.parametrize("limit, refined", [(6_000, True), (30_000, False)])
def test_with_normal_effort_only_coarse_photographs_are_refined(limit, refined):
    fit = fitted(photograph("coffee.png"), limit, replace(EFFORTS["normal"], rivals=0))
    assert is_refined(fit) == refined
    assert (fit.quality <= COARSE) == refined
    assert len(fit.jpeg) <= limit


def test_with_high_effort_a_photograph_is_refined_where_that_is_more_like_it():
    coffee = photograph("coffee.png")
    fit = fitted(coffee, 30_000, replace(EFFORTS["high"], rivals=0))
    likeness = Likeness(coffee)
    full = [
        each
        for each in fit.candidates
        if each.final and 0.95 * 30_000 < each.bytes <= 30_000 and each.width == fit.width
    ]
    assert {each.encoder.startswith("refined-") for each in full} == {True, False}
    plain = fitted(coffee, 30_000, replace(EFFORTS["high"], rivals=0, refined=0))
    assert likeness.of(Image.open(io.BytesIO(fit.jpeg))) >= likeness.of(Image.open(io.BytesIO(plain.jpeg)))


def test_a_page_of_nearly_full_quality_is_not_refined():
    fit = fitted(text_page(), 150_000, EFFORTS["normal"])
    assert fit.quality > REFINED_UP_TO
    assert not any(candidate.encoder.startswith("refined-") for candidate in fit.candidates)


@pytest.mark.parametrize("limit", [900, 2_000, 5_000])
def test_a_page_that_has_to_be_reduced_keeps_the_limit(limit):
    fit = fitted(text_page(), limit, EFFORTS["normal"])
    assert fit.scale < 1
    assert len(fit.jpeg) <= limit
