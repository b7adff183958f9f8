"""Mutated requests to NGINX and to gunicorn behind it: no 500, no request without an end, and both go on serving."""

from __future__ import annotations

import base64
import json
import random
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import requests

from testbed.client import EDITOR
from testbed.site import picture, site
from tests.fuzz.steps import Finding, mutated

PATIENCE = 20.0
"""Seconds that an answer may take."""


class Requests:
    """``folder`` is where the servers keep their files while the block runs."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> Requests:
        self._stack = ExitStack()
        self._site = self._stack.enter_context(site(self._folder, "--workers=2", through="nginx", limited=False))
        self._seeds = _seeds(self._site.origin.serve(picture(3)))
        return self

    def __exit__(self, *exc) -> None:
        self._stack.close()

    def step(self, number: int, chance: random.Random) -> Finding:
        request = chance.choice(self._seeds)
        if chance.random() < 0.9:
            request = mutated(request, chance)
        through = chance.choice(("nginx", "gunicorn"))
        try:
            answer = self._exchange(request, through)
        except TimeoutError:
            return Finding(number, f"{through} {request!r}", "silence", f"no answer within {PATIENCE} s")
        status = answer.split(b" ")[1].decode("latin-1") if answer.startswith(b"HTTP/1") else "closed"
        wrong = "a fault of our own" if status == "500" else ""
        if number % 50 == 0 and requests.get(self._site.base + "/health/ready", timeout=PATIENCE).status_code != 200:
            wrong = "it is not ready any more"
        return Finding(number, f"{through} {request!r}" if wrong else through, status, wrong)

    def _exchange(self, request: bytes, through: str) -> bytes:
        address = urlsplit(self._site.base)
        family = socket.AF_INET if through == "nginx" else socket.AF_UNIX
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            to = (address.hostname, address.port) if through == "nginx" else str(self._folder / "app.socket")
            connection.connect(to)
            answer = b""
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(1 << 16):
                    answer += piece
            except (ConnectionError, BrokenPipeError):
                pass  # the server had seen enough
            return answer


def _seeds(url: str) -> list[bytes]:
    user = {"username": EDITOR.username, "password": EDITOR.password}
    basic = base64.b64encode(f"{EDITOR.username}:{EDITOR.password}".encode()).decode()
    store = json.dumps({"user": user, "data": {"url": url, "article_id": "fuzz"}})
    read = json.dumps({"user": user, "data": {"article_id": "base"}})
    chunked = f"{len(read):x}\r\n{read}\r\n0\r\n\r\n"
    heads = {
        "GET /api/v1/images/base": ({"Authorization": f"Basic {basic}", "Accept": "image/jpeg"}, ""),
        "GET /api/v1/images?limit=3": ({"Authorization": f"Basic {basic}"}, ""),
        "GET /api/v1/images": ({"Content-Type": "application/json", "Content-Length": str(len(read))}, read),
        "POST /api/v1/images": ({"Prefer": "return=minimal", "Content-Length": str(len(store))}, store),
        "DELETE /api/v1/images/fuzz": ({"Transfer-Encoding": "chunked"}, chunked),
        "GET /health/live": ({"X-Request-ID": "abcdefgh1234", "X-Forwarded-For": "10.0.0.1, 1.1.1.1"}, ""),
    }
    return [_raw(line, headers, body) for line, (headers, body) in heads.items()]


def _raw(line: str, headers: dict[str, str], body: str) -> bytes:
    head = {"Host": "x", "Connection": "close", **headers}
    return "\r\n".join((f"{line} HTTP/1.1", *(f"{name}: {head[name]}" for name in head), "", body)).encode()
