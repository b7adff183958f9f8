"""A link in, its bytes out, from a hostile internet.

A URL is parsed once, strictly, into a ``Target``; what was judged is what is dialled, since the request is built from
the Target and from the addresses its one look-up gave. Each hop of a redirect takes the same way.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, urljoin

import idna
import requests
import urllib3

from belfoot_img.errors import ImageTooLarge, OriginFailed, OriginTimedOut, ServiceError, UrlRefused
from belfoot_img.imaging.fetching import connection as dialling
from belfoot_img.imaging.fetching.addresses import permitted
from belfoot_img.imaging.fetching.connection import Budget
from belfoot_img.settings import FetchSettings

URL_LENGTH = 8192  # characters
CHUNK = 64 * 1024  # bytes of the body read at once
REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::([0-9]{0,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Target:
    """Where a URL leads: ``host`` in lower case, ASCII (IDNA), without brackets; ``path`` with the query, as sent."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Reads what a browser reads, and refuses what two parsers could read in two ways. Raises UrlRefused."""
        text = url.strip(" ")
        if len(text) > URL_LENGTH:
            raise UrlRefused(f"The URL is longer than {URL_LENGTH} characters.")
        if _CONTROL.search(text):
            raise UrlRefused("The URL holds a control character, such as a line break.")
        match = _URL.fullmatch(text)
        if not match:
            raise UrlRefused("The URL does not begin with http:// or https://.")
        scheme, authority, path, query = match.groups(default="")
        if "@" in text[match.start(2) :].partition("/")[0]:
            raise UrlRefused("The URL holds an @ before its path, such as that of a user name; leave it out.")
        host, port = _host_and_port(authority)
        scheme = scheme.lower()
        return cls(
            scheme, host, port or DEFAULT_PORTS[scheme], _encoded(path.replace("\\", "/") or "/") + _encoded(query)
        )

    def join(self, location: str) -> Target:
        """Where a redirect leads from here. Raises UrlRefused."""
        try:
            target = Target.parse(urljoin(self.url, location))
        except UrlRefused as error:
            raise UrlRefused(f"{self.origin}: it redirects to a URL that is refused. {error}") from None
        except ValueError:
            raise UrlRefused(f"{self.origin}: it redirects to a malformed URL") from None
        if (self.scheme, target.scheme) == ("https", "http"):
            raise UrlRefused(f"{target.origin}: {self.origin} redirects to it, from https to http")
        return target

    @property
    def origin(self) -> str:
        """What an error may name: neither path nor query."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def literal(self) -> str | None:
        """The host, where it is an IP address."""
        return self.host if ":" in self.host or _NUMBER.fullmatch(self.host.rpartition(".")[2]) else None


def _host_and_port(authority: str) -> tuple[str, int | None]:
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        raise UrlRefused("The URL's host or port is malformed.")
    bracketed, name, digits = match.groups(default="")
    try:
        host = str(IPv6Address(bracketed)) if bracketed else _host_name(name)
    except (ValueError, UnicodeError):  # idna's errors are UnicodeErrors
        raise UrlRefused("The URL's host is neither a host name nor an IP address in its usual form.") from None
    if digits and not 1 <= int(digits) <= 65535:
        raise UrlRefused("The URL's port is not one from 1 to 65535.")
    return host, int(digits) if digits else None


def _host_name(name: str) -> str:
    """Lower case and ASCII, by UTS #46 and IDNA 2008 where it is not. Raises ValueError.

    A host whose last label is a number is an IPv4 address (as the URL standard has it), and only four decimal numbers
    are read as one: 0x7f.1, 0177.0.0.1 and 2130706433 are 127.0.0.1 to some.
    """
    mapped = idna.uts46_remap(name, std3_rules=False).removesuffix(".")
    labels = [label if label.isascii() else idna.alabel(label).decode() for label in mapped.split(".")]
    host = ".".join(labels)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError
    return str(ip_address(host)) if _NUMBER.fullmatch(labels[-1]) else host


def _encoded(part: str) -> str:
    """Percent-encoded as UTF-8; what is encoded already stays. Raises UrlRefused."""
    try:
        return quote(_LONE_PERCENT.sub("%25", part).encode(), safe="!$%&'()*+,/:;=?@~")
    except UnicodeEncodeError:
        raise UrlRefused("The URL holds half a character (a lone surrogate).") from None


# --- why an origin failed ------------------------------------------------------------------------------------------


def _reason(errors: list[BaseException]) -> str:
    """The first of ``REASONS`` that explains one of them."""
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
    (dialling.OverspentError, "it sends too many or too large headers or chunk frames"),
    (http.client.IncompleteRead, "its answer ends too early"),
    (ConnectionRefusedError, "it refused the connection"),
    (http.client.RemoteDisconnected, "it closed the connection without an answer"),
    (ConnectionError, "it broke the connection off"),
    ((http.client.HTTPException, ValueError, urllib3.exceptions.HTTPError), "its answer is not proper HTTP"),
    (OSError, lambda error: (error.strerror or "the connection failed").lower()),
)
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and those it was made of: urllib3 hands some on as an argument only."""
    errors = [error]
    for one in errors:
        parts = (one.__cause__, one.__context__, *one.args)
        errors += [part for part in parts if isinstance(part, BaseException) and part not in errors]
    return errors


