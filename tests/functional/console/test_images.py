"""The list of images and the page of one: found, seen, downloaded, replaced, deleted."""

from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from belfoot_img.models import thumbnail
from testbed.client import ADMIN, EDITOR, READER
from testbed.photographs import photograph
from testbed.pictures import saved, scene

MARKUP = "<img src=x onerror=alert(1)>&\"'"


def get(client, path: str, user=EDITOR, **options) -> requests.Response:
    return requests.get(
        f"{client.base}/console/{path}", auth=(user.username, user.password), allow_redirects=False, **options
    )


def post(client, path: str, user=EDITOR, **options) -> requests.Response:
    return requests.post(
        f"{client.base}/console/{path}", auth=(user.username, user.password), allow_redirects=False, **options
    )


@pytest.fixture
def stored(client, origin):
    """Three articles, one of them with an awkward name, the newest last."""
    for article_id in ("one", "two", MARKUP.replace("/", "")):
        answer = client.store(origin.serve(saved(scene(), "JPEG")) + f"#{MARKUP}", article_id)
        assert answer.status_code == 201, answer.text
    return client


def test_search_finds_by_article_link_person_action_and_days(stored, origin):
    def found(**asked) -> set[str]:
        page = get(stored, "en/images", params=asked).text
        return {name for name in ("one", "two") if f"<b>{name}</b>" in page}

    assert found() == found(q="") == found(by="editor", action="kept") == {"one", "two"}
    assert found(q="tw") == {"two"}
    assert found(q=origin.base) == found(q=origin.base.removeprefix("http://")) == {"one", "two"}
    assert found(q="%") == found(q="o_e") == found(by="reader") == found(action="reencoded") == set()
    assert found(since="2020-01-01", until="2100-01-01") == {"one", "two"}
    assert found(since="2100-01-01") == found(until="2020-01-01") == set()


@pytest.mark.parametrize("asked", ["since=yesterday", "until=2026-02-30", "action=stolen", "until=9999-12-31", "q=%00"])
def test_a_search_that_cannot_be_is_no_fault_of_the_service(stored, asked):
    assert get(stored, f"en/images?{asked}").status_code in (200, 422)


def test_a_cursor_that_somebody_made_up_is_refused(client):
    assert get(client, "en/images?after=nonsense").status_code == 422


def test_pages_lead_through_all_images_once(client, origin):
    url = origin.serve(saved(scene(), "JPEG"))
    for number in range(30):
        client.store(url, f"article-{number:02}")
    first = get(client, "en/images")
    assert first.text.count('class="tile"') == 24
    older = first.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = requests.get(client.base + older.replace("&amp;", "&"), auth=(EDITOR.username, EDITOR.password))
    assert second.text.count('class="tile"') == 6
    assert 'rel="next"' not in second.text


