"""Single POSTs that failed are listed with their reason, for a time and up to a number."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from testbed.client import ADMIN, READER
from testbed.photographs import png
from tests.functional.console.test_images import MARKUP, get, post

NOT_AN_IMAGE = "Ссылка не ведёт на картинку"


@pytest.fixture
def failed(client, origin) -> list[str]:
    """The request ids of a POST that failed by the API, and of one by the console."""
    by_api = client.store(origin.serve(b"<html>") + "#" + MARKUP, MARKUP.replace("/", ""))
    by_page = post(client, "en/store", data={"article_id": "42", "url": "http://127.0.0.1:1/a.jpg"})
    assert (by_api.status_code, by_page.status_code) == (422, 502)
    return [answer.headers["X-Request-ID"] for answer in (by_api, by_page)]


def test_what_failed_is_listed_with_its_reason_in_the_readers_language(visit, client, failed):
    with visit(language="ru") as someone:
        someone.open("failures")
        shown = someone.page.inner_text("main")
        for part in (NOT_AN_IMAGE, MARKUP.replace("/", ""), "origin_failed", "http://127.0.0.1:1/a.jpg", *failed):
            assert part in shown
        assert someone.page.query_selector_all("img[src=x]") == []
        assert someone.accessibility() == []
        someone.page.click("text=Сохранить заново… >> nth=0")
        assert someone.page.input_value("#url") == "http://127.0.0.1:1/a.jpg"
        assert someone.page.input_value("#article_id") == "42"


def test_failures_are_found_by_code_article_and_request(client, failed):
    def found(**asked) -> int:
        return get(client, "en/failures", params=asked).text.count('<li class="card">')

    assert found() == 2
    assert found(code="not_an_image") == found(q="42") == found(q=failed[0]) == found(code="origin_failed", q="42") == 1
    assert found(code="cannot_fit") == found(q="4") == found(code="not_an_image", q="42") == found(q="\0") - 2 == 0


def test_pages_lead_through_all_failures_once(client, database):
    with database.begin() as connection:
        insert = text(
            "INSERT INTO failed_posts (article_id, code, message, request_id, failed_by)"
            " SELECT number, 'origin_failed', 'm', number, 'editor' FROM generate_series(1, 120) AS number"
        )
        connection.execute(insert)
    seen, path = [], "en/failures"
    while path:
        page = get(client, path).text
        seen += [part.split("</b>")[0] for part in page.split('<p class="head"><b>')[1:]]
        path = page.split('rel="next"')[0].rsplit('href="/console/', 1)[1].split('"')[0] if 'rel="next"' in page else ""
        path = path.replace("&amp;", "&")
    assert seen == [str(number) for number in range(120, 0, -1)]


def test_a_success_and_a_reused_failure_of_nobody_are_not_listed(client, origin, database):
    client.store(origin.serve(png(8, 8)))
    client.store("", "42")
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM failed_posts")).scalar_one() == 0


def test_failures_are_for_editors_and_admins(client, visit, failed):
    assert get(client, "en/failures", READER).status_code == 403
    assert get(client, "en/failures", ADMIN).status_code == 200
    with visit(READER) as someone:
        assert "Failures" not in someone.page.inner_text("header")
