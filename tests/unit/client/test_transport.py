"""What the client makes of answers and of what lies between it and the service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import belfoot_img
from belfoot_img.client import Client, NetworkError, PermanentError, TemporaryError
from belfoot_img.client.memory import Memory
from testbed.ports import free_port

READ = "/api/v1/images/42"


def answering(*answers):
    """Gives each answer (status, headers, body) once, the last one from then on."""
    left = list(answers)

    def answer(handler):
        status, headers, body = left.pop(0) if len(left) > 1 else left[0]
        answering.seen = handler.headers
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def refusal(status: int, code: str, **headers: str):
    told = {"error": {"code": code, "message": "A sentence.", "request_id": "12345678"}}
    return status, {"X-Request-ID": "12345678", **headers}, json.dumps(told).encode()


@pytest.fixture
def service(origin):
    """``service(*answers, **options)`` → a client of a server that gives them, and the path whose requests count."""

    def make(*answers, **options):
        url = origin.serve(answering(*answers), READ.removeprefix("/"))
        base = url.removesuffix(READ)
        return Client(base, "cms", "secret words", **options), url.removeprefix(origin.base)

    return make


def test_retry_after_is_waited_for_and_then_all_is_well(service, origin):
    busy = refusal(503, "busy", **{"Retry-After": "0"})
    client, path = service(busy, busy, (200, {}, b"jpeg"))
    assert client.jpeg("42") == b"jpeg"
    assert origin.hits[path] == 3


def test_attempts_are_bounded(service, origin):
    client, path = service(refusal(429, "too_many_failures", **{"Retry-After": "0"}), attempts=3)
    with pytest.raises(TemporaryError) as refused:
        client.jpeg("42")
    assert origin.hits[path] == 3 and refused.value.retry_after == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 500])
def test_what_will_be_the_same_next_time_is_asked_once(service, origin, status):
    client, path = service(refusal(status, "some_code"))
    with pytest.raises(PermanentError) as refused:
        client.jpeg("42")
    assert (refused.value.code, refused.value.request_id, origin.hits[path]) == ("some_code", "12345678", 1)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"[]", b'{"error": "text"}', b"\xff"])
def test_an_error_page_of_something_between_is_an_error_too(service, body):
    client, _ = service((502, {"Content-Type": "text/html"}, body), attempts=1)
    with pytest.raises(TemporaryError) as refused:
        client.jpeg("42")
    assert (refused.value.status, refused.value.code) == (502, None)


def test_a_redirect_is_not_followed_with_the_password(service, origin):
    elsewhere = origin.serve(b"mine now", "elsewhere")
    client, _ = service((307, {"Location": elsewhere}, b""))
    with pytest.raises(PermanentError):
        client.jpeg("42")
    assert origin.hits[elsewhere.removeprefix(origin.base)] == 0


def test_no_other_credentials_of_this_host_are_added(service, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client, _ = service((200, {}, b"jpeg"))
    client.jpeg("42")
    assert answering.seen["Authorization"] is None
    client, _ = service((200, {}, b"jpeg"), basic=True, language="ru")
    client.jpeg("42")
    assert answering.seen["Authorization"] == "Basic Y21zOnNlY3JldCB3b3Jkcw=="
    assert answering.seen["Accept-Language"] == "ru"


def test_nobody_there_is_a_network_error_without_the_password():
    with pytest.raises(NetworkError) as refused:
        Client(f"http://127.0.0.1:{free_port()}", "cms", "secret words", attempts=1).jpeg("42")
    assert "secret words" not in str(refused.value) + repr(refused.value)


@pytest.mark.parametrize("base", ["images.example.com", "", "ftp://images.example.com", "https://"])
def test_an_address_that_is_none_is_refused_at_once(base):
    with pytest.raises(ValueError, match="not the address of a service"):
        Client(base, "cms", "secret words")


def test_memory_keeps_what_was_asked_for_last_within_its_limit():
    memory = Memory(10)
    memory.put("/1", "jpeg", "a", b"12345")
    memory.put("/2", "jpeg", "b", b"12345")
    assert memory.get("/1", "jpeg").body == b"12345"
    memory.put("/3", "jpeg", "c", b"12345")
    assert memory.get("/2", "jpeg") is None and memory.get("/1", "jpeg").etag == "a"
    memory.put("/4", "jpeg", "d", b"x" * 11)
    assert [memory.get(f"/{number}", "jpeg") for number in (1, 3, 4)] == [None, None, None]


def test_it_imports_nothing_of_the_service():
    script = """
import sys, requests
before = set(sys.modules)
import belfoot_img.client
print(*sorted(set(sys.modules) - before))
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in shown if name.startswith("belfoot_img")]
    assert ours == ["belfoot_img", *(f"belfoot_img.{name}" for name in sorted(OURS))]
    installed = {name.partition(".")[0] for name in set(shown) - set(ours)} - sys.stdlib_module_names
    assert installed == set()


OURS = {
    *("client", "client.api", "client.data", "client.errors", "client.memory", "client.transport"),
    "version",
}


def test_its_types_are_there_for_those_who_check_theirs():
    assert (Path(belfoot_img.__file__).parent / "py.typed").exists()
