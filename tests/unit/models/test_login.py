"""Failures are counted by name and by address; delays grow, end, and spare users at addresses where they are known."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from belfoot_img.models import login, short_session

HERE, ELSEWHERE = "192.0.2.1", "203.0.113.5"


@pytest.fixture
def session(database):
    with short_session(database) as session:
        yield session


def attempt(session, name="editor", address=HERE):
    return login.reserve(session, login.throttle(session, name, address).subjects)


def fail(session, times: int, name="editor", address=HERE):
    """As many failures, each after the block before it."""
    for _ in range(times):
        session.execute(text("UPDATE login_failures SET blocked_until = last_failed_at"))
        assert attempt(session, name, address)


def blocked_for(session, name="editor", address=HERE) -> float:
    return login.throttle(session, name, address).blocked_for


def failures(session) -> dict[str, int]:
    rows = session.execute(text("SELECT split_part(subject, ':', 1), failures FROM login_failures"))
    return dict(rows.all())


def test_the_first_failures_cost_nothing(session):
    fail(session, login.LIMITS["name"].attempts - 1)
    assert blocked_for(session) == 0
    fail(session, 1)
    assert blocked_for(session) > 0


def test_delays_grow_for_the_name_wherever_it_comes_from(session):
    delays = []
    for _ in range(17):
        fail(session, 1)
        delays.append(round(blocked_for(session, address=ELSEWHERE)))
    assert delays == [0] * 9 + [5, 10, 20, 40, 80, 160, 300, 300]


def test_an_address_is_blocked_whatever_names_it_tries(session):
    for number in range(login.LIMITS["address"].attempts):
        fail(session, 1, name=f"guess{number}")
    assert blocked_for(session) > 0
    assert blocked_for(session, address=ELSEWHERE) == 0


def test_a_blocked_attempt_is_refused_and_not_counted(session):
    fail(session, 10)
    before = failures(session)
    assert attempt(session) is None
    assert attempt(session, address=ELSEWHERE) is None  # blocked by the name; the address is not charged
    assert failures(session) | {"address": 0} == before | {"address": 0}
    assert session.execute(text("SELECT sum(failures) FROM login_failures")).scalar() == 20


def test_a_right_password_takes_its_attempt_back(session):
    fail(session, 9)
    last = attempt(session)
    assert blocked_for(session) > 0
    login.succeeded(session, last, "editor", HERE)
    assert failures(session) == {"address": 9, "name": 9}
    assert blocked_for(session, address=ELSEWHERE) == 0


def test_a_success_takes_no_block_back_that_another_attempt_has_set(session):
    fail(session, 8)
    right, wrong = attempt(session), attempt(session)
    assert right and wrong
    login.succeeded(session, right, "editor", HERE)
    assert blocked_for(session, address=ELSEWHERE) > 0


def test_simultaneous_attempts_cannot_pass_the_limit_together(database):
    def once(number: int) -> bool:
        with short_session(database) as session:
            return attempt(session, address=f"192.0.2.{number}") is not None

    with ThreadPoolExecutor(5) as pool:
        allowed = Counter(pool.map(once, range(60)))
    assert allowed[True] == login.LIMITS["name"].attempts


def test_a_known_user_is_counted_apart_and_blocked_briefly(session):
    login.succeeded(session, {}, "editor", HERE)
    fail(session, 40, address=ELSEWHERE)
    assert blocked_for(session, address=ELSEWHERE) > 200
    assert blocked_for(session) == 0
    assert blocked_for(session, name="reader") == 0
    fail(session, 30)
    assert 8 < blocked_for(session) <= login.LIMITS["known"].longest
    assert failures(session) == {"address": 40, "name": 40, "known": 30}


def test_users_are_known_where_they_have_logged_in_and_nowhere_else(session):
    login.succeeded(session, {}, "editor", HERE)
    kinds = {
        (name, address): {subject.split(":")[0] for subject in login.throttle(session, name, address).subjects}
        for name in ("editor", "reader")
        for address in (HERE, ELSEWHERE)
    }
    assert kinds.pop(("editor", HERE)) == {"known"}
    assert all(kind == {"address", "name"} for kind in kinds.values())


def test_quiet_forgets_failures(session):
    fail(session, 15)
    session.execute(
        text("UPDATE login_failures SET last_failed_at = now() - :quiet"), {"quiet": login.QUIET + timedelta(seconds=1)}
    )
    attempt(session, "another", ELSEWHERE)
    assert blocked_for(session) == 0
    assert session.execute(text("SELECT count(*) FROM login_failures")).scalar() == 2


@pytest.mark.parametrize("hours", [1, 24 * 365])
def test_a_block_that_was_set_while_the_clock_was_ahead_is_void(session, hours):
    fail(session, 20)
    ahead = "UPDATE login_failures SET last_failed_at = last_failed_at + :ahead, blocked_until = blocked_until + :ahead"
    session.execute(text(ahead), {"ahead": timedelta(hours=hours)})
    assert blocked_for(session) == 0
    assert attempt(session)
    assert failures(session) == {"address": 1, "name": 1}


def test_no_block_lasts_longer_than_five_minutes(session):
    fail(session, 60)
    assert 290 < blocked_for(session) <= 300


@pytest.mark.parametrize("name", ["?", "x" * 10_000])
def test_any_name_can_be_counted(session, name):
    assert attempt(session, name)
