"""A short form of ``make fuzz``."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys

import pytest

from testbed import PROJECT, pictures
from testbed.photographs import png
from tests.fuzz import conversions, sources
from tests.fuzz.conversions import Conversions
from tests.fuzz.links import Links
from tests.fuzz.requests import Requests
from tests.fuzz.steps import Finding, Journal, go_on


def wrong(trying, folder, steps: int, seed: int) -> list:
    journal = Journal(folder / "journal")
    return [found for found in go_on(trying.step, seed, journal, 60, steps) if found.wrong]


def test_the_largest_pictures_change_nothing_for_the_innocent_ones_between_them(tmp_path):
    large = sources.large(tmp_path / "large", side=4000)
    with Conversions([(0.5, large), (0.5, sources.small())], memory=120_000_000) as conversions:  # most are refused
        assert not wrong(conversions, tmp_path, steps=16, seed=8)


def test_changed_files_of_every_format_in_one_process(tmp_path):
    with Conversions([(1, sources.small() + sources.cases())], mutate=0.9) as conversions:
        assert not wrong(conversions, tmp_path, steps=25, seed=8)


def test_every_case_that_a_run_found():
    with Conversions([]) as conversions:
        assert not [case.name for case in sources.cases() if conversions.tried(0, case.name, case.read()).wrong]


def test_what_goes_wrong_is_kept_as_a_file_that_can_become_a_case(tmp_path, monkeypatch):
    def faulty(processes, content: bytes) -> str:
        return "internal_error: a fault" if content.startswith(b"GIF") else "kept"

    monkeypatch.setattr(conversions, "_outcome", faulty)
    with Conversions([(1, sources.small())]) as trying:
        found = wrong(trying, tmp_path, steps=40, seed=8)
    assert found and {finding.what for finding in found} == {"small.gif"}
    kept = (tmp_path / "journal-found").iterdir()
    assert {int(path.name) for path in kept} == {finding.step for finding in found}
    monkeypatch.setattr(sources, "CASES", tmp_path / "journal-found")
    assert sources.cases()[0].read() == next(one.read() for one in sources.small() if one.name == "small.gif")


def test_generated_links_dial_no_forbidden_address(tmp_path):
    with Links() as links:
        assert not wrong(links, tmp_path, steps=500, seed=8)


def test_mutated_requests_are_never_a_fault_of_our_own(tmp_path):
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(path.stat().st_mode | 0o055)  # PostgreSQL runs as a user of its own where root starts it
    with Requests(tmp_path / "site") as requests:
        assert not wrong(requests, tmp_path, steps=150, seed=8)


def test_a_run_goes_on_where_it_stopped(tmp_path):
    def step(number: int, chance: random.Random) -> Finding:
        return Finding(number, "x", str(chance.random()))

    whole = list(go_on(step, 3, Journal(tmp_path / "whole"), 1, 10))
    for steps in (4, 10):
        list(go_on(step, 3, Journal(tmp_path / "parts"), 1, steps))
    assert Journal(tmp_path / "parts").findings() == whole


def test_what_a_browser_shows_is_compared_with_what_is_refused(tmp_path):
    pytest.importorskip("playwright.sync_api", reason="pip install 'belfoot_img[browser]'")
    if shutil.which("chromium") is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    (tmp_path / "whole.png").write_bytes(png(40, 30))
    whole = pictures.saved(pictures.noise(400, 300), "JPEG")
    (tmp_path / "shown-by-browsers-only.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "shown-by-nobody.png").write_bytes(png(40, 30)[:20])
    (tmp_path / "decoded-and-not-drawn.avif").write_bytes(pictures.saved(pictures.scene(), "AVIF", speed=9)[:-16])
    command = [sys.executable, "-m", "tests.fuzz.shown", tmp_path]
    said = subprocess.run(command, cwd=PROJECT, check=True, timeout=120, capture_output=True, text=True).stdout
    assert re.search(r"shown-by-browsers-only.jpg: image_damaged: .* \(drawn: \d+\.\d %\)", said)
    assert "shown by the browser: 2; refused of these: 1 (50.0 %)" in said
