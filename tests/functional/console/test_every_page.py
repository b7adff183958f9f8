"""What holds for every page: axe-core, 320 px, weight, the keyboard, no JavaScript."""

from __future__ import annotations

import gzip
import io
from urllib.parse import quote

import pytest
import requests
from PIL import Image
from sqlalchemy import text

from belfoot_img.console.files import FILES
from testbed.client import ADMIN
from testbed.photographs import photograph
from tests.functional.console.test_images import get, post

PAGES = (
    "images",
    "images?since=x&q=a",
    "images/42",
    "images/42/delete",
    "store",
    "try",
    "batches",
    "batches/1",
    "failures",
    "users",
    "users/reader",
    "health",
)


MARKUP = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture
def stored(client, origin):
    """Something on every page: a picture with a plot and a slider, a failure, a batch of which an item fails."""
    assert client.store(origin.serve(photograph("coffee.png"))).status_code == 201
    assert client.store(origin.serve(b"<html>") + "#" + MARKUP, MARKUP).status_code == 422
    lines = f'article_id,url\n42,{origin.base}/a.jpg\n"{MARKUP.replace(chr(34), chr(34) * 2)}",not a link\n'
    assert post(client, "en/batches", data={"name": MARKUP}, files={"file": ("list.csv", lines)}).status_code == 303


def first_batch(database) -> int:
    with database.connect() as connection:
        return connection.exec_driver_sql("SELECT max(id) FROM batches").scalar_one()


def pages(database) -> list[str]:
    return [path.replace("batches/1", f"batches/{first_batch(database)}") for path in PAGES]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_axe_finds_nothing(visit, stored, database, language, dark):
    with visit(ADMIN, language=language, dark=dark) as someone:
        found = {}
        for path in pages(database):
            assert someone.open(path) in (200, 422)
            found[path] = someone.accessibility()
        assert not any(found.values()), found
    with visit(None, language=language, dark=dark) as stranger:
        for path in ("sign-in", "sign-in?wrong=", "sign-out"):
            stranger.open(path)
            assert stranger.accessibility() == []


@pytest.mark.parametrize("language", ["en", "ru"])
def test_nothing_scrolls_sideways_at_320_pixels(visit, stored, database, origin, language):
    with visit(ADMIN, language=language, width=320) as someone:
        wide = []
        for path in (*pages(database), "nowhere", "try"):
            someone.open(path)
            if someone.scrolls_sideways():
                wide.append(path)
        someone.page.fill("#url", origin.serve(photograph("coffee.png")))
        someone.page.click("#try button")
        someone.page.wait_for_selector("#result")
        assert wide == [] and not someone.scrolls_sideways()
        someone.open("sign-out")
        assert not someone.scrolls_sideways()


def test_markup_in_names_and_links_is_text_on_every_page(visit, stored, database, client, origin):
    client.store(origin.serve(photograph("rocket.jpg")) + "#" + MARKUP, MARKUP)
    with visit(ADMIN) as someone:
        for path in (
            *pages(database),
            "images?q=" + quote(MARKUP),
            "images/" + quote(MARKUP),
            "failures?q=" + quote(MARKUP),
        ):
            someone.open(path)
            assert someone.page.query_selector_all("img[src=x], [onerror]") == [], path
        someone.open("failures")
        assert MARKUP in someone.page.inner_text("main")


def test_a_list_of_24_weighs_at_most_500_kilobytes(visit, client, origin):
    url = origin.serve(photograph("astronaut.png"))
    for number in range(24):
        client.store(url, f"article-{number:02}", headers={"Prefer": "return=minimal"})
    weights: list[int] = []
    with visit() as someone:
        someone.page.on("response", lambda answer: weights.append(len(answer.body())))
        someone.open("images")
        for tile in someone.page.query_selector_all(".tile img"):
            tile.scroll_into_view_if_needed()
        someone.page.wait_for_load_state("networkidle")
    assert len(weights) > 24 and sum(weights) <= 500_000


