"""Whatever a body or a path holds, the answer is one of the contract's, and never a fault of our own."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webtest import TestApp

from belfoot_img import main
from testbed.client import EDITOR
from tests.errors import STATUS_OF

USER = {"username": EDITOR.username, "password": EDITOR.password}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**320)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=40)
    | st.sampled_from(
        ["\0", "\ud800", "http://[", "http://\0", "..", "@@", "a/b", "http://127.0.0.1:1/", "//", "http://%"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
data = st.fixed_dictionaries({}, optional={"url": anything, "article_id": anything}) | anything
user = st.just(USER) | st.fixed_dictionaries({}, optional={"username": anything, "password": anything}) | anything

fuzzing = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def app(engine, database_url):
    app = main(
        {},
        **{
            "sqlalchemy.url": database_url,
            "belfoot_img.fetch.deadline": "500 ms",
            "belfoot_img.fetch.allow_networks": "127.0.0.0/8",
            "belfoot_img.fetch.ports": "any",
        },
    )
    yield TestApp(app, extra_environ={"REMOTE_ADDR": "127.0.0.1"})
    app.registry["converter"].close()
    app.registry["engine"].dispose()


def check(response):
    assert response.status_int != 500, response.text
    if response.status_int >= 400:
        error = response.json["error"]
        assert STATUS_OF[error["code"]] == response.status_int


@fuzzing
@given(user, data, st.sampled_from(["GET", "POST", "DELETE", "PUT"]))
def test_documents(app, database, user, data, method):
    body = json.dumps({"user": user, "data": data}).encode()
    check(app.request("/api/v1/images", method=method, body=body, expect_errors=True))


@fuzzing
@given(st.binary(max_size=64))
def test_bytes(app, database, body):
    check(app.request("/api/v1/images", method="POST", body=body, expect_errors=True))


@fuzzing
@given(st.binary(max_size=40), st.sampled_from(["GET", "HEAD", "DELETE", "POST", "OPTIONS"]), st.text(max_size=10))
def test_paths(app, database, segment, method, query):
    body = json.dumps({"user": USER}).encode()
    path = f"/api/v1/images/{quote(segment)}?after={quote(query)}"
    response = app.request(path, method=method, body=body, expect_errors=True)
    assert response.status_int != 500
    if method != "HEAD":
        check(response)


@fuzzing
@given(
    st.sampled_from(
        ["If-None-Match", "Accept", "Prefer", "Authorization", "X-Request-ID", "X-Forwarded-For", "Content-Type"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)
def test_headers(app, database, name, value):
    body = json.dumps({"user": USER}).encode()
    for path in ("/api/v1/images", "/api/v1/images/42", "/health/live"):
        check(app.request(path, method="GET", body=body, headers={name: value}, expect_errors=True))
