"""Many at once: one whole image each, and no connection held while the network or a codec is busy."""

from __future__ import annotations

import base64
import gc
import hashlib
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from webtest import TestApp

from belfoot_img import main
from testbed.client import EDITOR
from testbed.photographs import photograph, png


@pytest.mark.parametrize("articles", [1, 50])
def test_fifty_posts_at_once(client, origin, articles):
    pictures = [png(40 + number, 30, f"#{number:02x}8040") for number in range(50)]
    urls = [origin.serve(picture) for picture in pictures]

    def post(number: int):
        return client.store(urls[number], f"article {number % articles}", timeout=120)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, range(50)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert [answer.status_code for answer in answers].count(201) == articles
    sources = {hashlib.sha256(picture).hexdigest() for picture in pictures}
    for number in range(articles):
        data = client.read(f"article {number}").json()["data"]
        assert hashlib.sha256(base64.b64decode(data["image"])).hexdigest() == data["sha256"]
        assert data["source"]["sha256"] in sources


@pytest.fixture
def app(database, database_url):
    """The application in this process, so that its connections can be counted."""
    app = main(
        {},
        **{
            "sqlalchemy.url": database_url,
            "belfoot_img.fetch.allow_networks": "127.0.0.0/8",
            "belfoot_img.fetch.ports": "any",
        },
    )
    yield app
    app.registry["converter"].close()
    app.registry["engine"].dispose()


def test_no_connection_is_held_during_a_slow_download(app, origin):
    picture, fetching, go_on = photograph("coffee.png"), threading.Event(), threading.Event()

    def slow(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(picture)))
        handler.end_headers()
        handler.wfile.write(picture[:1000])
        handler.wfile.flush()
        fetching.set()
        assert go_on.wait(10)
        handler.wfile.write(picture[1000:])

    body = {
        "user": {"username": EDITOR.username, "password": EDITOR.password},
        "data": {"url": origin.serve(slow), "article_id": "42"},
    }
    answers = []
    thread = threading.Thread(target=lambda: answers.append(TestApp(app).post_json("/api/v1/images", body)))
    thread.start()
    try:
        assert fetching.wait(10)
        assert app.registry["engine"].pool.checkedout() == 0
    finally:
        go_on.set()
        thread.join(60)
    assert answers[0].status_int == 201


def test_no_connection_is_held_during_a_conversion(app, origin, monkeypatch):
    converter, held = app.registry["converter"], []
    run = converter.processes.run

    def counting(*arguments):
        held.append(app.registry["engine"].pool.checkedout())
        return run(*arguments)

    monkeypatch.setattr(converter.processes, "run", counting)
    body = {
        "user": {"username": EDITOR.username, "password": EDITOR.password},
        "data": {"url": origin.serve(png(64, 48)), "article_id": "42"},
    }
    assert TestApp(app).post_json("/api/v1/images", body).status_int == 201
    assert held == [0]


def test_a_refused_source_is_let_go_with_its_answer(app, origin):
    """No cycle through the error's traceback keeps it until the collector comes by, which may be much later."""
    damaged = png(64, 48)[:60] + bytes(20_000_000)
    body = {
        "user": {"username": EDITOR.username, "password": EDITOR.password},
        "data": {"url": origin.serve(damaged), "article_id": "42"},
    }
    TestApp(app).post_json("/api/v1/images", body, status=422)  # imports, caches, the process of conversions
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        assert TestApp(app).post_json("/api/v1/images", body, status=422).json["error"]["code"] == "image_damaged"
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert kept < 5_000_000
