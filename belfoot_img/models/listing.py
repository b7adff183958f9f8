"""The images as people look for them: newest first, searched by article, link, person, action and dates.

Every search uses an index (migration ``search``): article ids and links are compared by their beginning, since a
search inside them needs an extension that not every PostgreSQL has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, Connection, Index, Row, Text, any_, func, literal, or_, select, tuple_
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from belfoot_img.models.image import FACTS, TABLE

LINK_LENGTH = 500
"""Characters of a link that are compared; PostgreSQL indexes no more than 2.7 kB."""
FEW = 1000
"""Articles, by their ids and by their links, that are looked up by their ids."""
SCHEME = "^https?://(www[.])?"
LINK = func.left(func.regexp_replace(TABLE.c.url, SCHEME, ""), LINK_LENGTH)
"""The link without what people leave out when they type it; the index has the same expression."""


@dataclass(frozen=True)
class Search:
    """``text``: how an article id or a link begins; the dates are [since, until)."""

    text: str = ""
    stored_by: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def article_begins(self) -> ColumnElement[bool]:
        """Returns the condition that an article id begins with ``text``."""
        return TABLE.c.article_id.startswith(self.text, autoescape=True)

    @property
    def link_begins(self) -> ColumnElement[bool] | None:
        """The same of a link; None where nothing but what people leave out is given."""
        link = re.sub(SCHEME, "", self.text)[:LINK_LENGTH]
        return LINK.startswith(link, autoescape=True) if link else None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Of everything but ``text``."""
        found = []
        if self.stored_by:
            found.append(TABLE.c.stored_by == self.stored_by)
        if self.action:
            found.append(TABLE.c.action == self.action)
        if self.since:
            found.append(TABLE.c.updated_at >= self.since)
        if self.until:
            found.append(TABLE.c.updated_at < self.until)
        return found


def search(
    connection: Connection, wanted: Search, *, limit: int, after: tuple[datetime, str] | None = None
) -> Sequence[Row]:
    """Returns the newest rows of FACTS and ``stored_by`` that match, at most ``limit``, after (updated_at,
    article_id)."""
    keys = select(TABLE.c.updated_at, TABLE.c.article_id).where(*wanted.conditions())
    if wanted.text:
        keys = keys.where(_matching(connection, wanted))
    if after is not None:
        keys = keys.where(tuple_(TABLE.c.updated_at, TABLE.c.article_id) < tuple_(*after))
    # The keys come from an index alone; the rest of a row is read for those that are shown.
    newest_first = (TABLE.c.updated_at.desc(), TABLE.c.article_id.desc())
    found = keys.order_by(*newest_first).limit(limit).subquery()
    rows = TABLE.join(found, TABLE.c.article_id == found.c.article_id)
    return connection.execute(select(*FACTS, TABLE.c.stored_by).select_from(rows).order_by(*newest_first)).all()


def _matching(connection: Connection, wanted: Search) -> ColumnElement[bool]:
    """Returns the articles that ``text`` finds: where they are few by their ids, which the indexes give.

    PostgreSQL cannot tell how many there are, and would read every image from the newest on; that is right only where
    many match.
    """
    articles = _first(connection, TABLE.c.article_id, wanted.article_begins)
    links = [] if wanted.link_begins is None else _first(connection, LINK, wanted.link_begins)
    if len(articles) <= FEW and len(links) <= FEW:
        # One parameter: a thousand take 15 ms to send.
        return TABLE.c.article_id == any_(literal(list({*articles, *links}), ARRAY(Text)))
    if not links or wanted.link_begins is None:
        return wanted.article_begins  # which an index that is in order holds too
    return or_(wanted.article_begins, wanted.link_begins)


def _first(connection: Connection, column: ColumnElement, condition: ColumnElement[bool]) -> Sequence[str]:
    """At most FEW + 1 articles, in the order of the column's index, so that no other way is taken."""
    order: UnaryExpression = UnaryExpression(column, modifier=custom_op("USING ~<~"))
    return connection.scalars(select(TABLE.c.article_id).where(condition).order_by(order).limit(FEW + 1)).all()


def one(connection: Connection, article_id: str) -> Row | None:
    """Returns the article's row of FACTS, ``stored_by`` and ``candidates``."""
    return connection.execute(
        select(*FACTS, TABLE.c.stored_by, TABLE.c.candidates).where(TABLE.c.article_id == article_id)
    ).one_or_none()


Index("ix_images_article_id_pattern", TABLE.c.article_id, postgresql_ops={"article_id": "text_pattern_ops"})
Index("ix_images_link_pattern", LINK.label("link"), postgresql_ops={"link": "text_pattern_ops"})
Index("ix_images_stored_by_updated_at", TABLE.c.stored_by, TABLE.c.updated_at, TABLE.c.article_id)
Index("ix_images_action_updated_at", TABLE.c.action, TABLE.c.updated_at, TABLE.c.article_id)
