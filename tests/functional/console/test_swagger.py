"""Swagger UI under the console: behind the login, from this host alone, under the strict policy."""

from __future__ import annotations

import pytest
import requests

from belfoot_img.console import swagger
from testbed.client import EDITOR, READER
from testbed.photographs import photograph

pytestmark = pytest.mark.skipif(swagger.FOLDER is None, reason="pip install 'belfoot_img[swagger]'")
ACCOUNT = (READER.username, READER.password)


def test_strangers_are_led_to_the_sign_in_form(client):
    for path in ("", "/", *(f"/{name}" for name in swagger.FILES)):
        answer = requests.get(f"{client.base}/console/api{path}", allow_redirects=False)
        assert answer.status_code == 303 and "/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize("name", swagger.FILES)
def test_its_files_are_sent_compressed_and_once(client, name):
    address = f"{client.base}/console/api/{name}"
    sent = requests.get(address, auth=ACCOUNT)
    assert sent.headers["Content-Encoding"] == "gzip" and sent.headers["Cache-Control"] == "private, no-cache"
    plain = requests.get(address, auth=ACCOUNT, headers={"Accept-Encoding": "identity"})
    assert plain.content == sent.content and "Content-Encoding" not in plain.headers
    known = {"If-None-Match": sent.headers["ETag"]}
    assert requests.get(address, auth=ACCOUNT, headers=known).status_code == 304


def test_other_files_of_the_package_are_not_served(client):
    for name in ("swagger-editor-bundle.js", "index.html", "..", "%2e%2e/core.py"):
        answer = requests.get(f"{client.base}/console/api/{name}", auth=ACCOUNT, allow_redirects=False)
        assert answer.status_code in (303, 404)


def test_no_script_or_style_stands_in_the_page(client):
    page = requests.get(f"{client.base}/console/api", auth=ACCOUNT)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert "<style" not in page.text and page.text.count("<script") == page.text.count("<script defer src=")


def test_the_api_is_read_and_tried(visit, client, origin):
    """Whatever the policy refuses, another host or a script's error fails in ``visit``."""
    assert client.store(origin.serve(photograph("coffee.png"))).status_code == 201
    with visit(EDITOR) as someone:
        page = someone.page
        page.goto(f"{client.base}/console/api")
        page.wait_for_selector("#operations-images-readImage")
        assert page.locator(".opblock").count() > 10
        page.click("#operations-images-readImage .opblock-summary-control")
        page.click("#operations-images-readImage .try-out__btn")
        page.fill("#operations-images-readImage input[placeholder=article_id]", "42")
        page.click("#operations-images-readImage .execute")
        page.wait_for_selector("#operations-images-readImage .live-responses-table")
        shown = page.inner_text("#operations-images-readImage .live-responses-table")
        assert "200" in shown and '"article_id": "42"' in shown
        page.click("#operations-images-removeImage .opblock-summary-control")
        page.click("#operations-images-removeImage .try-out__btn")
        page.fill("#operations-images-removeImage input[placeholder=article_id]", "42")
        page.click("#operations-images-removeImage .execute")
        page.wait_for_selector("#operations-images-removeImage .live-responses-table")
        assert "204" in page.inner_text("#operations-images-removeImage .live-responses-table")
        someone.trouble += page.evaluate("window.refused ?? []")
    assert client.read().status_code == 404
