"""What the documentation shows works: its snippets are run, its JSON is JSON, what it lists is what the code has."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from belfoot_img.models.user import User
from belfoot_img.settings import Settings, keys
from testbed import PROJECT, servers
from testbed.client import EDITOR
from testbed.photographs import photograph
from testbed.workers import worker
from tests.documents import documents

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = "# in a terminal of its own"
"""Begins a block that is run by tests/functional/test_commands.py."""
RUN = ("tutorial.md", "cms.md", "cms.ru.md")
PAGES = [*documents(), *sorted((PROJECT / "docs/reference").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(page.read_text()) if kind == language]


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory) -> str:
    with servers.gunicorn(tmp_path_factory.mktemp("gunicorn"), database_url) as base:
        yield base


@pytest.fixture
def as_shown(base, database, hashes, origin):
    """``as_shown(code)``: a page's code with the addresses and passwords of this test in place of the examples'."""
    with database.begin() as connection:
        rows = [{"name": name, "password_hash": hashes[EDITOR.username], "role": "editor"} for name in ("dev", "cms")]
        connection.execute(User.__table__.insert(), rows)
    replaced = {
        "https://images.example.com": base,
        "http://127.0.0.1:6543": base,
        "https://example.com/photo.jpg": origin.serve(photograph("coffee.png")),
        "https://example.com/no-picture.html": origin.serve(b"<html>A page.</html>"),
        "secret words": EDITOR.password,
        "the password that make serve printed": EDITOR.password,
    }

    def put_in(code: str) -> str:
        for example, real in replaced.items():
            code = code.replace(example, real)
        return code

    return put_in


@pytest.mark.parametrize("name", RUN)
def test_the_shell_of_a_page_runs_from_its_top_to_its_end(name, as_shown, tmp_path):
    shown = blocks(PROJECT / "docs" / name, "sh")
    script = "\n".join(as_shown(code) for code in shown if not code.startswith(ELSEWHERE))
    for program in ("curl", "php"):
        if f"{program} " in script and not shutil.which(program):
            pytest.skip(f"{program} is not installed (apt-get install php-cli curl)")
    (tmp_path / "examples").symlink_to(PROJECT / "examples")
    environment = {**os.environ, "NO_PROXY": "*"}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    jpeg = (tmp_path / "42.jpg").read_bytes()
    assert jpeg[:3] == b"\xff\xd8\xff" and len(jpeg) <= 180_000
    if name == "tutorial.md":
        assert (tmp_path / "article.html").exists() and '"url_refused"' in ran.stdout


@pytest.mark.parametrize("name", ["cms.md", "cms.ru.md"])
def test_the_python_of_a_page_runs_from_its_top_to_its_end(name, as_shown, database_url, tmp_path):
    said = io.StringIO()
    names: dict = {}
    with worker(tmp_path, database_url), contextlib.redirect_stdout(said):
        for code in blocks(PROJECT / "docs" / name, "python"):
            exec(compile(as_shown(code), name, "exec"), names)
    assert names["jpeg"][:3] == b"\xff\xd8\xff"
    assert "not_an_image" in said.getvalue() and "stored None" in said.getvalue()
    assert (names["batch"].state, names["batch"].items["stored"]) == ("ended", 2)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_json_of_a_page_is_json(page):
    for code in blocks(page, "json"):
        json.loads(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_kind_that_is_checked(page):
    """``sh`` outside of ``RUN`` is held to the commands by tests/functional/test_commands.py."""
    assert {kind for kind, _ in BLOCK.findall(page.read_text())} <= {"", "json", "python", "sh", "text"}
    if page.name not in RUN:
        assert blocks(page, "python") == []


def test_the_reference_is_what_the_code_says():
    found = importlib.util.spec_from_file_location("generate", PROJECT / "docs/generate.py")
    generate = importlib.util.module_from_spec(found)
    found.loader.exec_module(generate)
    for name, content in generate.pages().items():
        assert (PROJECT / "docs/reference" / name).read_text() == content, "make reference"


def test_every_page_has_its_place_in_the_site():
    named = re.findall(r": ([\w./-]+\.md)$|- (index\.md)$", (PROJECT / "mkdocs.yml").read_text(), re.MULTILINE)
    folder = PROJECT / "docs"
    pages = {str(path.relative_to(folder)) for path in folder.rglob("*.md")}
    assert {first or second for first, second in named} == pages, "nav of mkdocs.yml"


def test_every_setting_is_in_the_reference():
    text = (PROJECT / "docs/reference/settings.md").read_text()
    missing = [key for key in keys(Settings) if f"`{key}` = " not in text]
    assert missing == ["belfoot_img.embedded_postgres"], "give it a commented line in production.ini"


@pytest.mark.parametrize("name", ["cms", "editor"])
def test_both_languages_of_a_page_have_the_same_codes(name):
    english, russian = ((PROJECT / "docs" / f"{name}{ending}.md").read_text() for ending in ("", ".ru"))
    codes = re.compile(r"`([a-z]+(?:_[a-z]+)+)`")
    assert set(codes.findall(english)) ^ set(codes.findall(russian)) <= {"belfoot_img"}
