"""The address of the client behind trusted proxies: ``request.client_address``."""

from __future__ import annotations

import ipaddress

UNKNOWN = "unknown"


def client_address(environ: dict, trusted: tuple) -> str:
    """Returns the address that wrong passwords are counted by.

    ``X-Forwarded-For`` counts only where a trusted proxy sent it, and of it only the last entry that is no trusted
    proxy. IPv6 addresses are grouped by /64, because one host commonly has a whole /64 (RFC 6177). ``trusted``:
    networks, and "unix" for the peer of a Unix socket. What is no IP address is ``UNKNOWN``.
    """
    forwarded = [entry.strip() for entry in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if entry.strip()]
    address = environ.get("REMOTE_ADDR", "")
    while forwarded and _is_trusted(address, trusted):
        address = forwarded.pop()
    return _grouped(address)


def _is_trusted(address: str, trusted: tuple) -> bool:
    if address == "":  # the peer of a Unix socket has no address
        return "unix" in trusted
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip.version == network.version and ip in network for network in trusted if network != "unix")


def _grouped(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    if ip.version == 6:
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)


def includeme(config):
    trusted = config.registry["settings"].trusted_proxies
    config.add_request_method(lambda request: client_address(request.environ, trusted), "client_address", reify=True)
