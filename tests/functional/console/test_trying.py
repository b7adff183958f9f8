"""Trying a link or a file: two pictures beside each other, and nothing stored."""

from __future__ import annotations

import pytest

from testbed.client import READER
from testbed.photographs import photograph
from testbed.pictures import saved, scene
from tests.functional.console.test_images import get, post


def test_a_link_is_converted_as_asked_and_by_the_ladder_and_not_stored(visit, client, origin):
    with visit() as someone:
        someone.open("try")
        someone.page.fill("#url", origin.serve(photograph("coffee.png")))
        someone.page.fill("#limit", "40")
        someone.page.select_option("#effort", "low")
        someone.page.click("#try button")
        someone.page.wait_for_selector("#result")
        text = someone.page.inner_text("main")
        assert "of 100" in text and text.count("Likeness") >= 2 and "Why this picture won" in text
        assert someone.page.input_value("#limit") == "40"
        widths = someone.page.evaluate("[...document.querySelectorAll('#pair img')].map(image => image.naturalWidth)")
        assert len(widths) == 2 and all(widths)
        assert someone.page.evaluate("window.refused") == [] and someone.accessibility() == []
    assert client.request("GET", "/api/v1/images").json()["data"] == []


def test_a_file_is_tried_too(client):
    answer = post(client, "ru/try", data={"limit": "20"}, files={"file": ("a.png", photograph("coffee.png"))})
    assert answer.status_code == 200 and "Лестницей" in answer.text and "data:image/jpeg;base64," in answer.text


def test_what_complies_is_the_same_either_way(client, origin):
    answer = post(client, "en/try", data={"url": origin.serve(saved(scene(), "JPEG"))})
    assert answer.status_code == 200 and "Kept as it came" in answer.text


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"url": ""}, 422, "invalid_field"),
        ({"url": "http://127.0.0.1:1/", "limit": "0"}, 422, "invalid_field"),
        ({"url": "http://127.0.0.1:1/", "limit": "x"}, 422, "invalid_field"),
        ({"url": "http://127.0.0.1:1/", "effort": "all"}, 422, "invalid_field"),
        ({"url": "http://127.0.0.1:1/", "policy": "os.system"}, 422, "invalid_field"),
        ({"url": "file:///etc/passwd"}, 422, "url_refused"),
        ({"url": "http://127.0.0.1:1/"}, 502, "origin_failed"),
    ],
)
def test_what_cannot_be_tried_is_told_and_the_form_keeps_what_was_typed(client, fields, status, code):
    answer = post(client, "en/try", data=fields)
    assert answer.status_code == status and code in answer.text and 'role="alert"' in answer.text
    assert f'value="{fields["url"]}"' in answer.text


def test_only_its_own_page_may_show_pictures_from_itself(client):
    assert "img-src 'self' data:;" in get(client, "en/try").headers["Content-Security-Policy"]
    assert "data:" not in get(client, "en/store").headers["Content-Security-Policy"]


def test_a_reader_may_not_try(client):
    assert get(client, "en/try", READER).status_code == 403
    assert post(client, "en/try", READER, data={"url": "http://x/"}).status_code == 403
