"""The table of the JPEGs, as base64: one row for each row of ``images``, apart from it so that it can grow.

It is hash-partitioned by the article id (PostgreSQL's declarative partitioning), since one table ends at 32 TB, some
143 million images of 180 kB, and a vacuum of it takes long before that. ``images`` stays one table: the facts are
small, and searching and listing them over partitions is 10 times slower (docs/scale.md).

``STORAGE EXTERNAL`` keeps PostgreSQL from compressing the text, since base64 of a JPEG shrinks by too little to pay for
decompression at each GET. The CHECKs make half a JPEG impossible: decoded, the text must hash to
``sha256``, and be as long as ``bytes`` says.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ColumnElement, Connection, ForeignKey, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from belfoot_img.models.meta import Base

PARTITIONS = 8
"""By default; MOST_PARTITIONS at most. The number is chosen when the table is made."""
MOST_PARTITIONS = 64


class StoredContent(Base):
    __tablename__ = "contents"
    __table_args__ = (
        CheckConstraint("encode(sha256(decode(image, 'base64')), 'hex') = sha256", name="intact"),
        CheckConstraint("octet_length(image) = (bytes + 2) / 3 * 4", name="whole"),
        {"postgresql_partition_by": "HASH (article_id)"},
    )

    article_id: Mapped[str] = mapped_column(ForeignKey("images.article_id", ondelete="CASCADE"), primary_key=True)
    bytes: Mapped[int]
    sha256: Mapped[str]
    """of the JPEG, both as in ``images``"""
    image: Mapped[str]
    """base64 of the JPEG"""


CONTENTS = StoredContent.__table__

NOT_MOVED: ColumnElement[str | None] = literal_column("to_jsonb(images) ->> 'image'")
"""The base64 of an image that ``moving`` has not taken over yet. Through JSON, since this gives NULL where the column
``images.image`` is gone; evaluated only where ``contents`` has nothing. It needs ``images`` in the query."""


def is_partition(table: str) -> bool:
    """Returns whether it is one of the partitions, ``contents_0``, ``contents_1``, …"""
    return table.startswith("contents_")


def count_partitions(connection: Connection) -> int:
    asked = text("SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('contents')")
    return connection.execute(asked).scalar_one()
