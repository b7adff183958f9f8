from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from passlib.context import CryptContext

from belfoot_img import passwords
from belfoot_img.errors import Busy
from belfoot_img.passwords import Passwords, hash_password

QUICK = CryptContext(["argon2"], argon2__memory_cost=8, argon2__time_cost=1, argon2__parallelism=1)
WEAKER = CryptContext(["argon2"], argon2__memory_cost=8, argon2__time_cost=1, argon2__parallelism=1)
STRONGER = CryptContext(["argon2"], argon2__memory_cost=16, argon2__time_cost=2, argon2__parallelism=1)


@pytest.fixture
def hashing():
    return Passwords(QUICK)


def test_a_hash_is_argon2id_with_owasps_parameters():
    assert passwords.CONTEXT.hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_right_and_wrong(hashing):
    stored = QUICK.hash("correct horse")
    assert hashing.verify("a", "correct horse", stored) == (True, None)
    assert hashing.verify("a", "wrong horse", stored) == (False, None)
    assert hashing.verify("a", "correct horse", None) == (False, None)


@pytest.mark.parametrize("password", ["short", "x" * 129, "é" * 65, "nul \0 inside", "\ud800 surrogate"])
def test_passwords_that_will_not_do(password):
    with pytest.raises(ValueError):
        hash_password(password, QUICK)


@pytest.mark.parametrize("password", ["x" * 129, "é" * 65, "nul \0 inside", "\ud800"])
def test_what_cannot_be_a_password_is_never_hashed(password):
    class Counting:
        hashed = 0

        def hash(self, password):
            return QUICK.hash(password)

        def verify_and_update(self, *args):
            Counting.hashed += 1
            return QUICK.verify_and_update(*args)

    hashing = Passwords(Counting())
    assert hashing.verify("a", password, QUICK.hash("x")) == (False, None)
    assert Counting.hashed == 0
    hashing.verify("nobody", "unknown names cost what wrong passwords do", None)
    assert Counting.hashed == 1


def test_stronger_parameters_are_taken_up():
    stored = WEAKER.hash("correct horse")
    hashing = Passwords(STRONGER)
    right, stronger = hashing.verify("a", "correct horse", stored)
    assert right and stronger.startswith("$argon2id$v=19$m=16,t=2")
    assert hashing.verify("a", "correct horse", stronger) == (True, None)
    assert hashing.remembered("a", "correct horse", stronger)


def test_only_right_pairs_are_remembered_and_only_under_their_hash(hashing):
    stored = QUICK.hash("correct horse")
    assert not hashing.remembered("a", "correct horse", stored)
    hashing.verify("a", "wrong horse", stored)
    assert not hashing.remembered("a", "wrong horse", stored)
    hashing.verify("a", "correct horse", stored)
    assert hashing.remembered("a", "correct horse", stored)
    assert not hashing.remembered("b", "correct horse", stored)
    assert not hashing.remembered("acorrect", " horse", stored)
    changed = QUICK.hash("correct horse")
    assert not hashing.remembered("a", "correct horse", changed)
    assert not Passwords(QUICK).remembered("a", "correct horse", stored)  # every process has a key


def test_the_memory_is_bounded_and_forgets():
    hashing, stored = Passwords(QUICK, remembered=3), QUICK.hash("correct horse")
    for name in "abcd":
        hashing.verify(name, "correct horse", stored)
    assert [hashing.remembered(name, "correct horse", stored) for name in "abcd"] == [False, True, True, True]
    forgetful = Passwords(QUICK, seconds=0.01)
    forgetful.verify("e", "correct horse", stored)
    time.sleep(0.02)
    assert not forgetful.remembered("e", "correct horse", stored)


def test_slots_are_few_and_who_waits_too_long_is_told_busy(hashing, monkeypatch):
    monkeypatch.setattr(passwords, "WAIT", 0.05)
    with ExitStack() as held:
        for _ in range(passwords.AT_ONCE):
            held.enter_context(hashing.slot())
        with pytest.raises(Busy), hashing.slot():
            pass
    with hashing.slot():  # they came free again
        pass
