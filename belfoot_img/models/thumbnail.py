"""Small pictures for lists: made once, when first looked at, and kept beside the image they show.

A thumbnail belongs to one version of an article's image (``sha256``) and goes when the image goes.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Connection, ForeignKey, LargeBinary, Row, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from belfoot_img.models.image import TABLE as IMAGES
from belfoot_img.models.meta import Base

SIDE = 320
"""Pixels of the longer side."""
MOST = 15_000
"""Bytes."""


class Thumbnail(Base):
    __tablename__ = "thumbnails"
    __table_args__ = (CheckConstraint(f"octet_length(jpeg) BETWEEN 1 AND {MOST}", name="small"),)

    article_id: Mapped[str] = mapped_column(ForeignKey("images.article_id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str]
    """of the image's JPEG"""
    jpeg: Mapped[bytes]


def find(connection: Connection, article_id: str) -> Row | None:
    """``sha256`` of the article's image and ``jpeg``, its thumbnail or None; None where there is no image."""
    same = (Thumbnail.article_id == IMAGES.c.article_id) & (Thumbnail.sha256 == IMAGES.c.sha256)
    return connection.execute(
        select(IMAGES.c.sha256, Thumbnail.jpeg)
        .select_from(IMAGES.outerjoin(Thumbnail.__table__, same))
        .where(IMAGES.c.article_id == article_id)
    ).one_or_none()


def keep(connection: Connection, article_id: str, sha256: str, jpeg: bytes) -> None:
    """Puts it in the place of an older one, in one statement; where the image is gone or another, nothing is kept."""
    fresh = select(IMAGES.c.article_id, IMAGES.c.sha256, literal(jpeg, LargeBinary)).where(
        IMAGES.c.article_id == article_id, IMAGES.c.sha256 == sha256
    )
    statement = insert(Thumbnail).from_select(["article_id", "sha256", "jpeg"], fresh)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["article_id"],
            set_={"sha256": statement.excluded.sha256, "jpeg": statement.excluded.jpeg},
        )
    )
