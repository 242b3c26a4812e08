"""What a site and a source offer, against a real server."""

from __future__ import annotations

import asyncio

import pytest
from paper import ARTICLE, LoopbackResolver, item, rss

from connectors.http import HostGate, HttpClient, HttpSettings, Pacing
from connectors.scraper.check import check
from connectors.scraper.discover import discover
from connectors.sources import Source

SETTINGS = HttpSettings(user_agent="wiredesk-test/1", allow_private=True)
HOME = """<html><head><title>The Paper</title>
<link rel="alternate" type="application/rss+xml" title="The Paper: all" href="/all.xml">
<link rel="alternate" type="application/rss+xml" title="Dead" href="/dead.xml"></head>
<body><nav><a href="/politics">Politics</a> <a href="/empty">Empty</a> <a href="/about">About</a></nav>
<main>{}</main></body></html>"""
TEASERS = "".join(f"<h2><a href='/2026/03/14/story-number-{n}'>The story with number {n}</a></h2>" for n in range(4))


@pytest.fixture
def look(site, reader):
    """Call ``discover`` or ``check`` with a client of its own."""

    def call(function, subject):
        async def run():
            async with HttpClient(SETTINGS, resolver=LoopbackResolver()) as client:
                return await function(subject, client, reader=reader, gate=HostGate(Pacing(delay=0.0)))

        return asyncio.run(run())

    return call


def sitemap(site, *numbers):
    urls = "".join(f"<url><loc>{site.url(f'/news/{n}')}</loc><lastmod>2026-03-{n:02d}</lastmod></url>" for n in numbers)
    return f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>"


def test_feeds_that_a_page_declares_and_sitemaps_of_robots_txt_are_found(site, look):
    site.put("/", HOME.format(TEASERS))
    site.put("/all.xml", rss(item(1), item(2)), content_type="application/rss+xml")
    site.put("/robots.txt", f"User-agent: *\nCrawl-delay: 2\nSitemap: {site.url('/maps/news.xml')}\n")
    site.put("/maps/news.xml", sitemap(site, 1, 2, 3), content_type="application/xml")
    found = look(discover, site.url("/"))
    assert [(f.url, f.found, f.format, f.entries, f.title) for f in found.feeds] == [
        (site.url("/all.xml"), "declared", "rss20", 2, "The Paper"),
        (site.url("/maps/news.xml"), "robots.txt", "sitemap", 3, None),
    ]
    assert found.feeds[0].newest == "Sat, 14 Mar 2026 08:02:00 GMT"
    assert (found.allowed, found.crawl_delay, found.failure) == (True, 2.0, None)
    assert found.sources() == (Source(name="The Paper", url=site.url("/all.xml"), kind="feed"),)


def test_feeds_at_usual_places_are_found(site, look):
    site.put("/", HOME.format(""))
    site.put("/rss.xml", rss(item(1)), content_type="application/rss+xml")
    found = look(discover, site.url("/"))
    assert [(f.url, f.found) for f in found.feeds] == [(site.url("/rss.xml"), "usual")]


def test_sections_are_found_where_there_is_no_feed(site, look):
    site.put("/", HOME.format("<p>Welcome</p>"))
    site.put("/politics", HOME.format(TEASERS))
    site.put("/empty", HOME.format("<p>Nothing yet</p>"))
    found = look(discover, site.url("/"))
    (section,) = found.sections
    assert (section.url, section.articles) == (site.url("/politics"), 4)
    assert section.samples[0].text == "The story with number 0"
    (source,) = found.sources()
    assert (source.kind, source.url) == ("section", site.url("/politics"))


def test_the_address_of_a_feed_is_its_own_discovery(site, look):
    site.put("/all.xml", rss(item(1)), content_type="application/rss+xml")
    (feed,) = look(discover, site.url("/all.xml")).feeds
    assert (feed.url, feed.found, feed.entries) == (site.url("/all.xml"), "given", 1)


def test_a_site_that_is_not_there_is_a_failure_with_its_name(site, look):
    site.put("/", status=503)
    assert look(discover, site.url("/")).failure.reason == "http_status"
    assert look(discover, "ftp://paper.test/").failure.reason == "unsupported_url"


def test_a_site_that_does_not_want_us_is_left_alone(site, look):
    site.put("/robots.txt", "User-agent: *\nDisallow: /\n")
    site.put("/", HOME.format(TEASERS))
    assert look(discover, site.url("/")).failure.reason == "robots"
    assert site.count("/") == 0


def test_a_check_tells_what_a_feed_gives(site, look):
    site.put("/all.xml", rss(item(2), item(3), item(4, link="")), content_type="application/rss+xml", etag='"1"')
    site.put("/news/2", ARTICLE.format("Two"))
    source = Source(name="Paper", url=site.url("/all.xml"))
    found = look(check, source)
    assert (found.source, found.status, found.format, found.title) == (source, 200, "rss20", "The Paper")
    assert (found.entries, found.problems) == (2, {"entry_no_link": 1})
    assert found.newest == "Sat, 14 Mar 2026 08:03:00 GMT"
    assert (found.conditional, found.moved_to, found.allowed, found.failure) == (True, None, True, None)
    assert (found.page.url, found.page.status, found.page.failure) == (site.url("/news/2"), 200, None)
    assert found.page.size == len(ARTICLE.format("Two"))


def test_a_check_tells_where_a_feed_has_moved(site, look):
    site.put("/old.xml", status=301, location="/all.xml")
    site.put("/all.xml", rss(item(1)), content_type="application/rss+xml")
    found = look(check, Source(name="Paper", url=site.url("/old.xml")))
    assert found.moved_to == site.url("/all.xml")
    assert found.page.failure.reason == "http_status"


def test_a_check_tells_what_robots_txt_says_of_pages(site, look):
    site.put("/robots.txt", "User-agent: *\nDisallow: /news\nCrawl-delay: 5\n")
    site.put("/all.xml", rss(item(1)), content_type="application/rss+xml")
    found = look(check, Source(name="Paper", url=site.url("/all.xml")))
    assert (found.allowed, found.crawl_delay, found.page.failure.reason) == (False, 5.0, "robots")


def test_a_check_of_an_index_looks_below_it(site, look):
    index = f"<sitemapindex><sitemap><loc>{site.url('/maps/news.xml')}</loc></sitemap></sitemapindex>"
    site.put("/index.xml", index, content_type="application/xml")
    site.put("/maps/news.xml", sitemap(site, 13, 14, 12), content_type="application/xml")
    site.put("/news/13", ARTICLE.format("x"))
    found = look(check, Source(name="Paper", url=site.url("/index.xml"), kind="sitemap"))
    assert (found.format, found.sitemaps, found.entries) == ("sitemap-index", (site.url("/maps/news.xml"),), 3)
    assert found.page.status == 200


def test_a_check_of_a_section_counts_its_articles(site, look):
    site.put("/politics", HOME.format(TEASERS))
    site.put("/2026/03/14/story-number-0", ARTICLE.format("x"))
    found = look(check, Source(name="Paper", url=site.url("/politics"), kind="section"))
    assert (found.format, found.entries, found.page.status) == ("section", 4, 200)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"body": "<!doctype html><html><body>Hello</body></html>"}, "feed_html"),
        ({"body": "{{{"}, "feed_unreadable"),
        ({"status": 404}, "http_status"),
        ({"status": 410}, "gone"),
    ],
)
def test_a_check_of_what_is_no_feed_names_the_reason(site, look, reply, reason):
    site.put("/all.xml", **reply)
    assert look(check, Source(name="Paper", url=site.url("/all.xml"))).failure.reason == reason
