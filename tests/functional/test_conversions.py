"""Converting a link without storing it."""

from __future__ import annotations

import base64
import hashlib
import io

import pytest
from PIL import Image

from testbed.client import ADMIN, EDITOR, READER, Client, assert_error
from testbed.photographs import photograph
from testbed.pictures import saved, scene

PATH = "/api/v1/conversions"


def convert(client: Client, url: str, headers=None, user=EDITOR, **asked):
    return client.request("POST", PATH, {"url": url, **asked}, user=user, headers=headers)


def test_the_jpeg_and_its_candidates_come_back_and_nothing_is_stored(client, origin):
    answer = convert(client, origin.serve(photograph("coffee.png")), limit=40_000)
    assert answer.status_code == 200
    data = answer.json()["data"]
    jpeg = base64.b64decode(data["image"])
    assert len(jpeg) == data["bytes"] <= 40_000 and hashlib.sha256(jpeg).hexdigest() == data["sha256"]
    assert data["conversion"]["action"] == "reencoded" and 0 < data["conversion"]["likeness"] < 100
    assert len(data["candidates"]) == data["conversion"]["encodes"]
    assert any(one["final"] and one["bytes"] == data["bytes"] for one in data["candidates"])
    assert client.request("GET", "/api/v1/images").json()["data"] == []


def test_the_jpeg_itself_by_accept(client, origin):
    url = origin.serve(photograph("coffee.png"))
    data = convert(client, url).json()["data"]
    answer = convert(client, url, headers={"Accept": "image/jpeg"})
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert hashlib.sha256(answer.content).hexdigest() == data["sha256"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "image" not in convert(client, url, headers={"Prefer": "return=minimal"}).json()["data"]


def test_limit_effort_and_policy_count(client, origin):
    url = origin.serve(photograph("coffee.png"))
    best, ladder = (convert(client, url, limit=60_000, policy=policy).json()["data"] for policy in ("best", "ladder"))
    assert (best["conversion"]["policy"], ladder["conversion"]["policy"]) == ("best", "ladder")
    assert best["conversion"]["likeness"] > ladder["conversion"]["likeness"]
    encodes = [
        convert(client, url, effort=effort).json()["data"]["conversion"]["encodes"] for effort in ("low", "high")
    ]
    assert encodes[0] < encodes[1]


def test_what_is_kept_is_the_same_as_its_source(client, origin):
    data = convert(client, origin.serve(saved(scene(), "JPEG"))).json()["data"]
    assert (data["conversion"]["action"], data["conversion"]["likeness"], data["candidates"]) == ("kept", 100, [])


def test_a_grey_picture_is_judged_too(client, origin):
    grey = saved(Image.open(io.BytesIO(photograph("coffee.png"))).convert("L"), "PNG")
    data = convert(client, origin.serve(grey), limit=20_000).json()["data"]
    assert 0 < data["conversion"]["likeness"] < 100


def test_a_result_that_is_stored_is_not_made_again(client, origin):
    url = origin.serve(photograph("coffee.png"))
    client.store(url)
    data = convert(client, url).json()["data"]
    assert data["conversion"]["reused"] and data["candidates"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", 0),
        ("limit", 50_000_001),
        ("limit", "180 kB"),
        ("limit", True),
        ("limit", 1.5),
        ("effort", "all"),
        ("effort", 1),
        ("policy", "belfoot_img.imaging.fitting.ladder.Ladder"),
        ("policy", []),
        ("url", 1),
        ("url", ""),
    ],
)
def test_a_field_that_cannot_be_is_named(client, field, value):
    error = assert_error(client.request("POST", PATH, {"url": "http://127.0.0.1/", field: value}), 422, "invalid_field")
    assert error["message"].startswith(f"data.{field}:")


def test_errors_are_those_of_a_post(client, origin):
    assert_error(convert(client, origin.serve(b"<html>")), 422, "not_an_image")
    assert_error(convert(client, origin.base + "/nothing"), 502, "origin_failed")
    assert_error(convert(client, "file:///etc/passwd"), 422, "url_refused")
    assert_error(convert(client, origin.serve(photograph("coffee.png")), limit=100), 422, "cannot_fit")
    assert_error(client.request("POST", PATH, {}), 422, "invalid_field")
    assert_error(client.request("GET", PATH), 405, "method_not_allowed")


def test_it_is_for_editors_and_admins(client, origin):
    url = origin.serve(saved(scene(), "JPEG"))
    assert convert(client, url, user=ADMIN).status_code == 200
    assert_error(convert(client, url, user=READER), 403, "forbidden")
    assert_error(convert(client, url, user=None), 401, "credentials_missing")
