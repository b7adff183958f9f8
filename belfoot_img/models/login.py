"""Wrong passwords, counted by name and by address, and the addresses from which a user has logged in before.

They are counted in the database, so that every worker and every host counts together. An attempt is counted as failed
before its password is hashed (``reserve``) and taken back once it proves right (``succeeded``), so that simultaneous
attempts cannot pass a limit together. What an attempt is counted against is a *subject*:

- ``name:`` and ``address:``, for a caller whose address the user has not logged in from before;
- ``known:`` (user and address together) for one who has, so that guesses from elsewhere do not lock that user out.

After ``attempts`` failures each further one blocks its subject for twice as long as the last, up to ``longest``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, ForeignKey, bindparam, case, delete, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.meta import Base


@dataclass(frozen=True)
class Limit:
    """``attempts`` before the first block; ``longest``: seconds that a block lasts at most."""

    attempts: int
    longest: int


FIRST = 5
"""Seconds of the first block: longer than a burst of simultaneous attempts takes."""
LIMITS = {
    "name": Limit(10, 300),
    "address": Limit(30, 300),  # it may stand for a whole newsroom behind one NAT
    "known": Limit(10, 10),  # someone else at this address may be guessing: the user must not be locked out for long
}
QUIET = timedelta(minutes=15)
"""Time without an attempt after which failures are forgotten."""
KNOWN_FOR = timedelta(days=90)


class LoginFailure(Base):
    __tablename__ = "login_failures"

    subject: Mapped[str] = mapped_column(primary_key=True)
    """``address:192.0.2.7``; ``name:`` and the name's hash, since a password typed as a name must not be stored."""
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime]


class KnownAddress(Base):
    __tablename__ = "known_addresses"

    user_name: Mapped[str] = mapped_column(ForeignKey("users.name", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    last_seen_at: Mapped[datetime]


@dataclass(frozen=True)
class Throttle:
    """``subjects`` that an attempt is counted against; ``blocked_for``: seconds until one is allowed, 0 for now."""

    subjects: tuple[str, ...]
    blocked_for: float


Attempt = dict[str, datetime]
"""Subject → when the block ends that this attempt has set on it."""

NOW = func.clock_timestamp()
# A block counts only after it was set: one that was set while the database's clock was ahead is void.
BLOCKED = (LoginFailure.blocked_until > NOW) & (LoginFailure.last_failed_at <= NOW)


def throttle(connection: Connection | Session, name: str, address: str) -> Throttle:
    hashed = hashlib.sha256(name.encode()).hexdigest()[:32]
    strange, known = (f"address:{address}", f"name:{hashed}"), (f"known:{hashed}@{address}",)
    is_known = exists().where(
        KnownAddress.user_name == name, KnownAddress.address == address, KnownAddress.last_seen_at > NOW - KNOWN_FOR
    )

    def blocked_for(subjects: tuple[str, ...]):
        until = select(func.max(LoginFailure.blocked_until)).where(LoginFailure.subject.in_(subjects), BLOCKED)
        return func.coalesce(func.extract("epoch", until.scalar_subquery() - NOW), 0)

    found, if_known, if_strange = connection.execute(select(is_known, blocked_for(known), blocked_for(strange))).one()
    return Throttle(known, float(if_known)) if found else Throttle(strange, float(if_strange))


def reserve(connection: Connection | Session, subjects: tuple[str, ...]) -> Attempt | None:
    """Counts an attempt as failed, in one statement; None where a subject is blocked, and nothing is counted then.

    Also forgets failures that are older than ``QUIET``, or newer than the clock, which was set back then.
    """
    stale = or_(LoginFailure.last_failed_at < NOW - QUIET, LoginFailure.last_failed_at > NOW)
    unlocked = select(LoginFailure.subject).where(stale).with_for_update(skip_locked=True)
    connection.execute(delete(LoginFailure).where(LoginFailure.subject.in_(unlocked)))
    statement = insert(LoginFailure).values(
        # In one order everywhere, so that two statements that meet cannot deadlock.
        [{"subject": s, "failures": 1, "last_failed_at": NOW, "blocked_until": NOW} for s in sorted(subjects)]
    )
    failures = LoginFailure.failures + 1
    values = {"failures": failures, "last_failed_at": NOW, "blocked_until": NOW + _block(failures)}
    statement = statement.on_conflict_do_update(index_elements=["subject"], set_=values, where=~BLOCKED)
    attempt = dict(connection.execute(statement.returning(LoginFailure.subject, LoginFailure.blocked_until)).all())
    if len(attempt) == len(subjects):
        return attempt
    _take_back(connection, attempt)
    return None


def _block(failures):
    """SQL: how long the subject is blocked after its ``failures``-th failure."""

    def seconds(limit: Limit):
        doubled = func.least(failures - limit.attempts, 20)
        return case((failures < limit.attempts, 0), else_=func.least(FIRST * func.power(2.0, doubled), limit.longest))

    kinds = [(LoginFailure.subject.startswith(f"{kind}:"), seconds(limit)) for kind, limit in LIMITS.items()]
    return case(*kinds, else_=0) * literal(timedelta(seconds=1))


def succeeded(connection: Connection | Session, attempt: Attempt, name: str, address: str) -> None:
    """Takes the attempt back and remembers the address for this user."""
    _take_back(connection, attempt)
    statement = insert(KnownAddress).values(user_name=name, address=address, last_seen_at=func.clock_timestamp())
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user_name", "address"], set_={"last_seen_at": statement.excluded.last_seen_at}
        )
    )
    connection.execute(delete(KnownAddress).where(KnownAddress.last_seen_at < func.clock_timestamp() - KNOWN_FOR))


def _take_back(connection: Connection | Session, attempt: Attempt) -> None:
    """Each subject in a statement of its own; the block goes where no later attempt has set another."""
    until = case((LoginFailure.blocked_until == bindparam("until"), NOW), else_=LoginFailure.blocked_until)
    values = {"failures": func.greatest(LoginFailure.failures - 1, 0), "blocked_until": until}
    for subject, block_end in attempt.items():
        statement = update(LoginFailure).where(LoginFailure.subject == bindparam("of")).values(values)
        connection.execute(statement, {"of": subject, "until": block_end})
