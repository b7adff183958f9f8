from __future__ import annotations

import ipaddress

import pytest

from belfoot_img.client_address import client_address

TRUSTED = ("unix", ipaddress.ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("192.0.2.7", None, (), "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", (), "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", TRUSTED, "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1", TRUSTED, "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", TRUSTED, "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", TRUSTED, "198.51.100.1"),
        ("", "198.51.100.1", TRUSTED, "198.51.100.1"),
        ("", "198.51.100.1", (), "unknown"),
        ("", None, TRUSTED, "unknown"),
        ("10.0.0.1", "rubbish", TRUSTED, "unknown"),
        ("10.0.0.1", None, TRUSTED, "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", None, (), "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", None, (), "192.0.2.7"),
    ],
)
def test_only_a_trusted_proxys_word_counts(peer, forwarded, trusted, address):
    environ = {"REMOTE_ADDR": peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}
    assert client_address(environ, trusted) == address
