"""Every kind of search uses an index, however many images match, and finds what it should."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import event, text

from belfoot_img.models import listing
from belfoot_img.models.listing import Search
from testbed.images import fill, searches

COUNT = 20_000
KINDS = searches(COUNT, random.Random(1))


@pytest.fixture(scope="module")
def many(engine):
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE images CASCADE"))
        fill(connection, COUNT)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE images"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE images CASCADE"))


def found(engine, wanted: Search, limit: int = 5) -> list[str]:
    with engine.connect() as connection:
        return [row.article_id.removeprefix("article-") for row in listing.search(connection, wanted, limit=limit)]


@pytest.mark.parametrize("name", KINDS)
def test_no_search_reads_the_whole_table(many, name):
    plans: list[str] = []
    with many.connect() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def explained(connection, cursor, statement, parameters, context, executemany):
            cursor.execute("EXPLAIN " + statement, parameters)
            plans.extend(row[0] for row in cursor.fetchall())

        listing.search(connection, KINDS[name], limit=25)
    assert plans and not [line for line in plans if "Seq Scan on images" in line], "\n".join(plans)


def test_searches_find_what_they_should_newest_first(many):
    assert found(many, Search()) == [f"{number:07}" for number in range(1, 6)]
    assert found(many, Search("article-0001234")) == ["0001234"]
    assert found(many, Search("article-000123")) == [f"{number:07}" for number in range(1230, 1235)]
    assert found(many, Search("article-002")) == ["0020000"]
    assert found(many, Search("article-001")) == [f"{number:07}" for number in range(10_000, 10_005)]
    assert found(many, Search("https://site-7.example/")) == [f"{7 + 97 * number:07}" for number in range(5)]
    assert found(many, Search("site-")) == found(many, Search())
    assert found(many, Search("article-", stored_by="rare")) == [f"{5000 * number:07}" for number in range(1, 5)]
    assert found(many, Search("zzz")) == found(many, Search("article-", stored_by="nobody")) == []
