"""The table of images, one for each article, and the queries of an image: its facts here, its base64 in ``contents``.

One statement writes both, and one reads both, so nobody sees the facts of one picture with the bytes of another. The
two are joined by article and ``sha256``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Index,
    Row,
    Select,
    Text,
    bindparam,
    case,
    delete,
    func,
    null,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.content import CONTENTS, NOT_MOVED
from belfoot_img.models.meta import Base


class Image(Base):
    __tablename__ = "images"
    __table_args__ = (
        CheckConstraint("char_length(article_id) BETWEEN 1 AND 255 AND article_id !~ '/'", name="article_id"),
        CheckConstraint("width > 0 AND height > 0 AND bytes > 0", name="positive"),
        CheckConstraint("source_width > 0 AND source_height > 0 AND source_bytes > 0", name="source_positive"),
        CheckConstraint("source_sha256 ~ '^[0-9a-f]{64}$'", name="source_sha256"),
        CheckConstraint("action IN ('kept', 'repacked', 'reencoded')", name="action"),
        CheckConstraint("(action = 'reencoded') = (quality IS NOT NULL)", name="quality_of_reencoded"),
        CheckConstraint("quality BETWEEN 1 AND 100 AND scale > 0 AND scale <= 1", name="fitted"),
        CheckConstraint("encodes >= 0 AND milliseconds >= 0", name="cost"),
        Index(None, "updated_at", "article_id"),
    )

    article_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str | None]
    """None where the source was uploaded"""
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
HIDDEN = ("candidates", "settings_sha256", "stored_by")
FACTS = [column for column in TABLE.columns if column.name not in HIDDEN]
"""What an answer shows besides the base64."""

RESULT = [
    column
    for column in TABLE.columns
    if column.name not in ("article_id", "url", "stored_by", "created_at", "updated_at", "milliseconds", "reused")
]
"""What one source under one setting always becomes, whichever article it is for, besides the base64."""


def _key(source_sha256, settings_sha256):
    """8 bytes in place of 128 characters, so that the index is small. Two results may have the same one."""
    return func.hashtextextended(source_sha256 + settings_sha256, text("0"))


Index("ix_images_result", _key(TABLE.c.source_sha256, TABLE.c.settings_sha256).label("result"))

WRITTEN = [column for column in TABLE.columns if column.name not in ("created_at", "updated_at")]


def _names(columns, form: str = "{0}") -> str:
    return ", ".join(form.format(column.name) for column in columns)


def _array(column) -> str:
    """Returns the values of a column as one parameter."""
    kind = column.type.compile(postgresql.dialect())
    return f"CAST(:{column.name} AS {kind}[])"


PUT = text(f"""
    WITH placed AS (
        INSERT INTO images AS older ({_names(WRITTEN)})
        SELECT * FROM unnest({", ".join(_array(column) for column in WRITTEN)}) AS given ({_names(WRITTEN)})
        ORDER BY given.article_id
        ON CONFLICT (article_id) DO UPDATE
        SET {_names(WRITTEN, "{0} = excluded.{0}")}, updated_at = clock_timestamp()
        WHERE CAST(:older_than AS timestamptz) IS NULL OR older.updated_at < :older_than
        RETURNING {_names(FACTS)}, created_at = updated_at AS created
    ), written AS (
        INSERT INTO contents AS older (article_id, bytes, sha256, image)
        SELECT placed.article_id, placed.bytes, placed.sha256, given.image
        FROM placed JOIN unnest(CAST(:article_id AS text[]), CAST(:image AS text[])) AS given (article_id, image)
          ON given.article_id = placed.article_id
        ON CONFLICT (article_id) DO UPDATE
        SET bytes = excluded.bytes, sha256 = excluded.sha256, image = excluded.image
        WHERE older.sha256 <> excluded.sha256
    )
    SELECT * FROM placed""")
"""Rows are written in the order of their ids, so that two such statements cannot wait for each other (a deadlock). The
same picture again leaves its content as it is."""


def put_many(
    connection: Connection | Session, rows: Sequence[Mapping[str, Any]], *, older_than: datetime | None = None
) -> Sequence[Row]:
    """Puts images in place of those that the articles may have had: one statement, safe beside another like it.

    ``rows``: every column but ``created_at`` and ``updated_at``, and ``image``, the base64; no article comes twice.
    Returns, for each that was stored, a row of FACTS and ``created`` (True where the article had no image before); none
    for an article that has an image stored at or after ``older_than``.
    """
    # now() is the same for both columns of a new row. A replaced one gets the clock's later time, since the statement
    # may have waited for another transaction.
    parameters: dict[str, Any] = {column.name: [row[column.name] for row in rows] for column in WRITTEN}
    parameters["image"] = [row["image"] for row in rows]
    parameters["candidates"] = [None if row["candidates"] is None else json.dumps(row["candidates"]) for row in rows]
    return connection.execute(PUT, {**parameters, "older_than": older_than}).all()


WITH_CONTENT = TABLE.outerjoin(
    CONTENTS, (CONTENTS.c.article_id == TABLE.c.article_id) & (CONTENTS.c.sha256 == TABLE.c.sha256)
)
CONTENT = func.coalesce(CONTENTS.c.image, NOT_MOVED)
IS_KNOWN = TABLE.c.sha256.in_(bindparam("known", expanding=True))


def _find(content) -> Select:
    asked = select(*FACTS, content.label("image")).select_from(WITH_CONTENT)
    return asked.where(TABLE.c.article_id == bindparam("article_id"))


FIND, FIND_UNLESS_KNOWN = _find(CONTENT), _find(case((IS_KNOWN, null()), else_=CONTENT))


def find(connection: Connection | Session, article_id: str, *, known: Sequence[str] = ()) -> Row | None:
    """Returns the article's row of FACTS and ``image``; ``image`` is None where the caller has it (its sha256 is
    ``known``)."""
    if known:
        return connection.execute(FIND_UNLESS_KNOWN, {"article_id": article_id, "known": known}).one_or_none()
    return connection.execute(FIND, {"article_id": article_id}).one_or_none()


SOURCE, SETTINGS = bindparam("source_sha256", type_=Text), bindparam("settings_sha256", type_=Text)
RECALL = (
    select(*RESULT, TABLE.c.article_id)
    .where(
        _key(TABLE.c.source_sha256, TABLE.c.settings_sha256) == _key(SOURCE, SETTINGS),
        TABLE.c.source_sha256 == SOURCE,
        TABLE.c.settings_sha256 == SETTINGS,
    )
    .limit(1)
)


def recall(connection: Connection | Session, *, source_sha256: str, settings_sha256: str) -> tuple[Row, str] | None:
    """Returns (a row of RESULT and ``article_id``, the base64) of an image, of whatever article, that the same source
    became under the same settings.

    Two questions: the article's id lets the second one go to a single partition, and most often there is no second.
    None too where the image was replaced between the two.
    """
    row = connection.execute(RECALL, {"source_sha256": source_sha256, "settings_sha256": settings_sha256}).one_or_none()
    found = None if row is None else find(connection, row.article_id)
    if row is None or found is None or found.sha256 != row.sha256 or found.image is None:
        return None
    return row, found.image


def page(connection: Connection | Session, *, limit: int, after: tuple[datetime, str] | None = None) -> Sequence[Row]:
    """Returns the newest rows of FACTS, at most ``limit``, that come after the place (updated_at, article_id)."""
    place = tuple_(TABLE.c.updated_at, TABLE.c.article_id)
    statement = select(*FACTS).order_by(TABLE.c.updated_at.desc(), TABLE.c.article_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(place < tuple_(*after))
    return connection.execute(statement).all()


def remove(connection: Connection | Session, article_id: str) -> bool:
    """Returns whether there was one. Its content and its thumbnail go with it."""
    removed = delete(Image).where(Image.article_id == article_id).returning(Image.article_id)
    return connection.execute(removed).one_or_none() is not None
