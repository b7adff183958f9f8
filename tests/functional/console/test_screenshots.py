"""The docs' screenshots can be taken anew."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from testbed import PROJECT


def test_screenshots_are_taken(tmp_path):
    if shutil.which("chromium") is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    command = [sys.executable, PROJECT / "docs/screenshots.py", "--folder", tmp_path]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    taken = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(taken) == {path.name for path in (PROJECT / "docs/screenshots").iterdir()}
    assert all(10_000 < size < 150_000 for size in taken.values())