def test_before_and_after_move_by_keyboard_and_pointer_and_grow(visit, stored):
    shown = "getComputedStyle(document.querySelector('#pair .before')).clipPath"
    with visit() as someone:
        someone.open("images/42")
        someone.page.wait_for_load_state("load")
        assert all(
            someone.page.evaluate("[...document.querySelectorAll('#pair img')].map(image => image.naturalWidth)")
        )
        boxes = [someone.page.locator(f"#pair .{side} img").bounding_box() for side in ("before", "after")]
        assert boxes[0] == boxes[1]
        first = someone.page.evaluate(shown)
        someone.tab_to("#cut")
        someone.page.keyboard.press("ArrowRight")
        assert someone.page.input_value("#cut") == "51" and someone.page.evaluate(shown) != first
        box = boxes[0]
        someone.page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + 20)
        assert someone.page.input_value("#cut") == "25"
        someone.page.check("#twice")
        assert someone.page.locator("#pair .after img").bounding_box()["width"] == 1200


@pytest.mark.parametrize("size", [(1482, 1000), (300, 1600), (120, 80)], ids=["wide", "tall", "small"])
@pytest.mark.parametrize("width", [1100, 400])
def test_before_and_after_cover_each_other_at_every_size_on_the_screen(visit, client, origin, size, width):
    output = io.BytesIO()
    with Image.open(io.BytesIO(photograph("motorcycle_left.png"))) as picture:
        picture.resize(size).save(output, "PNG")
    assert client.store(origin.serve(output.getvalue())).status_code == 201
    with visit(width=width) as someone:
        someone.open("images/42")
        someone.page.wait_for_load_state("load")
        assert someone.page.locator("#pair.joined").count() == 1
        for view in ("fitted", "whole", "twice"):
            someone.page.check(f"input[value={view}]")
            boxes = [someone.page.locator(f"#pair .{side} img").bounding_box() for side in ("before", "after")]
            assert boxes[0] == pytest.approx(boxes[1], abs=0.6), view
            stage = someone.page.locator(".stage").bounding_box()
            assert view != "fitted" or boxes[1]["width"] <= stage["width"] + 0.6
            assert boxes[1]["width"] / boxes[1]["height"] == pytest.approx(size[0] / size[1], rel=0.02), view


def test_without_javascript_all_but_the_slider_works(visit, client, origin, stored, database):
    credentials = {"username": ADMIN.username, "password": ADMIN.password}
    with visit(None, java_script_enabled=False, http_credentials=credentials) as someone:
        page = someone.page
        page.goto(someone.base + "/console/session")
        page.goto(someone.path("images"))
        page.fill("#q", "4")
        page.click(".search button")
        page.click(".tile a")
        sides = [page.locator(f"#pair .{side} img").bounding_box() for side in ("before", "after")]
        assert page.is_hidden("#slide") and sides[0]["x"] >= sides[1]["x"] + sides[1]["width"]
        page.fill("#link", origin.serve(photograph("rocket.jpg")))
        page.click("#replace button")
        page.wait_for_url("**/images/42?done=replaced")
        page.goto(someone.path("try"))
        page.fill("#url", origin.serve(photograph("coffee.png")))
        page.click("#try button")
        page.wait_for_selector("#result")
        page.goto(someone.path("failures"))
        page.select_option("#code", "not_an_image")
        page.click(".search button")
        assert page.locator(".troubles li").count() == 1
        page.click(".troubles a.button")
        page.fill("#article_id", "43")
        page.fill("#url", origin.serve(photograph("rocket.jpg")))
        page.click("main button")
        page.wait_for_url("**/images/43?done=stored")
        page.goto(someone.path(f"batches/{first_batch(database)}"))
        page.click("text=Pause")
        page.goto(someone.path("users/reader"))
        page.click("main >> text=Disable >> nth=-1")
        page.wait_for_url("**/users/reader?done=disabled")
        page.goto(someone.path("images/43"))
        page.click("a[href$='/delete']")
        page.click("main button")
    assert client.read("43").status_code == 404 and client.read().json()["data"]["width"] == 640