# --- the fetcher ---------------------------------------------------------------------------------------------------


class Fetcher:
    """Fetches links under ``settings``; may be shared by threads, and keeps nothing from one fetch to the next.

    ``look_up(host, port)`` stands for the system's resolver.
    """

    def __init__(self, settings: FetchSettings, look_up: dialling.LookUp = dialling.look_up):
        self._settings = settings
        self._look_up = look_up
        self._adapter = dialling.Adapter(max_retries=0)

    @classmethod
    def from_settings(cls, settings: FetchSettings) -> Fetcher:
        return cls(settings)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return dialling.tls_context()

    def fetch(self, url: str) -> bytes:
        """The bytes behind ``url``. Raises UrlRefused, OriginFailed, OriginTimedOut, ImageTooLarge; each names the
        origin, never the path or the query."""
        budget = Budget(self._settings.deadline)
        target = Target.parse(url)
        for _ in range(self._settings.redirects + 1):
            try:
                found = self._hop(target, budget)
            except ServiceError:
                raise
            except FAILURES as error:
                raise self._explained(target, error) from None  # requests' own words would put the query into the log
            if isinstance(found, bytes):
                return found
            target = found
        raise OriginFailed(f"{target.origin}: more than {self._settings.redirects} redirects")

    def _hop(self, target: Target, budget: Budget) -> bytes | Target:
        """The body, or where a redirect leads."""
        self._judge(target)
        addresses = self._addresses(target, budget)
        tls = self._tls if target.scheme == "https" else None
        with (
            dialling.Pool(target.host, target.port, addresses=addresses, budget=budget, tls=tls) as pool,
            closing(self._adapter.send(self._request(target, pool), stream=True)) as response,
        ):
            if response.status_code in REDIRECTS:
                return self._redirect(target, response)
            if response.status_code != 200:
                raise OriginFailed(f"{target.origin}: it answered {response.status_code}, not 200")
            return self._body(target, response.raw, budget)

    def _judge(self, target: Target) -> None:
        """What the name and the port alone tell. Raises UrlRefused."""
        ports, hosts = self._settings.ports, self._settings.hosts
        if ports is not None and target.port not in ports:
            raise UrlRefused(
                f"{target.origin}: only these ports may be fetched from: {', '.join(map(str, sorted(ports)))}"
            )
        if hosts is not None and not any(_matches(target.host, pattern) for pattern in hosts):
            raise UrlRefused(f"{target.origin}: it is not among the hosts that may be fetched from")

    def _addresses(self, target: Target, budget: Budget) -> Sequence[dialling.Address]:
        """Those of the host, every one permitted. Raises UrlRefused, OSError."""
        if target.literal:
            family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
            addresses = [(family, (target.host, target.port))]
        else:
            addresses = dialling.resolve(target.host, target.port, budget, self._look_up)
        if not all(permitted(address[0], self._settings.allow_networks) for _, address in addresses):
            raise UrlRefused(f"{target.origin}: it is not, or not only, at a public address")
        if not addresses:
            raise OriginFailed(f"{target.origin}: its name does not resolve")
        return addresses

    def _request(self, target: Target, pool: dialling.Pool) -> dialling.Request:
        headers = {
            "User-Agent": self._settings.user_agent.encode(),
            "Accept": "image/*, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        return dialling.Request(target.url, target.path, headers, pool)

    def _redirect(self, target: Target, response: requests.Response) -> Target:
        location = response.headers.get("Location", "").strip()
        if not location:
            raise OriginFailed(f"{target.origin}: it answered {response.status_code} without saying where to")
        with suppress(UnicodeError):  # http.client reads bytes as Latin-1, servers write UTF-8
            location = location.encode("latin-1").decode()
        return target.join(location)

    def _body(self, target: Target, raw: urllib3.HTTPResponse, budget: Budget) -> bytes:
        """The whole of it, held once. Raises ImageTooLarge, OriginFailed, and HTTPError where it ends too early."""
        length = _declared_length(target, raw.headers)
        limit = self._settings.max_bytes
        too_large = ImageTooLarge(f"{target.origin}: the image has more than {limit} bytes")
        if length is not None and length > limit:
            raise too_large
        body = io.BytesIO()  # gives its buffer away without copying it
        while chunk := self._read(raw, budget):
            body.write(chunk)
            if body.tell() > limit:
                raise too_large
        return body.getvalue()

    @staticmethod
    def _read(raw: urllib3.HTTPResponse, budget: Budget) -> bytes:
        # Twice the body is room for chunks as small as 6 bytes; floods of frames and trailers end here.
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
    """Bytes of the body, None where it is chunked or ends with the connection. Raises OriginFailed."""
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
