from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from belfoot_img.cli import commands
from belfoot_img.cli.converting import table
from belfoot_img.imaging.converter import convert_bytes
from belfoot_img.settings import ImagingSettings, SettingsError
from testbed.photographs import photograph


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(commands, ["convert", *map(str, arguments)])

    return run


@pytest.fixture
def coffee(tmp_path):
    path = tmp_path / "coffee.png"
    path.write_bytes(photograph("coffee.png"))
    return path


def test_a_file_becomes_a_jpeg_under_the_limit_and_a_line_says_how(run, coffee, tmp_path):
    output = tmp_path / "out.jpg"
    answer = run(coffee, "-o", output, "--size-limit", "30 kB")
    assert answer.exit_code == 0, answer.output
    assert output.stat().st_size <= 30_000
    with Image.open(output) as picture:
        assert picture.format == "JPEG"
    assert f"reencoded: PNG 600x400, {coffee.stat().st_size:,} bytes" in answer.output
    assert f"JPEG {picture.width}x{picture.height}, {output.stat().st_size:,} bytes" in answer.output


def test_to_standard_output(run, coffee):
    answer = run(coffee, "-o", "-", "--fit-policy", "ladder")
    assert Image.open(io.BytesIO(answer.stdout_bytes)).format == "JPEG"
    assert answer.stderr.startswith("reencoded")


def test_explain_marks_the_candidate_that_won(run, coffee, tmp_path):
    answer = run(coffee, "-o", tmp_path / "out.jpg", "--size-limit", "30 kB", "--explain")
    rows = [line for line in answer.output.splitlines() if line.startswith("* ")]
    assert rows and all(f"{(tmp_path / 'out.jpg').stat().st_size:,}" in row for row in rows)


def test_explain_says_what_was_foretold_and_which_recipes_were_tried_for_it(run, coffee, tmp_path):
    arguments = (coffee, "-o", tmp_path / "out.jpg", "--size-limit", "30 kB", "--explain")
    answer = run(*arguments)
    assert "foretold: a photograph" in answer.stderr
    told = json.loads(run(*arguments, "--json").stdout)
    tried = {f"{one['encoder']} {one['chroma']}" for one in told["candidates"]}
    assert told["foretold"]["rivals"] and tried.issuperset(told["foretold"]["rivals"])
    assert f"scale {told['foretold']['scale']:.3f}" in answer.stderr
    assert "foretold" not in run(*arguments, "--fit-policy", "ladder").stderr


def test_a_link(run, origin, tmp_path):
    answer = run(origin.serve(photograph("coffee.png")), "-o", tmp_path / "out.jpg")
    assert answer.exit_code == 1 and "url_refused" in answer.output
    ini = tmp_path / "loopback.ini"
    ini.write_text(
        "[app:main]\nuse = egg:belfoot_img\nsqlalchemy.url = postgresql://unused/unused\n"
        "belfoot_img.fetch.allow_networks = 127.0.0.0/8\nbelfoot_img.fetch.ports = any\n"
    )
    answer = run(origin.serve(photograph("coffee.png")), "-o", tmp_path / "out.jpg", "--ini", ini)
    assert answer.exit_code == 0 and (tmp_path / "out.jpg").stat().st_size <= 180_000


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/dev/full").exists(), reason="no device that is full")
def test_a_file_that_cannot_be_written_leaves_what_stood_there(run, coffee, tmp_path):
    for output in (tmp_path / "nowhere" / "out.jpg", Path("/dev/full")):
        answer = run(coffee, "-o", output, "--fit-policy", "ladder")
        assert answer.exit_code == 1 and answer.output.startswith(f"Error: {output}: ")
    standing = tmp_path / "out.jpg"
    standing.write_bytes(b"precious")
    (tmp_path / ".out.jpg.part").mkdir()  # writing beside it fails
    assert run(coffee, "-o", standing, "--fit-policy", "ladder").output == f"Error: {standing}: Is a directory\n"
    assert standing.read_bytes() == b"precious"


def test_a_fit_policy_that_is_none(run, coffee, tmp_path):
    answer = run(coffee, "-o", tmp_path / "out.jpg", "--fit-policy", "no.such.policy")
    assert isinstance(answer.exception, SettingsError)
    assert str(answer.exception).startswith("belfoot_img.fit_policy = 'no.such.policy': should be best, ladder")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.png"], "nowhere.png: No such file"),
        (["setup.py"], "not_an_image"),
        (["setup.py", "--size-limit", "180"], "should be a size such as 180 kB"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(run, tmp_path, arguments, says):
    from testbed import PROJECT

    arguments = [str(PROJECT / a) if a == "setup.py" else a for a in arguments]
    answer = run(*arguments, "-o", tmp_path / "out.jpg")
    assert answer.exit_code != 0 and says in answer.output
    assert not (tmp_path / "out.jpg").exists()


def test_an_encode_that_was_made_twice_wins_once():
    converted = convert_bytes(photograph("coffee.png"), ImagingSettings(fit_policy="ladder"))
    again = replace(converted.candidates[-1])
    shown = table(replace(converted, candidates=(*converted.candidates, again)))
    assert [line[0] for line in shown.splitlines()].count("*") == 1


@pytest.fixture
def folder(tmp_path, coffee):
    """Two pictures of one name, one further down, one that is none, one that is hidden."""
    top = tmp_path / "photos"
    (top / "2024").mkdir(parents=True)
    content = coffee.read_bytes()
    for name in ("a.png", "a.PNG", "2024/b.png", ".hidden.png"):
        (top / name).write_bytes(content)
    (top / "notes.txt").write_text("no picture")
    return top


def test_a_folder_becomes_a_folder_of_jpegs_and_what_fails_is_said(run, folder, tmp_path):
    answer = run(folder, "-o", tmp_path / "out", "--effort", "low", "--size-limit", "30 kB")
    assert answer.exit_code == 1, answer.output
    made = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert made == ["2024/b.jpg", "a.jpg", "a.png.jpg"]
    assert f"{folder / 'notes.txt'}: not_an_image" in answer.stderr
    assert "3 of 4 converted, 1 failed" in answer.stderr
    assert all((tmp_path / "out" / name).stat().st_size <= 30_000 for name in made)


def test_several_sources_are_lines_of_json(run, coffee, origin, tmp_path):
    answer = run(coffee, tmp_path / "nowhere.png", origin.serve(b"x"), "-o", tmp_path / "out", "--json")
    lines = {one["name"]: one for one in map(json.loads, answer.stdout.splitlines())}
    made = lines.pop(str(coffee))
    assert made["bytes"] == (tmp_path / "out" / "coffee.jpg").stat().st_size
    assert made["conversion"]["action"] == "reencoded" and made["output"] == str(tmp_path / "out" / "coffee.jpg")
    assert sorted(one["error"]["code"] for one in lines.values()) == ["file", "url_refused"]
    assert answer.exit_code == 1


def test_the_output_that_lies_in_the_folder_is_not_converted_again(run, folder):
    (folder / "notes.txt").unlink()
    for _ in range(2):
        answer = run(folder, "-o", folder / "out", "--fit-policy", "ladder")
        assert answer.exit_code == 0 and "3 of 3 converted" in answer.stderr


def test_one_source_as_json_with_its_candidates(run, coffee, tmp_path):
    told = json.loads(run(coffee, "-o", tmp_path / "out.jpg", "--json", "--explain", "--effort", "low").stdout)
    assert told["conversion"]["encodes"] == len(told["candidates"]) > 0
    assert run(coffee, "-o", "-", "--json").exit_code == 2
    assert run(coffee, coffee, "-o", "-").exit_code == 2
