"""From a URL as written to the one that is requested."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http import urls


@pytest.mark.parametrize(
    ("written", "requested"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("  https://example.org/a\n", "https://example.org/a"),
        ("https://exa\nmple.org/a\tb", "https://example.org/ab"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org:443/", "https://example.org/"),
        ("https://example.org:80/", "https://example.org:80/"),
        ("http://example.org:/", "http://example.org/"),
        ("http://user:pass@example.org/", "http://example.org/"),
        ("http://example.org/a#b?c", "http://example.org/a"),
        ("http://example.org?q", "http://example.org/?q"),
        ("http://example.org/?", "http://example.org/"),
        ("http://example.org\\a\\b?c\\d", "http://example.org/a/b?c\\d"),
        ("http:\\\\example.org/", "http://example.org/"),
        ("http://example.org/a/./b/../c", "http://example.org/a/c"),
        ("http://example.org/../..", "http://example.org/"),
        ("http://example.org/a/..", "http://example.org/"),
        ("http://example.org/a/b/.", "http://example.org/a/b/"),
        ("http://example.org//a//", "http://example.org//a//"),
        ("http://example.org/%2e%41%zz%", "http://example.org/%2e%41%zz%"),
        ("http://example.org/ü?ü=ü&a=b c", "http://example.org/%C3%BC?%C3%BC=%C3%BC&a=b%20c"),
        ("http://example.org/?sig=a+b/c==&x={y}|z", "http://example.org/?sig=a+b/c==&x={y}|z"),
        ('http://example.org/"<>', "http://example.org/%22%3C%3E"),
        ("http://Straße.example/", "http://xn--strae-oqa.example/"),
        ("http://ex%61mple.org/", "http://example.org/"),
        ("http://example。org/", "http://example.org/"),
        ("http://under_score.example.org./", "http://under_score.example.org./"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://0x7f.0.0.1/", "http://127.0.0.1/"),
        ("http://0X7F000001/", "http://127.0.0.1/"),
        ("http://017700000001/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://127.1/", "http://127.0.0.1/"),
        ("http://127.0.1./", "http://127.0.0.1/"),
        ("http://0x/", "http://0.0.0.0/"),
        ("http://①②⑦.0.0.1/", "http://127.0.0.1/"),
        ("http://4294967295/", "http://255.255.255.255/"),
    ],
)
def test_a_url_is_read_as_browsers_do(written, requested):
    assert str(urls.parse(written)) == requested


@pytest.mark.parametrize(
    "written",
    [
        "http://",
        "http:",
        "https://?",
        "http://:80/",
        "http://4294967296/",
        "http://1.2.3.256/",
        "http://1.2.3.4.5/",
        "http://08.1.1.1/",
        "http://a..b/",
        "http://a b/",
        "http://a/\x01b",
        "http://a/\x7f",
    ],
)
def test_what_can_not_be_requested_says_why(written):
    with pytest.raises(urls.BadURL) as caught:
        urls.parse(written)
    assert repr(written) in str(caught.value)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "https://example.org/b"),
        ("b", "https://example.org/a/b"),
        ("../b", "https://example.org/b"),
        ("?q=1", "https://example.org/a/x?q=1"),
        ("//other.example/b", "https://other.example/b"),
        ("http://other.example", "http://other.example/"),
        (" /b c\r\n", "https://example.org/b%20c"),
    ],
)
def test_a_location_is_read_against_its_page(location, target):
    assert str(urls.join(urls.parse("https://example.org/a/x"), location)) == target


@given(st.text())
def test_reading_a_url_twice_changes_nothing(text):
    try:
        once = str(urls.parse("http://example.org/" + text))
    except urls.BadURL:
        return
    assert once.isascii()
    assert str(urls.parse(once)) == once


@given(st.ip_addresses(v=4), st.sampled_from(["{}", "0x{:x}", "0{:o}"]), st.integers(0, 3))
def test_every_spelling_of_an_address_is_that_address(address, style, split):
    octets = list(address.packed)
    parts = [*octets[:split], int.from_bytes(bytes(octets[split:]), "big")]
    host = ".".join(style.format(part) for part in parts)
    assert ipaddress.ip_address(urls.parse(f"http://{host}/").host) == address
