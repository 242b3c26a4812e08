"""The doors of feeds, sitemaps, OPML and pages."""

from __future__ import annotations

import tomllib
from datetime import timedelta

from feed_soundness import read_soundly

from connectors.feeds import feeds_of_page
from connectors.feeds.model import SitemapLink
from connectors.opml import import_opml
from connectors.scraper.links import article_links, section_candidates
from connectors.scraper.sitemaps import chosen
from connectors.scraper.sites import site_of
from connectors.sources import SourcesError
from fuzzing.door import CONTENT_TYPES, GOLDEN, NOW, URL, of, words
from pipeline.extraction import urls
from pipeline.extraction.revision import extract, html_text
from schemas import records, wire
from schemas.fetched import fetched
from schemas.reasons import reasons

MARKUP = words(
    "<![CDATA[ ]]> <!-- --> <? ?> & &amp; &#0; &#x110000; &lt; < > /> <a:b> </a> <!DOCTYPE <!ENTITY <title> </title> "
    "<div> </div> <p> </p> <br> <svg> <math> <table> <script> </script> <style> </style> <template> <noscript>"
)
FEEDS = (
    *MARKUP,
    *words(
        "<item> </item> <entry> </entry> <channel> <rss <feed <rdf:RDF <link> </link> <guid> isPermaLink='false' <url> "
        "<loc> <lastmod> <news:title> <sitemap> <urlset> <sitemapindex> <content type='xhtml'> mode='base64' "
        "xml:base='//x' <author> <name> <source url='x'> <links>x</links> <pubDate> <dc:date> <content:encoded> "
        '<enclosure url=\'\'/> {"items":[ "url": "id": "content_html": \\ud800 [ { \x1f\x8b encoding=\'utf-7\''
    ),
    b"<link rel='next' href='/'/>",
    b"<!DOCTYPE x [",
    b'<?xml version="1.1" encoding="x"?>',
)


def golden_feeds(sitemaps: bool) -> list[bytes]:
    names = tomllib.loads((GOLDEN / "feeds/cases.toml").read_text("utf-8"))
    bodies = [(GOLDEN / "feeds" / name).read_bytes() for name in names if name.startswith("sitemap") == sitemaps]
    return [body for body in bodies if len(body) < 20_000]


def read_feed(body: bytes) -> str:
    return read_soundly(body, of(body, CONTENT_TYPES))


def read_sitemap(body: bytes) -> str:
    links = [
        SitemapLink(found, raw)
        for found, raw in zip(*[iter(body.decode("utf-8", "replace").split()[:40])] * 2, strict=False)
    ]
    assert len(chosen(links, 7, NOW, timedelta(days=3))) <= 7
    return read_soundly(body, "text/xml")


def outlines() -> list[bytes]:
    return [
        b"<opml version='1.0'><head><title>t</title></head><body><outline text='World'><outline text='A' type='rss' "
        b"xmlUrl='https://a.example/feed' htmlUrl='https://a.example/'/></outline></body></opml>"
    ]


def read_opml(body: bytes) -> str:
    try:
        found = import_opml(body)
    except SourcesError:
        return "no OPML"
    names = [source.name for source in found.sources]
    assert len(names) == len(set(names))
    assert all(source.url.startswith(("http://", "https://")) for source in found.sources)
    return f"{min(len(names), 3)} sources, {min(len(found.skipped), 3)} skipped"


def golden_pages() -> list[bytes]:
    return [path.read_bytes() for path in sorted((GOLDEN / "pages").glob("*.html")) if path.stat().st_size < 30_000]


PAGES = (
    *MARKUP,
    *words(
        "<article> </article> <h1> <time> datetime= <form> <iframe> <figure> <base> <frameset> <plaintext> <textarea> "
        "itemprop=articleBody itemtype=NewsArticle rel=canonical property=og:url charset=utf-7 aria-hidden=true "
        'content=noai "@graph":[ "@type":"NewsArticle" "articleBody": "datePublished": "author": null'
    ),
    b'<script type="application/ld+json">{"@type":"NewsArticle","author":[[{"name":{}}]]}</script>',
    b'<meta http-equiv="content-type" content="text/html; charset=x-user-defined">',
    b'<link rel="canonical" href="http://[::1">',
    b'<meta property="article:published_time" content="2026-02-30T25:61:00+99:99">',
)


def read_page(body: bytes) -> str:
    content_type = of(body, CONTENT_TYPES)
    item = fetched(source="s", url=URL, fetched_at=NOW, status=200, content_type=content_type, body=body)
    found = extract(item, NOW)
    if isinstance(found, records.Failure):
        assert found.reason in reasons()
        return found.reason
    assert wire.decode(wire.encode(found)) == found
    assert found.text.strip()
    assert found.published_at is None or found.published_at <= NOW + timedelta(days=2)
    assert urls.normalise(found.canonical_url) == found.canonical_url
    return f"article, dated by {(found.published_from or 'nothing').partition('+')[0]}"


def read_fragment(body: bytes) -> str:
    """What comes in a feed as an article's text, and the links of a section page."""
    text = html_text(body.decode("utf-8", "replace"))
    assert "\0" not in text
    links = article_links(body, of(body, CONTENT_TYPES), URL)
    assert all(site_of(link.url) == site_of(URL) for link in links)
    section_candidates(body, None, URL)
    feeds = feeds_of_page(body, URL)
    assert all(link.url.startswith(("http://", "https://")) for link in feeds)
    return f"{min(len(links), 3)} links, {min(len(feeds), 3)} feeds, {'text' if text else 'no text'}"
