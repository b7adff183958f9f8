"""The servers that the service runs under, started for real: pserve, gunicorn --paste, gunicorn behind NGINX."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from testbed import PROJECT
from testbed.ports import free_port, until

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


NGINX = """
{user}
daemon off;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/nginx.body;
    proxy_temp_path {folder}/nginx.proxy;
    fastcgi_temp_path {folder}/nginx.fastcgi;
    uwsgi_temp_path {folder}/nginx.uwsgi;
    scgi_temp_path {folder}/nginx.scgi;
    include {folder}/site.conf;
}}
"""
UNLIMITED = {"limit_req": "zone=belfoot_img burst=1000000 nodelay"}
"""A change to deploy/nginx.conf for those who count something else than its limit of requests."""
NGINX_PATH = os.environ.get("PATH", "") + ":/usr/sbin"


@contextmanager
def pserve(folder: Path, database_url: str, **settings: str) -> Iterator[str]:
    """development.ini under pserve; yields the base URL."""
    port = free_port()
    ini = ini_file(folder / "pserve.ini", DEVELOPMENT, settings, port=port)
    with process([BIN / "pserve", ini], folder / "pserve.log", database_url, f"http://127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def gunicorn(folder: Path, database_url: str, *arguments: str, **settings: str) -> Iterator[str]:
    """production.ini under gunicorn, with what a test's origin needs; yields the base URL."""
    port = free_port()
    with app(folder, database_url, f"--bind=127.0.0.1:{port}", *arguments, **settings):
        wait_until_ready(f"http://127.0.0.1:{port}", folder / "gunicorn.log")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def app(folder: Path, database_url: str, *arguments: str, **settings: str) -> Iterator[subprocess.Popen]:
    """gunicorn's master, just started."""
    ini = ini_file(folder / "gunicorn.ini", PRODUCTION, settings)
    with process([BIN / "gunicorn", "--paste", ini, *arguments], folder / "gunicorn.log", database_url) as master:
        yield master


@contextmanager
def nginx(folder: Path, database_url: str, *arguments: str, **settings: str) -> Iterator[str]:
    """deploy/nginx.conf before gunicorn on a Unix socket, as on a production host; yields NGINX's base URL."""
    listens = folder / "app.socket"
    with (
        app(folder, database_url, f"--bind=unix:{listens}", *arguments, **settings),
        proxy(folder, f"unix:{listens}") as base,
    ):
        wait_until_ready(base, folder / "gunicorn.log")
        yield base


def open_to_loopback(production_ini: str) -> str:
    """production.ini as somebody edits it who stores pictures from this host: two lines that stand commented out."""
    for line, value in (("fetch.allow_networks = none", "127.0.0.0/8"), ("fetch.ports = 80 443", "any")):
        assert f"# belfoot_img.{line}" in production_ini
        production_ini = production_ini.replace(
            f"# belfoot_img.{line}", f"belfoot_img.{line.split(' = ')[0]} = {value}"
        )
    return production_ini


def nginx_or_skip() -> None:
    if not shutil.which("nginx", path=NGINX_PATH):
        pytest.skip("nginx is not installed (apt-get install nginx-light)")


@contextmanager
def proxy(folder: Path, *upstreams: str, **changes: str) -> Iterator[str]:
    """NGINX with deploy/nginx.conf, in which only what depends on the host is changed; yields the base URL.

    ``changes``: further directives by name, each with its new value.
    """
    nginx_or_skip()
    port = free_port()
    site = (PROJECT / "deploy/nginx.conf").read_text()
    servers = "\n    ".join(f"server {upstream};" for upstream in upstreams)
    site = _replace(site, r"server unix:/run/belfoot_img\.socket;", servers)
    site = _replace(site, r"(?m)^    listen 80;", f"    listen 127.0.0.1:{port};")
    site = _replace(site, r"/var/log/nginx/belfoot_img\.access\.log", str(folder / "nginx.access.log"))
    for name, value in changes.items():
        site = _replace(site, rf"(?m)^( *){name} .*;", rf"\g<1>{name} {value};")
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user="user root;" if os.geteuid() == 0 else ""))
    command = [shutil.which("nginx", path=NGINX_PATH), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
    with process(command, folder / "nginx.log"):
        until(lambda: _listens(port), 10, f"NGINX listens: {(folder / 'nginx.log').read_text()}")
        yield f"http://127.0.0.1:{port}"


def _replace(text: str, pattern: str, new: str) -> str:
    text, count = re.subn(pattern, new, text)
    assert count, f"deploy/nginx.conf has no {pattern}"
    return text


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ini_file(path: Path, template: str, settings: dict[str, str], **values) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"belfoot_img.{key.replace('__', '.')} = {value}" for key, value in settings.items())
    path.write_text(template.format(project=PROJECT, settings=lines, **values))
    return path


@contextmanager
def process(
    command: list,
    log: Path,
    database_url: str = "",
    base: str | None = None,
    cwd: Path = PROJECT,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[subprocess.Popen]:
    """A server as a process of its own: ready when entered, gone when left, its log shown when it fails."""
    with log.open("ab") as output:
        server = subprocess.Popen(
            list(map(str, command)),
            stdout=output,
            stderr=output,
            cwd=cwd,
            env={**environment, "DATABASE_URL": database_url},
        )
    try:
        if base:
            wait_until_ready(base, log, server)
        yield server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_ready(base: str, log: Path, server: subprocess.Popen | None = None, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and (server is None or server.poll() is None):
        try:
            if requests.get(base + "/health/ready", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the server did not become ready:\n{log.read_text(errors='replace')[-4000:]}")
