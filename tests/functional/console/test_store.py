"""Storing by link and by file, within bounds."""

from __future__ import annotations

import pytest

from testbed import servers
from testbed.client import EDITOR, READER, Client
from testbed.pictures import saved, scene
from tests.functional.console.test_images import get, post


def test_a_link_is_stored_and_its_page_opens(visit, client, origin):
    with visit() as someone:
        someone.open("store")
        someone.page.fill("#article_id", "new one")
        someone.page.fill("#url", origin.serve(saved(scene(), "JPEG")))
        someone.page.click("main button")
        someone.page.wait_for_url("**/images/new%20one?done=stored")
    assert client.read("new one").json()["data"]["width"] == 96


def test_a_file_is_stored_without_a_link(visit, client, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(saved(scene(300, 200), "PNG"))
    with visit() as someone:
        someone.open("store?article_id=42")
        someone.page.set_input_files("#file", picture)
        someone.page.click("main button")
        someone.page.wait_for_url("**/images/42?done=stored")
        assert "an uploaded file" in someone.page.inner_text("main")
    data = client.read().json()["data"]
    assert (data["url"], data["width"]) == (None, 300)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"article_id": "", "url": "http://127.0.0.1/"}, 422),
        ({"article_id": "a/b", "url": "http://127.0.0.1/"}, 422),
        ({"article_id": "42", "url": ""}, 422),
        ({"article_id": "42", "url": "file:///etc/passwd"}, 422),
        ({"article_id": "42", "url": "javascript:alert(1)"}, 422),
    ],
)
def test_what_cannot_be_stored_is_told_and_nothing_is(client, fields, status):
    answer = post(client, "en/store", data=fields)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert client.request("GET", "/api/v1/images").json()["data"] == []


def test_a_file_that_is_no_picture_is_refused(client):
    answer = post(client, "ru/store", data={"article_id": "42"}, files={"file": ("a.jpg", b"<script>", "image/jpeg")})
    assert answer.status_code == 422 and "not_an_image" in answer.text


def test_bodies_are_bounded_by_what_the_page_takes(engine, database_url, database, tmp_path):
    """The API takes 16 KiB as ever, the page for files as much as may be fetched; through NGINX too."""
    with servers.nginx(tmp_path, database_url, fetch__max_bytes="1 MB") as base:
        client = Client(base)
        files = {"file": ("a.png", saved(scene(), "PNG") + bytes(900_000))}
        assert post(client, "en/store", data={"article_id": "42"}, files=files).status_code == 303
        files = {"file": ("a.png", bytes(1_100_000))}
        assert post(client, "en/store", data={"article_id": "42"}, files=files).status_code == 413
        assert post(client, "en/users", data=bytes(20_000)).status_code == 413
        assert client.send("POST", "/api/v1/images", bytes(20_000)).status_code == 413


def test_a_reader_may_not_store(client, visit):
    assert get(client, "en/store", READER).status_code == 403
    assert post(client, "en/store", READER, data={"article_id": "1", "url": "http://x/"}).status_code == 403
    with visit(READER) as someone:
        assert someone.page.locator("header nav a").all_inner_texts() == ["Images", "Health"]
    with visit(EDITOR) as someone:
        assert "Users" not in someone.page.inner_text("header")
