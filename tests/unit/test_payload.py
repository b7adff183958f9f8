from __future__ import annotations

import contextlib
import json

import pytest
from gunicorn.http.errors import InvalidChunkSize, InvalidHeader
from hypothesis import given
from hypothesis import strategies as st
from webob import Request

from belfoot_img.errors import InvalidField, MalformedJson, RequestTooLarge
from belfoot_img.payload import MAX_BODY, Credentials, Payload, is_article_id, parse

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def request(body: bytes) -> Request:
    return Request.blank("/", method="POST", body=body)


def test_credentials_and_data():
    payload = parse(request(b'{"user": {"username": "a", "password": "b"}, "data": {"article_id": 7}, "more": 1}'))
    assert payload == Payload(Credentials("a", "b"), {"article_id": 7})
    assert payload.article_id() == "7"


@pytest.mark.parametrize("user", [[], "a", 1, {}, {"username": "a"}, {"username": 1, "password": 2}, None])
def test_a_user_that_is_no_pair_of_strings_is_noted(user):
    assert parse(request(json.dumps({"user": user}).encode())) == Payload(malformed_user=True)


@pytest.mark.parametrize("body", [b"", b"  \n", "\ufeff{}".encode()])
def test_no_body_is_an_empty_payload(body):
    assert parse(request(body)) == Payload()


def test_a_password_is_not_shown():
    assert "secret" not in repr(Payload(Credentials("a", "secret")))


def test_no_more_is_read_than_the_limit():
    class Endless:
        read_bytes = 0

        def read(self, size=-1):
            assert size >= 0
            self.read_bytes += size
            return b" " * size

    endless = Endless()
    chunked = Request.blank("/", method="POST")
    chunked.body_file = endless
    with pytest.raises(RequestTooLarge):
        parse(chunked)
    assert endless.read_bytes == MAX_BODY + 1


@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_malformed(body):
    with contextlib.suppress(MalformedJson):
        assert isinstance(parse(request(body)), Payload)


@given(json_values, json_values)
def test_wrong_types_anywhere_are_named_and_nothing_else_is_raised(user, data):
    payload = parse(request(json.dumps({"user": user, "data": data}).encode()[:MAX_BODY]))
    for field in (payload.article_id, payload.url):
        try:
            assert isinstance(field(), str)
        except InvalidField as error:
            assert str(error).startswith("data")


@given(st.text(st.characters(codec=None), max_size=300))
def test_article_ids_can_be_stored_and_addressed(text):
    if is_article_id(text):
        assert 1 <= len(text) <= 255 and "/" not in text
        assert "\0" not in text.encode().decode()


@pytest.mark.parametrize("error", [OSError("the client hung up"), InvalidChunkSize(b"zz"), InvalidHeader("a trailer")])
def test_a_body_that_breaks_off_is_malformed(error):
    class Broken:
        def read(self, size=-1):
            raise error

    chunked = Request.blank("/", method="POST")
    chunked.body_file = Broken()
    with pytest.raises(MalformedJson):
        parse(chunked)


@pytest.mark.parametrize("value", ["low", "high", None])
def test_effort_is_taken_as_sent(value):
    assert Payload(data={"effort": value}).choice("effort", ("low", "normal", "high")) == value


@pytest.mark.parametrize("value", ["LOW", "", 1, True, ["low"], {}])
def test_an_effort_that_is_none_is_refused_by_its_field(value):
    with pytest.raises(InvalidField, match=r"data\.effort: send low, normal, high or nothing"):
        Payload(data={"effort": value}).choice("effort", ("low", "normal", "high"))
