"""POST, GET, DELETE, listing: what the contract promises a CMS."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re

import pytest
from PIL import Image

from testbed.client import READER, assert_error
from testbed.photographs import photograph, png

LIMIT = 180_000
FORMS = ("application/json", "image/jpeg")


def cursor(moment: str) -> str:
    """A cursor that somebody made up."""
    return "after=" + base64.urlsafe_b64encode(json.dumps([moment, "a"]).encode()).decode().rstrip("=")


FAR, OFFSET = cursor("0001-01-01T00:00:00+23:59"), cursor("2026-01-01T00:00:00+01:00:00.123456")


@pytest.fixture(scope="module")
def picture() -> bytes:
    return photograph("coffee.png")


def test_a_link_goes_in_and_a_jpeg_comes_back(client, origin, picture):
    url = origin.serve(picture)
    answer = client.store(url)
    assert answer.status_code == 201
    assert answer.headers["Location"].removeprefix(client.base) == "/api/v1/images/42"
    data = answer.json()["data"]
    jpeg = base64.b64decode(data["image"], validate=True)
    assert len(jpeg) == data["bytes"] <= LIMIT
    assert hashlib.sha256(jpeg).hexdigest() == data["sha256"]
    image = Image.open(io.BytesIO(jpeg))
    assert (image.format, image.size) == ("JPEG", (data["width"], data["height"]))
    assert (data["article_id"], data["url"], data["content_type"]) == ("42", url, "image/jpeg")
    assert data["source"] == {
        "format": "PNG",
        "width": 600,
        "height": 400,
        "bytes": len(picture),
        "sha256": hashlib.sha256(picture).hexdigest(),
    }
    conversion = data["conversion"]
    assert set(conversion) == {"action", "policy", "scale", "quality", "encodes", "milliseconds", "reused"}
    assert conversion["action"] == "reencoded" and not conversion["reused"] and conversion["encodes"] > 0
    for moment in (data["created_at"], data["updated_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moment)
    assert client.read().json()["data"] == data


def test_storing_again_replaces(client, origin, picture):
    first = client.store(origin.serve(picture)).json()["data"]
    answer = client.store(origin.serve(png(64, 48)))
    assert answer.status_code == 200 and "Location" not in answer.headers
    second = answer.json()["data"]
    assert second["sha256"] != first["sha256"]
    assert second["created_at"] == first["created_at"] < second["updated_at"]
    assert client.read().json()["data"] == second


def test_the_same_source_is_not_encoded_again_even_for_another_article(client, origin, picture):
    first = client.store(origin.serve(picture), "one").json()["data"]
    answer = client.store(origin.serve(picture), "two")
    assert answer.status_code == 201
    second = answer.json()["data"]
    assert second["conversion"]["reused"] and second["conversion"]["encodes"] == 0
    for fact in ("image", "sha256", "width", "height", "bytes", "source"):
        assert second[fact] == first[fact]
    assert client.read("two").json()["data"] == second


def test_prefer_return_minimal_leaves_the_base64_out(client, origin, picture):
    answer = client.store(origin.serve(picture), headers={"Prefer": "return=minimal"})
    assert answer.status_code == 201
    assert "image" not in answer.json()["data"]
    assert len(client.read().json()["data"]["image"]) > 1000


def test_reading_the_jpeg_itself(client, origin, picture):
    data = client.store(origin.serve(picture)).json()["data"]
    for accept in ("image/jpeg", "image/avif,image/webp,image/*;q=0.8,*/*;q=0.5"):
        answer = client.read(headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.content == base64.b64decode(data["image"])
        assert int(answer.headers["Content-Length"]) == data["bytes"]
    for accept in ("*/*", "application/json", "text/html,*/*;q=0.8"):
        assert client.read(headers={"Accept": accept}).headers["Content-Type"] == "application/json"


def test_the_etag_of_the_jpeg_is_its_sha256_and_that_of_the_json_is_another(client, origin, picture):
    data = client.store(origin.serve(picture)).json()["data"]
    etags = {accept: client.read(headers={"Accept": accept}).headers["ETag"] for accept in FORMS}
    assert etags["image/jpeg"] == f'"{data["sha256"]}"' != etags["application/json"]
    for accept, etag in etags.items():
        for known in (etag, f"W/{etag}", f'"other", {etag}'):
            answer = client.read(headers={"Accept": accept, "If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
            assert answer.headers["Cache-Control"] == "private, no-cache"
        others = [other for other in etags.values() if other != etag]
        for unknown in (f'"{"0" * 64}"', *others, ", ".join(others), etag.strip('"')[:-1], '"'):
            answer = client.read(headers={"Accept": accept, "If-None-Match": unknown})
            assert (answer.status_code, answer.headers["ETag"], answer.headers["Content-Type"]) == (200, etag, accept)


def test_the_same_picture_from_another_link_is_another_json_and_the_same_jpeg(client, origin, picture):
    client.store(origin.serve(picture))
    etags = {accept: client.read(headers={"Accept": accept}).headers["ETag"] for accept in FORMS}
    stored = client.store(origin.serve(picture)).json()["data"]
    answer = client.read(headers={"If-None-Match": etags["application/json"]})
    assert (answer.status_code, answer.json()["data"]) == (200, stored)
    answer = client.read(headers={"Accept": "image/jpeg", "If-None-Match": etags["image/jpeg"]})
    assert answer.status_code == 304


def test_head_answers_as_get_does_without_the_body(client, origin, picture):
    client.store(origin.serve(picture))
    for accept in ("application/json", "image/jpeg"):
        got = client.read(headers={"Accept": accept})
        head = client.request("HEAD", "/api/v1/images/42", headers={"Accept": accept})
        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag"):
            assert head.headers[name] == got.headers[name]
    assert client.request("HEAD", "/api/v1/images/none").status_code == 404


def test_reading_by_the_body(client, origin, picture):
    data = client.store(origin.serve(picture), 42).json()["data"]
    assert data["article_id"] == "42"
    for article_id in ("42", 42):
        answer = client.request("GET", "/api/v1/images", {"article_id": article_id})
        assert answer.json()["data"] == data
    assert client.request(
        "GET", "/api/v1/images", {"article_id": "42"}, headers={"Accept": "image/jpeg"}
    ).content == base64.b64decode(data["image"])
    assert_error(client.request("GET", "/api/v1/images", {"article_id": "none"}), 404, "image_not_found")


def test_reading_with_a_chunked_body(client, origin, picture):
    data = client.store(origin.serve(picture)).json()["data"]
    body = json.dumps(client.body({"article_id": "42"})).encode()
    answer = client.send("GET", "/api/v1/images", iter([body[:20], body[20:]]))
    assert answer.json()["data"] == data


@pytest.mark.parametrize("article_id", ["a b", "статья-7", "@@views", "..", ".", "a?b#c", "x" * 255, "%2F", "-1"])
def test_any_article_id_of_the_contract_can_be_read_back(client, origin, article_id):
    from urllib.parse import quote

    answer = client.store(origin.serve(png(8, 8)), article_id)
    assert answer.status_code == 201
    assert answer.json()["data"]["article_id"] == article_id
    assert client.request("GET", "/api/v1/images", {"article_id": article_id}).status_code == 200
    if article_id not in (".", ".."):  # clients resolve these before they send them
        assert client.read(quote(article_id, safe="")).json() == answer.json()
        assert client.remove(quote(article_id, safe="")).status_code == 204


def test_removing(client, origin, picture):
    client.store(origin.serve(picture))
    answer = client.remove()
    assert (answer.status_code, answer.content) == (204, b"")
    assert_error(client.read(), 404, "image_not_found")
    assert_error(client.remove(), 404, "image_not_found")


def test_listing_in_pages_newest_first(client, origin):
    url = origin.serve(png(8, 8))
    names = [f"article {number}" for number in range(7)]
    for name in names:
        client.store(url, name)
    seen, after = [], ""
    while after is not None:
        answer = client.request("GET", f"/api/v1/images?limit=3{after and '&after=' + after}").json()
        assert all("image" not in row for row in answer["data"])
        seen += [row["article_id"] for row in answer["data"]]
        after = answer["next"]
    assert seen == names[::-1]
    whole = client.request("GET", "/api/v1/images").json()
    assert (len(whole["data"]), whole["next"]) == (7, None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=", "after=x", "after=bm9uc2Vuc2U", "after=%00", FAR, OFFSET]
)
def test_a_page_that_makes_no_sense_is_refused(client, query):
    assert_error(client.request("GET", f"/api/v1/images?{query}"), 422, "invalid_field")


def test_a_failed_post_leaves_the_earlier_image(client, origin, picture):
    before = client.store(origin.serve(picture)).json()
    for content, status, code in (
        (b"<html>not found</html>", 422, "not_an_image"),
        (picture[: len(picture) // 2], 422, "image_damaged"),
    ):
        assert_error(client.store(origin.serve(content)), status, code)
    assert_error(client.store(origin.base + "/nothing"), 502, "origin_failed")
    assert client.read().json() == before


def test_a_reader_may_only_read(client, origin, picture):
    url = origin.serve(picture)
    client.store(url)
    assert client.read(user=READER).status_code == 200
    assert client.request("GET", "/api/v1/images", user=READER).status_code == 200
    assert_error(client.store(url, user=READER), 403, "forbidden")
    assert_error(client.remove(user=READER), 403, "forbidden")
    assert client.read().status_code == 200


def test_a_query_that_is_no_utf_8_is_refused(client):
    for query in ("limit=%FF", "after=%FF", "%FF=1"):
        assert_error(client.request("GET", f"/api/v1/images?{query}"), 400, "malformed_path")


def test_location_leads_to_every_article(client, origin):
    for article_id, path in (("..", "%2E%2E"), (".", "%2E"), ("a b", "a%20b"), ("1.5", "1.5")):
        answer = client.store(origin.serve(png(8, 8)), article_id)
        assert answer.headers["Location"] == f"{client.base}/api/v1/images/{path}"


def test_if_none_match_star(client, origin, picture):
    assert client.read(headers={"If-None-Match": "*"}).status_code == 404
    client.store(origin.serve(picture))
    assert client.read(headers={"If-None-Match": "*"}).status_code == 304


@pytest.mark.parametrize(
    "prefer", ["return=minimal", 'wait=5, return="minimal"', "return=minimal; foo=bar", "Return = Minimal"]
)
def test_prefer_as_clients_write_it(client, origin, picture, prefer):
    assert "image" not in client.store(origin.serve(picture), headers={"Prefer": prefer}).json()["data"]
    other = client.store(origin.serve(picture), headers={"Prefer": "return=minimalist, x=return=minimal"})
    assert "image" in other.json()["data"]


def test_accept_with_parameters(client, origin, picture):
    client.store(origin.serve(picture))
    for accept in (
        "application/json; charset=utf-8, image/jpeg;q=0.4",
        "application/json;charset=utf-8;q=0.5,image/jpeg;q=0.4",
    ):
        assert client.read(headers={"Accept": accept}).headers["Content-Type"] == "application/json"
    accept = "image/jpeg;version=1, application/json;q=0.1"
    assert client.read(headers={"Accept": accept}).headers["Content-Type"] == "image/jpeg"


def test_nothing_private_is_kept_on_the_way(client, origin, picture):
    for answer in (client.store(origin.serve(picture)), client.request("GET", "/api/v1/images"), client.read("none")):
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/api/v1/images?limti=1", "limti"),
        ("GET", "/api/v1/images?limit=1&Limit=2", "Limit"),
        ("GET", "/api/v1/images/42?limit=1", "limit"),
        ("POST", "/api/v1/images?article_id=1", "article_id"),
        ("DELETE", "/api/v1/images/42?force=1", "force"),
        ("GET", "/api/v1/images?a%0Ab=1", "query"),
    ],
)
def test_a_key_of_the_query_that_nobody_knows_is_named(client, method, path, key):
    error = assert_error(client.request(method, path), 422, "invalid_field")
    assert error["message"].startswith(f"{key}:")


@pytest.mark.parametrize("data", ["42", 42, [], [{"article_id": "42"}], True])
def test_data_that_is_no_object_is_refused_by_every_method(client, data):
    for method, path in (("GET", "/api/v1/images"), ("GET", "/api/v1/images/42"), ("DELETE", "/api/v1/images/42")):
        error = assert_error(client.request(method, path, data), 422, "invalid_field")
        assert error["message"].startswith("data:")