def test_thumbnails_are_small_made_once_and_gone_with_their_image(client, origin, database):
    sha256 = client.store(origin.serve(photograph("coffee.png"))).json()["data"]["sha256"]
    answers = [get(client, f"en/images/42/thumbnail.jpg?of={sha256}") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(answers[0].content) <= thumbnail.MOST
    assert max(Image.open(io.BytesIO(answers[0].content)).size) == thumbnail.SIDE
    assert "immutable" in answers[0].headers["Cache-Control"]
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM thumbnails").scalar_one() == 1
    client.remove()
    assert get(client, f"en/images/42/thumbnail.jpg?of={sha256}").status_code == 404


def test_a_thumbnail_is_that_of_the_image_that_is_there_now(client, origin):
    first = client.store(origin.serve(photograph("coffee.png"))).json()["data"]["sha256"]
    get(client, f"en/images/42/thumbnail.jpg?of={first}")
    second = client.store(origin.serve(saved(scene(200, 300), "JPEG"))).json()["data"]["sha256"]
    late = get(client, f"en/images/42/thumbnail.jpg?of={first}")
    assert late.headers["Cache-Control"] == "no-store"
    assert late.content == get(client, f"en/images/42/thumbnail.jpg?of={second}").content
    assert Image.open(io.BytesIO(late.content)).size == (200, 300)


def test_the_jpeg_is_shown_and_downloaded_as_it_is_stored(stored):
    jpeg = stored.read("one", headers={"Accept": "image/jpeg"}).content
    assert get(stored, "en/images/one/stored.jpg").content == jpeg
    download = get(stored, "en/images/one/stored.jpg?download")
    assert download.content == jpeg
    assert download.headers["Content-Disposition"] == "attachment; filename*=UTF-8''one.jpg"


@pytest.mark.parametrize("article_id", [".", "..", "~", "~..", "a b", "?#%", "имя", "\\", "'\"<b>"])
def test_every_article_has_a_page_that_its_tile_leads_to(visit, client, origin, article_id):
    client.store(origin.serve(saved(scene(), "JPEG")), article_id)
    with visit() as someone:
        someone.open("images")
        someone.page.click(".tile a")
        assert someone.page.inner_text("h1") == f"Article {article_id}"
        someone.page.wait_for_load_state("load")
        assert someone.page.evaluate("document.querySelector('.stage img').naturalWidth") == 96


def test_a_picture_is_replaced_by_a_link(visit, stored, origin):
    with visit() as someone:
        someone.open("images/one")
        someone.page.fill("#link", origin.serve(saved(scene(300, 200), "JPEG")))
        someone.page.click("#replace button")
        someone.page.wait_for_url("**/images/one?done=replaced")
        assert someone.page.is_visible("text=The picture was replaced.")
        someone.page.reload()
    assert stored.read("one").json()["data"]["width"] == 300


def test_a_link_that_fails_is_told_beside_the_field_and_keeps_the_picture(visit, stored, origin):
    before = stored.read("one").json()
    with visit(language="ru") as someone:
        someone.open("images/one")
        someone.page.fill("#link", origin.serve(b"<html>no picture</html>"))
        someone.page.click("#replace button")
        someone.page.wait_for_selector("#trouble")
        assert "Ссылка не ведёт на картинку" in someone.page.inner_text("#trouble")
        assert "not_an_image" in someone.page.inner_text("#trouble")
        assert someone.page.input_value("#link").startswith(origin.base)
        assert someone.accessibility() == []
    assert stored.read("one").json() == before


def test_deleting_asks_first(visit, stored):
    with visit() as someone:
        someone.open("images/one")
        someone.page.click("text=Delete…")
        assert stored.read("one").status_code == 200
        someone.page.click("main button")
        someone.page.wait_for_url("**/images")
    assert stored.read("one").status_code == 404


def test_a_reader_sees_no_control_that_would_be_refused_and_is_refused(visit, stored):
    with visit(READER) as someone:
        someone.open("images/one")
        assert someone.page.is_visible("text=Download")
        assert not someone.page.is_visible("text=Delete…")
        assert not someone.page.is_visible("#replace")
    assert post(stored, "en/images/one/delete", READER).status_code == 403
    assert post(stored, "en/images/one/replace", READER, data={"url": "http://x/"}).status_code == 403
    assert get(stored, "en/images/one/delete", READER).status_code == 403
    assert stored.read("one").status_code == 200
    assert post(stored, "en/images/one/delete", ADMIN).status_code == 303


def test_another_sites_page_changes_nothing(stored):
    answer = post(stored, "en/images/one/delete", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert stored.read("one").status_code == 200


def test_markup_in_names_and_links_is_text(visit, stored):
    with visit() as someone:
        for path in ("images", "images?q=" + MARKUP.replace("&", "%26")):
            someone.open(path)
            assert someone.page.query_selector_all("img[src=x], b b") == []
        someone.open("images")
        someone.page.click(".tile a >> nth=0")
        assert MARKUP in someone.page.inner_text("h1")
        assert someone.page.query_selector_all("img[src=x]") == []


def test_errors_are_pages_with_a_code_and_a_request_id(visit, client):
    with visit(language="ru") as someone:
        assert someone.open("images/nothing") == 404
        text = someone.page.inner_text("main")
        assert "image_not_found" in text and "У этой статьи нет картинки" in text
        assert someone.open("nowhere") == 404
        assert someone.accessibility() == []
    assert post(client, "en/images").status_code == 405
    assert post(client, "en/images/1/replace", data=b"x" * 20_000).status_code == 413


def test_the_page_shows_why_a_picture_won_for_a_reused_result_too(visit, client, origin):
    url = origin.serve(photograph("coffee.png"))
    client.store(url, "first")
    assert client.store(url, "second").json()["data"]["conversion"]["reused"]
    for article_id in ("first", "second"):
        page = get(client, f"en/images/{article_id}").text
        assert "Why this picture won" in page and page.count('<tr class="won">') == 1
    client.store(origin.serve(saved(scene(), "JPEG")), "kept")
    assert "Why this picture won" not in get(client, "en/images/kept").text
