"""Codes stay, survive the way out of a worker process, and are documented."""

from __future__ import annotations

import pickle

import pytest

from belfoot_img.errors import ServiceError, TooManyFailures
from testbed import PROJECT

CONTRACT = {
    400: {"malformed_json", "malformed_path"},
    401: {"credentials_missing", "credentials_wrong"},
    403: {"forbidden"},
    404: {"image_not_found", "user_not_found", "batch_not_found", "not_found"},
    405: {"method_not_allowed"},
    409: {"user_exists", "last_admin"},
    413: {"request_too_large"},
    422: {
        "invalid_field",
        "url_refused",
        "not_an_image",
        "image_damaged",
        "image_too_large",
        "cannot_fit",
        "key_reused",
    },
    429: {"too_many_failures", "too_many_items"},
    500: {"internal_error"},
    502: {"origin_failed"},
    503: {"busy", "database_unavailable"},
    504: {"origin_timed_out"},
}


def test_the_codes_are_the_contracts():
    by_status: dict[int, set[str]] = {}
    for code, error in ServiceError.family().items():
        by_status.setdefault(error.status, set()).add(code)
    assert by_status == CONTRACT


@pytest.mark.parametrize("error", ServiceError.family().values(), ids=lambda error: error.code)
def test_an_error_survives_pickling_and_says_what_to_do(error):
    for original in (error(), error("A sentence of its own.")):
        copy = pickle.loads(pickle.dumps(original))
        assert (type(copy), str(copy), copy.retry_after) == (error, str(original), original.retry_after)
    assert str(error()).endswith(".")


def test_what_may_succeed_later_says_when():
    for error in ServiceError.family().values():
        assert (error().retry_after is not None) == (error.status in (429, 503))
    assert TooManyFailures(retry_after=7).retry_after == 7


def test_every_code_is_documented():
    text = (PROJECT / "docs" / "api.md").read_text()
    for code, error in ServiceError.family().items():
        assert any(f"`{code}`" in line and f"| {error.status} |" in line for line in text.splitlines()), code
