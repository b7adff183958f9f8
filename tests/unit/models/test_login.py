"""Failures are counted by name and by address; delays grow, end, and spare users at addresses where they are known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from belfoot_img.models import login, short_session


@pytest.fixture
def session(database):
    with short_session(database) as session:
        yield session


def fail(session, times: int, name="editor", address="192.0.2.1"):
    for _ in range(times):
        login.failed(session, name, address)


def test_the_first_failures_cost_nothing(session):
    fail(session, login.FREE["name"])
    assert login.standing(session, "editor", "192.0.2.1").blocked_for == 0


def test_delays_grow_for_the_name_wherever_it_comes_from(session):
    delays = []
    for _ in range(14):
        fail(session, 1)
        delays.append(login.standing(session, "editor", "203.0.113.5").blocked_for)
    assert delays[:10] == [0] * 10
    assert [round(delay) for delay in delays[10:]] == [1, 2, 4, 8]


def test_delays_end(session):
    fail(session, login.FREE["name"] + 30)
    blocked_for = login.standing(session, "editor", "203.0.113.5").blocked_for
    assert login.LONGEST - 5 < blocked_for <= login.LONGEST


def test_an_address_is_blocked_whatever_names_it_tries(session):
    for number in range(login.FREE["address"] + 1):
        fail(session, 1, name=f"guess{number}")
    assert login.standing(session, "editor", "192.0.2.1").blocked_for > 0
    assert login.standing(session, "editor", "203.0.113.5").blocked_for == 0


def test_known_addresses(session):
    assert not login.standing(session, "editor", "192.0.2.1").known
    login.succeeded(session, "editor", "192.0.2.1")
    assert login.standing(session, "editor", "192.0.2.1").known
    assert not login.standing(session, "reader", "192.0.2.1").known
    assert not login.standing(session, "editor", "192.0.2.2").known


def test_quiet_forgets_failures(session):
    fail(session, login.FREE["name"] + 5)
    session.execute(
        text("UPDATE login_failures SET last_failed_at = now() - :quiet"), {"quiet": login.QUIET + timedelta(seconds=1)}
    )
    fail(session, 1, name="another", address="203.0.113.5")
    assert login.standing(session, "editor", "192.0.2.1").blocked_for == 0
    assert session.execute(text("SELECT count(*) FROM login_failures")).scalar() == 2
