"""A CMS in miniature: what the functional tests talk to the service with."""

from __future__ import annotations

import json
from typing import Any

import requests

from belfoot_img.payload import Credentials
from testbed import description

ADMIN = Credentials("admin", "the admin's long password")
EDITOR = Credentials("editor", "correct horse battery")
READER = Credentials("reader", "staple of the reader")


class Client:
    """Requests to one service, each on a connection of its own unless ``session`` is used by hand."""

    def __init__(self, base: str, user: Credentials | None = EDITOR, checked: bool = True):
        self.base = base
        self.user = user
        self.checked = checked

    def request(self, method: str, path: str, data: Any = None, user: Any = ..., **options) -> requests.Response:
        return self.send(method, path, json.dumps(self.body(data, user)), **options)

    def body(self, data: Any = None, user: Any = ...) -> dict[str, Any]:
        user = self.user if user is ... else user
        document = {} if user is None else {"user": {"username": user.username, "password": user.password}}
        return document if data is None else {**document, "data": data}

    def send(self, method: str, path: str, body: Any = None, **options) -> requests.Response:
        """``body``: what goes out, as it is; an iterator of bytes goes out chunked. The answer is held to openapi.json
        unless ``checked`` is False."""
        options.setdefault("timeout", 60)
        answer = requests.request(method, self.base + path, data=body, allow_redirects=False, **options)
        if self.checked:
            description.check(answer)
        return answer

    def store(self, url: str, article_id: Any = "42", **options) -> requests.Response:
        return self.request("POST", "/api/v1/images", {"url": url, "article_id": article_id}, **options)

    def read(self, article_id: str = "42", **options) -> requests.Response:
        return self.request("GET", f"/api/v1/images/{article_id}", **options)

    def remove(self, article_id: str = "42", **options) -> requests.Response:
        return self.request("DELETE", f"/api/v1/images/{article_id}", **options)


def assert_error(response: requests.Response, status: int, code: str) -> dict:
    """The one shape of every error; returns its ``error`` object."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert set(document) == {"error"}
    error = document["error"]
    assert set(error) == {"code", "message", "request_id"}
    assert error["code"] == code
    assert error["request_id"] == response.headers["X-Request-ID"]
    assert error["message"].strip()
    return error
