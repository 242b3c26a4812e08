"""What a fetch does with servers, names and URLs that mean ill: each ends soon, in its named reason."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import zlib

import brotli
import pytest
import zstandard

from connectors.http import Caps, FetchError, HttpClient, HttpSettings

SMALL = Caps(time=5.0, compressed=100_000, decompressed=1_000_000)
BOMB = bytes(50_000_000)


async def until_refused(writer, data, pause=0.0):
    """Send ``data`` again and again until the client has had enough."""
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(pause)


# -- bombs and endless things --


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("gzip", gzip.compress(BOMB, mtime=0)),
        ("deflate", zlib.compress(BOMB)),
        ("br", brotli.compress(BOMB, quality=5)),
        ("zstd", zstandard.compress(BOMB)),
        ("gzip, gzip", gzip.compress(gzip.compress(BOMB), mtime=0)),
    ],
    ids=["gzip", "deflate", "brotli", "zstd", "gzip in gzip"],
)
async def test_a_decompression_bomb_is_refused(web, encoding, bomb):
    assert len(bomb) < SMALL.compressed
    async with web.visit({"/": web.reply(200, bomb, [("Content-Encoding", encoding)])}) as (site, client):
        assert await web.reason(client, site.url(), caps=SMALL) == "too_large"


async def test_many_layers_of_encoding_are_refused(web):
    body = b"x"
    for _ in range(10):
        body = gzip.compress(body, mtime=0)
    answer = web.reply(200, body, [("Content-Encoding", ", ".join(["gzip"] * 10))])
    async with web.visit({"/": answer}) as (site, client):
        assert await web.reason(client, site.url()) == "content_encoding"


async def test_an_endless_body_is_refused_at_the_cap(web):
    async def endless(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        await until_refused(writer, b"<p>and so on</p>" * 1000)

    async with web.visit(endless) as (site, client):
        assert await web.reason(client, site.url(), caps=SMALL) == "too_large"


async def test_an_endless_chunked_body_is_refused_at_the_cap(web):
    async def endless(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await until_refused(writer, b"3e8\r\n" + b"x" * 1000 + b"\r\n")

    async with web.visit(endless) as (site, client):
        assert await web.reason(client, site.url(), caps=SMALL) == "too_large"


async def test_an_announced_length_over_the_cap_is_refused_before_the_body_is_read(web):
    async def announces(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12000000\r\n\r\n")

    async with web.visit(announces) as (site, client):
        assert await web.reason(client, site.url(), caps=SMALL) == "too_large"


async def test_huge_headers_are_refused(web):
    async with web.visit({"/": web.reply(200, b"", [("X-Big", "x" * 1_000_000)])}) as (site, client):
        assert await web.reason(client, site.url()) == "too_large"


async def test_endless_headers_are_refused(web):
    async def endless(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await until_refused(writer, b"X-And-So-On: yes\r\n" * 100)

    async with web.visit(endless) as (site, client):
        assert await web.reason(client, site.url()) == "bad_response"


async def test_an_endless_status_line_is_refused(web):
    async def endless(request, writer):
        writer.write(b"HTTP/1.1 200 ")
        await until_refused(writer, b"OK" * 1000)

    async with web.visit(endless) as (site, client):
        assert await web.reason(client, site.url()) == "too_large"


# -- slow hosts --


async def test_headers_that_drip_run_into_the_total_time(web):
    async def drips(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await until_refused(writer, b"X-Drip: 1\r\n", pause=0.02)

    async with web.visit(drips, idle_timeout=5.0) as (site, client):
        assert await web.reason(client, site.url(), caps=Caps(time=0.3)) == "timeout"


async def test_a_body_that_drips_runs_into_the_total_time(web):
    async def drips(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await until_refused(writer, b".", pause=0.02)

    async with web.visit(drips, idle_timeout=5.0) as (site, client):
        assert await web.reason(client, site.url(), caps=Caps(time=0.3)) == "timeout"


async def test_the_status_of_an_error_page_that_drips_is_known(web):
    async def drips(request, writer):
        writer.write(b"HTTP/1.1 410 Gone\r\n\r\nIt is")
        await until_refused(writer, b".", pause=0.02)

    async with web.visit(drips) as (site, client):
        response = await client.get(site.url(), caps=Caps(time=0.3))
    assert (response.status, response.truncated, response.body[:6]) == (410, True, b"It is.")


async def test_a_silent_host_runs_into_the_idle_time(web):
    async def silent(request, writer):
        await asyncio.sleep(20)

    async with web.visit(silent, idle_timeout=0.2) as (site, client):
        assert await web.reason(client, site.url()) == "timeout"


async def test_redirects_share_one_time(web):
    async def slow(request, writer):
        await asyncio.sleep(0.1)
        writer.write(web.redirect(request.path + "x"))
        await writer.drain()

    async with web.visit(slow) as (site, client):
        assert await web.reason(client, site.url(), caps=Caps(time=0.35, redirects=1000)) == "timeout"
    assert len(site.requests) < 10


async def test_a_host_that_accepts_and_never_shakes_hands_is_a_timeout(web):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with HttpClient(HttpSettings(allow_private=True, connect_timeout=0.2)) as client:
            assert await web.reason(client, f"https://127.0.0.1:{port}/") == "timeout"


async def test_a_slow_name_holds_no_other_back(web):
    others_are_done = asyncio.Event()

    class Slow(web.Names):
        async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
            if host == "slow.test":
                await others_are_done.wait()
            return await super().resolve(host, port, family)

    async with web.serve({"/": web.reply(200, b"quick")}) as site:
        only_this = HttpSettings(allowed=(f"127.0.0.1:{site.port}",))
        async with HttpClient(only_this, resolver=Slow({"quick.test": ["127.0.0.1"]})) as client:
            slow = asyncio.create_task(web.reason(client, "http://slow.test/"))
            assert (await client.get(site.url(host="quick.test"))).body == b"quick"
            others_are_done.set()
            assert await slow == "dns"


async def test_a_name_that_is_never_resolved_is_a_timeout(web):
    class Never(web.Names):
        async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
            return await asyncio.Future()

    async with HttpClient(HttpSettings(connect_timeout=0.1), resolver=Never({})) as client:
        assert await web.reason(client, "http://slow.test/") == "timeout"


# -- circles --


async def test_a_redirect_loop_is_named(web):
    routes = {"/": web.redirect("/a"), "/a": web.redirect("/b"), "/b": web.redirect("/a")}
    async with web.visit(routes) as (site, client):
        with pytest.raises(FetchError, match=r"redirects: loop: .*/ -> .*/a -> .*/b -> .*/a$"):
            await client.get(site.url())
    assert site.paths == ["/", "/a", "/b"]


async def test_a_page_that_redirects_to_itself_with_ever_new_cookies_ends(web):
    count = iter(range(1000))

    async def page(request, writer):
        writer.write(web.redirect("/", headers=[("Set-Cookie", f"n={next(count)}")]))
        await writer.drain()

    async with web.visit(page) as (site, client):
        assert await web.reason(client, site.url()) == "redirects"
    assert len(site.requests) == 11


async def test_a_cookie_with_control_characters_harms_nothing(web):
    cookie = [("Set-Cookie", "a=b\x01c\x7f; Path=/"), ("Set-Cookie", "\x02=\x03"), ("Set-Cookie", "é=ü\udcff")]
    async with web.visit({"/": web.redirect("/b", headers=cookie), "/b": web.reply(200, b"there")}) as (site, client):
        assert (await client.get(site.url())).body == b"there"


async def test_cookies_without_measure_are_sent_in_measure(web):
    cookies = [("Set-Cookie", f"c{n}={'x' * 3000}") for n in range(100)]
    async with web.visit({"/": web.redirect("/b", headers=cookies), "/b": web.reply()}) as (site, client):
        await client.get(site.url())
    assert len(site.requests[1].headers["cookie"]) < 8192


# -- broken answers --


@pytest.mark.parametrize(
    "length", ["abc", "-1", "1e3", "+5", "0x10", "9" * 30, "5\r\nContent-Length: 6"], ids=lambda s: s[:8]
)
async def test_a_broken_content_length_is_named(web, length):
    async with web.visit({"/": web.reply(200, b"12345", [("Content-Length", length)])}) as (site, client):
        assert await web.reason(client, site.url()) in {"bad_response", "too_large"}


async def test_a_body_shorter_than_its_content_length_is_a_broken_connection(web):
    async def short(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        await writer.drain()

    async with web.visit(short) as (site, client):
        assert await web.reason(client, site.url()) == "connection"


async def test_a_connection_reset_in_the_body_is_named(web):
    async def resets(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        await writer.drain()
        linger_not = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        writer.transport.abort()

    async with web.visit(resets) as (site, client):
        assert await web.reason(client, site.url()) == "connection"


@pytest.mark.parametrize("chunk", [b"zz\r\nabc\r\n", b"-5\r\nabc\r\n", b"ffffffffffffffffff\r\nabc", b"5\r\nabc"])
async def test_broken_chunks_are_named(web, chunk):
    async def breaks(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        await writer.drain()

    async with web.visit(breaks) as (site, client):
        assert await web.reason(client, site.url()) in {"connection", "bad_response"}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 99,
        b"<html>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_named(web, said):
    async def says(request, writer):
        writer.write(said)
        await writer.drain()

    async with web.visit(says) as (site, client):
        assert await web.reason(client, site.url()) in {"bad_response", "connection"}


async def test_a_switch_of_protocols_is_only_a_status(web):
    async def switches(request, writer):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nbytes")
        await writer.drain()

    async with web.visit(switches) as (site, client):
        assert (await client.get(site.url())).status == 101


async def test_endless_interim_responses_run_into_the_total_time(web):
    async def continues(request, writer):
        await until_refused(writer, b"HTTP/1.1 100 Continue\r\n\r\n" * 10)

    async with web.visit(continues) as (site, client):
        assert await web.reason(client, site.url(), caps=Caps(time=0.5)) == "timeout"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_wrong_content_encoding_label_is_named(web, encoding):
    async with web.visit({"/": web.reply(200, b"<html>plain", [("Content-Encoding", encoding)])}) as (site, client):
        assert await web.reason(client, site.url()) == "content_encoding"


@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, 400), slice(5, None)])
async def test_a_damaged_gzip_is_named(web, damage):
    body = gzip.compress(b"".join(b"line %d\n" % n for n in range(500)), mtime=0)[damage]
    async with web.visit({"/": web.reply(200, body, [("Content-Encoding", "gzip")])}) as (site, client):
        assert await web.reason(client, site.url()) == "content_encoding"


async def test_a_port_where_nobody_listens_is_a_failed_connection(web):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with web.client(allowed=("127.0.0.1",)) as client:
        assert await web.reason(client, f"http://127.0.0.1:{port}/") == "connection"


async def test_an_unknown_name_is_named(web):
    async with web.client() as client:
        assert await web.reason(client, "http://nowhere.test/") == "dns"


async def test_a_name_without_an_address_is_named(web):
    async with web.client(names={"empty.test": [[]]}) as client:
        assert await web.reason(client, "http://empty.test/") == "dns"


async def test_https_to_a_server_without_it_is_named(web):
    async def plain(reader, writer):
        writer.write(web.reply(400))
        writer.close()

    async with (
        await asyncio.start_server(plain, "127.0.0.1", 0) as server,
        web.client(allowed=("127.0.0.1",)) as client,
    ):
        port = server.sockets[0].getsockname()[1]
        assert await web.reason(client, f"https://127.0.0.1:{port}/") == "tls"


async def test_a_certificate_that_nobody_vouches_for_is_named(web, certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    names = {"safe.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
    async with web.serve({"/": web.reply(200, b"safe")}, ssl=context) as site:
        async with web.client(site, names=names) as client:
            assert await web.reason(client, f"https://safe.test:{site.port}/") == "tls"
        async with web.client(site, names=names, ca_file=str(certificate)) as trusting:
            assert (await trusting.get(f"https://safe.test:{site.port}/")).body == b"safe"
            assert await web.reason(trusting, f"https://other.test:{site.port}/") == "tls"
