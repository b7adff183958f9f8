"""``belfoot-img init``: what it writes is for this host, and nothing of a person's is overwritten."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from belfoot_img.cli.init import init
from testbed import PROJECT


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(init, list(map(str, arguments)))


def test_every_file_of_deploy_is_written_with_this_installations_paths(tmp_path, run):
    folder = tmp_path / "belfoot"
    assert run(folder).exit_code == 0
    shipped = {"production.ini", "gunicorn.conf.py", *(path.name for path in (PROJECT / "deploy").iterdir())}
    assert {path.name for path in folder.iterdir()} == {*shipped, "environment"}
    unit = (folder / "belfoot-img.service").read_text()
    assert f"WorkingDirectory={folder}\n" in unit
    assert f"ExecStart={Path(sys.executable).parent}/gunicorn --paste production.ini\n" in unit
    for path in folder.iterdir():
        assert "/etc/belfoot_img/" not in path.read_text() and "/opt/belfoot_img" not in path.read_text()


def test_the_file_for_the_password_is_its_owners_alone(tmp_path, run):
    assert run(tmp_path).exit_code == 0
    assert (tmp_path / "environment").stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_where_a_file_is_there_already(tmp_path, run):
    (tmp_path / "nginx.conf").write_text("mine")
    refused = run(tmp_path)
    assert refused.exit_code == 1 and "nginx.conf" in refused.output and "--force" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == ["nginx.conf"]
    assert (tmp_path / "nginx.conf").read_text() == "mine"


def test_force_replaces_all_but_the_password(tmp_path, run):
    run(tmp_path)
    (tmp_path / "environment").write_text("DATABASE_URL=postgresql://secret")
    (tmp_path / "production.ini").write_text("old")
    assert run(tmp_path, "--force").exit_code == 0
    assert (tmp_path / "environment").read_text() == "DATABASE_URL=postgresql://secret"
    assert (tmp_path / "production.ini").read_text() == (PROJECT / "production.ini").read_text()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, run):
    (tmp_path / "file").write_text("")
    refused = run(tmp_path / "file" / "below")
    assert refused.exit_code == 1 and "file" in refused.output and "Traceback" not in refused.output
