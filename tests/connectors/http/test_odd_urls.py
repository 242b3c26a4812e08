"""URLs that people and machines write: fetched as browsers would, or refused by name."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.http.urls import BadURL, parse


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/новости/день", "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/%D0%B4%D0%B5%D0%BD%D1%8C"),
        ("/🎉?q=🎉", "/%F0%9F%8E%89?q=%F0%9F%8E%89"),
        ("/שלום\u202e", "/%D7%A9%D7%9C%D7%95%D7%9D%E2%80%AE"),
        ("/a b", "/a%20b"),
        ("/%2Fa%zz?x=%41+b", "/%2Fa%zz?x=%41+b"),
    ],
)
async def test_emoji_and_right_to_left_paths_are_asked_for(web, path, asked):
    async with web.visit({asked: web.reply(200, b"found")}) as (site, client):
        assert (await client.get(site.url(path))).body == b"found"


async def test_a_location_in_raw_bytes_is_followed(web):
    routes = {
        "/": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /caf\xe9?\xc3\xa9\r\n\r\n",
        "/caf%E9?%C3%A9": web.reply(200, b"found"),
    }
    async with web.visit(routes) as (site, client):
        assert (await client.get(site.url())).body == b"found"


@pytest.mark.parametrize(
    ("host", "asked"),
    [("BÜCHER.test", "xn--bcher-kva.test"), ("i❤.test", "xn--i-7iq.test"), ("إختبار.test", "xn--kgbechtv.test")],
)
async def test_names_of_any_script_are_resolved_as_a_labels(web, host, asked):
    async with web.visit({"/": web.reply()}, names={asked: ["127.0.0.1"]}) as (site, client):
        assert (await client.get(site.url(host=host))).status == 200
    assert site.requests[0].headers["host"] == f"{asked}:{site.port}"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1/\0x",
        "http://[127.0.0.1]/",
        "http://127.0.0.1\0.test/",
        "http://a%00b.test/",
        "http://127.0.0.1/\x1b[31m",
        "http://" + "a" * 64 + ".test/",
        "http://" + "a." * 200 + "test/",
        "http://a.test/" + "x" * 10_000,
        "http://a\ud800.test/",
        "http://a.test/\ud800",
        "http://\u202e.test/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.x]/",
        "http://1.2.3.4.5/",
        "http://999999999999/",
        "mailto:desk@example.org",
        "//no.scheme/",
        "/path",
        "",
        "\0",
    ],
    ids=lambda url: ascii(url)[:30],
)
async def test_a_url_that_can_not_be_asked_for_is_named(web, url):
    async with web.client() as client:
        assert await web.reason(client, url) == "unsupported_url"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.text().map("http://".__add__), st.text().map("http://a.test/".__add__)))
def test_no_url_does_more_than_fail(web, url):
    async def fetch():
        async with web.client() as client:
            return await web.reason(client, url)

    assert asyncio.run(fetch()) in {"unsupported_url", "forbidden_address", "dns"}


def test_a_url_that_is_too_long_once_it_is_escaped_is_refused():
    with pytest.raises(BadURL, match="12020 characters once it is escaped"):
        parse("http://news.example/" + "é" * 2000)
