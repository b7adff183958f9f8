"""The examples that a CMS developer starts from, run against the service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from testbed import PROJECT, servers
from testbed.client import EDITOR
from testbed.photographs import photograph

PROGRAMS = {"py": sys.executable, "sh": shutil.which("bash"), "php": shutil.which("php")}


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory) -> str:
    with servers.gunicorn(tmp_path_factory.mktemp("gunicorn"), database_url) as base:
        yield base


@pytest.fixture(params=PROGRAMS)
def example(request, base, database, tmp_path):
    """``example(link, article_id, …)`` runs it in tmp_path."""
    if PROGRAMS[request.param] is None or (request.param == "sh" and not shutil.which("curl")):
        pytest.skip(f"examples/client.{request.param}: its program is not installed (apt-get install php-cli curl)")

    def run(*arguments: str, url: str = base, password: str = EDITOR.password):
        account = {"BELFOOT_IMG_USER": EDITOR.username, "BELFOOT_IMG_PASSWORD": password}
        command = [PROGRAMS[request.param], PROJECT / f"examples/client.{request.param}", *arguments]
        environment = {**os.environ, **account, "BELFOOT_IMG_URL": url}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_it_stores_a_picture_and_writes_the_jpeg(example, origin, tmp_path):
    ran = example(origin.serve(photograph("coffee.png")), "42")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    jpeg = (tmp_path / "42.jpg").read_bytes()
    assert jpeg[:3] == b"\xff\xd8\xff" and len(jpeg) <= 180_000
    assert str(len(jpeg)) in ran.stdout and "reencoded" in ran.stdout
    again = example(origin.serve(photograph("coffee.png")), "42")
    assert again.returncode == 0 and (tmp_path / "42.jpg").read_bytes() == jpeg


def test_it_says_why_a_link_is_refused(example, origin, tmp_path):
    ran = example(origin.serve(b"no image at all"), "42")
    assert ran.returncode != 0 and "not_an_image" in ran.stdout + ran.stderr
    assert not (tmp_path / "42.jpg").exists()


def test_it_says_that_the_password_is_wrong_without_showing_it(example, origin):
    ran = example(origin.serve(b"x"), "42", password='wr"ong \\ пароль')
    assert ran.returncode != 0 and "credentials_wrong" in ran.stdout + ran.stderr
    assert "пароль" not in ran.stdout + ran.stderr


def test_it_asks_again_where_the_service_is_busy(example, origin):
    """A proxy's answers: busy at first, then what a service would say."""
    refused = json.dumps({"error": {"code": "busy", "message": "Later.", "request_id": "12345678"}}).encode()
    wrong = json.dumps({"error": {"code": "forbidden", "message": "No.", "request_id": "12345678"}}).encode()
    left = [(503, refused), (403, wrong)]

    def answer(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        status, body = left.pop(0)
        handler.send_response(status)
        for name, value in {"Retry-After": "0", "Content-Length": str(len(body)), "Connection": "close"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    url = origin.serve(answer, "api/v1/images")
    ran = example("https://example.com/photo.jpg", "42", url=url.removesuffix("/api/v1/images"))
    assert ran.returncode != 0 and "forbidden" in ran.stdout + ran.stderr
    assert left == [], "it was asked once"
