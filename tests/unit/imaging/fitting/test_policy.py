import io
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from originals import noise, original, photograph, red_text, texture
from PIL import Image, ImageChops, ImageStat

from belfoot_img.errors import CannotFit
from belfoot_img.imaging.fitting.best.filling import FINAL_ENCODES
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.policy import FitPolicy, resolve, rungs
from belfoot_img.imaging.proportions import size_at
from belfoot_img.settings import ImagingSettings

POLICIES = ("best", "ladder")
PICTURES = {
    "texture": texture,
    "noise": noise,
    "grey noise": lambda width, height, seed: noise(width, height, seed, bands=1),
    "flat": lambda width, height, seed: Image.new("RGB", (width, height), (seed % 256, 90, 200)),
    "red text": lambda width, height, seed: red_text(width, height),
}


def fit(policy, picture, **values):
    return resolve(policy).from_settings(ImagingSettings(**values)).fit(original(picture))


def check(fitted, picture, limit, max_side=3840):
    """What holds of whatever is fitted: the limit, the size, the proportions, a JPEG that is what the record says."""
    assert len(fitted.jpeg) <= limit
    with Image.open(io.BytesIO(fitted.jpeg)) as stored:
        stored.load()
        assert stored.format == "JPEG"
        assert stored.mode in (picture.mode, "L")
        assert stored.size == (fitted.width, fitted.height)
    assert max(stored.size) <= min(max_side, max(picture.size))
    assert fitted.scale == max(stored.size) / max(picture.size)
    for side, source_side in zip(stored.size, picture.size, strict=True):
        assert abs(side - max(1, source_side * fitted.scale)) <= 0.5
    assert fitted.encodes == len(fitted.candidates)
    winners = [
        candidate
        for candidate in fitted.candidates
        if (candidate.width, candidate.height, candidate.quality, candidate.bytes)
        == (fitted.width, fitted.height, fitted.quality, len(fitted.jpeg))
    ]
    assert winners


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    kind=st.sampled_from(sorted(PICTURES)),
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    seed=st.integers(0, 999),
    limit=st.integers(5_000, 200_000) | st.integers(5_000, 1_000_000),
    step=st.integers(1, 99),
    ends=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    max_side=st.integers(16, 2000),
)
def test_any_picture_ends_under_any_limit_in_its_proportions(
    policy, kind, width, height, seed, limit, step, ends, max_side
):
    picture = PICTURES[kind](width, height, seed)
    values = {"size_limit": limit, "quality_step": step, "quality_range": (max(ends), min(ends)), "max_side": max_side}
    check(fit(policy, picture, **values), picture, limit, max_side)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", [(1, 1), (1, 20000), (65500, 8), (8, 65500), (3, 2)], ids=str)
@pytest.mark.parametrize("limit", [5_000, 180_000])
def test_the_oddest_sizes_fit(policy, size, limit):
    picture = noise(*size)
    check(fit(policy, picture, size_limit=limit), picture, limit)


@pytest.mark.parametrize("policy", POLICIES)
def test_noise_of_a_photographs_size_fits_a_small_limit(policy):
    picture = noise(1600, 1200)
    check(fit(policy, picture, size_limit=20_000), picture, 20_000)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_limit_below_the_smallest_jpeg_cannot_be_fitted(policy):
    with pytest.raises(CannotFit):
        fit(policy, texture(300, 200), size_limit=100)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_pixels_and_settings_give_the_same_bytes(policy):
    first, second = (fit(policy, photograph("astronaut.png"), size_limit=30_000) for _ in range(2))
    assert first.jpeg == second.jpeg


@pytest.mark.parametrize("policy", POLICIES)
def test_what_fits_at_the_first_rung_keeps_its_resolution(policy):
    fitted = fit(policy, photograph("chelsea.png"))
    assert (fitted.width, fitted.height, fitted.scale) == (451, 300, 1.0)
    assert fitted.quality >= 95


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_of_the_house_is_found_by_its_name(policy):
    assert resolve(policy).name == policy
    assert isinstance(resolve(policy).from_settings(ImagingSettings()), FitPolicy)


def test_a_dotted_name_leads_to_a_policy_of_ones_own():
    assert resolve("belfoot_img.imaging.fitting.ladder.Ladder") is resolve("belfoot_img.imaging.fitting.ladder:Ladder")
    assert resolve("belfoot_img.imaging.fitting.ladder.Ladder") is resolve("ladder")


@pytest.mark.parametrize(
    "name", ["worst", "belfoot_img.nowhere.Policy", "belfoot_img.imaging.fitting.rungs", "io.BytesIO"]
)
def test_a_name_that_leads_to_no_policy_is_refused(name):
    with pytest.raises(ValueError, match="best, ladder or the dotted name of a class"):
        resolve(name)


def test_the_rungs_go_down_by_the_step_and_end_on_the_last():
    assert rungs((95, 30), 5) == [95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30]
    assert rungs((95, 30), 40) == [95, 55, 30]
    assert rungs((80, 80), 5) == [80]


def test_both_sides_are_brought_down_by_one_coefficient():
    assert size_at((4000, 2667), 1500) == (1500, 1000)
    assert size_at((8, 65500), 3840) == (1, 3840)
    assert size_at((301, 200), 301) == (301, 200)


