"""The ``Fetcher`` downloads the bytes behind a URL under the bounds of ``FetchSettings``."""

from __future__ import annotations

import http.client
import io
import math
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import requests
import urllib3

from belfoot_img.errors import ImageTooLarge, OriginFailed, OriginTimedOut, ServiceError, UrlRefused
from belfoot_img.imaging.fetching import connection
from belfoot_img.imaging.fetching.addresses import permitted
from belfoot_img.imaging.fetching.connection import Budget
from belfoot_img.imaging.fetching.target import Target
from belfoot_img.settings import FetchSettings

CHUNK = 64 * 1024
"""Bytes of the body that are read at once."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


# --- why an origin failed ------------------------------------------------------------------------------------------


def _reason(errors: list[BaseException]) -> str:
    """Returns the text of the first of ``REASONS`` that matches one of the errors."""
    for kind, why in REASONS:
        for error in errors:
            if isinstance(error, kind):
                return why(error) if callable(why) else why
    return "the connection failed"


REASONS = (
    (socket.gaierror, "its name does not resolve"),
    (UnicodeError, "its name does not resolve"),
    (ssl.SSLCertVerificationError, lambda error: f"its TLS certificate is not valid ({error.verify_message})"),
    (ssl.SSLError, lambda error: f"TLS failed ({error.reason or 'the connection ended'})"),
    (connection.OverspentError, "it sends too many or too large headers or chunk frames"),
    (http.client.IncompleteRead, "its answer ends too early"),
    (ConnectionRefusedError, "it refused the connection"),
    (http.client.RemoteDisconnected, "it closed the connection without an answer"),
    (ConnectionError, "it broke the connection off"),
    ((http.client.HTTPException, ValueError, urllib3.exceptions.HTTPError), "its answer is not proper HTTP"),
    (OSError, lambda error: (error.strerror or "the connection failed").lower()),
)
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)


def _retry_after(response: requests.Response) -> int | None:
    """Returns the seconds that a 429 or 503 asks to be left alone (RFC 9110, 10.2.3), None where it does not, or not
    clearly."""
    value = response.headers.get("Retry-After", "").strip()
    if response.status_code not in (429, 503) or not value:
        return None
    if re.fullmatch(r"[0-9]{1,6}", value):
        return int(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0, math.ceil((moment - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError, OverflowError):  # no date, or one without a time zone
        return None


def _chain(error: BaseException) -> list[BaseException]:
    """Returns the error and its causes; urllib3 passes some on only as an argument."""
    errors = [error]
    for one in errors:
        parts = (one.__cause__, one.__context__, *one.args)
        errors += [part for part in parts if isinstance(part, BaseException) and part not in errors]
    return errors


# --- the fetcher ---------------------------------------------------------------------------------------------------


class Fetcher:
    """Downloads URLs under ``settings``. Thread-safe; keeps no state between two fetches.

    ``look_up(host, port)`` replaces the system's resolver, in tests for instance.
    """

    def __init__(self, settings: FetchSettings, look_up: connection.LookUp = connection.look_up):
        self._settings = settings
        self._look_up = look_up
        self._adapter = connection.PinnedAdapter(max_retries=0)

    @classmethod
    def from_settings(cls, settings: FetchSettings) -> Fetcher:
        return cls(settings)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return connection.tls_context()

    def fetch(self, url: str, receiving: Callable[[int], Any] = lambda size: None) -> bytes:
        """Returns the bytes behind ``url``. Raises UrlRefused, OriginFailed, OriginTimedOut, ImageTooLarge.

        ``receiving`` is told the bytes of each piece of the body; what it raises ends the download.
        Messages of the errors name the origin, never the path or the query.
        """
        budget = Budget(self._settings.deadline)
        target = Target.parse(url)
        for _ in range(self._settings.redirects + 1):
            try:
                found = self._request_once(target, budget, receiving)
            except ServiceError:
                raise
            except FAILURES as error:
                raise self._explained(target, error) from None  # the messages of requests hold the query
            if isinstance(found, bytes):
                return found
            target = found
        raise OriginFailed(f"{target.origin}: more than {self._settings.redirects} redirects")

    def _request_once(self, target: Target, budget: Budget, receiving: Callable[[int], Any]) -> bytes | Target:
        """Returns the body, or the target of a redirect."""
        self._check_allowed(target)
        addresses = self._addresses(target, budget)
        tls = self._tls if target.scheme == "https" else None
        with (
            connection.PinnedPool(target.host, target.port, addresses=addresses, budget=budget, tls=tls) as pool,
            closing(self._adapter.send(self._build_request(target, pool), stream=True)) as response,
        ):
            if response.status_code in REDIRECTS:
                return self._redirect(target, response)
            if response.status_code != 200:
                raise OriginFailed(
                    f"{target.origin}: it answered {response.status_code}, not 200",
                    retry_after=_retry_after(response),
                    origin_status=response.status_code,
                )
            return self._body(target, response.raw, budget, receiving)

    def _check_allowed(self, target: Target) -> None:
        """Checks port and host name against the settings. Raises UrlRefused."""
        ports, hosts = self._settings.ports, self._settings.hosts
        if ports is not None and target.port not in ports:
            raise UrlRefused(
                f"{target.origin}: only these ports may be fetched from: {', '.join(map(str, sorted(ports)))}"
            )
        if hosts is not None and not any(_matches(target.host, pattern) for pattern in hosts):
            raise UrlRefused(f"{target.origin}: it is not among the hosts that may be fetched from")

    def _addresses(self, target: Target, budget: Budget) -> Sequence[connection.Address]:
        """Returns the addresses of the host, if every one is permitted. Raises UrlRefused, OriginFailed, OSError."""
        if target.literal:
            family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
            addresses: Sequence[connection.Address] = [(family, (target.host, target.port))]
        else:
            addresses = connection.resolve(target.host, target.port, budget, self._look_up)
        if not all(permitted(address[0], self._settings.allow_networks) for _, address in addresses):
            raise UrlRefused(f"{target.origin}: it is not, or not only, at a public address")
        if not addresses:
            raise OriginFailed(f"{target.origin}: its name does not resolve")
        return addresses

    def _build_request(self, target: Target, pool: connection.PinnedPool) -> connection.PinnedRequest:
        headers: dict[str, str | bytes] = {
            "User-Agent": self._settings.user_agent.encode(),
            "Accept": "image/*, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        return connection.PinnedRequest(target.url, target.path, headers, pool)

    def _redirect(self, target: Target, response: requests.Response) -> Target:
        location = response.headers.get("Location", "").strip()
        if not location:
            raise OriginFailed(f"{target.origin}: it answered {response.status_code} without saying where to")
        with suppress(UnicodeError):  # http.client reads bytes as Latin-1, servers write UTF-8
            location = location.encode("latin-1").decode()
        return target.join(location)

    def _body(
        self, target: Target, raw: urllib3.HTTPResponse, budget: Budget, receiving: Callable[[int], Any]
    ) -> bytes:
        """Returns the whole body, held in memory once. Raises ImageTooLarge, OriginFailed, HTTPError (it ends
        early)."""
        length = _declared_length(target, raw.headers)
        limit = self._settings.max_bytes
        too_large = ImageTooLarge(f"{target.origin}: the image has more than {limit} bytes")
        if length is not None and length > limit:
            raise too_large
        # getvalue() hands over the buffer without a copy; where it fails, the traceback of the error keeps no body.
        with io.BytesIO() as body:
            while chunk := self._read(raw, budget):
                receiving(len(chunk))
                body.write(chunk)
                if body.tell() > limit:
                    raise too_large
            return body.getvalue()

    @staticmethod
    def _read(raw: urllib3.HTTPResponse, budget: Budget) -> bytes:
        # Twice the body leaves room for chunks of 6 bytes; endless chunk frames and trailers are refused here.
        budget.allow(2 * CHUNK)
        return raw.read(CHUNK, decode_content=False)

    def _explained(self, target: Target, error: Exception) -> ServiceError:
        errors = _chain(error)
        if any(isinstance(one, TimeoutError) for one in errors):
            return OriginTimedOut(f"{target.origin}: it did not deliver within {self._settings.deadline:g} s")
        return OriginFailed(f"{target.origin}: {_reason(errors)}")


def _matches(host: str, pattern: str) -> bool:
    """``*.example.com`` is any host below example.com."""
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def _declared_length(target: Target, headers: urllib3.HTTPHeaderDict) -> int | None:
    """Returns the bytes of the body, None where it is chunked or ends with the connection. Raises OriginFailed."""
    if headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise OriginFailed(f"{target.origin}: it sends the image compressed, though asked not to")
    lengths, coding = headers.getlist("Content-Length"), headers.get("Transfer-Encoding")
    if coding is not None:
        if lengths or coding.strip().lower() != "chunked":
            raise OriginFailed(f"{target.origin}: it does not say clearly where its answer ends")
        return None
    if len(set(lengths)) > 1 or not all(re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
        raise OriginFailed(f"{target.origin}: it does not say clearly how long its answer is")
    return int(lengths[0]) if lengths else None
