"""Which IP addresses may be connected to.

An address is judged by where a packet to it goes: IPv4 inside IPv6 is judged as that IPv4 address. For IPv4
everything is public but an explicit list, for IPv6 nothing is but what is globally routed: ``ipaddress.is_global``
says True for loopback in several disguises (``::7f00:1``, ``64:ff9b::7f00:1``, ``2002:7f00:1::``) and for multicast.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba Cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform address: looks public, answers inside only
        "169.254.0.0/16",  # link-local; the clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols; Oracle Cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
ROUTED_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocols: Teredo (2001::/32), ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: its IPv4 address may be any, and its relays are withdrawn (RFC 7526)
        "3fff::/20",  # documentation
    )
)
MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291: the kernel dials the IPv4 address itself
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: what DNS64 answers for an IPv4 host on a network without IPv4
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214: the upper half of the interface identifier


def permitted(address: str, allow_networks: Iterable[Network] = ()) -> bool:
    """Returns whether ``address``, numbers as ``getaddrinfo`` gives them, is public or lies in one of
    ``allow_networks``.

    Raises ValueError where it is no IP address.
    """
    dialled = ip_address(address.partition("%")[0])  # a scope (fe80::1%eth0) does not change what it is
    reached = _reached(dialled)
    return any(one in network for one in {dialled, reached} for network in allow_networks) or _public(reached)


def _reached(address: Address) -> Address:
    """Returns the IPv4 address that the host or a translator dials in place of an IPv6 one, or the address itself."""
    if address.version == 6 and (address in MAPPED or address in NAT64):
        return _last_32_bits(address)
    return address


def _public(address: Address) -> bool:
    if address.version == 4:
        return not any(address in network for network in NOT_PUBLIC_V4)
    if address not in ROUTED_V6 or any(address in network for network in NOT_PUBLIC_V6):
        return False
    return int(address) >> 32 & 0xFFFF_FFFF not in ISATAP or _public(_last_32_bits(address))


def _last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)
