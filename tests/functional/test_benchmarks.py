"""The benchmarks still run: each in its shortest form, for its table and not for its figures."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

from testbed import PROJECT
from testbed.photographs import photograph
from testbed.servers import nginx_or_skip


def run(*arguments: str) -> str:
    """What ``python -m`` printed; a failure shows what it said on standard error."""
    ran = subprocess.run([sys.executable, "-m", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return ran.stdout


def test_gets_are_compared_with_a_bare_function_under_the_same_settings():
    nginx_or_skip()
    table = run("benchmarks.load", "--seconds=0.1", "--rounds=1")
    for subject in ("JSON, gunicorn, 1 worker", "JPEG, NGINX, 2 workers", "JSON, bare WSGI function, 2 workers"):
        assert f"| {subject} |" in table


def test_posts_are_timed_stage_by_stage():
    table = run("benchmarks.posts", "--repeats=1", "--short")
    for row in ("kept: 100 kB JPEG", "reused: the same again", "re-encoded: 600x400 PNG", "POST, reused", "kept"):
        assert f"| {row} |" in table


def test_the_hop_to_another_process_is_timed():
    assert "conversions of 6 MP" in run("benchmarks.hop", "--short")


def test_what_floods_do_to_the_right_callers_is_timed():
    table = run("benchmarks.callers", "--seconds=1", "--rate=20")
    assert "wrong logins" in table and "40 dripping origins" in table


def test_the_policies_are_judged_beside_one_another(tmp_path):
    pytest.importorskip("ssimulacra2")
    (tmp_path / "coffee.png").write_bytes(photograph("coffee.png"))
    table = run("benchmarks.quality", str(tmp_path), "--limit", "60kB", "--quick", "--methods", "best", "ladder")
    assert "| best |" in table and "| ladder |" in table


def test_the_quick_measure_is_the_measure():
    pytest.importorskip("ssimulacra2")
    from benchmarks.quality.metrics import Ssimulacra2, brought_back
    from benchmarks.quality.quick import QuickSsimulacra2

    for name in ("coffee.png", "chelsea.png"):
        with Image.open(io.BytesIO(photograph(name))) as picture:
            reference = picture.convert("RGB")
        for quality in (10, 50, 90):
            jpeg = io.BytesIO()
            reference.save(jpeg, "JPEG", quality=quality)
            other = brought_back(jpeg.getvalue(), reference.size)
            assert QuickSsimulacra2(reference)(other) == pytest.approx(Ssimulacra2(reference)(other), abs=0.12)


def test_every_recipe_is_tried_at_every_scale_and_compared(tmp_path):
    folder, rows = tmp_path / "pictures", tmp_path / "rows.jsonl"
    folder.mkdir()
    with Image.open(io.BytesIO(photograph("coffee.png"))) as picture:
        picture.resize((150, 100)).save(folder / "coffee.png")
    run("benchmarks.quality.recipes", "try", str(folder), "--limit", "3kB", "--rows", str(rows))
    assert "coffee.png" in rows.read_text()
    assert run("benchmarks.quality.recipes", "learn", str(rows)).strip()


def test_crops_are_drawn(tmp_path):
    pytest.importorskip("ssimulacra2")
    run("benchmarks.quality.crops", str(tmp_path), "--pictures", "coffee.png")
    assert [path.name for path in tmp_path.iterdir()] == ["crops-coffee.jpg"]


def test_what_the_queue_costs_is_measured():
    assert "| drained |" in run("benchmarks.bulk", "--items=300", "--workers=1")


def test_the_scaling_of_a_batch_of_photographs_is_measured(tmp_path):
    for name in ("rocket.jpg", "coffee.png"):
        (tmp_path / name).write_bytes(photograph(name))
    table = run("benchmarks.scaling", str(tmp_path), "--rounds=1")
    assert "\n| 1 | 2 |" in table and "\n| 2 | 2 |" in table


def test_searches_are_timed_by_kind():
    assert "| host and person |" in run("benchmarks.search", "--images=2000", "--repeats=1")


def test_what_the_console_keeps_is_weighed():
    assert "| more |" in run("benchmarks.kept", "--repeats=1", "--megapixels=2")


def test_growing_tables_and_the_move_of_an_older_database_are_measured():
    table = run("benchmarks.storage", "--rows=400", "--few=100", "--queries=20", "--partitions=2")
    assert "| 100 rows |" in table and "| 400 rows |" in table
    assert "| migrate --move |" in run("benchmarks.storage", "--move=50", "--bytes=3000")
