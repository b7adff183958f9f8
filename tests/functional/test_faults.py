"""A short form of every row of ``make faults``: the same faults, fewer times."""

from __future__ import annotations

import pytest

from tests.faults import crowds, databases, overload, processes
from tests.faults.rows import Row


@pytest.fixture
def folder(tmp_path):
    # PostgreSQL runs as a user of its own where root starts it.
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(path.stat().st_mode | 0o055)
    return tmp_path / "site"


def check(row: Row) -> None:
    assert not row.failures, f"{row.fault}: {', '.join(row.failures)}. Counted: {row.counted}"


def test_a_killed_worker_loses_nothing_and_its_work_goes_on(folder):
    check(processes.killed_workers(folder, kills=3))


def test_a_killed_backend_of_postgresql_loses_nothing(folder):
    check(databases.killed_backends(folder, kills=2))


def test_postgresql_restarted_under_load(folder):
    check(databases.restarted(folder, away=0))


def test_postgresql_away_for_a_while(folder):
    check(databases.gone(folder, away=2))


def test_postgresql_frozen(folder):
    check(databases.frozen(folder, away=4.5))


def test_a_stop_finishes_what_is_in_flight(folder):
    check(processes.stopped(folder, requests=4))


@pytest.mark.parametrize("through", ["gunicorn", "nginx"])
def test_a_reload_drops_no_connection(folder, through):
    check(processes.reloaded(folder, through=through, reloads=1, pause=0.5))


@pytest.mark.parametrize("through", ["gunicorn", "nginx"])
def test_recycling_workers_drops_no_connection(folder, through):
    check(processes.recycled(folder, through=through, requests=600, each=150))


def test_a_full_disk_under_the_database(folder):
    check(databases.full_database(folder))


def test_a_full_disk_under_tmp(folder):
    check(databases.full_tmp(folder))


def test_a_crowd_of_readers(folder):
    check(crowds.readers(folder, clients=300, rounds=1))


def test_a_crowd_that_stores_from_a_slow_origin(folder):
    check(crowds.slow_origin(folder, posts=24, threads=4, seconds=2, share=0.6))


def test_more_conversions_than_there_is_time_for(folder):
    check(overload.overloaded(folder, posts=8, megapixels=4, converting=8, beside=2, tries=20))


def test_a_crowd_that_stores_from_dripping_origins(folder):
    check(overload.dripping(folder, origins=120, seconds=3, p95=10))


def test_a_crowd_that_stores_large_bodies(folder):
    check(overload.large_bodies(folder, posts=12, megabytes=49, seconds=3, p95=10))


def test_many_mixed_requests(folder):
    check(crowds.mixed(folder, requests=1500, growth=0.1))  # still warming up
