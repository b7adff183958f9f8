"""The servers that the service runs under, started for real: pserve and gunicorn --paste."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.ports import free_port

PROJECT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

DEVELOPMENT = """
[app:main]
use = config:{project}/development.ini
belfoot_img.embedded_postgres =
sqlalchemy.url = ${{DATABASE_URL}}
{settings}

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:{port}
threads = 8
"""

PRODUCTION = """
[app:main]
use = config:{project}/production.ini
belfoot_img.fetch.allow_networks = 127.0.0.0/8
belfoot_img.fetch.ports = any
{settings}
"""


@contextmanager
def pserve(folder: Path, database_url: str, **settings: str) -> Iterator[str]:
    """development.ini under pserve; yields the base URL."""
    port = free_port()
    ini = _ini(folder / "pserve.ini", DEVELOPMENT, settings, port=port)
    with process([BIN / "pserve", ini], folder / "pserve.log", database_url, f"http://127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def gunicorn(folder: Path, database_url: str, *arguments: str, **settings: str) -> Iterator[str]:
    """production.ini under gunicorn, with what a test's origin needs; yields the base URL."""
    port = free_port()
    ini = _ini(folder / "gunicorn.ini", PRODUCTION, settings)
    command = [BIN / "gunicorn", "--paste", ini, "--bind", f"127.0.0.1:{port}", *arguments]
    with process(command, folder / "gunicorn.log", database_url, f"http://127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}"


def _ini(path: Path, template: str, settings: dict[str, str], **values) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"belfoot_img.{key.replace('__', '.')} = {value}" for key, value in settings.items())
    path.write_text(template.format(project=PROJECT, settings=lines, **values))
    return path


@contextmanager
def process(command: list, log: Path, database_url: str, base: str | None = None) -> Iterator[subprocess.Popen]:
    """A server as a process of its own: ready when entered, gone when left, its log shown when it fails."""
    with log.open("ab") as output:
        server = subprocess.Popen(
            list(map(str, command)),
            stdout=output,
            stderr=output,
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": database_url},
        )
    try:
        if base:
            wait_until_ready(base, server, log)
        yield server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_ready(base: str, server: subprocess.Popen, log: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            if requests.get(base + "/health/ready", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the server did not become ready:\n{log.read_text(errors='replace')[-4000:]}")
