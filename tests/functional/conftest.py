"""The service under each server it runs under; every contract test talks to all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from testbed import servers
from testbed.client import Client


def pytest_collection_modifyitems(items):
    """Marks what drives a browser, so that it can be run by itself: ``make test ARGS="-m browser"``."""
    for item in items:
        if "launch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", params=["pserve", "gunicorn", "nginx"])
def base(request, engine, database_url, tmp_path_factory) -> str:
    start = getattr(servers, request.param)
    with start(tmp_path_factory.mktemp(request.param), database_url) as base:
        yield base


@pytest.fixture(scope="session")
def launch() -> Iterator:
    """``launch(*arguments)`` starts Debian's Chromium. Playwright runs once in a process, for all of the tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'belfoot_img[browser]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        yield lambda *arguments: driver.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])


@pytest.fixture
def client(base, database) -> Client:
    return Client(base)
