"""One shape for every error, and a stranger who learns nothing from them."""

from __future__ import annotations

import base64
import json
import socket
from urllib.parse import urlsplit

import pytest

from belfoot_img.payload import Credentials
from belfoot_img.resources import Root
from testbed.client import ADMIN, EDITOR, assert_error
from testbed.photographs import png

HEADERS = {name: value for name, value in Root.headers.items() if name != "Cache-Control"}
PATHS = [
    "/api",
    "/api/",
    "/api/v1",
    "/api/v2",
    "/api/v1/images",
    "/api/v1/images/42",
    "/api/v1/images/42/more",
    "/api/v1/images/@@view",
    "/api/v1/images/..%2f..%2fhealth",
    "/api/v1/images/%FF",
    "/api/%C3%28",
    "/api/v1/users",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_strangers_get_401_whatever_they_ask_for(client, method, path):
    answer = raw(client, method, path)
    assert answer.startswith(b"HTTP/1.1 401 "), answer
    if method != "HEAD":
        assert b'"credentials_missing"' in answer


def raw(client, method: str, path: str, body: bytes = b"") -> bytes:
    """A request that no library normalises on its way."""
    parts = urlsplit(client.base)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (None, "credentials_missing"),
        (Credentials("editor", ""), "credentials_wrong"),
        (Credentials("editor", "wrong"), "credentials_wrong"),
        (Credentials("nobody", "correct horse battery"), "credentials_wrong"),
        (Credentials("editor\0", "correct horse battery"), "credentials_wrong"),
        (Credentials("\ud800", "\udfff"), "credentials_wrong"),
        (Credentials("editor", "x" * 10_000), "credentials_wrong"),
        (Credentials("é" * 1000, "x"), "credentials_wrong"),
    ],
)
def test_credentials_that_are_missing_or_wrong(client, user, code):
    error = assert_error(client.read(user=user), 401, code)
    wrong = assert_error(client.read(user=Credentials("editor", "wrong")), 401, "credentials_wrong")
    if code == "credentials_wrong":
        assert error["message"] == wrong["message"]


@pytest.mark.parametrize("user", [[], "editor", 1, {}, {"username": "editor"}, {"username": 1, "password": 2}, None])
def test_a_user_that_is_no_pair_of_strings_is_no_user(client, user):
    for basic in (None, (EDITOR.username, EDITOR.password)):  # nor is it a reason to look elsewhere
        answer = client.send("GET", "/api/v1/images", json.dumps({"user": user}), auth=basic)
        assert_error(answer, 401, "credentials_missing")


def test_basic_authentication(client):
    assert client.send("GET", "/api/v1/images", auth=(EDITOR.username, EDITOR.password)).status_code == 200
    answer = client.send("GET", "/api/v1/images", auth=(EDITOR.username, "wrong"))
    assert_error(answer, 401, "credentials_wrong")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    for header in (
        "Basic",
        "Basic !!!",
        "Bearer x",
        "Basic bm9jb2xvbg==",
    ):
        answer = client.send("GET", "/api/v1/images", headers={"Authorization": header})
        assert_error(answer, 401, "credentials_missing")


def test_the_body_counts_before_the_header(client):
    wrong = ("editor", "wrong")
    assert client.request("GET", "/api/v1/images", auth=wrong).status_code == 200
    answer = client.request(
        "GET", "/api/v1/images", user=Credentials("editor", "wrong"), auth=(EDITOR.username, EDITOR.password)
    )
    assert_error(answer, 401, "credentials_wrong")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"1", b"null", b"\xff\xfe", b"[" * 15_000, b'{"a":' * 3000, b"1" * 9000, b'{"user": NaN'],
)
def test_bodies_that_are_no_json_object(client, body):
    assert_error(client.send("POST", "/api/v1/images", body), 400, "malformed_json")


@pytest.mark.parametrize("chunks", [b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n", b"2\r\n{}XX\r\n0\r\n\r\n"])
def test_chunks_that_are_malformed(client, chunks):
    parts = urlsplit(client.base)
    head = f"POST /api/v1/images HTTP/1.1\r\nHost: {parts.netloc}\r\nTransfer-Encoding: chunked\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + chunks)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    if b"waitress" not in answer:  # the development server answers this itself
        assert b'"malformed_' in answer, answer


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "image/png"])
def test_malformed_chunks_of_a_file_are_no_fault_of_ours(client, kind):
    parts = urlsplit(client.base)
    basic = base64.b64encode(f"{EDITOR.username}:{EDITOR.password}".encode()).decode()
    head = (
        f"POST /api/v1/images?article_id=1 HTTP/1.1\r\nHost: {parts.netloc}\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {kind}\r\nAuthorization: Basic {basic}\r\nConnection: close\r\n\r\n"
    )
    form = b'--x\r\nContent-Disposition: form-data; name="article_id"\r\n\r\n1\r\n'
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"%x\r\n%s\r\nzz\r\n" % (len(form), form))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 4"), answer


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_16_kib(client, chunked):
    body = json.dumps(client.body({"url": "x" * 16_384, "article_id": "1"})).encode()
    answer = client.send("POST", "/api/v1/images", iter([body]) if chunked else body)
    assert_error(answer, 413, "request_too_large")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (None, "data.article_id"),
        ([], "data"),
        ("x", "data"),
        ({"url": "http://example.com"}, "data.article_id"),
        ({"article_id": "1"}, "data.url"),
        *(
            ({"article_id": value, "url": "http://example.com"}, "data.article_id")
            for value in ("", "x" * 256, "a/b", "a\nb", "\0", "\x85", "\ud800", 1.5, True, None, [], {})
        ),
        *(
            ({"article_id": "1", "url": value}, "data.url")
            for value in ("", " ", 1, None, [], "x" * 8193, "http://a\0b", "\udcff")
        ),
    ],
)
def test_fields_that_are_missing_or_wrong_are_named(client, data, field):
    error = assert_error(client.request("POST", "/api/v1/images", data), 422, "invalid_field")
    assert error["message"].startswith(f"{field}:")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00::1]/a.jpg",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.jpg",
        "gopher://127.0.0.1:70/_",
        "data:image/png;base64,AAAA",
        "//127.0.0.1/a.jpg",
        "picture.jpg",
        "http://user:password@127.0.0.1/a.jpg",
        "http://",
        "http://[",
        "http://127.0.0.1:99999/a.jpg",
    ],
)
def test_urls_that_are_refused(client, url):
    error = assert_error(client.store(url), 422, "url_refused")
    assert "password" not in error["message"]


