"""belfoot_img.client against the service, under gunicorn and NGINX, with a real worker."""

from __future__ import annotations

import dataclasses
import hashlib
import threading

import pytest
import requests

from belfoot_img.client import (
    AuthenticationError,
    Batch,
    Client,
    Image,
    Item,
    NotFoundError,
    PermanentError,
    TemporaryError,
)
from belfoot_img.client import api as client_api
from testbed import servers
from testbed.client import EDITOR, READER
from testbed.description import DESCRIPTION
from testbed.photographs import photograph, png
from testbed.ports import until
from testbed.workers import worker


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory) -> str:
    with servers.gunicorn(tmp_path_factory.mktemp("gunicorn"), database_url, bulk__open_items="9") as base:
        yield base


@pytest.fixture(params=["body", "basic"])
def service(base, database, request) -> Client:
    return Client(base, EDITOR.username, EDITOR.password, basic=request.param == "basic")


class Counting(requests.Session):
    """Notes the status and the size of each answer."""

    def __init__(self):
        super().__init__()
        self.answers: list[tuple[int, int]] = []

    def send(self, *arguments, **options):
        answer = super().send(*arguments, **options)
        self.answers.append((answer.status_code, len(answer.content)))
        return answer


def test_three_lines_store_and_read(base, database, origin):
    link = origin.serve(photograph("coffee.png"))
    service = Client(base, EDITOR.username, EDITOR.password)
    service.store(link, "42")
    jpeg = service.jpeg("42")
    assert jpeg[:3] == b"\xff\xd8\xff" and len(jpeg) <= 180_000


def test_the_image_comes_with_what_was_done_to_it(service, origin):
    link = origin.serve(photograph("coffee.png"))
    stored = service.store(link, 42, effort="low")
    assert (stored.created, stored.jpeg, stored.url, stored.article_id) == (True, None, link, "42")
    assert (stored.source.format, stored.source.width, stored.conversion.action) == ("PNG", 600, "reencoded")
    again = service.store(link, 42, effort="low", with_jpeg=True)
    assert not again.created and again.conversion.reused
    read = service.get("42")
    assert read.jpeg == again.jpeg == service.jpeg(42)
    assert hashlib.sha256(read.jpeg).hexdigest() == read.sha256 and len(read.jpeg) == read.bytes
    assert read.created_at == stored.created_at and read.updated_at >= stored.updated_at


def test_a_file_without_a_link_is_stored(service, tmp_path):
    content = photograph("coffee.png")
    (tmp_path / "coffee.png").write_bytes(content)
    stored = service.store_file(tmp_path / "coffee.png", "статья 7", effort="low")
    assert (stored.created, stored.url, stored.source.format, stored.article_id) == (True, None, "PNG", "статья 7")
    again = service.store_file(content, "статья 7", effort="low", with_jpeg=True)
    assert not again.created and again.jpeg == service.jpeg("статья 7")
    with pytest.raises(PermanentError) as refused:
        service.store_file(b"no image", 8)
    assert refused.value.code == "not_an_image"


def test_a_link_is_tried_without_storing_it(service, origin):
    jpeg = service.convert(origin.serve(photograph("coffee.png")), limit=30_000, effort="low")
    assert jpeg[:3] == b"\xff\xd8\xff" and len(jpeg) <= 30_000
    assert service.page().images == ()


@pytest.mark.parametrize("article_id", ["..", ".", "статья 7?", "a%2Fb", "#"])
def test_any_article_id_is_stored_read_and_removed(base, database, origin, article_id):
    service = Client(base, EDITOR.username, EDITOR.password)
    service.store(origin.serve(png(32, 32)), article_id)
    assert service.get(article_id).article_id == article_id
    assert service.remove(article_id) and not service.remove(article_id)
    with pytest.raises(NotFoundError) as refused:
        service.get(article_id)
    assert refused.value.code == "image_not_found"


def test_an_image_that_has_not_changed_is_sent_once(base, database, origin):
    session = Counting()
    service = Client(base, EDITOR.username, EDITOR.password, session=session)
    service.store(origin.serve(png(64, 64)), "42")
    first = (service.get("42"), service.jpeg("42"))
    session.answers.clear()
    assert (service.get("42"), service.jpeg("42")) == first
    assert session.answers == [(304, 0), (304, 0)]
    service.store(origin.serve(png(80, 80)), "42")
    assert service.get("42").width == 80 and service.jpeg("42") != first[1]


def test_pages_are_followed_to_the_last_image(base, database, origin):
    service = Client(base, EDITOR.username, EDITOR.password)
    link = origin.serve(png(32, 32))
    for number in range(5):
        service.store(link, number)
    assert [image.article_id for image in service.page(limit=2).images] == ["4", "3"]
    assert [image.article_id for image in service.pages(limit=2)] == ["4", "3", "2", "1", "0"]


