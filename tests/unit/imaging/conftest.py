"""A hostile internet for the tests of fetching."""

import socket

import pytest

from testbed.hostile_origin import PUBLIC, HostileOrigin


@pytest.fixture(scope="module")
def hostile():
    with HostileOrigin(lifetime=300) as origin:
        yield origin


@pytest.fixture
def dialled(monkeypatch, hostile):
    """The addresses that sockets were told to connect to. Port 80 of ``PUBLIC`` leads to the hostile origin."""
    connect, seen = socket.socket.connect, []

    def spy(sock, address):
        seen.append(address[0])
        if address[:2] == (PUBLIC, 80):
            return connect(sock, ("127.0.0.1", hostile.port))
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", spy)
    return seen
