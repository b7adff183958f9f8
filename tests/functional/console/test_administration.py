"""Users, batches, health."""

from __future__ import annotations

import pytest

from belfoot_img.payload import Credentials
from testbed.client import ADMIN, EDITOR, READER
from tests.functional.console.test_images import MARKUP, get, post

LIST = "article_id,url\n1,http://127.0.0.1/a.jpg\n2,ftp://x/y\n<b>3,not a link\n"


def test_an_admin_adds_changes_and_shuts_out_a_user(visit, client):
    new = Credentials("new.user", "the new user's password")
    with visit(ADMIN) as admin:
        admin.open("users")
        admin.page.fill("#name", new.username)
        admin.page.select_option("#role", "reader")
        admin.page.fill("#password", new.password)
        admin.page.click("#add button")
        admin.page.wait_for_url("**/users?done=added")
        assert get(client, "en/images", new).status_code == 200
        admin.page.click(f"text={new.username}")
        admin.page.select_option("#role", "editor")
        admin.page.click("text=Change the role")
        admin.page.wait_for_url("**/users/new.user?done=role")
        assert get(client, "en/store", new).status_code == 200
        admin.page.click("main >> text=Disable >> nth=-1")
        admin.page.wait_for_url("**/users/new.user?done=disabled")
        assert get(client, "en/images", new).status_code == 303
        assert "disabled" in admin.page.inner_text(".facts")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a b", "role": "editor", "password": "long enough for anybody"},
        {"name": "editor", "role": "editor", "password": "long enough for anybody"},
        {"name": "new", "role": "king", "password": "long enough for anybody"},
        {"name": "new", "role": "editor", "password": ""},
        {},
    ],
)
def test_a_user_that_cannot_be_is_told_beside_the_form(client, fields):
    answer = post(client, "en/users", ADMIN, data=fields)
    assert answer.status_code in (409, 422), answer.text
    assert 'role="alert"' in answer.text


def test_the_last_admin_stays(client):
    answer = post(client, "en/users/admin", ADMIN, data={"change": "disable"})
    assert answer.status_code == 409 and "last_admin" in answer.text


@pytest.mark.parametrize("user", [EDITOR, READER], ids=["editor", "reader"])
def test_users_are_for_admins(client, user):
    assert get(client, "en/users", user).status_code == 403
    assert get(client, "en/users/admin", user).status_code == 403
    assert post(client, "en/users", user, data={"name": "x"}).status_code == 403
    assert post(client, "en/users/editor", user, data={"change": "role", "role": "admin"}).status_code == 403


def send(client, content: str, user=EDITOR, **fields):
    return post(client, "en/batches", user, data=fields, files={"file": ("list.csv", content)})


def test_a_list_becomes_a_batch_whose_failures_are_explained(visit, client):
    answer = send(client, LIST, name=MARKUP)
    assert answer.status_code == 303, answer.text
    number = answer.headers["Location"].rsplit("/", 1)[1]
    with visit(language="ru") as someone:
        assert someone.open(f"batches/{number}") == 200
        text = someone.page.inner_text("main")
        assert MARKUP in text and "Готово 2 из 3 картинок." in text and "url_refused" in text
        assert someone.accessibility() == []
        someone.page.click("text=Приостановить")
        someone.page.wait_for_selector("h1 >> text=приостановлен")
        someone.page.click("text=Отменить")
        someone.page.wait_for_selector("h1 >> text=отменён")
        someone.open("batches")
        assert someone.page.query_selector_all("img[src=x]") == []


@pytest.mark.parametrize("content", ["", "a\n", "\n\n", "article_id,url\n" + "1,http://x/\n" * 10_001])
def test_what_is_no_list_makes_no_batch(client, database, content):
    assert send(client, content).status_code == 422
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM batches").scalar_one() == 0


def test_readers_have_no_batches_and_nobody_has_those_that_are_not(client):
    assert get(client, "en/batches", READER).status_code == 403
    assert send(client, LIST, READER).status_code == 403
    assert post(client, "en/batches/1/cancel", READER).status_code == 403
    for path in ("en/batches/999", "en/batches/x", "en/batches/01"):
        assert get(client, path).status_code == 404
    assert post(client, "en/batches/999/cancel").status_code == 404


def test_the_health_page_says_what_runs_and_what_waits(visit, client):
    send(client, LIST)
    with visit(READER) as someone:
        someone.open("health")
        text = someone.page.inner_text("main")
        assert "well" in text and "0 workers are running" in text and "No worker is running" in text