def test_unknown_keys_are_ignored(client, origin):
    data = {"url": origin.serve(png(8, 8)), "article_id": "1", "title": "x"}
    body = {**client.body(data), "more": {"a": 1}}
    assert client.send("POST", "/api/v1/images", json.dumps(body)).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/v1/images/42", "GET, HEAD, DELETE"),
        ("POST", "/api/v1/images/42", "GET, HEAD, DELETE"),
        ("DELETE", "/api/v1/images", "GET, HEAD, POST"),
        ("OPTIONS", "/api/v1/images", "GET, HEAD, POST"),
        ("POST", "/health/live", "GET, HEAD"),
    ],
)
def test_methods_that_a_path_does_not_know(client, method, path, allow):
    answer = client.request(method, path)
    assert_error(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1", "/api/v2", "/api/v1/images/42/more", "/api/v1/images/", "/", "/nothing", "/health"]
)
def test_paths_that_lead_nowhere(client, path):
    assert_error(client.request("GET", path), 404, "not_found")


def test_a_path_that_does_not_decode(client):
    body = json.dumps(client.body()).encode()
    answer = raw(client, "GET", "/api/v1/images/%FF", body)
    assert answer.startswith(b"HTTP/1.1 400 ") and b'"malformed_path"' in answer


def test_strangers_headers_do_not_steer(client, origin):
    client.store(origin.serve(png(8, 8)))
    steering = {
        "X-Vhm-Root": "/health",
        "X-Forwarded-Prefix": "/x",
        "X-HTTP-Method-Override": "DELETE",
        "X-Script-Name": "/y",
    }
    assert client.read(headers=steering).status_code == 200
    assert client.read(user=None, headers={"X-Vhm-Root": "/api/v1/images", **steering}).status_code == 401
    assert client.read().status_code == 200


def test_request_ids(client):
    first, second = (client.read() for _ in range(2))
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert client.read(headers={"X-Request-ID": "from-the-cms-1"}).headers["X-Request-ID"] == "from-the-cms-1"
    assert client.read(headers={"X-Request-ID": "<script>"}).headers["X-Request-ID"] != "<script>"
    assert client.send("GET", "/health/live").headers["X-Request-ID"]


def test_health_asks_for_no_credentials(client):
    for path, status in (("/health/live", "live"), ("/health/ready", "ready")):
        answer = client.send("GET", path)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert client.send("GET", path, b"{ not json").status_code == 200


def test_every_answer_has_the_security_headers(client, origin):
    url = origin.serve(png(8, 8))
    answers = [
        client.store(url),
        client.read(),
        client.read(headers={"Accept": "image/jpeg"}),
        client.read(headers={"If-None-Match": "*"}),
        client.request("GET", "/api/v1/images"),
        client.request("GET", "/api/v1/users", user=ADMIN),
        client.remove(),
        client.read(),
        client.read(user=None),
        client.request("PUT", "/api/v1/images"),
        client.request("OPTIONS", "/api/v1/images"),
        client.send("POST", "/api/v1/images", b"{"),
        client.send("POST", "/api/v1/images", b" " * 20_000),
        client.send("GET", "/health/live"),
        client.send("GET", "/health/ready"),
        client.send("GET", "/metrics"),
        client.send("GET", "/nothing"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 201, 204, 304, 400, 401, 404, 405, 413}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (answer.request.method, answer.url, answer.status_code, name)


def test_a_write_with_basic_from_another_site_is_refused(client, database, origin):
    body = json.dumps({"data": {"url": origin.serve(png(8, 8)), "article_id": "42"}})
    basic = (EDITOR.username, EDITOR.password)
    host = urlsplit(client.base).netloc
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": client.base},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ):
        for method, path in (("POST", "/api/v1/images"), ("DELETE", "/api/v1/images/42")):
            assert_error(client.send(method, path, body, auth=basic, headers=headers), 403, "forbidden")
            wrong = (EDITOR.username, "wrong")
            assert_error(client.send(method, path, body, auth=wrong, headers=headers), 403, "forbidden")
            assert_error(client.send(method, path, body, headers=headers), 401, "credentials_missing")
    assert_error(client.read(), 404, "image_not_found")
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://{host}"}, {"Origin": f"https://{host}"}):
        assert client.send("POST", "/api/v1/images", body, auth=basic, headers=headers).status_code in (200, 201)
    assert client.store(origin.serve(png(8, 8)), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
