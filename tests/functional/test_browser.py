"""Pages of another site, in a real Chromium whose cache holds the editor's name and password, change nothing here."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from testbed import servers
from testbed.client import EDITOR, Client
from testbed.photographs import png

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("chromium is not installed (apt-get install chromium)", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'belfoot_img[browser]'")

HOSTS = ["cms.example", "localhost"]
"""Over plain HTTP, Chromium sends Sec-Fetch-Site to localhost alone; elsewhere it sends only Origin."""

PAGE = """
<form id="post" method="post" enctype="text/plain" action="{target}/api/v1/images">
  <input name='{before}' value='{after}'>
</form>
"""


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory):
    with servers.nginx(tmp_path_factory.mktemp("browser"), database_url, "--workers=1") as base:
        yield base


@pytest.fixture
def client(base, database) -> Client:
    return Client(base)


@pytest.fixture(scope="module")
def chromium(launch):
    browser = launch("--host-resolver-rules=MAP cms.example 127.0.0.1, MAP evil.example 127.0.0.1")
    yield browser
    browser.close()


@pytest.fixture(params=HOSTS)
def target(request, base) -> str:
    """The service under a name of its own."""
    return f"http://{request.param}:{urlsplit(base).port}"


@pytest.fixture
def page(chromium, client, target):
    """A tab of a browser that has logged in to the service, as its Basic cache has it."""
    context = chromium.new_context(http_credentials={"username": EDITOR.username, "password": EDITOR.password})
    page = context.new_page()
    assert page.goto(f"{target}/api/v1/images").status == 200
    yield page
    context.close()


@contextmanager
def site(html: str):
    """Another site; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://evil.example:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def form(target: str, url: str) -> str:
    """A form whose text/plain body, ``name=value``, is the JSON of a POST."""
    whole = json.dumps({"data": {"url": url, "article_id": "42"}, "padding": "="})
    before, _, after = whole.rpartition("=")
    return PAGE.format(target=target, before=before, after=after)


def submit(page) -> int:
    """The status that the form's POST is answered with."""
    with page.expect_response(lambda response: response.request.method == "POST") as answered:
        page.evaluate("document.getElementById('post').submit()")
    return answered.value.status


def test_a_form_of_another_site_stores_nothing(page, client, target, origin):
    with site(form(target, origin.serve(png(8, 8)))) as elsewhere:
        page.goto(elsewhere)
        assert submit(page) == 403
    assert client.read().status_code == 404


def test_the_same_form_on_a_page_of_the_service_itself_stores(page, client, target, origin):
    """The control: without the check the form above would store."""
    page.goto(f"{target}/api/v1/images")
    page.evaluate("html => { document.documentElement.innerHTML = html }", form(target, origin.serve(png(8, 8))))
    assert submit(page) == 201
    assert client.read().status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_fetch_of_another_site_changes_nothing(page, client, target, origin, method):
    assert client.store(origin.serve(png(8, 8))).status_code == 201
    before = client.read().json()
    path = "/api/v1/images/42" if method == "DELETE" else "/api/v1/images"
    body = json.dumps({"data": {"url": origin.serve(png(9, 9)), "article_id": "42"}})
    script = """([url, method, mode, body]) =>
        fetch(url, {method, mode, credentials: "include", body}).then(() => "sent", error => String(error))"""
    with site("<p>another site</p>") as elsewhere:
        page.goto(elsewhere)
        for mode in ("cors", "no-cors"):
            page.evaluate(script, [target + path, method, mode, None if method == "DELETE" else body])
    assert client.read().json() == before


def test_another_site_reads_nothing(page, client, target, origin):
    client.store(origin.serve(png(8, 8)))
    script = 'url => fetch(url, {credentials: "include"}).then(answer => answer.text(), () => "refused")'
    image = """url => new Promise(done => {
        const image = new Image(); image.onload = () => done("shown"); image.onerror = () => done("refused");
        image.src = url })"""
    with site("<p>another site</p>") as elsewhere:
        page.goto(elsewhere)
        assert page.evaluate(script, f"{target}/api/v1/images/42") == "refused"
        assert page.evaluate(image, f"{target}/api/v1/images/42") == "refused"