def test_the_ladder_lowers_quality_before_it_lowers_the_resolution():
    picture = photograph("astronaut.png")
    whole = fit("ladder", picture, size_limit=40_000)
    assert whole.scale == 1
    assert [candidate.quality for candidate in whole.candidates] == list(range(95, whole.quality - 1, -5))
    shrunk = fit("ladder", picture, size_limit=8_000)
    assert shrunk.quality == 30
    assert shrunk.scale < 1


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "retina.jpg", "motorcycle_left.png"])
@pytest.mark.parametrize("limit", [15_000, 60_000])
def test_best_fills_the_limit_within_its_budget_of_encodes(name, limit):
    fitted = fit("best", photograph(name), size_limit=limit)
    assert len(fitted.jpeg) > 0.95 * limit
    assert sum(candidate.final for candidate in fitted.candidates) <= FINAL_ENCODES + 1
    assert fitted.encodes <= 60


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "retina.jpg"])
def test_best_looks_closer_than_the_ladder(name):
    picture = photograph(name)
    judge = Likeness(picture)
    best, ladder = (fit(policy, picture, size_limit=20_000) for policy in POLICIES)
    assert judge.of(Image.open(io.BytesIO(best.jpeg))) > judge.of(Image.open(io.BytesIO(ladder.jpeg))) + 3


def test_a_larger_limit_never_looks_worse_by_more_than_a_hair():
    picture = photograph("coffee.png")
    judge = Likeness(picture)
    fitted = [
        fit("best", picture, size_limit=limit) for limit in (10_000, 12_000, 15_000, 20_000, 30_000, 50_000, 90_000)
    ]
    likenesses = [judge.of(Image.open(io.BytesIO(each.jpeg))) for each in fitted]
    assert all(later > earlier - 0.5 for earlier, later in pairwise(likenesses))


def test_red_text_keeps_its_colour_at_full_resolution():
    picture = red_text()
    fitted = fit("best", picture, size_limit=180_000)
    assert fitted.scale == 1
    assert [candidate.chroma for candidate in fitted.candidates if candidate.bytes == len(fitted.jpeg)][-1] == "4:4:4"


def test_a_jpeg_that_came_in_few_bytes_is_not_blown_up():
    """Its artefacts are not worth more bytes than they came in."""
    crushed = io.BytesIO()
    photograph("astronaut.png").save(crushed, "JPEG", quality=20)
    source_bytes = len(crushed.getvalue())
    source = original(Image.open(crushed).convert("RGB"), source_bytes=source_bytes, source_quality=20)
    fitted = resolve("best").from_settings(ImagingSettings()).fit(source)
    assert len(fitted.jpeg) <= 1.2 * source_bytes + 1400


@pytest.mark.parametrize("policy", POLICIES)
def test_reduced_pixels_count_against_the_source_they_came_from(policy):
    """Decoding may hand over a large JPEG at half its size: the scale is still that of the source."""
    half = texture(800, 533)
    source = replace(original(half), width=1601, height=1067)
    fitted = resolve(policy).from_settings(ImagingSettings(max_side=600)).fit(source)
    assert (fitted.width, fitted.height) == (600, 400)
    assert fitted.scale == 600 / 1601


def test_a_picture_that_fits_at_its_finest_keeps_all_of_its_colour():
    """Halved chroma would smear a 6 × 6 icon beyond recognition, for bytes that nobody needs to save."""
    icon = noise(6, 6, 6)
    fitted = fit("best", icon)
    with Image.open(io.BytesIO(fitted.jpeg)) as stored:
        differences = ImageStat.Stat(ImageChops.difference(stored.convert("RGB"), icon)).mean
    assert max(differences) < 2
    assert fitted.candidates[-1].chroma == "4:4:4"


def test_a_picture_in_which_every_pixel_is_grey_is_stored_as_grey():
    grey = photograph("camera.png").convert("L")
    fitted = fit("best", grey.convert("RGB"), size_limit=30_000)
    assert Image.open(io.BytesIO(fitted.jpeg)).mode == "L"
    assert fitted.jpeg == fit("best", grey, size_limit=30_000).jpeg


def test_one_coloured_pixel_keeps_the_colour():
    picture = photograph("camera.png").convert("RGB")
    picture.putpixel((311, 303), (255, 0, 0))
    assert Image.open(io.BytesIO(fit("best", picture, size_limit=30_000).jpeg)).mode == "RGB"


def test_best_goes_below_the_last_rung_where_that_pays():
    """Small text is illegible at less than its full resolution, and legible at the lowest qualities."""
    page = photograph("page.png").convert("L").resize((1536, 764), Image.Resampling.NEAREST)
    fitted = fit("best", page, size_limit=30_000, quality_range=(95, 90))
    assert fitted.quality < 90


@pytest.mark.parametrize("name", ["astronaut.png", "retina.jpg"])
def test_less_effort_never_encodes_more_pixels(name):
    low, normal, high = (
        fit("best", photograph(name), size_limit=20_000, effort=effort) for effort in ("low", "normal", "high")
    )
    encoded = [sum(each.width * each.height for each in fitted.candidates) for fitted in (low, normal, high)]
    assert encoded[0] <= encoded[1] <= encoded[2] and encoded[0] < encoded[2]
    assert all(len(fitted.jpeg) <= 20_000 for fitted in (low, normal, high))
