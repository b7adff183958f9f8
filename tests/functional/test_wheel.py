"""The wheel alone is enough for production: built from the sdist, installed and used outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from testbed import PROJECT, servers
from testbed.client import EDITOR, Client
from testbed.photographs import photograph
from testbed.ports import free_port

NOT_SOURCE = shutil.ignore_patterns(".*", "var", "demo", "build", "dist", "*.egg-info", "__pycache__", "node_modules")


@dataclass
class Installed:
    """An environment with the wheel in it, and a folder that is no checkout to work in."""

    python: Path
    home: Path
    database_url: str

    def run(self, *command: object, **options) -> str:
        environment = {**os.environ, "DATABASE_URL": self.database_url}
        environment.pop("PYTHONPATH", None)
        ran = subprocess.run(
            list(map(str, command)),
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(PROJECT, folder / "source", ignore=NOT_SOURCE)
    shutil.copytree(PROJECT / ".ci", folder / "source" / ".ci")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, folder / "source"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory, database_url) -> Installed:
    """The libraries are this environment's own, since they are not what is tested; belfoot_img is the wheel's."""
    home = tmp_path_factory.mktemp("host")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "env"], check=True, timeout=120)
    (wheel,) = built.glob("*.whl")
    packages = next((home / "env" / "lib").glob("python*")) / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", home / "env/bin/python", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True, timeout=120)
    ours = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (packages / "libraries.pth").write_text(f"{ours}\n")
    name = f"{make_url(database_url).database}_wheel"
    with create_engine(database_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    return Installed(home / "env/bin/python", home, url)


def test_init_migrate_serve_store_and_read_with_nothing_but_the_wheel(installed, origin):
    where = installed.run(installed.python, "-c", "import belfoot_img; print(belfoot_img.__file__)")
    assert Path(where.strip()).is_relative_to(installed.home)
    program, site = installed.python.parent / "belfoot-img", installed.home / "site"
    assert "What to do next" in installed.run(program, "init", site)
    ini = site / "production.ini"
    ini.write_text(servers.open_to_loopback(ini.read_text()))
    assert "now current" in installed.run(program, "migrate", "--ini", ini)
    installed.run(program, "user", "add", EDITOR.username, "--ini", ini, input=EDITOR.password)

    base = f"http://127.0.0.1:{free_port()}"
    gunicorn = [installed.python, "-m", "gunicorn", "--paste", "production.ini", "--workers=1"]
    command = [*gunicorn, f"--bind={base.removeprefix('http://')}"]
    log, plain = installed.home / "log", {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    with servers.process(command, log, installed.database_url, base, cwd=site, environment=plain):
        client = Client(base)
        stored = client.store(origin.serve(photograph("coffee.png")))
        assert stored.status_code == 201, stored.text
        read = client.read(headers={"Accept": "image/jpeg"})
        assert read.content[:3] == b"\xff\xd8\xff" and len(read.content) == stored.json()["data"]["bytes"] <= 180_000
    assert "Warning" not in log.read_text(), "the first thing that an administrator sees"


def test_the_sdist_holds_what_the_docs_name(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    named = {
        "README.md",
        "Makefile",
        "production.ini",
        "development.ini",
        "gunicorn.conf.py",
        "pyproject.toml",
        ".ci/run",
    }
    for folder in ("docs", "deploy", "alembic", "examples", "benchmarks", "tests"):
        files = (path for path in (PROJECT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        named |= {str(path.relative_to(PROJECT)) for path in files}
    assert named - held == set()


def test_the_wheel_holds_the_package_and_nothing_beside_it(built):
    (archive,) = built.glob("*.whl")
    with zipfile.ZipFile(archive) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"belfoot_img"}
