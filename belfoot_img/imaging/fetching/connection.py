"""HTTP connections to addresses that are given, within a budget of time and bytes.

``requests`` and urllib3 resolve a name when they connect, apply timeouts to each ``recv``, and read any number of
header and chunk lines. Here the caller resolves and checks the addresses beforehand, every wait ends at the
deadline of the whole fetch, and every read from the socket is counted against an allowance.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import certifi
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

# (family, socket address), as socket.getaddrinfo gives them
Address = tuple[socket.AddressFamily, tuple]
LookUp = Callable[[str, int], Sequence[Address]]

HEADER_BYTES = 64 * 1024  # status line and headers, interim answers (1xx) included
ATTEMPTS = 4  # addresses tried of one DNS answer, which may hold hundreds
LOOK_UPS = 32  # at once in a process; a look-up that hangs cannot be cancelled and keeps its thread
_looking_up = threading.BoundedSemaphore(LOOK_UPS)


class Budget:
    """What a fetch may still use: seconds until its deadline, and bytes from the socket until the next allowance."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds
        self._bytes = 0

    def seconds(self) -> float:
        """Returns the seconds left, above 0. Raises TimeoutError at the deadline."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def allow(self, size: int) -> None:
        """Sets the allowance to ``size`` bytes, whatever was left."""
        self._bytes = size

    def require(self) -> None:
        """Raises HTTPException where nothing is left of the allowance."""
        if self._bytes <= 0:
            raise OverspentError

    def spend(self, size: int) -> None:
        self._bytes -= size


class OverspentError(http.client.HTTPException):
    """The origin sent more bytes than a regular answer needs."""


# --- names ---------------------------------------------------------------------------------------------------------


def look_up(host: str, port: int) -> list[Address]:
    """Returns the system's answer, in its order of preference. Raises OSError, UnicodeError."""
    return [(family, address) for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolve(host: str, port: int, budget: Budget, ask: LookUp = look_up) -> Sequence[Address]:
    """``ask(host, port)`` within the budget. Raises TimeoutError, and what ``ask`` raises.

    ``getaddrinfo`` knows no deadline and cannot be interrupted, so a thread waits for it.
    """
    if not _looking_up.acquire(timeout=budget.seconds()):
        raise TimeoutError
    answer: Future[Sequence[Address]] = Future()

    def wait() -> None:
        try:
            answer.set_result(ask(host, port))
        except Exception as error:
            answer.set_exception(error)
        finally:
            _looking_up.release()

    try:
        threading.Thread(target=wait, name="look-up", daemon=True).start()
    except RuntimeError:  # no more threads
        _looking_up.release()
        raise
    return answer.result(timeout=budget.seconds())


# --- sockets -------------------------------------------------------------------------------------------------------


def dial(addresses: Sequence[Address], budget: Budget) -> socket.socket:
    """Returns a socket connected to the first address that accepts; each gets an equal share of the seconds left.

    Raises the OSError of the last address.
    """
    candidates = addresses[:ATTEMPTS]
    for others, (family, address) in zip(reversed(range(len(candidates))), candidates, strict=True):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(budget.seconds() / (others + 1))
            sock.connect(address)
            return sock
        except OSError:
            sock.close()
            if not others:
                raise
    raise ConnectionError("no address")


def tls_context() -> ssl.SSLContext:
    """Returns a context that trusts certifi's authorities and the system's (``SSL_CERT_FILE``, ``SSL_CERT_DIR``).

    Building it takes some 20 ms of CPU: all threads share one, and none changes it.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class BudgetedReader(io.RawIOBase):
    """Reads from a socket within the budget. Takes the place of the socket that HTTPResponse reads from."""

    def __init__(self, sock: socket.socket, budget: Budget):
        self._sock, self._budget = sock, budget
        self._raw = sock.makefile("rb", buffering=0)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._budget.require()
        self._sock.settimeout(self._budget.seconds())
        size = self._raw.readinto(buffer) or 0  # None for a non-blocking socket, which this is not
        self._budget.spend(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class BudgetedResponse(http.client.HTTPResponse):
    """A response whose headers and body are read within the budget."""

    def __init__(self, sock: socket.socket, *args, budget: Budget, **options):
        budget.allow(HEADER_BYTES)
        super().__init__(BudgetedReader(sock, budget), *args, **options)  # type: ignore[arg-type]  # only makefile() is used

    def _read_status(self) -> tuple[str, int, str]:
        # http.client skips 100 alone and takes 103 Early Hints for the answer.
        version, status, reason = super()._read_status()  # type: ignore[misc]  # private, so not in the stubs
        while 102 <= status < 200:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]  # private, so not in the stubs
        return version, status, reason

    def begin(self) -> None:
        super().begin()
        # A line that is no header ends the parsing, and the headers after it (lengths included) would be lost.
        if self.msg.defects or self.msg.get_payload():
            raise http.client.HTTPException("malformed headers")


class PinnedConnection(HTTPConnection):
    """Connects to ``addresses`` only; the Host header and TLS (where ``tls`` is given) keep the host's name."""

    def __init__(
        self, *args, addresses: Sequence[Address], budget: Budget, tls: ssl.SSLContext | None = None, **options
    ):
        super().__init__(*args, **options)
        self._addresses, self._budget, self._tls = addresses, budget, tls
        self.default_port = 443 if tls else 80  # type: ignore[misc]
        self.response_class = partial(BudgetedResponse, budget=budget)  # type: ignore[assignment]

    def connect(self) -> None:
        self.sock = dial(self._addresses, self._budget)
        self.sock.settimeout(self._budget.seconds())
        if self._tls:
            # Without it a body that ends with the connection could be cut short unnoticed.
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host, suppress_ragged_eofs=False)
            self.sock.settimeout(self._budget.seconds())


class PinnedPool(HTTPConnectionPool):
    """A pool of one connection, for one request."""

    ConnectionCls = PinnedConnection


class PinnedRequest(PreparedRequest):
    """A GET with its own ``pool`` and its request line's ``target`` (path and query), so that no library parses the URL
    again.
    """

    def __init__(self, url: str, target: str, headers: dict[str, str | bytes], pool: PinnedPool):
        super().__init__()
        self.method, self.url = "GET", url
        self.headers = headers  # type: ignore[assignment]  # sent as they are; requests' own look-ups are not used
        self.target, self.pool = target, pool


class PinnedAdapter(HTTPAdapter):
    """Sends a PinnedRequest over its own pool. Thread-safe, since it holds no state.

    It is used without a ``requests.Session``, which would add cookies, .netrc and proxies, and read redirects' bodies.
    """

    def get_connection_with_tls_context(  # type: ignore[override]
        self, request: PinnedRequest, verify, proxies=None, cert=None
    ) -> PinnedPool:
        return request.pool

    def cert_verify(self, conn: PinnedPool, url: str, verify, cert) -> None:
        """Does nothing: PinnedConnection brings its own TLS context."""

    def request_url(self, request: PinnedRequest, proxies) -> str:  # type: ignore[override]
        return request.target
