"""Why a picture won, as a drawing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from belfoot_img.console.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot, ticks, winner


def candidate(scale=0.5, likeness=60.0, quality=70, chroma="4:2:0", size=1000, width=100) -> dict:
    return {
        "scale": scale,
        "likeness": likeness,
        "quality": quality,
        "chroma": chroma,
        "bytes": size,
        "width": width,
    }


@pytest.mark.parametrize(("least", "most"), [(0.15, 0.29), (0, 100), (61.2, 61.2), (-3, 4), (0.999, 1.0)])
def test_ticks_are_few_and_enclose_what_is_shown(least, most):
    found = ticks(least, most)
    assert found[0] <= least and most <= found[-1] and 2 <= len(found) <= 8
    assert found == sorted(set(found))


def test_every_judged_candidate_is_a_point_within_the_drawing():
    drawn = plot([candidate(0.2, 30), candidate(0.9, 70, chroma="4:4:4"), candidate(0.5, None)], 0.5)
    assert [point.full_colour for point in drawn.points] == [False, True]
    for point in drawn.points:
        assert LEFT <= point.x <= WIDTH - RIGHT and TOP <= point.y <= HEIGHT - BOTTOM
    low, high = drawn.points
    assert low.x < drawn.stored < high.x and low.y > high.y


def test_a_single_candidate_is_no_plot():
    assert plot([candidate(), candidate(likeness=None)], 0.5) is None
    assert plot([], 1.0) is None


def test_the_winner_is_the_last_of_those_that_are_the_stored_jpeg():
    row = SimpleNamespace(bytes=1000, width=100, quality=70)
    assert winner([candidate(), candidate(size=999), candidate()], row) == 2
    assert winner([candidate(size=1)], row) is None
