"""Pictures that come as files in a POST: a form, or the picture itself."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
import requests

from testbed import servers
from testbed.client import EDITOR, READER, Client, assert_error
from testbed.description import check
from testbed.photographs import photograph, png

BASIC = (EDITOR.username, EDITOR.password)
USER = [("user", (None, EDITOR.username)), ("password", (None, EDITOR.password))]
WRONG = [("user", (None, EDITOR.username)), ("password", (None, "wrong"))]


def send(client: Client, parts, path: str = "/api/v1/images", **options) -> requests.Response:
    """``parts`` of a form, in this order."""
    answer = requests.post(client.base + path, files=parts, timeout=60, **options)
    check(answer)
    return answer


def send_picture(client: Client, picture, article_id: str | None = "42", kind="image/png", **options):
    options = {"auth": BASIC, "params": None if article_id is None else {"article_id": article_id}, **options}
    answer = requests.post(
        client.base + "/api/v1/images", data=picture, headers={"Content-Type": kind}, timeout=60, **options
    )
    check(answer)
    return answer


def article(article_id: str = "42"):
    return ("article_id", (None, article_id))


def file(content: bytes, name: str = "a.png"):
    return ("file", (name, content, "image/png"))


def test_a_form_with_its_own_credentials_is_stored(client):
    picture = photograph("coffee.png")
    answer = send(client, [*USER, article("имя"), file(picture)])
    assert answer.status_code == 201 and answer.headers["Location"].startswith(client.base)
    data = answer.json()["data"]
    assert (data["article_id"], data["url"]) == ("имя", None)
    assert data["source"]["sha256"] == hashlib.sha256(picture).hexdigest()
    assert hashlib.sha256(base64.b64decode(data["image"])).hexdigest() == data["sha256"]
    assert client.read("%D0%B8%D0%BC%D1%8F").json()["data"] == data


def test_a_form_with_basic_is_stored_and_replaces(client):
    assert send(client, [article(), file(png(8, 8))], auth=BASIC).status_code == 201
    answer = send(client, [article(), file(png(9, 9))], auth=BASIC, headers={"Prefer": "return=minimal"})
    assert answer.status_code == 200 and "image" not in answer.json()["data"]
    assert client.read().json()["data"]["width"] == 9


@pytest.mark.parametrize("chunked", [False, True])
def test_the_picture_itself_is_a_body(client, chunked):
    picture = photograph("coffee.png")
    body = iter([picture[:1000], picture[1000:]]) if chunked else picture
    answer = send_picture(client, body)
    assert answer.status_code == 201
    assert answer.json()["data"]["source"]["bytes"] == len(picture)


def test_what_was_uploaded_is_the_same_source_as_what_a_link_gave(client, origin):
    client.store(origin.serve(photograph("coffee.png")), "one")
    assert send_picture(client, photograph("coffee.png"), "two").json()["data"]["conversion"]["reused"]


def test_respond_async_is_not_honoured_for_a_file(client):
    answer = send(client, [*USER, article(), file(png(8, 8))], headers={"Prefer": "respond-async"})
    assert answer.status_code == 201 and "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([file(png(8, 8))], "article_id"),
        ([article()], "file"),
        ([article(), file(b"")], "file"),
        ([article("a/b"), file(png(8, 8))], "article_id"),
        ([article(), article(), file(png(8, 8))], "form"),
        ([article(), ("effort", (None, "all")), file(png(8, 8))], "effort"),
        ([file(png(8, 8)), article()], "article_id"),
    ],
)
def test_a_field_that_is_missing_or_wrong_is_named(client, parts, field):
    error = assert_error(send(client, parts, auth=BASIC), 422, "invalid_field")
    assert error["message"].startswith(f"{field}:")


@pytest.mark.parametrize(
    "body",
    [b"", b"nothing", b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'],
)
@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_that_cannot_be_read_is_refused(client, body, kind):
    answer = client.send("POST", "/api/v1/images", body, headers={"Content-Type": kind}, auth=BASIC)
    assert_error(answer, 422, "invalid_field")


def test_a_picture_names_its_article_in_the_query(client):
    assert_error(send_picture(client, png(8, 8), None), 422, "invalid_field")
    assert_error(send_picture(client, png(8, 8), "a/b"), 422, "invalid_field")
    assert_error(send_picture(client, b""), 422, "invalid_field")
    assert_error(send_picture(client, png(8, 8), params={"article_id": "1", "limit": "1"}), 422, "invalid_field")
    answer = send(client, [article(), file(png(8, 8))], "/api/v1/images?article_id=1", auth=BASIC)
    assert assert_error(answer, 422, "invalid_field")["message"].startswith("article_id:")


@pytest.mark.parametrize("kind", ["image/jpeg", "image/x-nonsense"])
def test_the_bytes_decide_not_their_type(client, kind):
    assert send_picture(client, png(8, 8), kind=kind).status_code == 201
    assert_error(send_picture(client, b"<html>", kind=kind), 422, "not_an_image")


@pytest.mark.parametrize("user", [USER[:1], USER[1:]], ids=["no password", "no name"])
def test_a_user_of_a_form_that_is_no_pair_is_refused_whatever_the_header_says(client, user):
    answer = send(client, [*user, article(), file(png(8, 8))], auth=BASIC)
    assert_error(answer, 401, "credentials_missing")
    assert_error(send(client, [*WRONG, article(), file(png(8, 8))], auth=BASIC), 401, "credentials_wrong")
    assert client.read().status_code == 404


def test_strangers_and_readers_upload_nothing(client):
    parts = [article(), file(png(8, 8))]
    assert_error(send(client, parts), 401, "credentials_missing")
    assert_error(send_picture(client, png(8, 8), auth=None), 401, "credentials_missing")
    assert_error(send(client, parts, auth=(READER.username, READER.password)), 403, "forbidden")
    assert_error(send_picture(client, png(8, 8), auth=(READER.username, READER.password)), 403, "forbidden")
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert_error(send(client, parts, auth=BASIC, headers=cross), 403, "forbidden")
    assert client.read().status_code == 404


def test_files_are_for_one_path_alone(client):
    parts = [*USER, article(), file(png(8, 8))]
    for path in ("/api/v1/conversions", "/api/v1/batches", "/api/v1/users"):
        assert_error(send(client, parts, path), 400, "malformed_json")


def test_files_and_json_are_bounded_through_nginx_too(engine, database_url, database, tmp_path):
    """Memory for two of them: a third at once would be told that the service is busy, so one after another goes."""
    with servers.nginx(tmp_path, database_url, fetch__max_bytes="1 MB", fetch__memory="2 MB") as base:
        client, large = Client(base), png(8, 8) + bytes(990_000)
        for _ in range(4):
            assert send(client, [*USER, article(), file(large)]).status_code in (200, 201)
            assert send_picture(client, iter([large])).status_code == 200
        too_large = large + bytes(20_000)
        for body in (too_large, iter([too_large])):
            assert_error(send_picture(client, body), 413, "request_too_large")
        assert_error(send(client, [*USER, article(), file(too_large + bytes(20_000))]), 413, "request_too_large")
        assert_error(send(client, [*USER, article(), file(too_large)]), 413, "request_too_large")
        assert_error(
            send(client, [*USER, ("a", (None, "x" * 20_000)), article(), file(large)]), 413, "request_too_large"
        )
        document = json.dumps(client.body({"article_id": "42", "url": "http://x/"})) + " " * 20_000
        assert_error(client.send("POST", "/api/v1/images", document), 413, "request_too_large")
        picture = {"Content-Type": "image/png"}
        answer = client.send("POST", "/api/v1/batches", large, headers=picture, auth=BASIC)
        assert_error(answer, 413, "request_too_large")
