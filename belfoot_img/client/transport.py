"""Requests that carry the credentials and are tried again within bounds."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from belfoot_img.client.errors import ApiError, NetworkError, PermanentError, TemporaryError, of_answer
from belfoot_img.version import __version__

FIRST_PAUSE = 1.0
"""Seconds before the second attempt where the service names none; each further pause is twice as long."""


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An ``auth`` that adds nothing: without one, requests would add what ~/.netrc has for the host."""
    return request


class Transport:
    """``timeout``: seconds for an answer. ``attempts`` in all, as long as the pauses between them stay within
    ``patience`` seconds. Redirects are not followed, so that the password goes to ``base`` alone."""

    def __init__(
        self,
        base: str,
        username: str,
        password: str,
        *,
        basic: bool,
        timeout: float,
        attempts: int,
        patience: float,
        language: str | None,
        session: requests.Session | None,
    ):
        if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname:
            raise ValueError(f"base: {base!r} is not the address of a service, such as https://images.example.com")
        self._base = base.rstrip("/")
        self._session = session or requests.Session()
        self._user = {} if basic else {"user": {"username": username, "password": password}}
        self._headers = {"User-Agent": f"belfoot_img.client/{__version__}"}
        if basic:
            pair = base64.b64encode(f"{username}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"
        if language:
            self._headers["Accept-Language"] = language
        self._timeout = timeout
        self._attempts = attempts
        self._patience = patience

    def send(
        self,
        method: str,
        path: str,
        *,
        data: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return a 2xx or 304 answer; anything else raises ApiError. ``path`` is escaped already."""
        document = {**self._user, **({} if data is None else {"data": data})}
        body = json.dumps(document) if document else None
        sent = {"Content-Type": "application/json", **(headers or {})}
        return self._send(path, query, requests.Request(method, self._base, sent, data=body))

    def upload(
        self, path: str, file: bytes, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> requests.Response:
        """POST a form whose last part is the file; returns and raises as ``send`` does."""
        user = self._user.get("user")
        account = {"user": user["username"], "password": user["password"]} if user else {}
        files = {"file": ("file", file, "application/octet-stream")}
        form = requests.Request("POST", self._base, dict(headers), data={**account, **fields}, files=files)
        return self._send(path, None, form)

    def _send(self, path: str, query: Mapping[str, Any] | None, request: requests.Request) -> requests.Response:
        request.headers = {**self._headers, **request.headers}
        request.auth = _no_netrc
        prepared = self._session.prepare_request(request)
        # Set as it is: requests would turn %2E%2E into "..", and an article may be called that.
        prepared.url = self._base + path + (f"?{urlencode(query)}" if query else "")
        return self._patiently(prepared)

    def _patiently(self, prepared: requests.PreparedRequest) -> requests.Response:
        waited = 0.0
        for attempt in range(1, self._attempts + 1):
            try:
                return self._once(prepared)
            except TemporaryError as error:
                pause = _pause(error, attempt)
                if attempt == self._attempts or waited + pause > self._patience:
                    raise
            time.sleep(pause)
            waited += pause
        raise AssertionError("attempts is at least 1")

    def _once(self, prepared: requests.PreparedRequest) -> requests.Response:
        options = self._session.merge_environment_settings(prepared.url, {}, None, None, None)
        try:
            answer = self._session.send(prepared, timeout=self._timeout, allow_redirects=False, **options)
        except requests.exceptions.SSLError as error:
            raise PermanentError(f"the certificate of {self._base} is not trusted: {error}") from error
        except requests.RequestException as error:
            raise NetworkError(f"no whole answer from {self._base}: {error}") from error
        if answer.ok and not answer.is_redirect:
            return answer
        raise of_answer(answer)


def _pause(error: ApiError, attempt: int) -> float:
    """Return the seconds before the next attempt: those that the service named, else growing ones of which no two are
    alike."""
    if error.retry_after is not None:
        return error.retry_after
    return FIRST_PAUSE * float(2 ** (attempt - 1)) * random.uniform(0.5, 1)
