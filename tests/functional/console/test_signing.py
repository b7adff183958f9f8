"""Signing in and out: without a cookie, by form and by the browser's own window."""

from __future__ import annotations

import pytest
import requests

from belfoot_img.payload import Credentials
from testbed.client import EDITOR


def test_a_stranger_is_led_to_the_form_and_back_to_the_page_that_was_wanted(visit):
    with visit(None) as someone:
        someone.open("images?q=42")
        assert someone.page.url.startswith(someone.path("sign-in?next="))
        someone.page.fill("#name", EDITOR.username)
        someone.page.fill("#password", EDITOR.password)
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images?q=42")


def test_a_wrong_password_is_told_on_the_page_and_the_right_one_then_counts(visit):
    with visit(None) as someone:
        someone.open("sign-in")
        someone.page.fill("#name", EDITOR.username)
        someone.page.fill("#password", "wrong")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_selector("#refusal:not([hidden])")
        assert "wrong" in someone.page.inner_text("#refusal")
        someone.page.fill("#password", EDITOR.password)
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_url("**/images")


def test_signing_out_closes_the_pages_and_signing_in_opens_them(visit):
    with visit() as someone:
        someone.page.click("text=Sign out")
        someone.page.wait_for_selector("#done:not([hidden])")
        someone.open("images")
        assert "/sign-in" in someone.page.url
        someone.sign_in(EDITOR)


def test_whoever_has_signed_out_counts_no_failures(visit, database):
    with visit() as someone:
        someone.page.click("text=Sign out")
        someone.page.wait_for_selector("#done:not([hidden])")
        someone.open("images")
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT coalesce(sum(failures), 0) FROM login_failures").scalar_one() == 0


def test_without_javascript_the_browser_asks_by_itself(visit):
    credentials = {"username": EDITOR.username, "password": EDITOR.password}
    with visit(None, java_script_enabled=False, http_credentials=credentials) as someone:
        someone.page.goto(someone.path("sign-in"))
        assert not someone.page.is_visible("#sign-in")
        someone.page.click("main a")
        someone.page.wait_for_url("**/images")
        assert someone.page.is_visible("text=Sign out")


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/console/\\x", "/api"]
)
def test_signing_in_leads_nowhere_but_into_the_console(client, wanted):
    answer = requests.get(
        client.base + "/console/session",
        params={"next": wanted},
        auth=(EDITOR.username, EDITOR.password),
        allow_redirects=False,
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == client.base + "/console/"


def test_a_stranger_learns_nothing_from_paths(client):
    """The same answer for a page, an image and a path that leads nowhere."""
    answers = [
        requests.get(f"{client.base}/console/en/{path}", allow_redirects=False)
        for path in ("images", "images/42", "images/nothing", "nowhere", "users")
    ]
    assert {answer.status_code for answer in answers} == {303}
    assert all("/console/en/sign-in?next=" in answer.headers["Location"] for answer in answers)


def test_a_name_with_letters_outside_of_ascii_is_refused_like_any_other(visit):
    with visit(None) as someone:
        someone.open("sign-in")
        someone.page.fill("#name", "имя")
        someone.page.fill("#password", "пароль")
        someone.page.keyboard.press("Enter")
        someone.page.wait_for_selector("#refusal:not([hidden])")


def test_the_browser_decides_on_the_language(client):
    def language(accepts: str) -> str:
        answer = requests.get(client.base + "/console/", headers={"Accept-Language": accepts}, allow_redirects=False)
        return answer.headers["Location"].removeprefix(client.base)

    assert language("ru-RU,ru;q=0.9,en;q=0.5") == "/console/ru"
    assert language("de-DE,de") == "/console/en"
    assert language("") == "/console/en"


def test_old_credentials_that_no_longer_count_lead_to_the_form(client):
    gone = Credentials("editor", "the one before")
    answer = requests.get(
        client.base + "/console/ru/images", auth=(gone.username, gone.password), allow_redirects=False
    )
    assert answer.status_code == 303 and "wrong=" in answer.headers["Location"]
    assert "WWW-Authenticate" not in answer.headers
