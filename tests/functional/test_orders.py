"""A short form of ``python -m tests.fuzz``: no picture changes what becomes of another in the same process."""

from __future__ import annotations

import random

from tests.fuzz import sources
from tests.fuzz.conversions import Conversions
from tests.fuzz.steps import Journal, go_on


def wrong(conversions: Conversions, folder, steps: int, seed: int) -> list:
    journal = Journal(folder / "journal")
    return [found for found in go_on(conversions.step, seed, journal, 60, steps) if found.wrong]


def test_the_largest_pictures_change_nothing_for_the_innocent_ones_between_them(tmp_path):
    large = sources.large(tmp_path / "large", side=4000)
    with Conversions([(0.5, large), (0.5, sources.small())], memory=120_000_000) as conversions:  # most are refused
        assert not wrong(conversions, tmp_path, steps=16, seed=8)


def test_changed_files_of_every_format_in_one_process(tmp_path):
    with Conversions([(1, sources.small() + sources.cases())], mutate=0.9) as conversions:
        assert not wrong(conversions, tmp_path, steps=25, seed=8)


def test_a_run_goes_on_where_it_stopped(tmp_path):
    def step(number: int, chance: random.Random):
        from tests.fuzz.steps import Finding

        return Finding(number, "x", str(chance.random()))

    whole = list(go_on(step, 3, Journal(tmp_path / "whole"), 1, 10))
    for steps in (4, 10):
        list(go_on(step, 3, Journal(tmp_path / "parts"), 1, steps))
    assert Journal(tmp_path / "parts").findings() == whole
