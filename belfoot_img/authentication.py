"""admin_auth: name, password and address of a caller → ``Identity``.

Knows nothing of requests or Pyramid; ``security`` is the Pyramid policy in front of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pyramid.authorization import Authenticated, Everyone
from sqlalchemy import Connection, Row

from belfoot_img.errors import CredentialsWrong, TooManyFailures
from belfoot_img.models import login, user
from belfoot_img.passwords import Passwords

TRIES = 3
PAUSE = 0.2
"""Seconds between tries of a login that other logins under way left no attempt. A burst of right logins, one from each
worker just after a start, all get in; each hashing takes some 30 ms."""


@dataclass(frozen=True)
class Identity:
    """Who is calling; detached from the database."""

    name: str
    role: str

    @property
    def principals(self) -> list[str]:
        return [Everyone, Authenticated, f"role:{self.role}"]


class Authenticator:
    """Checks names and passwords against the table of users. One a process, thread-safe.

    ``connect``: opens a connection on which each statement commits by itself (``models.short_session``). None is held
    while a password is hashed.
    """

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]], passwords: Passwords | None = None):
        self._connect = connect
        self._passwords = passwords or Passwords()

    def authenticate(self, name: str, password: str, address: str) -> Identity:
        """Raises CredentialsWrong, TooManyFailures, Busy, and what SQLAlchemy raises.

        A pair that was right a while ago, under the hash that is still stored, costs one query. An unknown or disabled
        name costs as much as a wrong password.
        """
        with self._connect() as connection:
            found = user.find(connection, name) if user.is_name(name) else None
        if found and not found.active:
            found = None
        if not self._is_remembered(found, password):
            self._check(name, password, address, found)
        assert found is not None  # an unknown name is never right
        return Identity(found.name, found.role)

    def _is_remembered(self, found: Row | None, password: str) -> bool:
        return found is not None and self._passwords.remembered(found.name, password, found.password_hash)

    def _check(self, name: str, password: str, address: str, found: Row | None) -> None:
        """Hashes, if the limits on wrong passwords allow it. The attempt counts as failed until it proves right, so
        that simultaneous attempts cannot pass the limits together."""
        counted_as = name if user.is_name(name) else "?"  # no user can have that name
        for _ in range(TRIES):
            with self._connect() as connection:
                throttle = login.throttle(connection, counted_as, address)
            if throttle.blocked_for:
                raise TooManyFailures(retry_after=math.ceil(throttle.blocked_for))
            with self._passwords.slot():
                if self._is_remembered(found, password):  # the same login was checked while this one waited
                    return
                with self._connect() as connection:
                    attempt = login.reserve(connection, throttle.subjects)
                if attempt:
                    stored = found.password_hash if found else None
                    right, stronger = self._passwords.verify(name, password, stored)
                    break
            time.sleep(PAUSE)
        else:
            raise TooManyFailures
        if not right:
            raise CredentialsWrong
        with self._connect() as connection:
            login.succeeded(connection, attempt, name, address)
            if stored and stronger:
                user.strengthen(connection, name, stored, stronger)
