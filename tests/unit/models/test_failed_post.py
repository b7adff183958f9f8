"""The list of failed POSTs is bounded in time and number."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from belfoot_img.models import failed_post, short_session
from belfoot_img.settings import FailureSettings

FACTS = {"url": None, "code": "cannot_fit", "message": "m", "request_id": "r" * 32, "failed_by": "editor"}


def add(engine, settings: FailureSettings, *articles: str) -> None:
    with short_session(engine) as connection:
        for article_id in articles:
            failed_post.add(connection, settings, article_id=article_id, **FACTS)


def shown(engine, settings: FailureSettings = FailureSettings(), wanted=failed_post.Search()) -> list[str]:  # noqa: B008
    with short_session(engine) as connection:
        return [row.article_id for row in failed_post.search(connection, wanted, settings, limit=10)]


def kept(engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT article_id FROM failed_posts ORDER BY id")).scalars())


def test_the_newest_are_kept(database):
    add(database, FailureSettings(most=2), "1", "2", "3", "4")
    assert kept(database) == ["3", "4"] and shown(database) == ["4", "3"]


def test_none_is_kept_where_none_is_wanted(database):
    add(database, FailureSettings(most=0), "1")
    assert kept(database) == []


def test_old_ones_are_not_shown_and_go(database):
    add(database, FailureSettings(), "old")
    with database.begin() as connection:
        connection.execute(text("UPDATE failed_posts SET failed_at = now() - interval '31 days'"))
    assert shown(database) == []
    add(database, FailureSettings(), "new")
    assert kept(database) == ["new"]


def test_a_worker_clears_up_where_nothing_fails_any_more(database):
    add(database, FailureSettings(), *"12345")
    with database.begin() as connection:
        age = "UPDATE failed_posts SET failed_at = now() - interval '31 days' WHERE article_id < '3'"
        connection.execute(text(age))
        assert failed_post.prune(connection, FailureSettings()) == 2
        assert failed_post.prune(connection, FailureSettings(most=1)) == 2
    assert kept(database) == ["5"]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (failed_post.Search(), "pk_failed_posts"),
        (failed_post.Search(code="busy"), "ix_failed_posts_code_id"),
        (failed_post.Search(text="42"), "ix_failed_posts_article_id_id"),
    ],
)
def test_each_search_uses_an_index(database, wanted, index):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO failed_posts (article_id, code, message, request_id, failed_by)"
                " SELECT number, 'code' || number % 9, 'm', number, 'editor' FROM generate_series(1, 20000) AS number"
            )
        )
        connection.execute(text("ANALYZE failed_posts"))
        with database.connect() as other:
            plans: list[str] = []
            explain(other, plans)
            connection.commit()
            failed_post.search(other, wanted, FailureSettings(), limit=50)
    assert index in "\n".join(plans)


def explain(connection, plans: list[str]) -> None:
    """Has each query explained in place of being run."""
    from sqlalchemy import event

    @event.listens_for(connection, "before_cursor_execute", retval=True)
    def explained(connection, cursor, statement, parameters, context, executemany):
        cursor.execute("EXPLAIN " + statement, parameters)
        plans.extend(row[0] for row in cursor.fetchall())
        return statement, parameters
