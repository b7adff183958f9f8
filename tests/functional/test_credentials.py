"""Who is let in, for how long, and what is never said about it; over two workers, as in production."""

from __future__ import annotations

import base64
import json
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import text

from belfoot_img.passwords import hash_password
from belfoot_img.payload import Credentials
from testbed import servers
from testbed.client import EDITOR, READER, Client, assert_error
from testbed.photographs import png

CANARY = Credentials("canary", "tweet-Zq7-canary")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("two-workers")


@pytest.fixture(scope="module")
def two_workers(engine, database_url, folder):
    with servers.gunicorn(folder, database_url, "--workers=2", "--threads=4", "--log-level=debug") as base:
        yield base


@pytest.fixture
def client(two_workers, database):
    return Client(two_workers)


def test_a_changed_password_is_out_at_the_next_request_on_every_worker(client, database):
    for _ in range(20):  # warm on both
        assert client.request("GET", "/api/v1/images").status_code == 200
    changed = Credentials(EDITOR.username, "a new password")
    with database.begin() as connection:
        new = {"hash": hash_password(changed.password)}
        connection.execute(text("UPDATE users SET password_hash = :hash WHERE name = 'editor'"), new)
    for _ in range(8):
        assert_error(client.request("GET", "/api/v1/images"), 401, "credentials_wrong")
    assert client.request("GET", "/api/v1/images", user=changed).status_code == 200


def test_a_disabled_user_is_out_at_the_next_request_on_every_worker(client, database):
    for _ in range(20):
        assert client.request("GET", "/api/v1/images").status_code == 200
    with database.begin() as connection:
        connection.execute(text("UPDATE users SET active = false WHERE name = 'editor'"))
    for _ in range(8):
        assert_error(client.request("GET", "/api/v1/images"), 401, "credentials_wrong")
    assert client.request("GET", "/api/v1/images", user=READER).status_code == 200


def test_a_role_counts_from_the_next_request(client, database, origin):
    url = origin.serve(png(8, 8))
    assert_error(client.store(url, user=READER), 403, "forbidden")
    with database.begin() as connection:
        connection.execute(text("UPDATE users SET role = 'editor' WHERE name = 'reader'"))
    assert client.store(url, user=READER).status_code == 201


def test_guessing_is_slowed_down_and_the_right_user_is_not(client):
    def read(user):
        return client.request("GET", "/api/v1/images", user=user)

    def guess(number: int):
        return read(Credentials(READER.username, f"guess {number}"))

    with ThreadPoolExecutor(24) as pool:  # known at this address, warm on both workers
        assert {answer.status_code for answer in pool.map(read, [READER] * 72)} == {200}
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(guess, range(120)))
        during = [pool.submit(read, READER).result().status_code for _ in range(10)]
    assert {answer.status_code for answer in answers} == {401, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert_error(refused, 429, "too_many_failures")
    assert int(refused.headers["Retry-After"]) >= 1
    assert during == [200] * 10


def test_unknown_names_are_slowed_down_as_known_ones_are(client):
    def guess(name: str) -> list[int]:
        return [client.request("GET", "/api/v1/images", user=Credentials(name, "guess")).status_code for _ in range(13)]

    assert guess("nobody") == guess("editor") == [401] * 10 + [429] * 3


def test_two_hundred_simultaneous_guesses_hash_ten_passwords(client, database):
    def guess(number: int) -> requests.Response:
        return client.request("GET", "/api/v1/images", user=Credentials("editor", f"guess {number}"))

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(guess, range(200)))
    by_status = Counter(answer.status_code for answer in answers)
    assert set(by_status) <= {401, 429, 503}, by_status
    assert 1 <= by_status[401] <= 10, by_status  # an answer of 401 is a password that was hashed
    with database.connect() as connection:
        failures = connection.execute(text("SELECT failures FROM login_failures WHERE subject LIKE 'name:%'")).scalar()
    assert failures == by_status[401]


def test_unknown_and_wrong_take_as_long(client, database):
    """Medians of interleaved requests; the margin is far below the cost of the hashing that would be missing."""
    times = {"editor": [], "nobody": []}
    for _ in range(9):
        for name, taken in times.items():
            with database.begin() as connection:
                connection.execute(text("TRUNCATE login_failures"))
            began = time.perf_counter()
            client.request("GET", "/api/v1/images", user=Credentials(name, "wrong password"))
            taken.append(time.perf_counter() - began)
    known, unknown = map(statistics.median, times.values())
    assert 0.5 < known / unknown < 2


def test_a_canary_password_is_found_nowhere(client, database, origin, folder):
    with database.begin() as connection:
        row = {"name": CANARY.username, "hash": hash_password(CANARY.password)}
        connection.execute(text("INSERT INTO users (name, password_hash, role) VALUES (:name, :hash, 'editor')"), row)
    encoded = base64.b64encode(f"{CANARY.username}:{CANARY.password}".encode()).decode()
    canary, answers = Client(client.base, CANARY), []
    url = origin.serve(png(8, 8))
    answers += [
        canary.store(url),
        canary.store(origin.serve(b"no image")),
        canary.store(f"http://user:{CANARY.password}@127.0.0.1/"),
        canary.store(origin.base + "/nothing"),
        canary.read(),
        canary.read("none"),
        canary.request("GET", "/api/v1/images?limit=x"),
        canary.request("PUT", "/api/v1/images"),
        canary.request("POST", "/api/v1/images", [CANARY.password]),
        canary.send("POST", "/api/v1/images", json.dumps(canary.body())[:-2]),
        canary.send("GET", "/api/v1/images", auth=(CANARY.username, CANARY.password)),
        canary.send("GET", "/api/v1/images/%FF", auth=(CANARY.username, CANARY.password)),
        canary.send("GET", "/api/v1/images", auth=(CANARY.username, CANARY.password + "x")),
        canary.request("GET", "/api/v1/images", user=Credentials(CANARY.password, "wrong")),
        canary.remove(),
    ]
    with database.begin() as connection:  # a fault in the middle of storing, with everything in the statement
        connection.execute(text("ALTER TABLE images ADD CONSTRAINT broken CHECK (article_id <> 'broken')"))
    try:
        assert_error(canary.store(url, "broken"), 500, "internal_error")
    finally:
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE images DROP CONSTRAINT broken"))
    for answer in answers:
        assert CANARY.password not in answer.text and encoded not in answer.text
        assert CANARY.password not in str(answer.headers) and encoded not in str(answer.headers)
    log = (folder / "gunicorn.log").read_text()
    assert "internal error" in log and "Traceback" in log, "the log does hold what went wrong"
    assert CANARY.password not in log and encoded not in log
    with database.connect() as connection:
        for table in ("images", "users", "login_failures", "known_addresses"):
            rows = connection.execute(text(f"SELECT {table}::text FROM {table}")).scalars().all()
            assert not any(CANARY.password in row for row in rows)
