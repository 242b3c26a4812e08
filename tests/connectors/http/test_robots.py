"""robots.txt: what sites allow, and what is assumed when they can not be asked."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from connectors.http import FetchError, HostGate, Pacing, Robots, RobotsSettings

RULES = b"""\
User-agent: *
Disallow: /private/
Allow: /private/open
Crawl-delay: 3

User-agent: wiredesk
Disallow: /no-desk$
Disallow: /*.pdf
Request-rate: 1/7
"""


def site_with(web, body, status=200, headers=()):
    return {"/robots.txt": web.reply(status, body, headers)}


async def allowed(robots, url):
    return (await robots.check(url)).allowed


async def test_the_group_of_our_name_decides(web):
    async with web.visit(site_with(web, RULES)) as (site, client):
        robots = Robots(client)
        assert not await allowed(robots, site.url("/no-desk"))
        assert not await allowed(robots, site.url("/a/report.pdf?x"))
        assert await allowed(robots, site.url("/no-desk/else"))
        assert await allowed(robots, site.url("/private/x")), "the group of everybody is not ours"
    assert site.paths == ["/robots.txt"]
    assert site.requests[0].headers["user-agent"] == "wiredesk"


async def test_others_get_the_group_of_everybody(web):
    async with web.visit(site_with(web, RULES), user_agent="desk-reader/2.0") as (site, client):
        robots = Robots(client)
        assert not await allowed(robots, site.url("/private/x"))
        assert await allowed(robots, site.url("/private/open/x")), "the longer rule wins"
        assert await allowed(robots, site.url("/no-desk"))
        assert (await robots.check(site.url("/"))).crawl_delay == 3.0


async def test_a_request_rate_is_a_delay(web):
    async with web.visit(site_with(web, RULES)) as (site, client):
        assert (await Robots(client).check(site.url("/"))).crawl_delay == 7.0


@pytest.mark.parametrize(("asked", "kept"), [("2.5", 2.5), ("86400", 300.0), ("-1", None), ("inf", None), ("x", None)])
async def test_a_crawl_delay_is_kept_within_measure(web, asked, kept):
    body = f"User-agent: *\nCrawl-delay: {asked}\nDisallow: /x\n".encode()
    async with web.visit(site_with(web, body)) as (site, client):
        assert (await Robots(client).check(site.url("/"))).crawl_delay == kept


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_no_file_allows_everything(web, status):
    async with web.visit(site_with(web, b"User-agent: *\nDisallow: /", status)) as (site, client):
        assert await allowed(Robots(client), site.url("/page"))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_site_that_can_not_say_allows_nothing_for_now(web, status):
    async with web.visit(site_with(web, b"", status, [("Retry-After", "60")])) as (site, client):
        verdict = await Robots(client).check(site.url("/page"))
        assert not verdict.allowed
        assert (verdict.failure.reason, verdict.failure.status) == ("http_status", status)
        with pytest.raises(FetchError, match=r"http_status: robots\.txt: ") as caught:
            await Robots(client).permit(site.url("/page"))
    assert caught.value.retry_after.total_seconds() == 60


@pytest.mark.parametrize(
    ("host", "reason"), [("nowhere.test", "dns"), ("inside.test", "forbidden_address"), ("closed.test", "connection")]
)
async def test_a_site_that_can_not_be_reached_fails_for_its_own_reason(web, host, reason):
    names = {"inside.test": ["127.0.0.1"], "closed.test": ["127.0.0.2"]}
    async with web.serve({}) as site, web.client(names=names, allowed=("127.0.0.2",)) as client:
        with pytest.raises(FetchError) as caught:
            await Robots(client).permit(site.url("/page", host))
    assert caught.value.reason == reason


async def test_redirects_are_followed_to_the_fifth(web):
    steps = {f"/{n}": web.redirect(f"/{n + 1}", 301) for n in range(9)}
    steps["/robots.txt"] = web.redirect("/5", 301)
    steps["/9"] = web.reply(200, b"User-agent: *\nDisallow: /")
    async with web.visit(steps) as (site, client):
        assert not await allowed(Robots(client), site.url("/page"))
        steps["/robots.txt"] = web.redirect("/4", 301)
        assert await allowed(Robots(client), site.url("/page")), "six are as no file"


async def test_what_is_beyond_500_kib_is_not_read(web):
    begin = b"User-agent: *\nDisallow: /early\n"
    filler = b"# " + b"x" * 97 + b"\n"
    body = begin + filler * (500 * 1024 // len(filler)) + b"Disallow: /late\n" * 1000
    async with web.visit(site_with(web, body)) as (site, client):
        robots = Robots(client)
        assert not await allowed(robots, site.url("/early"))
        assert await allowed(robots, site.url("/late"))


async def test_a_rule_that_the_cap_cuts_is_not_half_read(web):
    body = b"User-agent: *\nDisallow: /private\n"
    async with web.visit(site_with(web, body)) as (site, client):
        robots = Robots(client, RobotsSettings(max_bytes=len(body) - 6))
        assert await allowed(robots, site.url("/pr/x"))


async def test_an_endless_compressed_file_is_read_to_the_cap(web):
    body = gzip.compress(b"User-agent: *\nDisallow: /x\n" + b"#\n" * 20_000_000, mtime=0)
    async with web.visit(site_with(web, body, headers=[("Content-Encoding", "gzip")])) as (site, client):
        assert not await allowed(Robots(client), site.url("/x"))


@pytest.mark.parametrize(
    "body", [b"", b"<!DOCTYPE html><html>...", b"\x00\xff" * 500, b"Disallow: /", b"User-agent: *\nDisallow:\n"]
)
async def test_a_file_without_rules_allows_everything(web, body):
    async with web.visit(site_with(web, body)) as (site, client):
        assert await allowed(Robots(client), site.url("/page"))


async def test_a_byte_order_mark_hides_no_rule(web):
    async with web.visit(site_with(web, b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /x\r\n")) as (site, client):
        assert not await allowed(Robots(client), site.url("/x"))


async def test_a_file_is_asked_for_once_and_again_when_it_expires(web):
    now = [0.0]
    async with web.visit(site_with(web, RULES)) as (site, client):
        robots = Robots(client, RobotsSettings(lifetime=1000.0), clock=lambda: now[0])
        await asyncio.gather(*(robots.check(site.url(f"/{n}")) for n in range(20)))
        now[0] = 999.0
        await robots.check(site.url("/"))
        assert len(site.requests) == 1
        now[0] = 1000.0
        await robots.check(site.url("/"))
        assert len(site.requests) == 2


async def test_a_failed_file_is_asked_for_again_soon_and_the_old_one_used_meanwhile(web):
    now = [0.0]
    routes = site_with(web, b"", 503)
    async with web.visit(routes) as (site, client):
        robots = Robots(client, RobotsSettings(lifetime=1000.0, retry=10.0), clock=lambda: now[0])
        assert not await allowed(robots, site.url("/page"))
        routes.update(site_with(web, RULES))
        assert not await allowed(robots, site.url("/page"))
        now[0] = 10.0
        assert await allowed(robots, site.url("/page"))
        routes.update(site_with(web, b"", 503))
        now[0] = 1010.0
        assert await allowed(robots, site.url("/page"))
        assert not await allowed(robots, site.url("/no-desk"))
        routes.update(site_with(web, b"User-agent: *\nDisallow: /page"))
        now[0] = 1020.0
        assert not await allowed(robots, site.url("/page"))
    assert len(site.requests) == 4


async def test_each_origin_has_its_own_file(web):
    closed = site_with(web, b"User-agent: *\nDisallow: /")
    async with web.serve(closed) as one, web.visit({}, allowed=("127.0.0.1",)) as (other, client):
        robots = Robots(client)
        assert not await allowed(robots, one.url("/page"))
        assert await allowed(robots, other.url("/page"))


async def test_files_are_forgotten_when_memory_is_short(web):
    names = {f"{n}.test": ["127.0.0.1"] for n in range(8)}
    async with web.visit(site_with(web, RULES + b"#" * 1000), names=names) as (site, client):
        robots = Robots(client, RobotsSettings(memory=5000, parsed_memory=5000))
        for n in range(8):
            await robots.check(site.url(host=f"{n}.test"))
        await robots.check(site.url(host="7.test"))
        assert len(site.requests) == 8
        await robots.check(site.url(host="0.test"))
        assert len(site.requests) == 9


async def test_one_who_gives_up_leaves_the_answer_to_others(web):
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(request, writer):
        asked.set()
        await answer.wait()
        writer.write(web.reply(404))
        await writer.drain()

    async with web.visit(slow) as (site, client):
        robots = Robots(client)
        impatient, patient = (asyncio.create_task(robots.check(site.url("/"))) for _ in range(2))
        await asked.wait()
        impatient.cancel()
        answer.set()
        assert (await patient).allowed
        assert impatient.cancelled()


async def test_a_fetch_with_permit_keeps_to_the_rules_at_each_redirect(web):
    routes = {**site_with(web, RULES), "/": web.redirect("/no-desk"), "/no-desk": web.reply(200, b"page")}
    async with web.visit(routes) as (site, client):
        with pytest.raises(FetchError, match=r"robots: robots\.txt disallows .*/no-desk for wiredesk"):
            await client.get(site.url("/"), permit=Robots(client).permit)
    assert site.paths == ["/robots.txt", "/"]


async def test_the_delay_that_a_site_asks_for_is_kept_between_its_pages(web):
    slept, now = [], [0.0]

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    gate = HostGate(Pacing(delay=1.0), clock=lambda: now[0], sleep=sleep)
    async with web.visit({**site_with(web, RULES), "/a": web.reply(), "/b": web.reply()}) as (site, client):
        robots = Robots(client, gate=gate)
        for path in ("/a", "/b"):
            await client.get(site.url(path), gate=gate, permit=robots.permit)
    assert slept == [1.0, 7.0]


async def test_what_is_no_url_has_no_robots(web):
    async with web.client() as client:
        with pytest.raises(FetchError, match="unsupported_url"):
            await Robots(client).check("ftp://a.test/")
