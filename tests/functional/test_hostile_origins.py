"""Origins that misbehave, through the whole service: each ends in its error and in time, nothing is stored."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from testbed import servers
from testbed.client import Client, assert_error
from testbed.hostile_origin import MISBEHAVIOURS, HostileOrigin
from testbed.photographs import png
from tests.errors import STATUS_OF

DEADLINE = 0.7
REFUSED = {name: kind for name, kind in MISBEHAVIOURS.items() if kind.code}


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory):
    settings = {"fetch__deadline": "700 ms", "fetch__max_bytes": "500 kB"}
    with servers.gunicorn(tmp_path_factory.mktemp("hostile"), database_url, "--workers=1", **settings) as base:
        yield base


@pytest.fixture
def client(base, database):
    return Client(base)


def test_every_misbehaviour_ends_in_its_error_and_stores_nothing(client, database):
    with HostileOrigin(lifetime=120) as hostile, ThreadPoolExecutor(8) as pool:

        def store(name: str):
            began = time.monotonic()
            return client.store(hostile.url(name), name), time.monotonic() - began

        for name, (answer, seconds) in zip(REFUSED, pool.map(store, REFUSED), strict=True):
            code = REFUSED[name].code
            assert answer.json()["error"]["code"] == code, (name, answer.text)
            error = assert_error(answer, STATUS_OF[code], code)
            assert hostile.url(name) not in error["message"], "an error names the origin, not the path"
            assert seconds < DEADLINE + 3, name  # beside seven others on a machine that may be busy
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar() == 0


def test_gets_are_served_while_dripping_origins_hold_posts(client, origin):
    assert client.store(origin.serve(png(32, 32))).status_code == 201
    with HostileOrigin(lifetime=120) as hostile, ThreadPoolExecutor(12) as pool:
        posts = [pool.submit(client.store, hostile.url("drip-body"), f"drip {number}") for number in range(12)]
        time.sleep(0.2)
        assert not any(post.done() for post in posts)
        for _ in range(10):
            assert client.read().status_code == 200
        assert {post.result().status_code for post in posts} == {504}
