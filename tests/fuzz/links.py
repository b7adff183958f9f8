"""Generated links to the fetcher: each ends in bytes or in a documented error, and none dials a forbidden address."""

from __future__ import annotations

import ipaddress
import random
import socket
from contextlib import ExitStack
from unittest import mock

from belfoot_img.errors import ImageTooLarge, OriginFailed, OriginTimedOut, UrlRefused
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.settings import FetchSettings
from tests.fuzz.steps import Finding, mutated

DOCUMENTED = (UrlRefused, OriginFailed, OriginTimedOut, ImageTooLarge)
SCHEMES = ("http://", "https://", "HTTP://", "http:/", "//", "ftp://", "http:\\\\", "")
HOSTS = (
    *("127.0.0.1", "0177.0.0.1", "0x7f.1", "2130706433", "127.1", "0", "169.254.169.254", "10.0.0.1", "1.1.1.1"),
    *("[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25eth0]", "[2606:4700::1]"),
    *("localhost", "example.com", "ｌocalhost", "①②⑦.⓪.⓪.①", "xn--e1afmkfd.example", "a" * 64 + ".example", ""),
)
PORTS = ("", ":80", ":443", ":22", ":0", ":65536", ":", ":8 0", ":٨٠")
PATHS = ("/", "/a.jpg", "/%00", "/%zz", "/\ud800", "?q", "#f", "/a b", "/../..", "\\@127.0.0.1/", "/\r\nHost: x")
USERS = ("", "", "", "", "user@", "user:pass@", "1.1.1.1@", "127.0.0.1\\@")
ANSWERS = ("1.1.1.1", "93.184.215.14", "127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0")


class Links:
    def __enter__(self) -> Links:
        self._stack, self._dialled = ExitStack(), []
        self._stack.enter_context(mock.patch.object(socket.socket, "connect", lambda _, address: self._refuse(address)))
        return self

    def __exit__(self, *exc) -> None:
        self._stack.close()

    def step(self, number: int, chance: random.Random) -> Finding:
        link = _link(chance)
        self._dialled.clear()
        return Finding(number, ascii(link), *self._outcome(link, chance))

    def _outcome(self, link: str, chance: random.Random) -> tuple[str, str]:
        def look_up(host: str, port: int):
            names = chance.sample(ANSWERS, chance.choice((1, 1, 2)))
            return [(socket.AF_INET, (name, port)) for name in names]

        try:
            Fetcher(FetchSettings(deadline=2), look_up).fetch(link)
            outcome = "fetched"
        except DOCUMENTED as error:
            outcome = error.code
        except Exception as error:
            return "internal_error", repr(error)
        forbidden = [address for address in self._dialled if not ipaddress.ip_address(address).is_global]
        return outcome, f"it dialled {forbidden}" if forbidden else ""

    def _refuse(self, address: tuple) -> None:
        self._dialled.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")


def _link(chance: random.Random) -> str:
    parts = (SCHEMES, USERS, HOSTS, PORTS, PATHS)
    link = "".join(chance.choice(part[:2] if chance.random() < 0.4 else part) for part in parts)
    if chance.random() < 0.3:
        link = mutated(link.encode("utf-8", "surrogatepass"), chance).decode("utf-8", "replace")
    return link