def test_permanent_errors_have_code_message_and_request_id(base, database, origin):
    service = Client(base, EDITOR.username, EDITOR.password)
    hits = sum(origin.hits.values())
    with pytest.raises(PermanentError) as refused:
        service.store(origin.serve(b"no image at all"), "42")
    error = refused.value
    assert (error.status, error.code) == (422, "not_an_image")
    assert str(error) == f"422 not_an_image: {error.message} (request id {error.request_id})"
    assert sum(origin.hits.values()) == hits + 1, "it was tried again"
    with pytest.raises(AuthenticationError) as refused:
        Client(base, READER.username, READER.password).store(origin.serve(png(8, 8)), "42")
    assert refused.value.code == "forbidden"
    with pytest.raises(AuthenticationError) as refused:
        Client(base, EDITOR.username, "wrong").page()
    assert refused.value.code == "credentials_wrong" and "wrong" not in repr(refused.value.__cause__)


def test_an_asynchronous_image_is_waited_for(base, database, database_url, origin, tmp_path):
    service = Client(base, EDITOR.username, EDITOR.password)
    with worker(tmp_path, database_url):
        item = service.wait(service.store_later(origin.serve(png(40, 30)), "42"), poll=0.1)
        assert (item.state, item.error, item.article_id) == ("stored", None, "42")
        dead = service.wait(service.store_later(origin.serve(b"nothing"), "43"), poll=0.1)
        assert (dead.state, dead.error.code) == ("dead", "not_an_image")
    assert service.get("42").width == 40


def test_waiting_ends_where_nobody_works(base, database, origin):
    service = Client(base, EDITOR.username, EDITOR.password)
    item = service.store_later(origin.serve(png(8, 8)), "42")
    with pytest.raises(TimeoutError, match="is still waiting"):
        service.wait(item, seconds=0.2, poll=0.1)
    assert not item.ended


def test_a_batch_is_made_once_followed_and_controlled(base, database, database_url, origin, tmp_path):
    service = Client(base, EDITOR.username, EDITOR.password)
    links = [(origin.serve(png(20, 20)), "1"), (origin.serve(b"nothing"), 2)]
    batch = service.store_batch(links, name="two", priority="low", key="two-of-them")
    assert service.store_batch(links, name="two", priority="low", key="two-of-them").id == batch.id
    assert (batch.name, batch.items["total"], batch.ended, batch.workers) == ("two", 2, False, 0)
    assert service.pause(batch.id).state == "paused" and service.resume(batch.id).state == "running"
    with worker(tmp_path, database_url):
        ended = service.wait_for_batch(batch.id, seconds=60, poll=0.2)
    assert (ended.state, dict(ended.codes)) == ("ended", {"not_an_image": 1})
    assert [item.article_id for item in service.items(batch.id, limit=1)] == ["1", "2"]
    assert [item.error.code for item in service.items(batch.id, state="dead")] == ["not_an_image"]
    assert service.retry(batch.id).state == "ended"
    assert service.cancel(batch.id).id == batch.id


def test_a_pause_that_is_longer_than_the_callers_patience_is_left_to_the_caller(base, database, origin):
    service = Client(base, EDITOR.username, EDITOR.password, patience=5)
    with pytest.raises(TemporaryError) as refused:
        service.store_batch([(origin.serve(png(8, 8)), number) for number in range(10)])
    assert (refused.value.code, refused.value.retry_after) == ("too_many_items", 60)


def test_a_service_that_is_away_is_asked_again_until_it_is_back(database, database_url, origin, tmp_path):
    link, stored = origin.serve(png(8, 8)), []
    listens = tmp_path / "app.socket"
    with servers.proxy(tmp_path, f"unix:{listens}") as base:
        with pytest.raises(TemporaryError) as refused:
            Client(base, EDITOR.username, EDITOR.password, attempts=2).page()
        assert (refused.value.status, refused.value.code) == (503, "busy")
        assert refused.value.retry_after and refused.value.request_id
        log = tmp_path / "nginx.access.log"
        until(lambda: len(log.read_text().splitlines()) >= 2, 10, "NGINX has written both requests down")
        patient = Client(base, EDITOR.username, EDITOR.password, attempts=20)
        caller = threading.Thread(target=lambda: stored.append(patient.store(link, "42")))
        caller.start()
        with servers.app(tmp_path, database_url, f"--bind=unix:{listens}"):
            caller.join(60)
    assert stored and stored[0].created
    assert " 503 " in log.read_text().splitlines()[2]


@pytest.mark.parametrize(
    ("kind", "schema", "added"),
    [(Image, "Image", {"jpeg", "created"}), (Item, "Item", set()), (Batch, "Batch", set())],
)
def test_the_client_relies_on_nothing_that_may_be_missing(kind, schema, added):
    described = DESCRIPTION["components"]["schemas"][schema]
    assert {field.name for field in dataclasses.fields(kind)} - added <= set(described["required"])


def test_addresses_are_those_of_the_description():
    assert {client_api.IMAGES, client_api.CONVERSIONS, client_api.BATCHES} <= set(DESCRIPTION["paths"])
