"""What is remembered of logins: failures by name and by address, and the addresses at which a user is known.

Wrong passwords are counted here, in the database, so that every worker and every host counts together. A subject (a
name or an address) has ``FREE`` failures; each further one blocks it for twice as long as the last, from a second up
to ``LONGEST``. ``QUIET`` without a failure forgets them. A user who has logged in from an address is known there, and a
block by name or address does not shut that user out (``security`` then only slows the attempts down).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, case, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.meta import Base

FREE = {"name": 10, "address": 30}
"""Failures before the first delay; an address may stand for a whole newsroom behind one NAT."""
LONGEST = 300
"""Seconds; long enough to make guessing hopeless, short enough to be no lasting lock-out."""
QUIET = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=90)


class LoginFailure(Base):
    __tablename__ = "login_failures"

    subject: Mapped[str] = mapped_column(primary_key=True)
    """``address:192.0.2.7``, or ``name:`` and the name's hash: a password typed as a name must not stand here."""
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime]


class KnownAddress(Base):
    __tablename__ = "known_addresses"

    user_name: Mapped[str] = mapped_column(ForeignKey("users.name", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    last_seen_at: Mapped[datetime]


@dataclass(frozen=True)
class Standing:
    """``blocked_for``: seconds until this name at this address may try again, 0 for now; ``known``: the user has
    logged in from there before."""

    blocked_for: float
    known: bool


def standing(session: Session, name: str, address: str) -> Standing:
    now = func.clock_timestamp()
    until = select(func.max(LoginFailure.blocked_until)).where(LoginFailure.subject.in_(_subjects(name, address)))
    known = exists().where(
        KnownAddress.user_name == name, KnownAddress.address == address, KnownAddress.last_seen_at > now - KNOWN_FOR
    )
    blocked_for = func.extract("epoch", until.scalar_subquery() - now)
    row = session.execute(select(func.greatest(blocked_for, 0), known)).one()
    return Standing(float(row[0]), row[1])


def failed(session: Session, name: str, address: str) -> None:
    """Counts a wrong password against both subjects in one statement, and forgets those that have long been quiet."""
    now = func.clock_timestamp()
    session.execute(delete(LoginFailure).where(LoginFailure.last_failed_at < now - QUIET))
    statement = insert(LoginFailure).values(
        # In one order everywhere, so that two statements that meet cannot deadlock.
        [{"subject": s, "failures": 1, "last_failed_at": now, "blocked_until": now} for s in _subjects(name, address)]
    )
    failures = LoginFailure.failures + 1
    free = case((LoginFailure.subject.startswith("name:"), FREE["name"]), else_=FREE["address"])
    delay = case((failures <= free, 0), else_=func.least(func.power(2.0, func.least(failures - free - 1, 20)), LONGEST))
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["subject"],
            set_={
                "failures": failures,
                "last_failed_at": now,
                "blocked_until": now + delay * literal(timedelta(seconds=1)),
            },
        )
    )


def succeeded(session: Session, name: str, address: str) -> None:
    statement = insert(KnownAddress).values(user_name=name, address=address, last_seen_at=func.clock_timestamp())
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_name", "address"], set_={"last_seen_at": statement.excluded.last_seen_at}
        )
    )
    session.execute(delete(KnownAddress).where(KnownAddress.last_seen_at < func.clock_timestamp() - KNOWN_FOR))


def _subjects(name: str, address: str) -> list[str]:
    return [f"address:{address}", f"name:{hashlib.sha256(name.encode()).hexdigest()[:32]}"]