@pytest.mark.parametrize(("count", "word"), [(1, "попытка"), (2, "попытки"), (5, "попыток")])
def test_russian_counts_one_two_and_five(client, origin, database, count, word):
    client.store(origin.serve(photograph("coffee.png")))
    with database.begin() as connection:
        few = text("UPDATE images SET candidates = jsonb_path_query_array(candidates, :first)")
        connection.execute(few, {"first": f"$[0 to {count - 1}]"})
    assert f"{count} {word}" in get(client, "ru/images/42").text


def test_code_and_style_weigh_at_most_30_kilobytes():
    assert sum(len(gzip.compress(file.content)) for file in FILES.values()) <= 30_000


def test_files_are_kept_for_ever_under_their_digest_alone(client):
    page = requests.get(client.base + "/console/en/sign-in").text
    style = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in requests.get(client.base + style).headers["Cache-Control"]
    old = style.replace(style.split("/")[3], "0" * 16)
    assert requests.get(client.base + old).headers["Cache-Control"] == "no-cache"
    assert requests.get(client.base + style + "x").status_code == 404


def try_batch_and_users(someone, origin, database) -> None:
    """By keyboard alone."""
    press = someone.page.keyboard.press
    someone.tab_to("header a[href$='/try']")
    press("Enter")
    someone.page.wait_for_url("**/try")
    someone.tab_to("#url")
    someone.page.keyboard.type(origin.serve(photograph("coffee.png")))
    press("Enter")
    someone.page.wait_for_selector("#result")
    someone.tab_to("header a[href$='/batches']")
    press("Enter")
    someone.page.wait_for_url("**/batches")
    with database.begin() as connection:  # as a worker leaves it
        dead = "UPDATE batch_items SET state = 'dead', code = 'origin_failed' WHERE state = 'waiting'"
        connection.exec_driver_sql(dead)
        connection.exec_driver_sql("UPDATE shards SET dead = dead + waiting, waiting = 0")
    someone.tab_to("tbody a")
    press("Enter")
    someone.page.wait_for_selector("form[action$='/retry']")
    someone.tab_to("form[action$='/retry'] button")
    press("Enter")
    someone.page.wait_for_selector("form[action$='/retry']", state="detached")
    someone.tab_to("header a[href$='/users']")
    press("Enter")
    someone.page.wait_for_url("**/users")
    someone.tab_to("tbody tr:last-child a")
    press("Enter")
    someone.page.wait_for_url("**/users/reader")
    someone.tab_to("#role")
    someone.page.keyboard.type("e")
    someone.tab_to("button[value=role]")
    press("Enter")
    someone.page.wait_for_url("**/users/reader?done=role")


def test_the_whole_way_by_keyboard(visit, client, origin, stored, database):
    with visit(None) as someone:
        someone.page.goto(someone.path("sign-in"))
        someone.page.keyboard.type(ADMIN.username)
        someone.page.keyboard.press("Tab")
        someone.page.keyboard.type(ADMIN.password)
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images")
        someone.tab_to("#q")
        someone.page.keyboard.type("42")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images?q=42*")
        someone.tab_to(".tile a")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images/42")
        someone.tab_to("#cut")
        someone.page.keyboard.press("Home")
        assert someone.page.input_value("#cut") == "0"
        someone.page.reload()
        someone.tab_to("[name=view]")
        someone.page.keyboard.press("ArrowRight")
        assert someone.page.is_checked("#whole")
        someone.tab_to("#link")
        someone.page.keyboard.type(origin.serve(photograph("rocket.jpg")))
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images/42?done=replaced")
        try_batch_and_users(someone, origin, database)
        someone.open("images/42")
        someone.tab_to("a[href$='/delete']")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/delete")
        someone.tab_to("main button")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images")
        someone.tab_to(".me a")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_selector("#done:not([hidden])")
    assert client.read().status_code == 404
