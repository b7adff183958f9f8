"""A connection that goes to the addresses it was given and spends no more than it may.

``requests`` and urllib3 resolve a name where they dial it, wait per ``recv``, and read header and chunk lines of any
number. Here the addresses are resolved and judged beforehand, every wait ends at the deadline of the whole fetch, and
every read off the wire comes out of an allowance.
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

import certifi
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

# (family, socket address), as socket.getaddrinfo gives them
Address = tuple[socket.AddressFamily, tuple]
LookUp = Callable[[str, int], Sequence[Address]]

HEADER_BYTES = 64 * 1024  # status line and headers, interim answers (1xx) included
ATTEMPTS = 4  # addresses dialled of one answer, which may hold hundreds
LOOK_UPS = 32  # at once in a process: one that hangs cannot be ended, only outnumbered
_looking_up = threading.BoundedSemaphore(LOOK_UPS)


class Budget:
    """What a fetch may still spend: seconds until its deadline, and bytes off the wire until the next allowance."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds
        self._bytes = 0

    def seconds(self) -> float:
        """Those that are left, above 0. Raises TimeoutError at the deadline."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def allow(self, size: int) -> None:
        """``size`` bytes from here on, whatever was left."""
        self._bytes = size

    def require(self) -> None:
        """Raises HTTPException where nothing is left of the allowance."""
        if self._bytes <= 0:
            raise OverspentError

    def spend(self, size: int) -> None:
        self._bytes -= size


class OverspentError(http.client.HTTPException):
    """More came off the wire than a well-meant answer needs."""


# --- names ---------------------------------------------------------------------------------------------------------


def look_up(host: str, port: int) -> list[Address]:
    """The system's answer, in its order of preference. Raises OSError, UnicodeError."""
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
    """The first that answers, each having an equal share of the seconds left. Raises OSError, the last one's."""
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
    """Trusts certifi's authorities and the system's (``SSL_CERT_FILE``, ``SSL_CERT_DIR``), where a house's own may be.

    Takes some 20 ms of CPU to build: made once, shared by all threads, changed by none.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class Wire(io.RawIOBase):
    """What comes from the other side, on a budget. Stands in for the socket that HTTPResponse reads from."""

    def __init__(self, sock: socket.socket, budget: Budget):
        self._sock, self._budget = sock, budget
        self._raw = sock.makefile("rb", buffering=0)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        self._budget.require()
        self._sock.settimeout(self._budget.seconds())
        size = self._raw.readinto(buffer)
        self._budget.spend(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class Answer(http.client.HTTPResponse):
    """An answer read off a Wire."""

    def __init__(self, sock: socket.socket, *args, budget: Budget, **options):
        budget.allow(HEADER_BYTES)
        super().__init__(Wire(sock, budget), *args, **options)

    def _read_status(self) -> tuple[str, int, str]:
        # http.client skips 100 alone and takes 103 Early Hints for the answer.
        version, status, reason = super()._read_status()
        while 102 <= status < 200:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()
        return version, status, reason

    def begin(self) -> None:
        super().begin()
        # A line that is no header ends the parsing: what stands behind it, lengths included, would be lost.
        if self.msg.defects or self.msg.get_payload():
            raise http.client.HTTPException("malformed headers")


class Connection(HTTPConnection):
    """To ``addresses`` and no other, while Host and TLS (where ``tls`` is given) keep the name."""

    def __init__(
        self, *args, addresses: Sequence[Address], budget: Budget, tls: ssl.SSLContext | None = None, **options
    ):
        super().__init__(*args, **options)
        self._addresses, self._budget, self._tls = addresses, budget, tls
        self.default_port = 443 if tls else 80
        self.response_class = partial(Answer, budget=budget)

    def connect(self) -> None:
        self.sock = dial(self._addresses, self._budget)
        self.sock.settimeout(self._budget.seconds())
        if self._tls:
            # A body that only the end of the connection ends must not be cut short unnoticed.
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host, suppress_ragged_eofs=False)
            self.sock.settimeout(self._budget.seconds())


class Pool(HTTPConnectionPool):
    """Of one connection, for one request."""

    ConnectionCls = Connection


class Request(PreparedRequest):
    """A GET that carries the way to its origin: ``pool``, and ``target``, the path and query as sent.

    Nothing of the URL is parsed again behind the judge's back.
    """

    def __init__(self, url: str, target: str, headers: dict[str, str | bytes], pool: Pool):
        super().__init__()
        self.method, self.url, self.headers = "GET", url, headers
        self.target, self.pool = target, pool


class Adapter(HTTPAdapter):
    """Sends a Request over its own pool. Holds no state, so that threads may share it.

    Used without a ``requests.Session``, which would bring cookies, .netrc, proxies, and would read redirects' bodies.
    """

    def get_connection_with_tls_context(self, request: Request, verify, proxies=None, cert=None) -> Pool:
        return request.pool

    def cert_verify(self, conn: Pool, url: str, verify, cert) -> None:
        """Left to Connection, whose context is built already."""

    def request_url(self, request: Request, proxies) -> str:
        return request.target
