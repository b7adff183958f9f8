"""Within its budget and to the judged address: names, floods and TLS."""

import socket
import ssl
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_network

import pytest
import trustme

from belfoot_img.errors import ImageTooLarge, OriginFailed, OriginTimedOut, UrlRefused
from belfoot_img.imaging.fetching import connection
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.fetching.target import Target
from belfoot_img.settings import FetchSettings
from testbed.hostile_origin import IMAGE, MISBEHAVIOURS, HostileOrigin, Names

EXPECTED = (UrlRefused, OriginFailed, OriginTimedOut, ImageTooLarge)
LOOPBACK = FetchSettings(deadline=5, ports=None, allow_networks=(ip_network("127.0.0.0/8"),))


# --- names ---------------------------------------------------------------------------------------------------------


def test_look_ups_that_hang_end_at_the_deadline_and_stay_bounded_in_number(monkeypatch):
    release, bound = threading.Event(), 4
    slots = threading.BoundedSemaphore(bound)
    monkeypatch.setattr(connection, "_looking_up", slots)
    asked = []

    def look_up(host, port):
        asked.append(host)
        release.wait(30)
        return []

    def one(_):
        start = time.monotonic()
        with pytest.raises(OriginTimedOut, match=r"http://hung\.example"):
            Fetcher(FetchSettings(deadline=0.3), look_up).fetch("http://hung.example/")
        return time.monotonic() - start

    try:
        with ThreadPoolExecutor(12) as pool:
            assert max(pool.map(one, range(24))) < 0.3 + 1
        assert len(asked) == bound
    finally:
        release.set()
    assert all(slots.acquire(timeout=5) for _ in range(bound))  # each look-up gives its place back


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://photos.example:80/", "photos.example"),
        ("https://photos.example:443/", "photos.example"),
        ("https://photos.example:80/", "photos.example:80"),
        ("http://[2606:4700::1]:8080/", "[2606:4700::1]:8080"),
    ],
)
def test_host_names_the_port_only_where_it_is_not_the_scheme_s_own(url, host):
    sent = []
    target = Target.parse(url)
    tls = ssl.create_default_context() if target.scheme == "https" else None
    budget = connection.Budget(1)
    pinned = connection.PinnedConnection(target.host, target.port, addresses=[], budget=budget, tls=tls)
    pinned.send = sent.append
    pinned.request("GET", target.path)
    assert f"\r\nHost: {host}\r\n".encode() in b"".join(sent)


# --- floods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [one.name for one in MISBEHAVIOURS.values() if one.then.__name__ == "flood"]
    + ["huge-header", "huge-headers", "gzip-bomb"],
)
def test_a_flood_is_not_held_in_memory(hostile, name):
    fetcher = Fetcher.from_settings(replace(LOOPBACK, deadline=2, max_bytes=500_000))
    fetcher.fetch(hostile.url("plain"))
    tracemalloc.start()
    try:
        with suppress(*EXPECTED):
            fetcher.fetch(hostile.url(name))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_500_000


def test_a_large_body_is_held_once(hostile):
    size = 20_000_000
    url = hostile.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
    fetcher = Fetcher.from_settings(replace(LOOPBACK, deadline=30))
    tracemalloc.start()
    try:
        assert len(fetcher.fetch(url)) == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * size


def test_one_fetcher_serves_many_threads(hostile):
    fetcher = Fetcher.from_settings(LOOPBACK)
    made = [hostile.answer(b"HTTP/1.1 200 OK\r\n\r\n%d" % number) for number in range(40)]
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(fetcher.fetch, made * 3)) == [b"%d" % number for number in range(40)] * 3


# --- TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, monkeypatch, tmp_path):
    """An authority of the house, made known as an administrator would: to OpenSSL."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture(scope="module")
def tls_origin(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("photos.example", "xn--bcher-kva.example").configure_cert(context)
    with HostileOrigin(tls=context, lifetime=300) as origin:
        yield origin


def test_tls_and_host_keep_the_name_while_the_judged_address_is_dialled(tls_origin, trusted):
    fetcher = Fetcher(LOOPBACK, Names(["127.0.0.1"]))
    for host in ("photos.example", "PHOTOS.example.", "bücher.example"):
        assert fetcher.fetch(tls_origin.url("redirect?n=1", host)) == IMAGE
        assert f"Host: {Target.parse(f'http://{host}').host}:{tls_origin.port}".encode() in tls_origin.requests[-1]


def test_a_certificate_for_another_name_is_refused(tls_origin, trusted):
    with pytest.raises(OriginFailed, match=r"https://other\.example:\d+: its TLS certificate is not valid"):
        Fetcher(LOOPBACK, Names(["127.0.0.1"])).fetch(tls_origin.url("plain?refused", "other.example"))
    assert not any(b"refused" in head for head in tls_origin.requests)


def test_a_certificate_of_an_unknown_authority_is_refused(tls_origin):
    with pytest.raises(OriginFailed, match="its TLS certificate is not valid"):
        Fetcher(LOOPBACK, Names(["127.0.0.1"])).fetch(tls_origin.url("plain", "photos.example"))


@pytest.mark.parametrize(
    "name", ["drip-headers", "drip-body", "silence", "short-body", "endless", "crumbs", "reset-midway", "hang-up"]
)
def test_misbehaviour_over_tls_ends_in_the_same_errors(tls_origin, trusted, name):
    fetcher = Fetcher(replace(LOOPBACK, deadline=0.7, max_bytes=2_000_000), Names(["127.0.0.1"]))
    start = time.monotonic()
    with pytest.raises(EXPECTED) as caught:
        fetcher.fetch(tls_origin.url(name, "photos.example"))
    assert caught.value.code == MISBEHAVIOURS[name].code
    assert time.monotonic() - start < 0.7 + 1


def test_a_body_over_tls_that_is_cut_off_is_a_failure(tls_origin, trusted):
    # No length, and the connection ends without TLS's own farewell: anyone on the way may have ended it.
    url = tls_origin.answer(b"HTTP/1.1 200 OK\r\n\r\n" + IMAGE).replace("127.0.0.1", "photos.example")
    with pytest.raises(OriginFailed):
        Fetcher(LOOPBACK, Names(["127.0.0.1"])).fetch(url)


def test_https_does_not_redirect_to_http(tls_origin, hostile, trusted):
    url = tls_origin.answer(b"HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n" % hostile.url("plain?downgraded").encode())
    with pytest.raises(UrlRefused, match="from https to http"):
        Fetcher(LOOPBACK, Names(["127.0.0.1"])).fetch(url.replace("127.0.0.1", "photos.example"))
    assert not any(b"downgraded" in head for head in hostile.requests)


@pytest.mark.parametrize("handshake", ["silent", "dripping", "plain HTTP"])
def test_a_handshake_that_leads_nowhere_ends_in_time(handshake):
    def serve(listener):
        with suppress(OSError), listener.accept()[0] as sock:
            if handshake == "plain HTTP":
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            if handshake == "dripping":
                sock.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 kB, a byte at a time
            while not done.wait(0.05):
                sock.sendall(b"\x02" if handshake == "dripping" else b"")

    done = threading.Event()
    expected = OriginFailed if handshake == "plain HTTP" else OriginTimedOut
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        start = time.monotonic()
        with pytest.raises(expected):
            port = listener.getsockname()[1]
            Fetcher.from_settings(replace(LOOPBACK, deadline=0.7)).fetch(f"https://127.0.0.1:{port}/")
        assert time.monotonic() - start < 0.7 + 1
        done.set()
        thread.join()
