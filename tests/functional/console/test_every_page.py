"""What holds for every page: axe-core, 320 px, weight, the keyboard, no JavaScript."""

from __future__ import annotations

import gzip

import pytest
import requests

from belfoot_img.console.files import FILES
from testbed.client import ADMIN, EDITOR
from testbed.photographs import photograph

PAGES = (
    "images",
    "images?since=x&q=a",
    "images/42",
    "images/42/delete",
    "store",
    "batches",
    "users",
    "users/reader",
    "health",
)


@pytest.fixture
def stored(client, origin):
    assert client.store(origin.serve(photograph("coffee.png"))).status_code == 201


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_axe_finds_nothing(visit, stored, language, dark):
    with visit(ADMIN, language=language, dark=dark) as someone:
        found = {}
        for path in PAGES:
            someone.open(path)
            found[path] = someone.accessibility()
        assert not any(found.values()), found
    with visit(None, language=language, dark=dark) as stranger:
        for path in ("sign-in", "sign-in?wrong=", "sign-out"):
            stranger.open(path)
            assert stranger.accessibility() == []


@pytest.mark.parametrize("language", ["en", "ru"])
def test_nothing_scrolls_sideways_at_320_pixels(visit, stored, language):
    with visit(ADMIN, language=language, width=320) as someone:
        wide = []
        for path in (*PAGES, "sign-out", "nowhere"):
            someone.open(path)
            if someone.scrolls_sideways():
                wide.append(path)
        assert wide == []


def test_code_and_style_weigh_at_most_30_kilobytes():
    assert sum(len(gzip.compress(file.content)) for file in FILES.values()) <= 30_000


def test_files_are_kept_for_ever_under_their_digest_alone(client):
    page = requests.get(client.base + "/console/en/sign-in").text
    style = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in requests.get(client.base + style).headers["Cache-Control"]
    old = style.replace(style.split("/")[3], "0" * 16)
    assert requests.get(client.base + old).headers["Cache-Control"] == "no-cache"
    assert requests.get(client.base + style + "x").status_code == 404


def test_the_whole_way_by_keyboard(visit, client, origin, stored):
    with visit(None) as someone:
        someone.page.goto(someone.path("sign-in"))
        someone.page.keyboard.type(EDITOR.username)
        someone.page.keyboard.press("Tab")
        someone.page.keyboard.type(EDITOR.password)
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images")
        someone.tab_to("#q")
        someone.page.keyboard.type("42")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images?q=42*")
        someone.tab_to(".tile a")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images/42")
        someone.tab_to("[name=view]")
        someone.page.keyboard.press("ArrowRight")
        assert someone.page.is_checked("#whole")
        someone.tab_to("#link")
        someone.page.keyboard.type(origin.serve(photograph("rocket.jpg")))
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images/42?done=replaced")
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
