"""Which addresses may be connected to."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.guard import ForbiddenAddress, Guard, embedded, forbidden


def rows(table):
    return [pytest.param(row, id=str(row.network)) for row in table()]


def inside(row):
    """An address of the row's network that no other row of the table decides on."""
    taken = [r.network for r in forbidden() if r.network.prefixlen > row.network.prefixlen]
    taken += [r.network for r in embedded()]
    step = max(1, row.network.num_addresses // 8)
    candidates = (row.network[n * step] for n in range(8) if n * step < row.network.num_addresses)
    return next(a for a in candidates if not any(a in network for network in taken))


@pytest.mark.parametrize("row", rows(forbidden))
def test_each_row_closes_its_network(row):
    why = Guard().why_not(str(inside(row)), 80)
    assert why is not None
    assert row.what in why


@pytest.mark.parametrize("row", rows(forbidden))
def test_allow_private_opens_the_private_rows_only(row):
    assert (Guard(allow_private=True).why_not(str(inside(row)), 80) is None) is row.private


@pytest.mark.parametrize("row", rows(embedded))
@pytest.mark.parametrize(("ipv4", "good"), [("127.0.0.1", False), ("169.254.169.254", False), ("93.184.216.34", True)])
def test_an_ipv4_address_inside_an_ipv6_one_is_judged(row, ipv4, good):
    carrier = int(row.network.network_address) | int(ipaddress.IPv4Address(ipv4)) << (96 - row.bit)
    assert (Guard().why_not(str(ipaddress.IPv6Address(carrier)), 80) is None) is good


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:2800:220::1"])
def test_public_addresses_are_open(address):
    assert Guard().why_not(address, 443) is None


@given(st.ip_addresses())
def test_nothing_is_open_that_the_standard_library_calls_private(address):
    """Its list (of 3.11 to 3.13) has a few exceptions that ours does not; none the other way."""
    if Guard().why_not(str(address), 80) is None:
        carried = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
        assert not carried.is_private
        assert not carried.is_multicast
        assert not carried.is_loopback


@pytest.mark.parametrize("name", ["localhost", "example.org", "", "127.1", "0x7f000001", "2130706433", "127.0.0.1 "])
def test_what_is_not_an_address_is_closed(name):
    assert Guard(allow_private=True).why_not(name, 80) is not None


def test_the_socket_is_refused_before_it_connects():
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("10.0.0.1", 80))
    with pytest.raises(ForbiddenAddress, match=r"10\.0\.0\.1 is private \(10\.0\.0\.0/8\)"):
        Guard().socket(info)
    with Guard(allow_private=True).socket(info) as made:
        assert made.family == socket.AF_INET


@pytest.mark.parametrize(
    ("allowed", "address", "port", "open_"),
    [
        ("10.1.0.0/16", "10.1.2.3", 80, True),
        ("10.1.0.0/16", "10.2.0.0", 80, False),
        ("10.1.2.3", "10.1.2.3", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "::ffff:127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 8081, False),
        ("::1", "::1", 80, True),
        ("[::1]", "::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("fd00::/8", "fd12::1", 80, True),
        ("169.254.169.254", "169.254.169.254", 80, True),
    ],
)
def test_an_exemption_opens_what_it_names(allowed, address, port, open_):
    assert (Guard(allowed=(allowed,)).why_not(address, port) is None) is open_


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.0/33", "127.0.0.1:0", "127.0.0.1:x", "[::1]:99999", "1.2.3"])
def test_an_exemption_that_can_not_be_read_is_an_error_that_quotes_it(text):
    with pytest.raises(ValueError, match="allowed address") as caught:
        Guard(allowed=(text,))
    assert repr(text) in str(caught.value)
