"""What a fetch does with servers that mean well."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime, timedelta

import brotli
import pytest
import zstandard

from connectors.http import Caps, FetchError, HostGate, HttpClient, HttpSettings, Pacing, Redirect
from connectors.http.client import accepts


async def test_a_page_comes_with_its_headers_and_urls(web):
    async with web.visit({"/a?b=c": web.reply(200, b"page", [("Content-Type", "text/html; charset=x")])}) as (
        site,
        client,
    ):
        response = await client.get(site.url("/a?b=c#part"))
    assert (response.status, response.body, response.media_type) == (200, b"page", "text/html")
    assert response.url == site.url("/a?b=c#part")
    assert response.final_url == site.url("/a?b=c")
    assert response.headers["CONTENT-TYPE"] == "text/html; charset=x"


async def test_the_user_agent_names_a_contact(web):
    async with web.visit({"/": web.reply()}, user_agent="desk/2", contact="mailto:desk@example.org") as (site, client):
        await client.get(site.url())
    assert site.requests[0].headers["user-agent"] == "desk/2 (+mailto:desk@example.org)"
    assert client.settings.product == "desk"


@pytest.mark.parametrize("user_agent", ["", " ", "desk\r\nX: y"])
def test_a_user_agent_that_can_not_be_sent_is_refused(user_agent):
    with pytest.raises(ValueError, match="user_agent"):
        HttpSettings(user_agent=user_agent)


async def test_conditional_headers_are_sent_and_304_is_an_empty_response(web):
    async with web.visit({"/": web.reply(304, headers=[("ETag", '"x"')])}) as (site, client):
        response = await client.get(site.url(), headers={"If-None-Match": '"x"'})
    assert site.requests[0].headers["if-none-match"] == '"x"'
    assert (response.status, response.body, response.headers["etag"]) == (304, b"", '"x"')


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
async def test_error_statuses_are_responses_with_their_body(web, status):
    async with web.visit({"/": web.reply(status, b"sorry")}) as (site, client):
        response = await client.get(site.url())
    assert (response.status, response.body) == (status, b"sorry")


@pytest.mark.parametrize(
    "body", [gzip.compress(b"sorry", mtime=0)[:-3], b"not gzip at all", gzip.compress(bytes(5000), mtime=0)]
)
async def test_an_error_page_that_is_damaged_or_too_large_is_given_as_far_as_it_goes(web, body):
    async with web.visit({"/": web.reply(404, body, [("Content-Encoding", "gzip")])}, caps=Caps(decompressed=1000)) as (
        site,
        client,
    ):
        response = await client.get(site.url())
    assert (response.status, response.truncated) == (404, True)
    assert len(response.body) <= 1000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"text", mtime=0)),
        ("x-gzip", gzip.compress(b"te", mtime=0) + gzip.compress(b"xt", mtime=0)),
        ("deflate", zlib.compress(b"text")),
        ("deflate", zlib.compress(b"text")[2:-4]),
        ("br", brotli.compress(b"text")),
        ("zstd", zstandard.compress(b"text")),
        ("GZIP, br", brotli.compress(gzip.compress(b"text", mtime=0))),
        ("utf-8", b"text"),
        ("identity", b"text"),
    ],
)
async def test_every_encoding_that_is_asked_for_is_undone(web, encoding, packed):
    async with web.visit({"/": web.reply(200, packed, [("Content-Encoding", encoding)])}) as (site, client):
        response = await client.get(site.url())
    assert response.body == b"text"
    assert {"gzip", "deflate", "br", "zstd"} == set(site.requests[0].headers["accept-encoding"].split(", "))


async def test_a_large_compressed_page_is_whole(web):
    page = bytes(range(256)) * 4000 + zlib.compress(bytes(range(256)))
    packed = zlib.compress(page, level=0)
    async with web.visit({"/": web.reply(200, packed, [("Content-Encoding", "deflate")])}) as (site, client):
        assert (await client.get(site.url())).body == page


async def test_redirects_are_followed_and_recorded_in_order(web):
    routes = {
        "/": web.redirect("one?x=1", 301),
        "/two": web.redirect("/three", 303),
        "/three": web.redirect("four", 307),
        "/four": web.redirect("five", 302),
        "/five": web.reply(200, b"there"),
    }
    async with web.visit(routes) as (site, client):
        routes["/one?x=1"] = web.redirect(f"//127.0.0.1:{site.port}/two", 308)
        response = await client.get(site.url())
    assert response.redirects == (
        Redirect(301, site.url("/one?x=1")),
        Redirect(308, site.url("/two")),
        Redirect(303, site.url("/three")),
        Redirect(307, site.url("/four")),
        Redirect(302, site.url("/five")),
    )
    assert (response.body, response.final_url) == (b"there", site.url("/five"))
    assert response.moved_to == site.url("/two")


async def test_a_temporary_redirect_first_means_nothing_has_moved(web):
    routes = {"/": web.redirect("/a", 302), "/a": web.redirect("/b", 301), "/b": web.reply()}
    async with web.visit(routes) as (site, client):
        assert (await client.get(site.url())).moved_to is None


@pytest.mark.parametrize("headers", [[], [("Location", "")]])
async def test_a_redirect_to_nowhere_is_a_response(web, headers):
    async with web.visit({"/": web.reply(302, b"moved", headers)}) as (site, client):
        response = await client.get(site.url())
    assert (response.status, response.body, response.redirects) == (302, b"moved", ())


async def test_redirects_beyond_the_cap_are_refused(web):
    routes = {f"/{n}": web.redirect(f"/{n + 1}") for n in range(12)}
    async with web.visit(routes) as (site, client):
        with pytest.raises(FetchError, match=r"redirects: more than 3: .*/0 -> .*/3") as caught:
            await client.get(site.url("/0"), caps=Caps(redirects=3))
    assert caught.value.status == 302
    assert site.paths == ["/0", "/1", "/2", "/3"]


async def test_a_site_that_sets_a_cookie_and_redirects_to_itself_is_reached(web):
    async def page(request, writer):
        seen = request.headers.get("cookie") == 'seen="a b"'
        writer.write(web.reply(200, b"page") if seen else web.redirect("/", headers=[("Set-Cookie", 'seen="a b"')]))

    async with web.visit(page) as (site, client):
        assert (await client.get(site.url())).body == b"page"
        again = await client.get(site.url())
    assert len(again.redirects) == 1, "no cookie outlives its fetch"


async def test_a_cookie_of_the_site_is_sent_beside_the_callers_own(web):
    routes = {"/": web.redirect("/b", headers=[("Set-Cookie", "a=b; Path=/")]), "/b": web.reply()}
    async with web.visit(routes) as (site, client):
        await client.get(site.url(), headers={"cookie": "session=1"})
    assert [request.headers["cookie"] for request in site.requests] == ["session=1", "session=1; a=b"]


async def test_cookies_go_only_to_the_host_that_set_them(web):
    routes = {"/": b"", "/end": web.reply()}
    async with web.visit(routes, names={"other.test": ["127.0.0.1"]}) as (site, client):
        routes["/"] = web.redirect(site.url("/end", "other.test"), headers=[("Set-Cookie", "a=b")])
        await client.get(site.url())
    assert "cookie" not in site.requests[1].headers


async def test_a_key_does_not_follow_a_redirect_to_another_origin(web):
    routes = {"/": web.redirect("/here"), "/end": web.reply()}
    headers = {"Authorization": "Bearer k", "X-Key": "k", "If-None-Match": '"x"', "Accept-Language": "de"}
    async with web.visit(routes, names={"other.test": ["127.0.0.1"]}) as (site, client):
        routes["/here"] = web.redirect(site.url("/end", "other.test"))
        await client.get(site.url(), headers=headers)
    here, there = site.requests[1].headers, site.requests[2].headers
    assert (here["authorization"], here["x-key"]) == ("Bearer k", "k")
    assert "authorization" not in there
    assert "x-key" not in there
    assert (there["if-none-match"], there["accept-language"]) == ('"x"', "de")


async def test_credentials_in_a_url_are_dropped(web):
    async with web.visit({"/": web.reply()}) as (site, client):
        response = await client.get(f"http://user:secret@127.0.0.1:{site.port}/")
    assert "authorization" not in site.requests[0].headers
    assert response.final_url == site.url("/")


async def test_an_unwanted_content_type_is_refused_before_its_body_is_read(web):
    async def film(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: Video/MP4; x=y\r\nContent-Length: 9999999999\r\n\r\n")

    async with web.visit(film) as (site, client):
        with pytest.raises(FetchError, match=r"content_type: .*: Video/MP4") as caught:
            await client.get(site.url(), accept_types=("text/html", "text/*"))
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("wanted", "content_type", "accepted"),
    [
        ((), "video/mp4", True),
        (("text/html",), "", True),
        (("text/html",), "TEXT/HTML;charset=utf-8", True),
        (("text/*",), "text/plain", True),
        (("text/*",), "textual/plain", False),
        (("text/html", "application/xml"), "application/pdf", False),
    ],
)
def test_content_types_are_matched_by_name_or_family(wanted, content_type, accepted):
    assert accepts(wanted, content_type) is accepted


async def test_the_type_of_an_error_page_does_not_matter(web):
    async with web.visit({"/": web.reply(404, b"{}", [("Content-Type", "application/json")])}) as (site, client):
        assert (await client.get(site.url(), accept_types=("text/html",))).status == 404


async def test_retry_after_is_read(web):
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    later = web.reply(503, headers=[("Retry-After", "Wed, 01 May 2024 12:00:30 GMT")])
    async with web.serve({"/s": web.reply(429, headers=[("Retry-After", "120")]), "/d": later}) as site:
        settings = HttpSettings(allowed=(f"127.0.0.1:{site.port}",))
        async with HttpClient(settings, resolver=web.Names({}), now=lambda: noon) as client:
            assert (await client.get(site.url("/s"))).retry_after == timedelta(minutes=2)
            assert (await client.get(site.url("/d"))).retry_after == timedelta(seconds=30)
            with pytest.raises(FetchError, match="http_status") as caught:
                (await client.get(site.url("/s"))).raise_for_status()
    assert (caught.value.status, caught.value.retry_after) == (429, timedelta(minutes=2))


async def test_a_cut_body_can_be_asked_for(web):
    async with web.visit({"/": web.reply(200, b"x" * 5000)}) as (site, client):
        response = await client.get(site.url(), caps=Caps(compressed=100), truncate=True)
    assert (response.body, response.truncated) == (b"x" * 100, True)


async def test_a_connection_is_kept_for_a_host_that_is_asked_again(web):
    async with web.visit({"/": web.reply(200, b"x")}) as (site, client):
        for _ in range(5):
            await client.get(site.url())
    peers = [request.peer for request in site.requests]
    assert peers[0] != peers[1], "after one request, none is kept: most feeds are alone on their host"
    assert len(set(peers[1:])) == 1


@pytest.mark.parametrize(("ttl", "times"), [(60, 1), (0, 3)])
async def test_a_name_is_resolved_as_often_as_its_settings_say(web, ttl, times):
    names = web.Names({"a.test": ["127.0.0.1"]})
    async with web.serve(lambda request, writer: closes(web, writer)) as site:
        settings = HttpSettings(allowed=(f"127.0.0.1:{site.port}",), dns_ttl=ttl, burst=0)
        async with HttpClient(settings, resolver=names) as client:
            for _ in range(3):
                await client.get(site.url(host="a.test"))
    assert len(names.asked) == times


async def closes(web, writer):
    writer.write(web.reply())
    await writer.drain()


async def test_header_bytes_become_text_that_can_be_sent_back(web):
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "caf\xe9\t\x01"\r\nX-Name: \xc3\xa9\r\n\r\n'
    async with web.visit({"/": answer}) as (site, client):
        response = await client.get(site.url())
        assert (response.headers["etag"], response.headers["x-name"]) == ('"café  "', "é")
        assert (await client.get(site.url(), headers={"If-None-Match": response.headers["etag"]})).status == 200


async def test_each_request_asks_for_permission_and_takes_its_turn_at_the_delay_permitted(web):
    asked, slept, now = [], [], [100.0]

    async def permit(url):
        asked.append(url)
        return 7.0

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    gate = HostGate(Pacing(delay=1.0), clock=lambda: now[0], sleep=sleep)
    async with web.visit({"/": web.redirect("/b"), "/b": web.reply()}) as (site, client):
        await client.get(site.url(), gate=gate, permit=permit)
    assert asked == [site.url("/"), site.url("/b")]
    assert slept == [7.0]
    assert gate.ready_in(f"127.0.0.1:{site.port}") == 7.0
