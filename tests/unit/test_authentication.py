"""Who is let in, and how many passwords are hashed until then; on a real database, with quick hashes."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from passlib.context import CryptContext
from sqlalchemy import text

from belfoot_img.authentication import Authenticator, Identity
from belfoot_img.errors import CredentialsWrong, ServiceError, TooManyFailures
from belfoot_img.models import short_session
from belfoot_img.passwords import Passwords
from testbed.client import EDITOR, READER

HERE, ELSEWHERE = "192.0.2.1", "203.0.113.5"
QUICK = CryptContext(["argon2"], argon2__type="ID", argon2__memory_cost=8, argon2__time_cost=1, argon2__parallelism=1)


class Counting:
    """A hasher that counts; ``names`` are not known to it, only how often it was asked."""

    def __init__(self):
        self.hashed = 0
        self._lock = threading.Lock()

    def hash(self, password):
        return QUICK.hash(password)

    def verify_and_update(self, *arguments):
        with self._lock:
            self.hashed += 1
        return QUICK.verify(*arguments), None


@pytest.fixture
def users(database):
    with database.begin() as connection:
        for user in (EDITOR, READER):
            row = {"name": user.username, "hash": QUICK.hash(user.password)}
            connection.execute(text("UPDATE users SET password_hash = :hash WHERE name = :name"), row)
    return database


@pytest.fixture
def hasher():
    return Counting()


@pytest.fixture
def authenticator(users, hasher):
    return worker(users, hasher)


def worker(users, hasher) -> Authenticator:
    """One of several processes: each has a memory of its own."""
    return Authenticator(lambda: short_session(users), Passwords(hasher))


def login(authenticator, user=EDITOR, password=None, address=HERE):
    return authenticator.authenticate(user.username, password or user.password, address)


def outcome(*arguments, **options) -> str:
    try:
        return login(*arguments, **options).role
    except ServiceError as error:
        return error.code


def test_the_right_pair_is_let_in_and_hashed_once(authenticator, hasher):
    assert [login(authenticator) for _ in range(5)] == [Identity("editor", "editor")] * 5
    assert hasher.hashed == 1
    assert login(authenticator).principals == ["system.Everyone", "system.Authenticated", "role:editor"]


@pytest.mark.parametrize(
    ("name", "password"),
    [("editor", "wrong"), ("nobody", EDITOR.password), ("no name", EDITOR.password), ("\ud800", "\udfff"), ("", "")],
)
def test_the_wrong_pair_is_not_and_an_unknown_name_costs_as_much(authenticator, hasher, name, password):
    with pytest.raises(CredentialsWrong):
        authenticator.authenticate(name, password, HERE)
    assert hasher.hashed == (0 if password == "\udfff" else 1)


def test_a_disabled_user_and_a_changed_password_are_out_at_once(authenticator, users):
    login(authenticator)
    with users.begin() as connection:
        connection.execute(text("UPDATE users SET active = false WHERE name = 'editor'"))
    with pytest.raises(CredentialsWrong):
        login(authenticator)
    with users.begin() as connection:
        new = {"hash": QUICK.hash("a new password")}
        connection.execute(text("UPDATE users SET active = true, password_hash = :hash WHERE name = 'editor'"), new)
    with pytest.raises(CredentialsWrong):
        login(authenticator)
    assert login(authenticator, password="a new password").name == "editor"


def test_ten_wrong_passwords_are_hashed_and_then_none(authenticator, hasher):
    outcomes = [outcome(authenticator, password=f"guess {number}") for number in range(20)]
    assert outcomes == ["credentials_wrong"] * 10 + ["too_many_failures"] * 10
    assert hasher.hashed == 10
    with pytest.raises(TooManyFailures) as refusal:
        login(authenticator)
    assert 1 <= refusal.value.retry_after <= 5


@pytest.mark.parametrize("addresses", [1, 50])
def test_simultaneous_guesses_are_no_way_around_it(users, hasher, addresses):
    workers = [worker(users, hasher) for _ in range(4)]

    def guess(number: int) -> str:
        address = f"198.51.100.{number % addresses}"
        return outcome(workers[number % 4], password=f"guess {number}", address=address)

    with ThreadPoolExecutor(12) as pool:
        outcomes = Counter(pool.map(guess, range(100)))
    assert hasher.hashed <= 10
    assert set(outcomes) <= {"credentials_wrong", "too_many_failures", "busy"}
    assert outcomes["credentials_wrong"] == hasher.hashed


def test_a_burst_of_right_logins_after_a_start_gets_in(users, hasher):
    """Sixteen workers that remember nothing yet: more logins under way than wrong ones are allowed."""
    workers = [worker(users, hasher) for _ in range(16)]
    with ThreadPoolExecutor(12) as pool:
        outcomes = Counter(pool.map(lambda number: outcome(workers[number % 16]), range(96)))
    assert outcomes == {"editor": 96}
    with users.connect() as connection:
        assert connection.execute(text("SELECT max(failures) FROM login_failures")).scalar() == 0


def test_guesses_from_elsewhere_do_not_lock_a_known_user_out(authenticator, users, hasher):
    login(authenticator)
    for number in range(30):
        outcome(authenticator, password=f"guess {number}", address=ELSEWHERE)
    restarted = worker(users, hasher)
    assert login(restarted).name == "editor"
    with pytest.raises(TooManyFailures):
        login(restarted, password="wrong again", address=ELSEWHERE)
    with pytest.raises(TooManyFailures):
        login(worker(users, hasher), address="198.51.100.9")  # a new address cannot be told from the guesser's
