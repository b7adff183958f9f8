"""Figures for Prometheus that are asked of the database."""

from __future__ import annotations

import re

from sqlalchemy import Engine, text

from belfoot_img.batches import figures
from belfoot_img.batches.lists import check
from belfoot_img.batches.making import BatchMaker, Plan
from belfoot_img.settings import BulkSettings


def shown(database: Engine, family: str) -> dict[str, float]:
    """host → value"""
    with database.begin() as connection:
        exposition = figures.exposition(connection).decode()
    return {host: float(value) for host, value in re.findall(rf'^{family}{{host="(.*)"}} (\S+)$', exposition, re.M)}


def make(database: Engine, hosts: list[str]) -> None:
    maker = BatchMaker(BulkSettings(shard=1, per_host=1))
    lines = [check(number, str(number), f"http://{host}/{number}") for number, host in enumerate(hosts, 1)]
    with database.begin() as connection:
        batch, _ = maker.begin(connection, Plan("editor"))
        maker.fill(connection, batch, lines)
        maker.finish(connection, batch)


def fetch_a_job(database: Engine) -> None:
    with database.begin() as connection:
        added = text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        worker = connection.execute(added).scalar_one()
        connection.execute(text(f"SELECT procrastinate_fetch_job_v2(ARRAY['bulk'], {worker})"))


def test_the_wait_for_a_slot_is_that_of_hosts_whose_slot_another_job_has(database):
    make(database, ["a.example.com", "a.example.com", "b.example.com"])
    assert shown(database, "belfoot_img_bulk_slot_seconds") == {}
    fetch_a_job(database)
    fetch_a_job(database)
    (found,) = shown(database, "belfoot_img_bulk_slot_seconds").items()
    assert found[0] == "a.example.com"
    assert 0 <= found[1] < 60


def test_only_the_hosts_that_waited_longest_for_their_rate_have_a_figure(database):
    make(database, [f"host{number}.example.com" for number in range(figures.HOSTS + 5)])
    assert shown(database, "belfoot_img_bulk_paced_seconds") == {}
    with database.begin() as connection:
        connection.execute(text("UPDATE shards SET paced_seconds = substring(host, 'host([0-9]+)')::integer"))
    assert shown(database, "belfoot_img_bulk_paced_seconds") == {
        f"host{number}.example.com": number for number in range(5, figures.HOSTS + 5)
    }
