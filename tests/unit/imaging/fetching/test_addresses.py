"""Which addresses may be dialled: all that are public, and no other in any disguise."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belfoot_img.imaging.fetching.addresses import permitted

PRIVATE_V4 = str.split(
    "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 168.63.129.16 "
    "169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255 "
    "198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255"
)
PUBLIC_V4 = str.split(
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 "
    "169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 "
    "192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 223.255.255.255"
)
PRIVATE_V6 = str.split(
    ":: ::1 ::7f00:1 ::8.8.8.8 ::ffff:0:7f00:1 ::ffff:0:8.8.8.8 64:ff9b:1::1 64:ff9b:1:c0a8:1:100:: 100::1 "
    "2001::1 2001:0:4136:e378:8000:63bf:3f57:fdf2 2001:2::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1 2002:7f00:1:: "
    "2002:808:808::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 "
    "ff02::1 100:0:0:1::1"
)
PUBLIC_V6 = str.split(
    "2000::1 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 2606:4700:4700::1111 2a00::1 3ffe::1 "
    "3fff:1000::1"
)


@pytest.mark.parametrize("address", PRIVATE_V4 + PRIVATE_V6)
def test_what_is_not_public_is_refused(address):
    assert not permitted(address)


@pytest.mark.parametrize("address", PUBLIC_V4 + PUBLIC_V6)
def test_what_is_public_is_permitted(address):
    assert permitted(address)


@given(st.ip_addresses(v=4) | st.sampled_from(PRIVATE_V4 + PUBLIC_V4).map(IPv4Address))
def test_ipv4_inside_ipv6_is_judged_as_that_ipv4_address(inner):
    for prefix in ("::ffff:0:0", "64:ff9b::", "2a00:1::5efe:0:0", "2a00:1::200:5efe:0:0"):
        disguised = IPv6Address(int(IPv6Address(prefix)) + int(inner))
        assert permitted(str(disguised)) == permitted(str(inner))


@given(
    st.ip_addresses(v=6, network="::/3")
    | st.ip_addresses(v=6, network="4000::/2")
    | st.ip_addresses(v=6, network="8000::/1")
)
def test_of_ipv6_only_what_is_globally_routed_is_permitted(address):
    embeds = address in ip_network("::ffff:0:0/96") or address in ip_network("64:ff9b::/96")
    assert embeds or not permitted(str(address))


def test_a_network_of_the_house_is_permitted_in_each_of_its_forms_and_no_other_is():
    allowed = (ip_network("10.1.2.0/24"), ip_network("fd00:1::/32"))
    assert permitted("10.1.2.3", allowed)
    assert permitted("::ffff:10.1.2.3", allowed)
    assert permitted("fd00:1::1", allowed)
    assert permitted("8.8.8.8", allowed)
    for other in ("10.1.3.1", "::ffff:10.1.3.1", "127.0.0.1", "fd00:2::1", "2002:a01:203::1"):
        assert not permitted(other, allowed)


def test_what_is_no_address_is_no_permission():
    with pytest.raises(ValueError):
        permitted("example.com")
