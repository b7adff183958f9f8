"""The table of images, one for each article, and its queries.

The JPEG is stored as base64; ``STORAGE EXTERNAL`` keeps PostgreSQL from compressing it, since base64 of a JPEG shrinks
by too little to pay for decompression at each GET. The constraints make a half-stored
row impossible: decoded, the text must be as long as ``bytes`` says and hash to ``sha256``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Index,
    Row,
    bindparam,
    case,
    delete,
    func,
    null,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.meta import Base


class Image(Base):
    __tablename__ = "images"
    __table_args__ = (
        CheckConstraint("char_length(article_id) BETWEEN 1 AND 255 AND article_id !~ '/'", name="article_id"),
        CheckConstraint("octet_length(decode(image, 'base64')) = bytes", name="image_whole"),
        CheckConstraint("encode(sha256(decode(image, 'base64')), 'hex') = sha256", name="image_intact"),
        CheckConstraint("width > 0 AND height > 0 AND bytes > 0", name="positive"),
        CheckConstraint("source_width > 0 AND source_height > 0 AND source_bytes > 0", name="source_positive"),
        CheckConstraint("source_sha256 ~ '^[0-9a-f]{64}$'", name="source_sha256"),
        CheckConstraint("action IN ('kept', 'repacked', 'reencoded')", name="action"),
        CheckConstraint("(action = 'reencoded') = (quality IS NOT NULL)", name="quality_of_reencoded"),
        CheckConstraint("quality BETWEEN 1 AND 100 AND scale > 0 AND scale <= 1", name="fitted"),
        CheckConstraint("encodes >= 0 AND milliseconds >= 0", name="cost"),
        Index(None, "source_sha256", "settings_sha256"),
        Index(None, "updated_at", "article_id"),
    )

    article_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str | None]
    """None where the source was uploaded"""
    image: Mapped[str]
    """base64 of the JPEG"""
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]
    sha256: Mapped[str]
    source_format: Mapped[str]
    source_width: Mapped[int]
    source_height: Mapped[int]
    source_bytes: Mapped[int]
    source_sha256: Mapped[str]
    action: Mapped[str]
    policy: Mapped[str]
    scale: Mapped[float]
    quality: Mapped[int | None]
    encodes: Mapped[int]
    milliseconds: Mapped[int]
    reused: Mapped[bool]
    settings_sha256: Mapped[str]
    """the settings that shape a result; with the source's hash it finds a result that can be reused"""
    candidates: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    """the encodes that were made in search of it, in order; None where it was stored before they were kept"""
    stored_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


TABLE = Image.__table__
HIDDEN = ("image", "candidates", "settings_sha256", "stored_by")
FACTS = [column for column in TABLE.columns if column.name not in HIDDEN]
"""What an answer shows besides the base64."""

RESULT = [
    column
    for column in TABLE.columns
    if column.name not in ("article_id", "url", "stored_by", "created_at", "updated_at", "milliseconds", "reused")
]
"""What one source under one setting always becomes, whichever article it is for."""


def put(
    connection: Connection | Session, values: Mapping[str, Any], *, older_than: datetime | None = None
) -> Row | None:
    """Puts the article's image in place of the one it may have had: one statement, safe beside another like it.

    ``values``: every column but ``created_at`` and ``updated_at``. Returns a row of FACTS and ``created`` (True where
    the article had no image before); None where it has an image that was stored at or after ``older_than``.
    """
    # now() is the same for both columns of a new row. A replaced one gets the clock's later time, since the statement
    # may have waited for another transaction.
    statement = insert(Image).values(values)
    statement = statement.on_conflict_do_update(
        index_elements=["article_id"],
        set_={**{name: statement.excluded[name] for name in values}, "updated_at": func.clock_timestamp()},
        where=None if older_than is None else TABLE.c.updated_at < older_than,
    )
    created = (TABLE.c.created_at == TABLE.c.updated_at).label("created")
    return connection.execute(statement.returning(*FACTS, created)).one_or_none()


FIND = select(*FACTS, TABLE.c.image).where(TABLE.c.article_id == bindparam("article_id"))
IS_KNOWN = TABLE.c.sha256.in_(bindparam("known", expanding=True))
FIND_UNLESS_KNOWN = select(*FACTS, case((IS_KNOWN, null()), else_=TABLE.c.image).label("image")).where(
    TABLE.c.article_id == bindparam("article_id")
)


def find(connection: Connection | Session, article_id: str, *, known: Sequence[str] = ()) -> Row | None:
    """The article's row of FACTS and ``image``; ``image`` is None where the caller has it (its sha256 is ``known``)."""
    if known:
        return connection.execute(FIND_UNLESS_KNOWN, {"article_id": article_id, "known": known}).one_or_none()
    return connection.execute(FIND, {"article_id": article_id}).one_or_none()


def recall(connection: Connection | Session, *, source_sha256: str, settings_sha256: str) -> Row | None:
    """RESULT of an image, of whatever article, that the same source became under the same settings."""
    return connection.execute(
        select(*RESULT)
        .where(TABLE.c.source_sha256 == source_sha256, TABLE.c.settings_sha256 == settings_sha256)
        .limit(1)
    ).one_or_none()


def page(connection: Connection | Session, *, limit: int, after: tuple[datetime, str] | None = None) -> Sequence[Row]:
    """The newest rows of FACTS, at most ``limit``, that come after the place (updated_at, article_id)."""
    place = tuple_(TABLE.c.updated_at, TABLE.c.article_id)
    statement = select(*FACTS).order_by(TABLE.c.updated_at.desc(), TABLE.c.article_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(place < tuple_(*after))
    return connection.execute(statement).all()


def remove(connection: Connection | Session, article_id: str) -> bool:
    """Whether there was one."""
    removed = delete(Image).where(Image.article_id == article_id).returning(Image.article_id)
    return connection.execute(removed).one_or_none() is not None
