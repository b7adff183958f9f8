"""A link becomes its bytes, or one of four errors, whatever the link, the resolver and the origin do."""

import socket
import time
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from belfoot_img.errors import ImageTooLarge, OriginFailed, OriginTimedOut, UrlRefused
from belfoot_img.imaging.fetching import connection
from belfoot_img.imaging.fetching.addresses import permitted
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.fetching.target import Target
from belfoot_img.settings import FetchSettings
from testbed.hostile_origin import IMAGE, MISBEHAVIOURS, PUBLIC, Names
from testbed.shared import SHARED

EXPECTED = (UrlRefused, OriginFailed, OriginTimedOut, ImageTooLarge)
LOOPBACK = FetchSettings(deadline=5, ports=None, allow_networks=(ip_network("127.0.0.0/8"),))


# --- what arrives --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["length", "chunks", "end of connection", "hints first", "the same length twice"])
def test_the_bytes_arrive_as_they_were_sent(hostile, framing):
    head = b"HTTP/1.1 200 OK\r\n"
    length = b"Content-Length: %d\r\n" % len(IMAGE)
    raw = {
        "length": head + length + b"\r\n" + IMAGE,
        "chunks": head
        + b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\n"
        + IMAGE[:4]
        + b"\r\n1000\r\n"
        + IMAGE[4:]
        + b"\r\n0\r\n\r\n",
        "end of connection": head + b"\r\n" + IMAGE,
        "hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head + length + b"\r\n" + IMAGE,
        "the same length twice": head + length * 2 + b"\r\n" + IMAGE,
    }[framing]
    assert Fetcher.from_settings(LOOPBACK).fetch(hostile.answer(raw)) == IMAGE


def test_a_request_says_who_asks_and_carries_nothing_else(hostile, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine photos.example login editor password secret")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    cookie = b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    first = hostile.answer(b"HTTP/1.1 302 Found\r\nLocation: /plain?q=carries-nothing-else\r\n" + cookie)
    fetcher = Fetcher(replace(LOOPBACK, user_agent="ягода/1"), Names(photos=["127.0.0.1"]))
    assert fetcher.fetch(first.replace("127.0.0.1", "photos.example")) == IMAGE
    head = next(head for head in hostile.requests if b"q=carries-nothing-else" in head)
    assert sorted(head.decode().split("\r\n")) == sorted(
        [
            "GET /plain?q=carries-nothing-else HTTP/1.1",
            f"Host: photos.example:{hostile.port}",
            "User-Agent: ягода/1",
            "Accept: image/*, */*;q=0.5",
            "Accept-Encoding: identity",
            "Connection: close",
            "",
            "",
        ]
    )


def test_the_path_is_sent_as_it_was_judged(hostile):
    for path in ("plain?a=ä ö[1]%zz%20'\"<>", "plain?%E4;x=..%2f", "plain?//127.0.0.1/../@x:80"):
        url = hostile.url(path)
        assert Fetcher.from_settings(LOOPBACK).fetch(url) == IMAGE
        line = hostile.requests[-1].split(b"\r\n")[0].decode()
        assert line.upper() == f"GET {Target.parse(url).path} HTTP/1.1".upper()


# --- what is refused -----------------------------------------------------------------------------------------------


NOT_PLAIN = str.split(
    "http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://0177.0.0.1/ http://127.1/ http://0/ "
    "http://1.2.3.4.5/ http://127.0.0.1/ http://[::1]/ http://[::ffff:7f00:1]/ http://127。0。0。1/ "
    "http://①②⑦.⓪.⓪.①/ http://[fe80::1%25lo]/ http://user@example.com/ "
    "http://example.com%40127.0.0.1/ http://a:b@example.com/ http://example.com?@127.0.0.1/ "
    "http://example.com#@127.0.0.1/ http://example.com\\@127.0.0.1/ http:\\\\127.0.0.1/ "
    "http:/127.0.0.1/ http:///a.jpg http:// http://. http://.. http://a..b/ http://[ http://[::1 "
    "http://[]/ http://[v1.x]/ http://[::1]a/ http://-a.com/ http://*/ http://a,b/ "
    "http://%31%32%37.0.0.1/ http://127%2e0%2e0%2e1/ http://exa%00mple.com/ http://example.com:0/ "
    "http://example.com:65536/ http://example.com:-1/ http://example.com:+80/ http://a:80:80/ "
    "ftp://example.com/ file:///etc/passwd data:image/png;base64,AAAA //example.com/a.jpg "
    "example.com/a.jpg"
)


@pytest.mark.parametrize(
    "url",
    [
        *NOT_PLAIN,
        "http://example.com: 80/",
        "http://exa mple.com/",
        "http://example.com/a\r\nHost: b",
        "http://example.com/\ta",
        "http://exam\tple.com/",
        "http://example.com/\x00",
        "http://example.com/\ud800",
        "http://\ud800.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + ".".join(["a" * 60] * 5) + "/",
        "http://" + "ä" * 5000 + "/",
        "http://example.com/" + "a" * 10_000,
        "http://example.com:" + "9" * 5000,
        "",
    ],
)
def test_a_url_that_is_no_plain_public_web_address_is_refused_before_anything_is_dialled(url, dialled):
    names = Names([PUBLIC])
    with pytest.raises(UrlRefused):
        Fetcher(replace(LOOPBACK, allow_networks=()), names).fetch(url)
    assert not dialled
    assert not names.asked


SYLLABLES = st.sampled_from(["\t", "\r\n", "\x00", " "]) | st.sampled_from(
    str.split(
        "http:// https:// HTTP: // / \\ @ # ? : :80 [ ] [::1] 127.0.0.1 0x7f.1 example.com %00 %2f . .. ä 。 ① "
        "\ud800 \u202e \u00ad xn-- xn--a * - _ ; & = ftp: file: javascript: \U0001f600"
    )
)
LINKS = st.text() | st.lists(SYLLABLES, max_size=12).map("".join) | st.text().map("http://{}".format)


@given(LINKS)
@example("http://xn--/")
@example("http://example.com/" + "%" * 8000)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_link_or_one_of_the_known_errors(dialled, url):
    fetcher = Fetcher(FetchSettings(deadline=5), Names(["10.0.0.1"]))
    with pytest.raises(EXPECTED):
        fetcher.fetch(url)
    assert all(map(permitted, dialled))


def test_only_ports_and_hosts_of_the_settings_are_fetched_from(dialled):
    names = Names([PUBLIC])
    fetcher = Fetcher(FetchSettings(hosts=("example.com", "*.example.org")), names)
    for refused in (
        "http://example.com:8080/",
        "https://www.example.com/",
        "http://example.org/",
        "http://badexample.org/",
    ):
        with pytest.raises(UrlRefused, match=refused.rstrip("/")):
            fetcher.fetch(refused)
    assert not names.asked
    for served in ("http://EXAMPLE.com./plain", "http://a.b.example.org/plain"):
        assert fetcher.fetch(served) == IMAGE


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        [PUBLIC, "10.0.0.1"],
        ["2606:4700::1", "::1"],
        [PUBLIC, "fe80::1%eth0"],
        [PUBLIC] * 50 + ["169.254.169.254"],
    ],
)
def test_a_name_with_one_address_inside_is_refused_for_all_of_them(dialled, answer):
    with pytest.raises(UrlRefused):
        Fetcher(FetchSettings(), Names(answer)).fetch("http://mixed.example/")
    assert not dialled


