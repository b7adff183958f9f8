from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from belfoot_img.cli import commands
from belfoot_img.models.user import User
from belfoot_img.passwords import Passwords

PASSWORD = "correct horse battery"


@pytest.fixture
def run(ini):
    def run(*arguments: str, password: str | None = None):
        return CliRunner().invoke(commands, arguments, input=password and password + "\n")

    return run


@pytest.fixture
def find(database):
    def find(name: str) -> User | None:
        with Session(database) as session:
            return session.get(User, name)

    return find


def test_adding_a_user(run, find):
    answer = run("user", "add", "cms", "--role", "reader", password=PASSWORD)
    assert answer.exit_code == 0, answer.output
    assert PASSWORD not in answer.output
    cms = find("cms")
    assert (cms.role, cms.active) == ("reader", True)
    assert Passwords().verify("cms", PASSWORD, cms.password_hash) == (True, None)


def test_a_user_is_added_once(run, find):
    before = find("editor").password_hash
    answer = run("user", "add", "editor", password="another password")
    assert answer.exit_code == 1 and "is there already" in answer.output
    assert find("editor").password_hash == before


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a/b", "é"])
def test_names_that_will_not_do(run, name):
    assert "a name is 1 to 64 of" in run("user", "add", name, password=PASSWORD).output


@pytest.mark.parametrize("password", ["short", "x" * 200, ""])
def test_passwords_that_will_not_do(run, find, password):
    answer = run("user", "add", "cms", password=password)
    assert answer.exit_code == 1 and "a password has at least 8" in answer.output
    assert find("cms") is None


def test_a_new_password_lets_a_disabled_user_in_again(run, find):
    before = find("editor")
    assert run("user", "disable", "editor").exit_code == 0
    assert not find("editor").active
    assert run("user", "passwd", "editor", password="a new password").exit_code == 0
    after = find("editor")
    assert after.active and after.password_changed_at > before.password_changed_at
    assert Passwords().verify("editor", "a new password", after.password_hash)[0]


@pytest.mark.parametrize("role", ["admin", "editor", "reader"])
def test_changing_a_role(run, find, role):
    assert run("user", "role", "reader", role).exit_code == 0
    assert find("reader").role == role


def test_listing(run):
    lines = run("user", "list").output.splitlines()
    assert [line.split()[:3] for line in lines] == [[role, role, "active"] for role in ("admin", "editor", "reader")]


@pytest.mark.parametrize("command", [("passwd",), ("disable",), ("role",)])
def test_a_user_who_is_not_there(run, command):
    arguments = [*command, "nobody", *(["reader"] if command == ("role",) else [])]
    answer = run("user", *arguments, password=PASSWORD)
    assert answer.exit_code == 1 and "there is no user nobody" in answer.output


def test_a_database_that_does_not_answer_is_one_line(run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hidden-secret@127.0.0.1:1/nothing")
    answer = run("user", "list")
    assert answer.exit_code == 1 and "database error: " in answer.output
    assert "hidden-secret" not in answer.output


def test_migrate(run):
    answer = run("migrate")
    assert answer.exit_code == 0 and "nothing to do" in answer.output
    answer = run("migrate", "--move")
    assert answer.exit_code == 0 and "0 images were moved" in answer.output


def test_an_ini_that_is_not_there(run, monkeypatch, capsys):
    from belfoot_img.settings import SettingsError

    answer = run("migrate", "--ini", "nowhere.ini")
    assert isinstance(answer.exception, SettingsError) and "nowhere.ini: cannot be read" in str(answer.exception)


def test_every_command_explains_itself(run):
    for command in (
        ["migrate"],
        ["user"],
        ["convert"],
        ["serve"],
        *(["user", c] for c in ("add", "passwd", "role", "disable", "list")),
    ):
        answer = run(*command, "--help")
        assert answer.exit_code == 0 and "--help" in answer.output
