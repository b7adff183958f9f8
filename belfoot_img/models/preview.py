"""Small pictures of sources, so that a page can show an article's image before and after.

One for each article whose image was re-encoded; it goes when the image goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, ForeignKey, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.image import TABLE as IMAGES
from belfoot_img.models.meta import Base


class Preview(Base):
    __tablename__ = "previews"

    article_id: Mapped[str] = mapped_column(ForeignKey("images.article_id", ondelete="CASCADE"), primary_key=True)
    source_sha256: Mapped[str] = mapped_column(index=True)
    jpeg: Mapped[bytes]


PREVIEWS = Preview.__table__


REPLACE = "ON CONFLICT (article_id) DO UPDATE SET source_sha256 = excluded.source_sha256, jpeg = excluded.jpeg"
KEEP = text(f"""
    INSERT INTO previews (article_id, source_sha256, jpeg)
    SELECT * FROM unnest(CAST(:article_id AS text[]), CAST(:source_sha256 AS text[]), CAST(:jpeg AS bytea[]))
    ORDER BY 1 {REPLACE}""")
TAKE_OVER = text(f"""
    INSERT INTO previews (article_id, source_sha256, jpeg)
    SELECT given.article_id, found.source_sha256, found.jpeg
    FROM unnest(CAST(:article_id AS text[]), CAST(:source_sha256 AS text[])) AS given (article_id, source_sha256)
    CROSS JOIN LATERAL
      (SELECT source_sha256, jpeg FROM previews WHERE previews.source_sha256 = given.source_sha256 LIMIT 1) AS found
    ORDER BY 1 {REPLACE}""")
REMOVE = text("DELETE FROM previews WHERE article_id = ANY(CAST(:article_id AS text[]))")


def keep(connection: Connection | Session, rows: Sequence[tuple[str, str, bytes]]) -> None:
    """Stores previews, (article, source's sha256, JPEG), in place of those that the articles may have. No article
    comes twice, here and below."""
    if rows:
        articles, sources, jpegs = zip(*rows, strict=True)
        values = {"article_id": list(articles), "source_sha256": list(sources), "jpeg": list(jpegs)}
        connection.execute(KEEP, values)


def take_over(connection: Connection | Session, rows: Sequence[tuple[str, str]]) -> None:
    """For each (article, source's sha256), from whatever article has the same source, where one has."""
    if rows:
        articles, sources = zip(*rows, strict=True)
        connection.execute(TAKE_OVER, {"article_id": list(articles), "source_sha256": list(sources)})


def remove(connection: Connection | Session, article_ids: Sequence[str]) -> None:
    if article_ids:
        connection.execute(REMOVE, {"article_id": list(article_ids)})


def find(connection: Connection, article_id: str) -> bytes | None:
    """Returns the preview of the source of the article's current image."""
    same = (PREVIEWS.c.article_id == IMAGES.c.article_id) & (PREVIEWS.c.source_sha256 == IMAGES.c.source_sha256)
    asked = select(PREVIEWS.c.jpeg).select_from(IMAGES.join(PREVIEWS, same)).where(IMAGES.c.article_id == article_id)
    return connection.execute(asked).scalar_one_or_none()


def exists(connection: Connection, article_id: str, source_sha256: str) -> bool:
    asked = select(PREVIEWS.c.article_id).where(
        PREVIEWS.c.article_id == article_id, PREVIEWS.c.source_sha256 == source_sha256
    )
    return connection.execute(asked).one_or_none() is not None
