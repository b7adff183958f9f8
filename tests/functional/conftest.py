"""The service under each server it runs under; every contract test talks to all of them."""

from __future__ import annotations

import pytest

from tests import servers
from tests.client import Client


@pytest.fixture(scope="session", params=["pserve", "gunicorn", "nginx"])
def base(request, engine, database_url, tmp_path_factory) -> str:
    start = getattr(servers, request.param)
    with start(tmp_path_factory.mktemp(request.param), database_url) as base:
        yield base


@pytest.fixture
def client(base, database) -> Client:
    return Client(base)