def test_a_name_is_looked_up_once_a_hop_so_that_no_second_answer_counts(dialled):
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    names = Names(rebound=lambda: next(answers))
    fetcher = Fetcher(FetchSettings(), names)
    assert fetcher.fetch("http://rebound.example/plain") == IMAGE
    assert (names.asked["rebound.example"], dialled) == (1, [PUBLIC])
    with pytest.raises(UrlRefused):
        fetcher.fetch("http://rebound.example/plain")
    assert dialled == [PUBLIC]


def test_a_name_that_turns_inward_between_two_hops_is_refused_at_the_second(dialled):
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    names = Names(rebound=lambda: next(answers))
    with pytest.raises(UrlRefused):
        Fetcher(FetchSettings(), names).fetch("http://rebound.example/redirect?n=1")
    assert (names.asked["rebound.example"], dialled) == (2, [PUBLIC])


def test_the_system_is_asked_once_and_its_answer_is_dialled(dialled, monkeypatch):
    asked = []

    def answer(host, port, *_, **__):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert Fetcher.from_settings(FetchSettings()).fetch("http://photos.example/plain") == IMAGE
    assert (asked, dialled) == (["photos.example"], [PUBLIC])


def test_the_next_address_is_tried_where_one_refuses(dialled):
    assert Fetcher(FetchSettings(), Names(["1.1.1.1", "2606:4700::1", PUBLIC])).fetch("http://a.example/plain") == IMAGE
    assert dialled == ["1.1.1.1", "2606:4700::1", PUBLIC]


def test_an_answer_of_hundreds_of_addresses_does_not_become_hundreds_of_connections(dialled):
    with pytest.raises(OriginFailed):
        Fetcher(FetchSettings(), Names([f"1.1.1.{last}" for last in range(200)])).fetch("http://a.example/")
    assert len(dialled) == connection.ATTEMPTS


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), UnicodeError("label"), OSError("odd"), None])
def test_a_name_without_an_answer_is_a_failure_of_the_origin(failure):
    def look_up(host, port):
        if failure:
            raise failure
        return []

    with pytest.raises(OriginFailed, match=r"http://nowhere\.example"):
        Fetcher(FetchSettings(), look_up).fetch("http://nowhere.example/")


# --- hostile origins -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_misbehaving_origin_ends_in_its_error_and_in_time(hostile, name):
    fetcher = Fetcher.from_settings(replace(LOOPBACK, deadline=0.7, max_bytes=2_000_000))
    code, start = None, time.monotonic()
    try:
        assert fetcher.fetch(hostile.url(name)) == IMAGE
    except EXPECTED as error:
        code = error.code
        assert str(error).startswith(("http://127.0.0.1", "http://1", "http://["))
        assert "secret" not in str(error)
    assert code == MISBEHAVIOURS[name].code
    assert time.monotonic() - start < 0.7 + 1


