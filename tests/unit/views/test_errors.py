"""What an exception of a view becomes: the one JSON shape, or a page's own redirect."""

from __future__ import annotations

import logging

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPBadRequest, HTTPFound, HTTPNotFound, HTTPSeeOther
from sqlalchemy.exc import ProgrammingError
from webtest import TestApp

from belfoot_img.errors import DatabaseUnavailable


@pytest.fixture
def app():
    """A view that raises what the test puts into ``raising``, behind the service's tweens and error views."""
    raising: list[Exception] = []

    def view(request):
        raise raising[0]

    with Configurator(settings={"sqlalchemy.url": "postgresql://nobody@127.0.0.1:1/nothing"}) as config:
        config.include("belfoot_img.settings")
        config.include("belfoot_img.tweens")
        config.include("belfoot_img.client_address")
        config.scan("belfoot_img.views.errors")
        config.add_view(view)
    app = TestApp(config.make_wsgi_app())
    app.raising = raising
    return app


@pytest.mark.parametrize("redirect", [HTTPSeeOther, HTTPFound])
def test_a_page_may_redirect(app, redirect):
    app.raising.append(redirect("/console/en/images"))
    answer = app.get("/")
    assert (answer.status_int, answer.location) == (redirect.code, "http://localhost/console/en/images")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (HTTPBadRequest(), 400, "malformed_json"),
        (HTTPNotFound(), 404, "not_found"),
        (DatabaseUnavailable(), 503, "database_unavailable"),
        (ProgrammingError("SELECT nothing", {}, Exception("secret")), 500, "internal_error"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_everything_else_has_the_one_shape_and_gives_nothing_away(app, error, status, code):
    app.raising.append(error)
    answer = app.get("/", status=status)
    assert answer.json["error"]["code"] == code and "secret" not in answer.text


def test_the_log_says_why_and_the_answer_does_not(app, caplog):
    app.raising.append(DatabaseUnavailable(reason="host db1 refused the connection"))
    with caplog.at_level(logging.INFO):
        answer = app.get("/", status=503)
    assert "db1" in caplog.text and "db1" not in answer.text
