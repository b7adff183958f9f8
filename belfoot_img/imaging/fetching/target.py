"""A URL is parsed once, strictly, into the ``Target`` of a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, urljoin

import idna

from belfoot_img.errors import UrlRefused

MAX_URL_LENGTH = 8192
"""Characters. Servers and proxies commonly take 8 KiB for a request line."""
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::([0-9]{0,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Target:
    """A parsed URL. ``host``: lower case, ASCII (IDNA), without brackets; ``path``: with the query, as it is sent."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Accepts what a browser accepts, except what two parsers could read differently. Raises UrlRefused."""
        text = url.strip(" ")
        if len(text) > MAX_URL_LENGTH:
            raise UrlRefused(f"The URL is longer than {MAX_URL_LENGTH} characters.")
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
        """Returns the target of a redirect from here to ``location``. Raises UrlRefused."""
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
        """Scheme, host and port. Errors name this alone, since paths and queries may hold secrets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def literal(self) -> str | None:
        """The host where it is an IP address, else None."""
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
    """Returns the name in lower case and ASCII, mapped by UTS #46 and IDNA 2008. Raises ValueError.

    A host whose last label is a number is an IPv4 address (URL standard). Only four decimal numbers are accepted as
    one: some parsers read 0x7f.1, 0177.0.0.1 and 2130706433 as 127.0.0.1.
    """
    mapped = idna.uts46_remap(name, std3_rules=False).removesuffix(".")
    labels = [label if label.isascii() else idna.alabel(label).decode() for label in mapped.split(".")]
    host = ".".join(labels)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError
    return str(ip_address(host)) if _NUMBER.fullmatch(labels[-1]) else host


def _encoded(part: str) -> str:
    """Returns the part percent-encoded as UTF-8; what is encoded already stays. Raises UrlRefused."""
    try:
        return quote(_LONE_PERCENT.sub("%25", part).encode(), safe="!$%&'()*+,/:;=?@~")
    except UnicodeEncodeError:
        raise UrlRefused("The URL holds half a character (a lone surrogate).") from None