def test_the_limit_of_bytes_is_exact(hostile):
    for extra, framing in ((0, "Content-Length: 1000"), (0, "X: y"), (1, "Content-Length: 1001"), (1, "X: y")):
        url = hostile.answer(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + bytes(1000 + extra))
        fetcher = Fetcher.from_settings(replace(LOOPBACK, max_bytes=1000))
        if extra:
            with pytest.raises(ImageTooLarge, match="1000"):
                fetcher.fetch(url)
        else:
            assert fetcher.fetch(url) == bytes(1000)


def test_redirects_are_followed_as_often_as_the_settings_say(hostile):
    fetcher = Fetcher.from_settings(replace(LOOPBACK, redirects=2))
    assert fetcher.fetch(hostile.url("redirect?n=2")) == IMAGE
    with pytest.raises(OriginFailed, match="more than 2 redirects"):
        fetcher.fetch(hostile.url("redirect?n=3"))


@pytest.mark.parametrize("location", ["/plain", "../plain", "//HOST/plain", "http://HOST/plain#x", "/a/../plain?фото"])
def test_a_redirect_may_be_written_in_any_form(hostile, location):
    location = location.replace("HOST", f"127.0.0.1:{hostile.port}").encode()
    url = hostile.answer(b"HTTP/1.1 307 Temporary Redirect\r\nLocation:  %s \r\n\r\n" % location)
    assert Fetcher.from_settings(LOOPBACK).fetch(url) == IMAGE


HEADS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200\r\n",
        b"HTTP/1.1 302 Found\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n",
    ]
)
LINES = st.sampled_from(
    [
        b"Content-Length: 5\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: \xff\r\n",
        b"Content-Type: multipart/mixed; boundary=\r\n",
        b"Content-Type: image/jpeg; charset*=''%\r\n",
        b"Location: http://[\r\n",
        b"Location: \xd0\xb9\xff\r\n",
        b"Set-Cookie: a=b; expires=x; max-age=-9; domain=..; path\r\n",
        b"Set-Cookie: \xff=;;;==\r\n",
        b" folded\r\n",
        b"\x00: \x00\r\n",
        b"\r\n",
        b"5\r\nabcde\r\n0\r\n\r\n",
        b"abcde",
    ]
)


@given(
    st.tuples(HEADS, st.lists(LINES, max_size=6).map(b"".join), st.binary(max_size=20)).map(b"".join)
    | st.binary(max_size=60)
)
@settings(max_examples=150, deadline=None)
def test_any_answer_is_bytes_or_one_of_the_known_errors(hostile, raw):
    try:
        assert isinstance(Fetcher.from_settings(LOOPBACK).fetch(hostile.answer(raw)), bytes)
    except EXPECTED as error:
        assert str(error)


def test_no_error_repeats_the_path_the_query_or_a_password(hostile, caplog):
    for name in MISBEHAVIOURS:
        if MISBEHAVIOURS[name].code in ("origin_failed", "url_refused"):
            with pytest.raises(EXPECTED) as caught:
                Fetcher.from_settings(LOOPBACK).fetch(hostile.url(f"{name}?token=canary"))
            assert "canary" not in str(caught.value)
            assert name not in str(caught.value)
    for url in (
        "http://editor:canary@example.com/",
        "http://example.com:canary/",
        "http://[canary]/?canary",
        "canary://x",
    ):
        with pytest.raises(UrlRefused) as caught:
            Fetcher.from_settings(LOOPBACK).fetch(url)
        assert "canary" not in str(caught.value)


# --- the lists of hostile and harmless links ---------------------------------------------------------------------


def rows(name):
    path = SHARED / name
    return [line.split("\t") for line in path.read_text("utf-8").split("\n") if "\t" in line] if path.exists() else []


def answers_for(reason):
    """What the internet would answer for the names of a row."""
    if "rebinding" in reason:
        answers = iter([[PUBLIC]])
        return lambda: next(answers, ["127.0.0.1"])
    if "mixed" in reason:
        return [PUBLIC, "::1"]
    if "redirect chain" in reason or "port" in reason or "differential" in reason:
        return [PUBLIC]
    return ["127.0.0.1"]


@pytest.mark.parametrize(("url", "reason"), rows("ssrf_urls.tsv") or [pytest.param("", "", marks=pytest.mark.skip)])
def test_no_hostile_link_makes_a_forbidden_connection(url, reason, dialled):
    answer = answers_for(reason)
    with pytest.raises(EXPECTED):
        Fetcher(FetchSettings(deadline=5), Names(answer)).fetch(url)
    assert all(map(permitted, dialled))


@pytest.mark.parametrize(("url", "reason"), rows("ssrf_allow.tsv") or [pytest.param("", "", marks=pytest.mark.skip)])
def test_no_harmless_link_is_refused(url, reason, dialled):
    with pytest.raises((OriginFailed, OriginTimedOut)):
        Fetcher(FetchSettings(deadline=5, ports=None), Names([PUBLIC])).fetch(url)
    assert len(dialled) == 1
