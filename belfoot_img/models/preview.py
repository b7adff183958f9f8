"""Small pictures of sources, so that a page can show an article's image before and after.

One for each article whose image was re-encoded; it goes when the image goes.
"""

from __future__ import annotations

from sqlalchemy import Connection, ForeignKey, LargeBinary, Select, delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from belfoot_img.models.image import TABLE as IMAGES
from belfoot_img.models.meta import Base


class Preview(Base):
    __tablename__ = "previews"

    article_id: Mapped[str] = mapped_column(ForeignKey("images.article_id", ondelete="CASCADE"), primary_key=True)
    source_sha256: Mapped[str] = mapped_column(index=True)
    jpeg: Mapped[bytes]


PREVIEWS = Preview.__table__


def keep(connection: Connection | Session, article_id: str, source_sha256: str, jpeg: bytes) -> None:
    """Stores the preview in place of the one that the article may have."""
    _put(connection, select(literal(article_id), literal(source_sha256), literal(jpeg, LargeBinary)))


def take_over(connection: Connection | Session, article_id: str, source_sha256: str) -> None:
    """From whatever article has the same source, where one has."""
    found = select(literal(article_id), PREVIEWS.c.source_sha256, PREVIEWS.c.jpeg)
    _put(connection, found.where(PREVIEWS.c.source_sha256 == source_sha256).limit(1))


def _put(connection: Connection | Session, rows: Select) -> None:
    statement = insert(Preview).from_select(["article_id", "source_sha256", "jpeg"], rows)
    new = {"source_sha256": statement.excluded.source_sha256, "jpeg": statement.excluded.jpeg}
    connection.execute(statement.on_conflict_do_update(index_elements=["article_id"], set_=new))


def remove(connection: Connection | Session, article_id: str) -> None:
    connection.execute(delete(Preview).where(Preview.article_id == article_id))


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
