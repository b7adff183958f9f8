"""What deploy/ and gunicorn.conf.py promise, with the real NGINX and the real gunicorn."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from testbed import PROJECT, servers
from testbed.client import EDITOR, Client, assert_error
from testbed.photographs import png

SERVICES = ("belfoot-img.service", "belfoot-img-live.service", "belfoot-img-worker.service")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nginx")


class Upstream:
    """An application host that notes each request; ``cut``: reads it and hangs up."""

    def __init__(self, cut: bool = False):
        upstream, self.requests, self.headers = self, [], {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream.requests.append(self.command)
                upstream.headers = dict(self.headers)
                if not cut:
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            do_POST = do_DELETE = do_GET

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def before(folder, *hosts: Upstream, **changes: str):
    with servers.proxy(folder, *(host.address for host in hosts), **changes) as base:
        yield base


def test_gunicorn_finds_its_settings_beside_production_ini():
    command = [servers.BIN / "gunicorn", "--paste", "production.ini", "--print-config"]
    environment = {**os.environ, "DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}
    printed = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    found = {name.strip(): value.strip() for name, value in found.items()}
    assert "JsonErrorWorker" in found["worker_class"]
    assert (found["threads"], found["preload_app"], found["control_socket_disable"]) == ("64", "False", "True")
    assert found["worker_tmp_dir"] == "/dev/shm"
    assert found["max_requests"] == "0", "the files of counts stay few"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_units_are_what_systemd_understands(tmp_path):
    for unit in ("belfoot-img.socket", *SERVICES):
        text = (PROJECT / "deploy" / unit).read_text()
        (tmp_path / unit).write_text(text.replace("/opt/belfoot_img/bin/", f"{servers.BIN}/"))
    verify = ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())]
    found = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    complaints = [line for line in found.stderr.splitlines() if "belfoot-img" in line]
    assert (found.returncode, complaints) == (0, [])


def test_the_units_count_conversions_in_one_folder_and_batches_get_the_cpu_that_is_left():
    said = [
        dict(re.findall("^(\\w+)=(.*)$", (PROJECT / "deploy" / unit).read_text(), re.MULTILINE)) for unit in SERVICES
    ]
    for shared in ("User", "RuntimeDirectory", "RuntimeDirectoryPreserve"):
        assert len({unit[shared] for unit in said}) == 1
    weights = [int(unit.get("CPUWeight", 100)) for unit in said]
    assert weights == [100, 100, 20]


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_gunicorn_takes_the_socket_that_systemd_holds(tmp_path, engine, database, database_url, origin):
    path = tmp_path / "held.socket"
    activate = ["systemd-socket-activate", f"--listen={path}", "--setenv=DATABASE_URL", "--setenv=PATH"]
    gunicorn = [servers.BIN / "gunicorn", "--paste", "production.ini", "--workers=1"]
    with (
        servers.process([*activate, *gunicorn], tmp_path / "log", database_url),
        servers.proxy(tmp_path, f"unix:{path}") as base,
    ):
        servers.wait_until_ready(base, tmp_path / "log")
        assert Client(base).request("GET", "/api/v1/images").json() == {"data": [], "next": None}


def test_the_closed_network(folder):
    with Upstream() as host, before(folder, host, allow="192.0.2.0/24") as base:
        for path in ("/api/v1/images", "/health/live", "/metrics", "/"):
            assert_error(Client(base).send("GET", path), 403, "forbidden")
        assert_error(Client(base).send("POST", "/api/v1/images", b"{}"), 403, "forbidden")
    assert host.requests == []


def test_the_application_learns_who_calls_and_not_what_strangers_say(folder):
    said = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Request-ID": "from-the-cms-1"}
    with Upstream() as host, before(folder, host) as base:
        requests.get(base, headers=said, timeout=10)
        assert host.headers["X-Forwarded-For"] == "127.0.0.1"
        assert "Forwarded" not in host.headers
        assert host.headers["X-Request-ID"] == "from-the-cms-1"
        requests.get(base, headers={"X-Request-ID": 'no "plain" id'}, timeout=10)
        assert re.fullmatch("[0-9a-f]{32}", host.headers["X-Request-ID"])


def test_a_get_is_asked_again_of_another_host_and_a_post_is_not(folder):
    with Upstream(cut=True) as away, Upstream() as there, before(folder, away, there) as base:
        client = Client(base)
        assert [client.send("GET", "/").status_code for _ in range(4)] == [200] * 4
        for method in ("POST", "DELETE"):
            away.requests.clear(), there.requests.clear()
            answers = Counter(client.send(method, "/", b"{}").status_code for _ in range(4))
            assert away.requests + there.requests == [method] * 4
            assert set(answers) <= {200, 503}


def test_nobody_behind_nginx_is_busy_in_the_one_shape(folder):
    with servers.proxy(folder, "127.0.0.1:1") as base:
        for method in ("GET", "POST"):
            answer = Client(base).send(method, "/api/v1/images", b"{}")
            assert_error(answer, 503, "busy")
            assert int(answer.headers["Retry-After"]) >= 1


def test_a_flood_is_told_busy_in_the_one_shape(folder):
    with Upstream() as host, before(folder, host) as base, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: Client(base).send("GET", "/"), range(900)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 400 <= len(answers) - len(refused) < 900
    for answer in refused[:20]:
        assert_error(answer, 503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1


UNREADABLE = {
    "NUL in the path": b"GET /%00 HTTP/1.1",
    "a long path": b"GET /" + b"x" * 40_000 + b" HTTP/1.1",
    "a long header": b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000,
    "a header as long as NGINX's buffer": b"GET / HTTP/1.1\r\nX: " + b"x" * 8187,
    "out of the root": b"GET /../../etc HTTP/1.1",
    "a hundred headers": b"GET / HTTP/1.1" + b"".join(b"\r\nX-%d: 1" % number for number in range(100)),
    "two thousand headers": b"GET / HTTP/1.1" + b"".join(b"\r\nX-%d: 1" % number for number in range(2000)),
    "a control character in a header": b"GET / HTTP/1.1\r\nX: a\x01b",
    "a control character in the path": b"GET /a\x01b HTTP/1.1",
    "a NUL in a header": b"GET / HTTP/1.1\r\nX: a\0b",
    "a folded header": b"GET / HTTP/1.1\r\nX: a\r\n b",
    "raw bytes in the path": b"GET /\xff\xfe HTTP/1.1",
    "raw bytes in the query": b"GET /?\xff HTTP/1.1",
    "a method of one letter": b"X / HTTP/1.1",
    "a method of thirty letters": b"A" * 30 + b" / HTTP/1.1",
    "a method in small letters": b"get / HTTP/1.1",
    "CONNECT": b"CONNECT x:80 HTTP/1.1",
    "an unknown transfer coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip",
    "chunks and a length": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 1",
    "a length that is no number": b"POST / HTTP/1.1\r\nContent-Length: abc",
    "HTTP/2 without TLS": b"GET / HTTP/2.0",
    "HTTP/9.9": b"GET / HTTP/9.9",
    "two hosts": b"GET / HTTP/1.1\r\nHost: y",
    "PRI": b"PRI * HTTP/2.0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, engine, database_url):
    """NGINX and gunicorn as on a production host, with metrics."""
    folder = tmp_path_factory.mktemp("whole")
    with servers.nginx(folder, database_url, "--workers=1", metrics="on") as base:
        yield base


def raw(base: str, head: bytes, source: str = "127.0.0.1") -> tuple[int, dict[str, str], bytes]:
    """A request that no library mends: (status, headers, body)."""
    name, port = base.removeprefix("http://").split(":")
    with socket.create_connection((name, int(port)), 20, source_address=(source, 0)) as connection:
        connection.sendall(head + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, dict(answer.getheaders()), answer.read()


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_answered_in_the_one_shape(whole, database, what):
    status, headers, body = raw(whole, UNREADABLE[what])
    assert (status, headers["Content-Type"]) == (400, "application/json"), body
    error = json.loads(body)["error"]
    assert (error["code"], error["request_id"]) == ("malformed_path", headers["X-Request-ID"])
    assert headers["X-Content-Type-Options"] == "nosniff" and "Content-Security-Policy" in headers


@pytest.mark.parametrize("header", ["X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl", "X-Forwarded-Proto: https"])
def test_what_clients_say_of_tls_changes_nothing(whole, database, header):
    status, _, body = raw(whole, b"GET /health/live HTTP/1.1\r\n" + header.encode())
    assert (status, body) == (200, b'{"status":"live"}')


def test_gunicorn_alone_answers_in_the_one_shape_too(tmp_path, engine, database, database_url):
    with servers.gunicorn(tmp_path, database_url, "--workers=1") as base:
        for what in ("a hundred headers", "raw bytes in the path", "an unknown transfer coding", "HTTP/9.9"):
            status, headers, body = raw(base, UNREADABLE[what])
            assert (status, json.loads(body)["error"]["code"]) == (400, "malformed_path"), what
            assert headers["X-Content-Type-Options"] == "nosniff"
    log = (tmp_path / "gunicorn.log").read_text()
    assert "a request that cannot be parsed (LimitRequestHeaders)" in log


PATHS_OF_METRICS = [
    "/metrics",
    "/metrics/",
    "/metrics//",
    "/metrics%2f",
    "/metrics%2F%2F",
    "//metrics",
    "/%6detrics",
    "/./metrics",
    "/metrics/.",
    "/x/../metrics",
    "/metrics/../metrics/",
    "/metrics?",
    "/metrics;x",
    "http://elsewhere/metrics",
    "/Metrics",
    "/metrics%20",
    "/metrics%00",
]


@pytest.mark.parametrize("path", PATHS_OF_METRICS)
def test_no_spelling_of_the_path_shows_metrics_to_who_may_not_see_them(whole, database, path):
    """The host 127.0.0.2 may call everything but /metrics."""
    line = f"GET {path} HTTP/1.1".encode()
    status, headers, body = raw(whole, line, source="127.0.0.2")
    assert status in (400, 403, 404) and headers["Content-Type"] == "application/json", body
    assert raw(whole, line)[0] in (200, 400, 404)


def test_the_prometheus_server_sees_metrics_with_the_headers_of_every_answer(whole, database):
    status, headers, body = raw(whole, b"GET /metrics HTTP/1.1")
    assert status == 200 and b"belfoot_img_request_seconds" in body
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Type"].startswith("text/plain")


def test_no_credential_reaches_a_log_or_a_disk(folder, engine, database, database_url, origin):
    home = folder / "secrets"
    home.mkdir()
    with servers.nginx(home, database_url) as base:
        client = Client(base)
        assert client.store(origin.serve(png(8, 8)), "1" * 255).status_code == 201
        padded = {**client.body({"article_id": "1"}), "padding": "x" * 16_000}
        assert client.send("GET", "/api/v1/images", json.dumps(padded).encode()).status_code == 404
        assert client.send("GET", "/api/v1/images?after=", auth=(EDITOR.username, EDITOR.password)).status_code
    written = "".join(path.read_text(errors="replace") for path in home.rglob("*.log"))
    assert "/api/v1/images" in written
    assert EDITOR.password not in written and "Basic" not in written
    assert "buffered to a temporary file" not in written
    assert [path for path in home.glob("nginx.*/**/*") if path.is_file()] == []


def test_a_second_server_on_the_same_address_ends_in_one_line(engine, database_url, tmp_path):
    with servers.pserve(tmp_path, database_url):
        command = [servers.BIN / "belfoot-img", "serve", "--ini", tmp_path / "pserve.ini"]
        environment = {**os.environ, "DATABASE_URL": database_url}
        second = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment, cwd=servers.PROJECT
        )
    assert second.returncode == 1
    assert "is in use" in second.stderr and "Traceback" not in second.stderr, second.stderr
