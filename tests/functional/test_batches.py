"""Batches and asynchronous POSTs over HTTP, worked through by a real worker."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from belfoot_img.batches.webhook import signature
from testbed import servers
from testbed.client import EDITOR, READER, Client, assert_error
from testbed.photographs import photograph, png
from testbed.ports import until
from testbed.workers import worker


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory) -> str:
    with servers.gunicorn(tmp_path_factory.mktemp("gunicorn"), database_url, bulk__open_items="150") as base:
        yield base


@pytest.fixture
def working(database, database_url, tmp_path):
    with worker(tmp_path, database_url) as process:
        yield process


def create(client: Client, items: list | None = None, headers: dict | None = None, **data):
    data = {**data, "items": items} if items is not None else data
    return client.request("POST", "/api/v1/batches", data, headers=headers)


def batch(client: Client, number: int) -> dict:
    answer = client.request("GET", f"/api/v1/batches/{number}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def ended(client: Client, number: int, seconds: float = 40) -> dict:
    until(lambda: batch(client, number)["ended_at"], seconds, f"batch {number} ends: {batch(client, number)}", 0.1)
    return batch(client, number)


def items(client: Client, number: int, query: str = "") -> list[dict]:
    return client.request("GET", f"/api/v1/batches/{number}/items{query}").json()["data"]


def act(client: Client, number: int, action: str):
    return client.request("POST", f"/api/v1/batches/{number}/{action}")


def test_an_asynchronous_post_is_accepted_and_its_status_leads_to_the_image(client, origin, working):
    source = photograph("rocket.jpg")
    answer = client.store(origin.serve(source), "später", headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.json()["data"]["state"] == "waiting"
    status = answer.headers["Location"].removeprefix(client.base)

    def state():
        return client.request("GET", status).json()["data"]["state"]

    until(lambda: state() != "waiting", 30, "it is stored")
    item = client.request("GET", status).json()["data"]
    assert (item["state"], item["error"]) == ("stored", None)
    image = client.request("GET", item["image"].removeprefix(client.base)).json()["data"]
    assert image["article_id"] == "später"
    assert image["source"]["sha256"] == hashlib.sha256(source).hexdigest()


def test_an_asynchronous_post_says_why_it_failed(client, origin, working):
    answer = client.store(origin.serve(b"<html>"), headers={"Prefer": "respond-async, return=minimal"})
    status = answer.headers["Location"].removeprefix(client.base)
    until(lambda: client.request("GET", status).json()["data"]["state"] == "dead", 30, "it is dead")
    assert client.request("GET", status).json()["data"]["error"]["code"] == "not_an_image"


def test_an_asynchronous_post_refuses_a_link_at_once_that_may_never_be_fetched(client, database):
    answer = client.store("ftp://example.com/a.jpg", headers={"Prefer": "respond-async"})
    assert_error(answer, 422, "url_refused")


def test_a_batch_is_worked_through(client, origin, working):
    links = [{"url": origin.serve(png(40 + n, 30)), "article_id": n} for n in range(30)]
    links.append({"url": origin.base + "/nothing", "article_id": "missing"})
    links.append({"url": "gopher://example.com/", "article_id": "refused"})
    answer = create(client, links, name="archive", effort="low")
    assert answer.status_code == 202
    number = answer.json()["data"]["id"]
    assert answer.headers["Location"] == f"{client.base}/api/v1/batches/{number}"
    done = ended(client, number)
    assert done["state"] == "ended"
    assert done["items"] == {"total": 32, "waiting": 0, "stored": 30, "superseded": 0, "dead": 2, "cancelled": 0}
    assert done["codes"] == {"origin_failed": 1, "url_refused": 1}
    assert done["workers"] >= 1
    assert client.read("29").json()["data"]["width"] == 69
    assert [one["article_id"] for one in items(client, number, "?state=dead")] == ["missing", "refused"]
    assert [one["number"] for one in items(client, number, "?limit=2&after=3")] == [4, 5]
    listed = client.request("GET", "/api/v1/batches?limit=1").json()
    assert (listed["data"][0]["id"], listed["data"][0]["name"]) == (number, "archive")


def test_a_failure_that_may_pass_is_tried_again(client, origin, working):
    count = iter(range(100))

    def answer(handler):
        if next(count) < 2:
            handler.send_error(503)
        else:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(png(10, 10))
            handler.close_connection = True

    number = create(client, [{"url": origin.serve(answer), "article_id": "1"}]).json()["data"]["id"]
    assert ended(client, number)["items"]["stored"] == 1
    assert items(client, number)[0]["attempts"] == 3


def test_a_failure_that_stays_is_dead_after_the_last_attempt_and_can_be_retried(client, origin, working):
    broken = [True]

    def answer(handler):
        if broken[0]:
            handler.send_error(500)
        else:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(png(10, 10))
            handler.close_connection = True

    links = [{"url": origin.serve(answer), "article_id": "1"}, {"url": origin.serve(b"no"), "article_id": "2"}]
    number = create(client, links).json()["data"]["id"]
    assert ended(client, number)["codes"] == {"origin_failed": 1, "not_an_image": 1}
    broken[0] = False
    assert act(client, number, "retry").json()["data"]["items"]["waiting"] == 1
    assert ended(client, number)["items"] | {"total": 2} == {
        "total": 2,
        "waiting": 0,
        "stored": 1,
        "superseded": 0,
        "dead": 1,
        "cancelled": 0,
    }
    assert act(client, number, "retry").json()["data"]["items"]["waiting"] == 0  # the link to no image stays dead


def test_a_newer_image_is_not_overwritten(client, origin, database, database_url, tmp_path):
    old, new = origin.serve(png(20, 20)), origin.serve(png(30, 30))
    number = create(client, [{"url": old, "article_id": "1"}, {"url": old, "article_id": "2"}]).json()["data"]["id"]
    assert client.store(new, "1").status_code == 201
    with worker(tmp_path, database_url):
        done = ended(client, number)
    assert (done["items"]["stored"], done["items"]["superseded"]) == (1, 1)
    assert client.read("1").json()["data"]["width"] == 30
    assert client.read("2").json()["data"]["width"] == 20


def test_a_paused_batch_waits_and_a_resumed_one_goes_on(client, origin, database, database_url, tmp_path):
    number = create(client, [{"url": origin.serve(png(20, 20)), "article_id": "1"}]).json()["data"]["id"]
    assert act(client, number, "pause").json()["data"]["state"] == "paused"
    with worker(tmp_path, database_url):
        until(lambda: batch(client, number)["workers"], 20, "a worker is alive")
        time.sleep(1.5)
        assert batch(client, number)["items"]["waiting"] == 1
        assert act(client, number, "resume").json()["data"]["state"] == "running"
        assert ended(client, number)["items"]["stored"] == 1


def test_a_host_that_is_busy_is_waited_for_and_costs_no_attempt(
    client, origin, database, database_url, tmp_path, monkeypatch
):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    number = create(client, [{"url": origin.serve(png(20, 20)), "article_id": "1"}]).json()["data"]["id"]
    with (tmp_path / "conversions.lock").open("a+b") as conversions:
        fcntl.lockf(conversions, fcntl.LOCK_EX, 1, 0)  # a conversion that another process of this host runs
        with worker(tmp_path, database_url, converting="1", converting__queue="0.2 s"):
            log = tmp_path / "worker.log"
            until(lambda: log.read_text().count("a conversion is waited for") > 1, 30, "the item's turn is waited for")
            assert batch(client, number)["items"]["waiting"] == 1
            fcntl.lockf(conversions, fcntl.LOCK_UN, 1, 0)
            assert ended(client, number)["items"]["stored"] == 1
    assert [item["attempts"] for item in items(client, number)] == [1]


def test_hosts_that_are_waited_for_hold_up_no_other(client, origin, database, database_url, tmp_path):
    slow = [f"127.0.0.{n}" for n in range(2, 7)]
    limits = ", ".join(f"{host} 1 1/min" for host in slow)
    items = [{"url": f"http://{host}/", "article_id": host} for host in slow]
    number = create(client, items).json()["data"]["id"]

    def begun() -> int:
        with database.begin() as connection:
            asked = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"
            return connection.execute(text(asked)).scalar_one()

    with worker(tmp_path, database_url, bulk__hosts=limits, converting="1"):
        until(lambda: begun() == len(slow), 30, "the jobs of the slow hosts are begun")
        other = create(client, [{"url": origin.serve(png(30, 20)), "article_id": "fast"}]).json()["data"]["id"]
        assert ended(client, other)["items"]["stored"] == 1
        assert batch(client, number)["items"]["waiting"] == len(slow)


def test_the_wait_for_the_rate_of_a_host_is_counted(client, origin, database, database_url, tmp_path):
    items = [{"url": origin.serve(png(20, 20 + n)), "article_id": str(n)} for n in range(3)]
    number = create(client, items).json()["data"]["id"]
    with worker(tmp_path, database_url, bulk__per_host="1", bulk__per_host_rate="5/s"):
        ended(client, number)
    with database.begin() as connection:
        waited = connection.execute(text("SELECT sum(paced_seconds) FROM shards")).scalar_one()
    assert 0.3 < waited < 10


def test_a_cancelled_batch_stores_nothing_more(client, origin, database, database_url, tmp_path):
    number = create(client, [{"url": origin.serve(png(20, 20)), "article_id": "1"}]).json()["data"]["id"]
    assert act(client, number, "cancel").json()["data"]["state"] == "cancelled"
    with worker(tmp_path, database_url):
        assert ended(client, number)["items"]["cancelled"] == 1
    assert client.read("1").status_code == 404
    assert act(client, number, "retry").json()["data"]["items"]["waiting"] == 0


def test_without_a_worker_the_status_says_so(client, origin, database):
    answer = create(client, [{"url": origin.serve(png(20, 20)), "article_id": "1"}]).json()["data"]
    assert (answer["workers"], answer["message"]) == (0, "No worker is alive: start belfoot-img worker.")
    assert client.request("GET", "/health/ready", user=None).json() == {"status": "ready", "workers": 0}


def test_the_same_idempotency_key_makes_one_batch_however_often_it_comes_at_once(client, origin, database):
    links = [{"url": origin.serve(png(20, 20)), "article_id": "1"}]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: create(client, links, {"Idempotency-Key": "k"}), range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*), sum(waiting) FROM batches JOIN shards ON true")).one() == (
            1,
            1,
        )
    assert_error(create(client, links, {"Idempotency-Key": "k"}, name="other"), 422, "key_reused")


def test_a_list_is_read_from_its_url(client, origin, working):
    links = [origin.serve(png(20 + n, 20)) for n in range(5)]
    listed = "article_id;url\n" + "".join(f"{n};{link}\n" for n, link in enumerate(links)) + ";nothing\n"
    number = create(client, list_url=origin.serve(listed.encode(), "list.csv")).json()["data"]["id"]
    done = ended(client, number)
    assert done["items"]["stored"] == 5
    assert done["codes"] == {"invalid_field": 1}


def test_a_list_that_is_none_fails_with_the_reason(client, origin, working):
    number = create(client, list_url=origin.serve(b"what is this", "list.csv")).json()["data"]["id"]
    done = ended(client, number)
    assert (done["state"], done["error"]["code"]) == ("failed", "invalid_field")


@pytest.mark.parametrize(
    "data, field",
    [
        ({}, "data.items"),
        ({"items": []}, "data.items"),
        ({"items": [{"url": "http://a/", "article_id": "1"}], "list_url": "http://a/"}, "data.items"),
        ({"items": [{"url": "http://a/", "article_id": "a/b"}]}, "data.items[0].article_id"),
        ({"items": [{"article_id": "1"}]}, "data.items[0].url"),
        ({"items": [{"url": "http://a/", "article_id": "1"}], "priority": "now"}, "data.priority"),
        ({"items": ["http://a/"]}, "data.items[0]"),
        ({"items": [{"url": "http://a/", "article_id": str(n)} for n in range(101)]}, "data.items"),
    ],
)
def test_a_batch_that_cannot_be_understood_is_refused_by_field(client, database, data, field):
    error = assert_error(create(client, **data), 422, "invalid_field")
    assert error["message"].startswith(f"{field}:")


def test_too_many_open_items_are_refused_with_the_reason(client, database):
    links = [{"url": "http://example.com/a.jpg", "article_id": str(n)} for n in range(100)]
    assert create(client, links).status_code == 202
    answer = create(client, links)
    assert "100 items of yours are waiting" in assert_error(answer, 429, "too_many_items")["message"]
    assert answer.headers["Retry-After"]


def test_batches_are_for_editors(base, client, database):
    reader = Client(base, READER)
    number = create(client, [{"url": "http://example.com/a.jpg", "article_id": "1"}]).json()["data"]["id"]
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{number}"), ("POST", f"/{number}/cancel")):
        assert_error(reader.request(method, f"/api/v1/batches{path}"), 403, "forbidden")
        assert_error(Client(base, None).request(method, f"/api/v1/batches{path}"), 401, "credentials_missing")
    assert EDITOR.username == batch(client, number)["submitted_by"]


def test_what_is_not_there_is_said(client, database):
    assert_error(client.request("GET", "/api/v1/batches/999"), 404, "batch_not_found")
    assert_error(client.request("GET", "/api/v1/batches/999/items"), 404, "batch_not_found")
    assert_error(client.request("GET", "/api/v1/batches/999/items/1"), 404, "batch_not_found")
    assert_error(act(client, 999, "pause"), 404, "batch_not_found")
    assert_error(client.request("GET", "/api/v1/batches/x"), 404, "not_found")
    assert_error(client.request("DELETE", "/api/v1/batches"), 405, "method_not_allowed")


def test_the_end_of_a_batch_is_told_to_the_webhook(client, origin, database, database_url, tmp_path):
    told = []

    def answer(handler):
        told.append((dict(handler.headers), handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send_response(204)
        handler.end_headers()

    secret = b"secret of twenty-four by"
    hook = {
        "bulk__webhook__url": origin.serve(answer, "hook"),
        "bulk__webhook__secret": "whsec_" + base64.b64encode(secret).decode(),
    }
    with worker(tmp_path, database_url, **hook):
        number = create(client, [{"url": origin.serve(png(20, 20)), "article_id": "1"}]).json()["data"]["id"]
        until(lambda: told, 30, "the webhook is told")
    headers, body = told[0]
    assert json.loads(body)["data"]["items"] == [{"number": 1, "article_id": "1", "state": "stored", "code": None}]
    assert headers["webhook-id"].startswith(f"batch_{number}_")
    assert headers["webhook-signature"] == signature(secret, headers["webhook-id"], headers["webhook-timestamp"], body)
