"""The policy in front of the authenticator: which credentials count, and that it never raises."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest
from pyramid.request import Request

from belfoot_img.authentication import Identity
from belfoot_img.errors import ServiceError
from belfoot_img.payload import Credentials, Payload
from belfoot_img.resources import Api, Root
from belfoot_img.security import CredentialsPolicy, is_cross_site

BASIC = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}


class Recording:
    """An authenticator that lets everybody in, or raises, and notes whom it was asked for."""

    def __init__(self, error: Exception | None = None):
        self.asked: list[tuple[str, str]] = []
        self._error = error

    def authenticate(self, name, password, address):
        self.asked.append((name, password))
        if self._error:
            raise self._error
        return Identity(name, "editor")


def request(method="GET", payload=None, authenticator=None, **headers) -> Request:
    made = Request.blank("/", method=method, headers=headers)
    made.registry = {"authenticator": authenticator or Recording()}
    made.payload = payload or Payload()
    made.client_address = "192.0.2.1"
    return made


def verdict(made: Request, sources=("body", "basic")) -> str:
    """The name of who is let in, or the code of the denial."""
    context = Api("api", Root(SimpleNamespace(registry={"settings": SimpleNamespace(metrics=False), "branches": {}})))
    denial = CredentialsPolicy(sources).permits(made, context, "read")
    identity = CredentialsPolicy(sources).identity(made)
    return identity.name if denial else denial.error.code


def test_credentials_are_taken_from_the_sources_in_their_order():
    in_body = Payload(Credentials("from-body", "x"))
    assert verdict(request(payload=in_body, **BASIC)) == "from-body"
    assert verdict(request(payload=in_body, **BASIC), ("basic", "body")) == "a"
    assert verdict(request(payload=in_body), ("basic",)) == "credentials_missing"
    assert verdict(request(**BASIC), ("body",)) == "credentials_missing"
    assert verdict(request(**BASIC)) == "a"
    assert verdict(request()) == "credentials_missing"


def test_a_malformed_user_never_falls_back_to_basic():
    asked = Recording()
    assert verdict(request(payload=Payload(malformed_user=True), authenticator=asked, **BASIC)) == "credentials_missing"
    assert asked.asked == []


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic \xff", "Bearer x", "Basic bm9jb2xvbg==", "", "\xe9"])
def test_a_header_that_is_malformed_counts_as_absent(value):
    assert verdict(request(Authorization=value)) == "credentials_missing"


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), ServiceError(), MemoryError()])
def test_the_policy_never_raises(error):
    assert verdict(request(authenticator=Recording(error), **BASIC)) == "internal_error"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_a_write_from_another_site_is_refused_before_a_password_is_looked_at(method):
    asked = Recording()
    assert verdict(request(method, authenticator=asked, **BASIC, **CROSS_SITE)) == "forbidden"
    assert asked.asked == []
    in_body = Payload(Credentials("from-body", "x"))
    assert verdict(request(method, payload=in_body, **BASIC, **CROSS_SITE)) == "from-body"
    assert verdict(request(method, **CROSS_SITE)) == "credentials_missing"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_from_another_site_are_the_browsers_to_keep_from_it(method):
    assert verdict(request(method, **BASIC, **CROSS_SITE)) == "a"


@pytest.mark.parametrize(
    ("headers", "cross_site"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": ""}, True),
        ({"Sec-Fetch-Site": "same-origin, cross-site"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, False),
        ({"Origin": "http://cms.example"}, False),
        ({"Origin": "https://cms.example"}, False),
        ({"Origin": "http://CMS.example:80"}, False),
        ({"Origin": "http://cms.example:8080", "Host": "cms.example:8080"}, False),
        ({"Origin": "http://[::1]:8080", "Host": "[::1]:8080"}, False),
        ({"Origin": "http://cms.example:8081", "Host": "cms.example:8080"}, True),
        ({"Origin": "http://cms.example:8080"}, True),
        ({"Origin": "http://evil.example"}, True),
        ({"Origin": "http://cms.example.evil.example"}, True),
        ({"Origin": "http://evil.cms.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": ""}, True),
        ({"Origin": "http://["}, True),
        ({"Origin": "null", "Host": ""}, True),
    ],
)
def test_what_counts_as_another_site(headers, cross_site):
    assert is_cross_site(request("POST", **{"Host": "cms.example", **headers})) is cross_site
