"""A short form of the rows of ``make faults`` that are about batches."""

from __future__ import annotations

from tests.faults import batches
from tests.functional.test_faults import check, folder  # noqa: F401  a fixture


def test_killed_and_frozen_workers_lose_nothing_and_do_nothing_twice(folder):  # noqa: F811
    check(batches.killed_workers(folder, items=400, kills=4, freezes=1))  # enough to outlast them


def test_a_batch_ends_by_itself_after_postgresql_was_away(folder):  # noqa: F811
    check(batches.database_away(folder, items=150, away=2))


def test_a_batch_pauses_while_the_disk_of_the_database_is_full(folder):  # noqa: F811
    check(batches.disk_full(folder, items=250, seconds=3))


def test_hosts_are_treated_within_their_limits(folder):  # noqa: F811
    check(batches.polite(folder, items=20))


def test_live_work_does_not_wait_behind_batches(folder):  # noqa: F811
    row = batches.live_beside_bulk(folder, shards=300, posts=5)
    assert "fetched in time" not in row.failures  # how soon a download begins is a matter of the machine


def test_a_list_whose_reading_was_killed_is_read_once(folder):  # noqa: F811
    check(batches.interrupted_reading(folder, lines=20_000, kills=2))


def test_links_that_fail_are_counted_by_code_and_retried_where_that_may_help(folder):  # noqa: F811
    check(batches.failing_links(folder, items=300))
