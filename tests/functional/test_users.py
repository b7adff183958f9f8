"""Admins manage users over HTTP; nobody else does; the last admin stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from belfoot_img.passwords import hash_password
from belfoot_img.payload import Credentials
from testbed.client import ADMIN, EDITOR, READER, Client, assert_error
from testbed.photographs import png

USERS = "/api/v1/users"
NEW = {"name": "anna", "role": "reader", "password": "a long enough password"}


@pytest.fixture
def admin(base, database) -> Client:
    return Client(base, ADMIN)


def test_an_admin_adds_a_user_who_can_log_in(admin):
    answer = admin.request("POST", USERS, NEW)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{admin.base}{USERS}/anna"
    data = answer.json()["data"]
    assert set(data) == {"name", "role", "active", "created_at", "password_changed_at"}
    assert (data["name"], data["role"], data["active"]) == ("anna", "reader", True)
    assert NEW["password"] not in answer.text and "argon2" not in answer.text
    anna = Credentials("anna", NEW["password"])
    assert admin.request("GET", "/api/v1/images", user=anna).status_code == 200
    assert admin.request("GET", f"{USERS}/anna").json()["data"] == data
    assert data in admin.request("GET", USERS).json()["data"]
    assert_error(admin.request("POST", USERS, {**NEW, "password": "another password"}), 409, "user_exists")
    assert admin.request("GET", "/api/v1/images", user=anna).status_code == 200


def test_an_admin_may_all_that_an_editor_may(admin, origin):
    assert admin.store(origin.serve(png(8, 8))).status_code == 201
    assert admin.read().status_code == 200
    assert admin.remove().status_code == 204


@pytest.mark.parametrize("user", [EDITOR, READER])
def test_nobody_else_manages_users(admin, user):
    for method, path in (("GET", USERS), ("GET", f"{USERS}/admin"), ("POST", USERS), ("DELETE", f"{USERS}/editor")):
        assert_error(admin.request(method, path, NEW, user=user), 403, "forbidden")
    data = {"role": "admin"}
    assert_error(admin.request("PATCH", f"{USERS}/{user.username}", data, user=user), 403, "forbidden")
    assert_error(admin.request("GET", f"{USERS}/anna"), 404, "user_not_found")


def test_changes_count_from_the_next_request(admin, origin):
    url, path = origin.serve(png(8, 8)), f"{USERS}/reader"
    assert_error(admin.store(url, user=READER), 403, "forbidden")
    assert admin.request("PATCH", path, {"role": "editor"}).json()["data"]["role"] == "editor"
    assert admin.store(url, user=READER).status_code == 201
    before = admin.request("GET", path).json()["data"]
    after = admin.request("PATCH", path, {"password": "quite another one"}).json()["data"]
    assert after["password_changed_at"] > before["password_changed_at"]
    assert_error(admin.read(user=READER), 401, "credentials_wrong")
    assert admin.read(user=Credentials("reader", "quite another one")).status_code == 200


def test_a_disabled_user_is_out_and_can_be_let_in_again(admin):
    for disable in (("DELETE", None), ("PATCH", {"active": False})):
        assert admin.request(disable[0], f"{USERS}/reader", disable[1]).status_code in (200, 204)
        assert_error(admin.request("GET", "/api/v1/images", user=READER), 401, "credentials_wrong")
        assert admin.request("GET", f"{USERS}/reader").json()["data"]["active"] is False
        assert admin.request("PATCH", f"{USERS}/reader", {"active": True}).status_code == 200
        assert admin.request("GET", "/api/v1/images", user=READER).status_code == 200


def test_the_last_admin_stays(admin):
    path = f"{USERS}/admin"
    for method, data in (("DELETE", None), ("PATCH", {"active": False}), ("PATCH", {"role": "editor"})):
        assert_error(admin.request(method, path, data), 409, "last_admin")
    assert admin.request("PATCH", f"{USERS}/editor", {"role": "admin"}).status_code == 200
    assert admin.request("PATCH", path, {"role": "reader"}).status_code == 200
    assert_error(admin.request("DELETE", f"{USERS}/editor", user=EDITOR), 409, "last_admin")


def test_two_admins_who_disable_each_other_at_once_leave_one(admin, database):
    second = Credentials("second", "the second admin's")
    with database.begin() as connection:
        row = {"name": second.username, "hash": hash_password(second.password)}
        connection.execute(text("INSERT INTO users (name, password_hash, role) VALUES (:name, :hash, 'admin')"), row)
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            pairs = [(ADMIN, "second"), (second, "admin")]
            list(pool.map(lambda pair: admin.request("DELETE", f"{USERS}/{pair[1]}", user=pair[0]), pairs))
        with database.begin() as connection:
            active = "SELECT count(*) FROM users WHERE role = 'admin' AND active"
            assert connection.execute(text(active)).scalar() == 1
            connection.execute(text("UPDATE users SET active = true"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"name": name}, "data.name") for name in ("", "a b", "x" * 65, "a/b", "é", "\0", 1, None)),
        *(({"role": role}, "data.role") for role in ("", "root", 1, None, [])),
        *(({"password": password}, "data.password") for password in ("short", "x" * 129, "nul \0 inside", 1, None)),
        ({"rol": "editor"}, "data.rol"),
    ],
)
def test_fields_that_are_wrong_are_named(admin, changes, field):
    error = assert_error(admin.request("POST", USERS, {**NEW, **changes}), 422, "invalid_field")
    assert error["message"].startswith(f"{field}:")
    if field != "data.name":
        error = assert_error(admin.request("PATCH", f"{USERS}/reader", changes), 422, "invalid_field")
        assert error["message"].startswith(f"{field}:")


@pytest.mark.parametrize("data", [None, [], {}, {"active": 1}, {"active": None}])
def test_a_change_that_changes_nothing_is_refused(admin, data):
    assert_error(admin.request("PATCH", f"{USERS}/reader", data), 422, "invalid_field")


@pytest.mark.parametrize("name", ["nobody", "a%20b", "%00", "x" * 100])
def test_a_user_who_is_not_there(admin, name):
    methods = [("GET", None), ("PATCH", {"active": True}), ("DELETE", None)]
    for method, data in methods if name != "%00" else []:
        assert_error(admin.request(method, f"{USERS}/{name}", data), 404, "user_not_found")


def test_fields_that_are_missing(admin):
    for field in NEW:
        data = {name: value for name, value in NEW.items() if name != field}
        error = assert_error(admin.request("POST", USERS, data), 422, "invalid_field")
        assert error["message"].startswith(f"data.{field}:")
