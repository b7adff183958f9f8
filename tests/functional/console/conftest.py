"""The console under pserve, and Debian's Chromium; tests are skipped without Chromium or playwright."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from belfoot_img.payload import Credentials
from testbed import servers
from testbed.client import EDITOR, Client
from tests.functional.console.browser import Browser, Visit


@pytest.fixture(scope="session")
def base(engine, database_url, tmp_path_factory) -> Iterator[str]:
    with servers.pserve(tmp_path_factory.mktemp("console"), database_url) as base:
        yield base


@pytest.fixture
def client(base, database) -> Client:
    return Client(base)


@pytest.fixture(scope="session")
def chromium(launch) -> Iterator[Browser]:
    browser = launch()
    yield Browser(browser)
    browser.close()


@pytest.fixture
def visit(chromium, base, database) -> Callable[..., contextmanager[Visit]]:
    """``with visit(user) as page``: a window of its own, signed in; whatever goes wrong in it fails the test."""

    @contextmanager
    def visit(user: Credentials | None = EDITOR, **options) -> Iterator[Visit]:
        with chromium.visit(base, **options) as page:
            if user is not None:
                page.sign_in(user)
            yield page

    return visit
