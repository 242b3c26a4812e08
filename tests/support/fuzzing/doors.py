"""The doors: for each the samples that it begins with, what is called with an input, what must hold of what it gives.

A door returns the name of the state that an input ends in (a format, a reason, a kind), and raises what nobody expects.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
import pathlib
import random
import tempfile
import tomllib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from archived import page, warc_record
from feed_soundness import read_soundly
from samples import SAMPLES

from connectors.archives.files import ArchiveError, File
from connectors.archives.open import FORMATS, recognise
from connectors.feeds import feeds_of_page
from connectors.feeds.model import SitemapLink
from connectors.http import encodings
from connectors.http import urls as requested
from connectors.http.response import parse_retry_after
from connectors.opml import import_opml
from connectors.queue import Message, read_fetched
from connectors.queue.claims import without_body
from connectors.scraper.dates import http_date, rough_date
from connectors.scraper.links import article_links, section_candidates
from connectors.scraper.sitemaps import chosen
from connectors.scraper.sites import site_of
from connectors.sources import SourcesError
from fuzzing.mutate import Change, json_changed, tree_changed
from pipeline.extraction import dates, urls
from pipeline.extraction.revision import extract, html_text
from pipeline.measure.measure import measure_text
from pipeline.measure.numbers import parse_digits
from pipeline.measure.pack import load_pack
from schemas import records, wire
from schemas.fetched import fetched
from schemas.reasons import reasons

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://news.example/2026/11/21/feed"
CONTENT_TYPES = (
    None,
    "",
    "text/xml",
    "text/html",
    "application/rss+xml; charset=utf-8",
    "text/html; charset=latin1",
    "x; charset=punycode",
    "text/plain",
    'text/html; charset="utf-16"',
)


@dataclass(frozen=True)
class Door:
    """``modules``: whose lines are counted. ``patience``: seconds of processor time for an input of
    ``mutate.LARGEST`` bytes on a slow and busy machine; ten times what such an input should take."""

    name: str
    run: Callable[[bytes], str]
    samples: Callable[[], Sequence[bytes]]
    modules: tuple[str, ...]
    tokens: tuple[bytes, ...] = ()
    changes: tuple[Change, ...] = ()
    patience: float = 2.0


def _of(data: bytes, choices: Sequence[Any]) -> Any:
    """One of them, always the same for the same input."""
    return choices[zlib.crc32(data) % len(choices)]


def _words(text: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in text.split())


# -- documents ---------------------------------------------------------------------------------------------------------

MARKUP = _words(
    "<![CDATA[ ]]> <!-- --> <? ?> & &amp; &#0; &#x110000; &lt; < > /> <a:b> </a> <!DOCTYPE <!ENTITY <title> </title> "
    "<div> </div> <p> </p> <br> <svg> <math> <table> <script> </script> <style> </style> <template> <noscript>"
)
FEEDS = (
    *MARKUP,
    *_words(
        "<item> </item> <entry> </entry> <channel> <rss <feed <rdf:RDF <link> </link> <guid> isPermaLink='false' <url> "
        "<loc> <lastmod> <news:title> <sitemap> <urlset> <sitemapindex> <content type='xhtml'> mode='base64' "
        "xml:base='//x' <author> <name> <source url='x'> <links>x</links> <pubDate> <dc:date> <content:encoded> "
        '<enclosure url=\'\'/> {"items":[ "url": "id": "content_html": \\ud800 [ { \x1f\x8b encoding=\'utf-7\''
    ),
    b"<link rel='next' href='/'/>",
    b"<!DOCTYPE x [",
    b'<?xml version="1.1" encoding="x"?>',
)


def _golden_feeds(sitemaps: bool) -> list[bytes]:
    names = tomllib.loads((GOLDEN / "feeds/cases.toml").read_text("utf-8"))
    bodies = [(GOLDEN / "feeds" / name).read_bytes() for name in names if name.startswith("sitemap") == sitemaps]
    return [body for body in bodies if len(body) < 20_000]


def _feeds(body: bytes) -> str:
    return read_soundly(body, _of(body, CONTENT_TYPES))


def _sitemaps(body: bytes) -> str:
    links = [
        SitemapLink(found, raw)
        for found, raw in zip(*[iter(body.decode("utf-8", "replace").split()[:40])] * 2, strict=False)
    ]
    assert len(chosen(links, 7, NOW, timedelta(days=3))) <= 7
    return read_soundly(body, "text/xml")


def _outlines() -> list[bytes]:
    return [
        b"<opml version='1.0'><head><title>t</title></head><body><outline text='World'><outline text='A' type='rss' "
        b"xmlUrl='https://a.example/feed' htmlUrl='https://a.example/'/></outline></body></opml>"
    ]


def _opml(body: bytes) -> str:
    try:
        found = import_opml(body)
    except SourcesError:
        return "no OPML"
    names = [source.name for source in found.sources]
    assert len(names) == len(set(names))
    assert all(source.url.startswith(("http://", "https://")) for source in found.sources)
    return f"{min(len(names), 3)} sources, {min(len(found.skipped), 3)} skipped"


def _golden_pages() -> list[bytes]:
    return [path.read_bytes() for path in sorted((GOLDEN / "pages").glob("*.html")) if path.stat().st_size < 30_000]


PAGES = (
    *MARKUP,
    *_words(
        "<article> </article> <h1> <time> datetime= <form> <iframe> <figure> <base> <frameset> <plaintext> <textarea> "
        "itemprop=articleBody itemtype=NewsArticle rel=canonical property=og:url charset=utf-7 aria-hidden=true "
        'content=noai "@graph":[ "@type":"NewsArticle" "articleBody": "datePublished": "author": null'
    ),
    b'<script type="application/ld+json">{"@type":"NewsArticle","author":[[{"name":{}}]]}</script>',
    b'<meta http-equiv="content-type" content="text/html; charset=x-user-defined">',
    b'<link rel="canonical" href="http://[::1">',
    b'<meta property="article:published_time" content="2026-02-30T25:61:00+99:99">',
)


def _pages(body: bytes) -> str:
    content_type = _of(body, CONTENT_TYPES)
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


def _fragments(body: bytes) -> str:
    """What comes in a feed as an article's text, and the links of a section page."""
    text = html_text(body.decode("utf-8", "replace"))
    assert "\0" not in text
    links = article_links(body, _of(body, CONTENT_TYPES), URL)
    assert all(site_of(link.url) == site_of(URL) for link in links)
    section_candidates(body, None, URL)
    feeds = feeds_of_page(body, URL)
    assert all(link.url.startswith(("http://", "https://")) for link in feeds)
    return f"{min(len(links), 3)} links, {min(len(feeds), 3)} feeds, {'text' if text else 'no text'}"


# -- archives ----------------------------------------------------------------------------------------------------------

ARTICLES = [
    {
        "url": f"https://herald.example/{n}",
        "text": f"The council closed bridge {n}. " * 3,
        "title": f"Bridge {n}",
        "published_at": "2026-06-01T10:00:00Z",
    }
    for n in range(4)
]
_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # many small files, none is kept


def _read_archive(data: bytes, format: str, suffix: str) -> str:
    """Read it whole, and once more from a place in the middle: what follows must be the same."""
    with tempfile.NamedTemporaryFile(dir=_FOLDER, suffix=suffix) as made:
        made.write(data)
        made.flush()
        file = File(made.name, len(data))
        try:
            looked = recognise(file)
            archive = FORMATS[format].open(file, "channel", ())
            found = [(piece, list(archive.read(piece))) for piece in archive.pieces()]
            for piece, records_of_piece in found:
                positions = [one.position for one in records_of_piece]
                assert positions == sorted(set(positions)), "positions grow"
                if records_of_piece:
                    at = len(records_of_piece) // 2
                    rest = list(archive.read(piece, records_of_piece[at].position))
                    assert [x.fetched for x in rest] == [x.fetched for x in records_of_piece[at + 1 :]], "goes on"
        except ArchiveError:
            return "refused"
    items = [one.fetched for _, records_of_piece in found for one in records_of_piece]
    for item in items:
        if item is not None:
            assert wire.decode(wire.encode(item)) == item
            assert item.failure is None or item.failure.reason in reasons()
    failures = sorted({item.failure.reason for item in items if item is not None and item.failure is not None})
    whole = any(item is not None and item.failure is None for item in items)
    return f"{looked}: {'items' if whole else 'no items'}{', ' if failures else ''}{', '.join(failures)}"


def _warcs() -> list[bytes]:
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    zipped = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n"
    other = [
        warc_record("https://herald.example/c", b"5\r\n<p>ab\r\n0\r\n\r\n", http=chunked),
        warc_record("https://herald.example/z", gzip.compress(b"<p>zipped"), http=zipped),
        warc_record("https://herald.example/r", b"<p>resource", kind="resource", http=b""),
        warc_record("https://herald.example/t", b"text", kind="conversion", http=b"", content_type="text/plain"),
        warc_record("https://herald.example/v", b"", kind="revisit", WARC_Refers_To_Target_URI="https://h.example/"),
        warc_record("https://herald.example/e", b"gone", http=b"HTTP/1.1 410 Gone\r\nContent-Type: text/html\r\n\r\n"),
        warc_record("https://herald.example/q", b"", kind="request", http=b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ]
    pages = [warc_record(a["url"], page(a)) for a in ARTICLES[:2]]
    return [b"".join(pages), b"".join(other), pages[0] + other[0], *other]


def _warc(data: bytes) -> str:
    packed = (lambda d: d, gzip.compress, _member_by_member, zstandard.ZstdCompressor().compress)
    return _read_archive(_of(data, packed)(data), "warc", ".warc")


def _member_by_member(data: bytes) -> bytes:
    parts = data.split(b"WARC/1.0")
    return b"".join(gzip.compress(b"WARC/1.0" + part if n else part, 1) for n, part in enumerate(parts) if part or n)


def _packed_warcs() -> list[bytes]:
    return [
        _member_by_member(_warcs()[0]),
        gzip.compress(_warcs()[1]),
        zstandard.ZstdCompressor().compress(_warcs()[0]),
    ]


def _lines() -> list[bytes]:
    more = {
        "url": "https://herald.example/x",
        "html": "<p>Text",
        "authors": ["A", None],
        "tags": "a",
        "language": "de",
        "fetched_at": 1780000000,
        "published_at": 1780000000.5,
        "source": "s",
        "canonical_url": "/x",
    }
    plain = "\n".join(json.dumps(line) for line in [*ARTICLES, more]).encode()
    layouts = tomllib.loads((pathlib.Path(records.__file__).parents[1] / "connectors/archives/fields.toml").read_text())
    known = [
        json.dumps({key: ARTICLES[0].get(name, "2026-06-01") for name, keys in row.items() for key in keys}).encode()
        for row in layouts.values()
    ]
    return [plain, b"\xef\xbb\xbf" + plain, *known]


def _json_lines(data: bytes) -> str:
    packed = (lambda d: d, lambda d: d, gzip.compress, zstandard.ZstdCompressor().compress)
    return _read_archive(_of(data, packed)(data), "jsonl", ".jsonl")


def _documents() -> list[bytes]:
    return [
        json.dumps(ARTICLES[0]).encode(),
        json.dumps(ARTICLES).encode(),
        json.dumps({"articles": ARTICLES}).encode(),
    ]


def _tables() -> list[bytes]:
    plain = pa.Table.from_pylist(ARTICLES)
    typed = pa.table(
        {
            "url": pa.array(["https://h.example/1", None, "x"]),
            "html": pa.array([b"<p>a", b"\xff", None], pa.binary()),
            "published_at": pa.array([NOW, None, NOW], pa.timestamp("us", "UTC")),
            "authors": pa.array([["A"], [None], None]),
            "n": pa.array([1, 2, 3]),
        }
    )
    made = []
    for table in (plain, typed):
        for compression in ("none", "zstd"):
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, compression=compression, row_group_size=2)
            made.append(sink.getvalue().to_pybytes())
    return made


# -- bytes -------------------------------------------------------------------------------------------------------------


def _wire_changed(rng: random.Random, data: bytes) -> bytes:
    """A record with another value somewhere, as it may be written by who knows the format."""
    try:
        body = data[5:]
        if data[4] & wire.COMPRESSED:
            if zstandard.frame_content_size(body) > 2**20:
                return data
            body = zstandard.ZstdDecompressor().decompress(body, max_output_size=2**20)
        tree = msgspec.msgpack.decode(body)
        made = msgspec.msgpack.encode(tree_changed(rng, tree))
    except (
        IndexError,
        ValueError,
        UnicodeError,
        zstandard.ZstdError,
        msgspec.MsgspecError,
        RecursionError,
        TypeError,
        OverflowError,
    ):
        return data
    packed = rng.random() < 0.3
    head = data[:4] + (b"\x01" if packed else b"\x00")
    return head + (zstandard.ZstdCompressor().compress(made) if packed else made)


def _queue(value: bytes) -> str:
    message = Message(partition=0, offset=1, key="k", value=value, headers={}, appended_at=NOW)
    item = read_fetched(message, "channel")
    assert wire.decode(wire.encode(item)) == item
    if item.failure is not None and item.failure.reason == "bad_message":
        assert item.body == value
        kind = wire.kind_of(value)
        return f"bad message ({kind.__name__ if kind else 'no record'})"
    small = wire.decode_as(records.Fetched, without_body(value, 100))
    assert small.body is None
    if len(value) < 4096 and _of(value, range(4)) == 0:  # the way of each item that is whole
        found = extract(item, NOW)
        return f"item: {found.reason if isinstance(found, records.Failure) else 'article'}"
    return "item"


def _encoded() -> list[bytes]:
    text = b"<p>The council closed the bridge.</p>" * 20
    packer = zlib.compressobj(wbits=-15)
    return [
        b"\0" + gzip.compress(text),
        b"\1" + zlib.compress(text),
        b"\1" + packer.compress(text) + packer.flush(),
        b"\3" + zstandard.ZstdCompressor().compress(text),
        b"\4" + zlib.compress(gzip.compress(text)),
        b"\5" + text,
        b"\2\x1b\x25\x00\x00\x04\x72",
    ]


ENCODINGS = ("gzip", "deflate", "br", "zstd", "gzip, deflate", "identity", "x-gzip", "aws-chunked", "")


def _encodings(data: bytes) -> str:
    name = ENCODINGS[data[0] % len(ENCODINGS)] if data else ""
    try:
        body = encodings.decode(data[1:], name, 2**20, partial=len(data) % 2 == 0)
    except encodings.BadEncoding:
        return f"{name}: damaged"
    except encodings.BodyTooLarge:
        return f"{name}: too large"
    assert len(body) <= 2**20
    return f"{name}: decoded"


# -- texts -------------------------------------------------------------------------------------------------------------


def _addresses() -> list[bytes]:
    return [
        b"https://news.example/2026/11/21/harbour-deal.html?utm_source=x&id=7#top",
        b"http://m.news.example:80/a/../b/amp",
        b"HTTPS://B\xc3\xbccher.example/%7Ea/%c3%bc",
        b"https://www.google.com/amp/s/news.example/a",
        b"http://[::1]:8080/",
        b"//cdn.example/x",
        b"../x?y",
        b"mailto:a@b.example",
        b"javascript:alert(1)",
        b"http://0x7f.1/",
        b"http://user:pw@news.example/",
        b"https://xn--bcher-kva.example/?a=1&a=2&b",
        b"http://news.example\\@evil.example/",
        "https://例え.テスト/記事?q=値".encode(),
        b"https://news-example.cdn.ampproject.org/c/s/news.example/a",
    ]


ADDRESS = _words(
    "http:// https:// // / \\ @ : :80 :0 :99999 ? # & = % %2e %2F %00 %25 .. . xn-- [ ] [::ffff:1.2.3.4] 0x7f.1 127.1 "
    "utm_source= amp /amp/ m. www. index.html ; , \u3002 \u212a \uff0e \u00ad .example .co.uk localhost"
)


def _urls(data: bytes) -> str:
    text = data[:9000].decode("utf-8", "surrogateescape" if len(data) % 5 == 0 else "replace")
    normal = urls.normalise(text)
    if normal is not None:
        assert urls.normalise(normal) == normal, normal
        assert normal.isascii()
        assert not set(normal) & set(' \t\r\n\0<>"')
        urls.article_id(normal)
        assert urls.site(normal)
    urls.canonical(URL, text, (text,))
    urls.nameless(text, text)
    urls.ids_of(text, None)
    dates.url_clue(text)
    site_of(text)
    try:
        parsed = requested.parse(text)
    except requested.BadURL:
        return "normal, not requested" if normal else "refused"
    assert parsed.scheme in ("http", "https")
    assert str(requested.parse(str(parsed))) == str(parsed)
    assert not set(str(parsed)) & set(" \t\r\n\0")
    with contextlib.suppress(requested.BadURL):
        requested.join(parsed, text)
    return "both" if normal else "requested, not normal"


NUMBERS = _words(
    "million billion trillion thousand hundred dozen half quarter two-thirds per cent % $ € £ US$ bn m k tonnes km/h "
    "1.5 1,000 1.000,5 1 000 3/4 ½ 10^6 -5 +3 ±2 2026 1990s first 1st No. between and to from of up down rose fell by "
    "about nearly over at least more than said per day a year every minus plus point percentage points in 10 out "
    "January Monday quarter last month five-year-old aged 6ft 5:30 2-1 0 00 , . ; : ( ) - – — \" ' said according"
)


def _sentences() -> list[bytes]:
    cases = tomllib.loads((GOLDEN / "metrics/sentences.toml").read_text("utf-8"))
    found = [row["text"] for rows in cases.values() if isinstance(rows, list) for row in rows if "text" in row]
    return [text.encode() for text in found] or [b"Unemployment fell to 4.2% in March, the ministry said."]


def _numbers(data: bytes) -> str:
    text = data[:20_000].decode("utf-8", "replace")
    value = parse_digits(text[:60])
    assert value is None or math.isfinite(value)
    pack = load_pack("en")
    assert pack is not None
    metrics = measure_text(text, pack, published=NOW.date(), country="US")
    for metric in metrics:
        assert text[metric.span_start : metric.span_end] == metric.surface
        assert 0.0 <= metric.confidence <= 1.0
        assert all(v is None or math.isfinite(v) for v in (metric.value, metric.low, metric.high))
        if metric.attribution is not None:
            assert metric.attribution_start is not None
            assert text[metric.attribution_start : metric.attribution_end] == metric.attribution
        assert wire.decode(wire.encode(metric)) == metric
    return f"{min(len(metrics), 3)} numbers"


def _times() -> list[bytes]:
    return _lines_of(
        """
        Sat, 14 Mar 2026 08:30:00 GMT|Saturday, 14-Mar-26 08:30:00 EST|Sat Mar 14 08:30:00 2026|2026-03-14T08:30:00.123Z
        2026-03-14 08:30 +0530|20260314T083000Z|20260314|1773477000|1773477000000|14/03/2026 8.30 Uhr|3-14-26 8:30 pm
        14 mars 2026 à 8h30|14. März 2026|2026年3月14日 8時30分|14 марта 2026 г.|١٤ مارس ٢٠٢٦|120|0|1999-12-31T23:59:60Z
        2026-W11-6|2026-073|March 14th, 2026 at 8:30 a.m. (CET)|Updated: 14 Mar 2026|2026-3-14T8:3:0-03
        """
    )


def _lines_of(text: str) -> list[bytes]:
    return [part.strip().encode() for part in text.replace("\n", "|").split("|") if part.strip()]


def _dates(data: bytes) -> str:
    text = data[:4000].decode("utf-8", "replace")
    reading = dates.parse(text)
    for origin in ("feed", "sitemap", "archive"):
        clue = records.DateClue(raw=text, origin=origin)
        belief = dates.believe([clue], fetched_at=NOW, now=NOW, language=_of(data, ("en-US", "de", "ja", None)))
        assert belief is None or datetime(1990, 1, 1, tzinfo=UTC) <= belief.at <= NOW + timedelta(days=2)
    for found in (http_date(text), rough_date(text)):
        assert found is None or found.tzinfo is UTC
    wait = parse_retry_after(text, NOW)
    assert wait is None or wait >= timedelta(0)
    return "a date" if reading is not None else "no date"


DATES = _words(
    "2026 1970 0000 9999 30 31 02 Feb March mars März 年 月 日 T Z +00:00 -9999 +14:00 EST CET UTC : / - . , am pm "
    "23:59:60 1e9 ٢٠٢٦ W53 Monday de à at"
)

_MARKUP_MODULES = (
    "connectors.feeds.parse",
    "connectors.feeds.syndication",
    "connectors.feeds.markup",
    "connectors.feeds.fields",
    "connectors.feeds.charset",
    "connectors.feeds.jsonfeed",
    "connectors.feeds.handlers",
)
_ARCHIVE_MODULES = ("connectors.archives.records", "connectors.archives.streams", "connectors.archives.open")

DOORS: dict[str, Door] = {
    door.name: door
    for door in (
        Door("feeds", _feeds, lambda: _golden_feeds(False), _MARKUP_MODULES, FEEDS, (json_changed,)),
        Door(
            "sitemaps",
            _sitemaps,
            lambda: _golden_feeds(True),
            (
                "connectors.feeds.sitemap",
                "connectors.feeds.markup",
                "connectors.feeds.parse",
                "connectors.feeds.charset",
                "connectors.scraper.sitemaps",
            ),
            FEEDS,
        ),
        Door(
            "opml",
            _opml,
            _outlines,
            ("connectors.opml", "connectors.feeds.markup"),
            (*MARKUP, *_words("<outline xmlUrl='feed:https://b.example/' </outline> text='' <opml>")),
        ),
        Door(
            "pages",
            _pages,
            _golden_pages,
            (
                "pipeline.extraction.revision",
                "pipeline.extraction.metadata",
                "pipeline.extraction.maintext",
                "pipeline.extraction.charset",
                "pipeline.extraction.walls",
                "pipeline.extraction.rights",
                "pipeline.extraction.hygiene",
                "pipeline.extraction.furniture",
                "pipeline.extraction.languages",
                "pipeline.extraction.wire_credit",
            ),
            PAGES,
            (),
            10.0,
        ),
        Door(
            "fragments",
            _fragments,
            _golden_pages,
            ("connectors.scraper.links", "connectors.feeds.discovery"),
            PAGES,
            (),
            5.0,
        ),
        Door(
            "warc",
            _warc,
            _warcs,
            ("connectors.archives.warc", "connectors.archives.warc_records", *_ARCHIVE_MODULES),
            (
                b"WARC/1.0\r\n",
                b"WARC/1.1\n",
                b"\r\n\r\n",
                b"Content-Length: 0\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"WARC-Type: response\r\n",
                b"WARC-Truncated: length\r\n",
                b"HTTP/1.1 200\r\n",
                b"WARC-Date: x\r\n",
            ),
        ),
        Door(
            "packed-warc",
            lambda data: _read_archive(data, "warc", ".warc.gz"),
            _packed_warcs,
            ("connectors.archives.warc", "connectors.archives.warc_records", *_ARCHIVE_MODULES),
        ),
        Door(
            "jsonl",
            _json_lines,
            _lines,
            ("connectors.archives.jsonl", *_ARCHIVE_MODULES),
            _words('{ } [ ] null "" , : \\ud800 1e999 "url": "text": "html": "published_at": \n'),
            (json_changed,),
        ),
        Door(
            "json",
            lambda data: _read_archive(data, "json", ".json"),
            _documents,
            ("connectors.archives.documents", *_ARCHIVE_MODULES),
            _words('{ } [ ] null "url": "text":'),
            (json_changed,),
        ),
        Door(
            "parquet",
            lambda data: _read_archive(data, "parquet", ".parquet"),
            _tables,
            ("connectors.archives.parquet", *_ARCHIVE_MODULES),
        ),
        Door(
            "queue",
            _queue,
            lambda: [wire.encode(record) for record in SAMPLES.values()],
            ("schemas.wire", "connectors.queue.claims"),
            (b"WD\x01\x01\x00", b"WD\x01\x12\x00"),
            (_wire_changed,),
        ),
        Door("encodings", _encodings, _encoded, ("connectors.http.encodings",)),
        Door(
            "urls",
            _urls,
            _addresses,
            ("connectors.http.urls", "pipeline.extraction.urls", "connectors.scraper.sites"),
            ADDRESS,
        ),
        Door(
            "numbers",
            _numbers,
            _sentences,
            tuple(
                f"pipeline.measure.{name}"
                for name in (
                    "measure",
                    "numbers",
                    "find",
                    "text",
                    "units",
                    "period",
                    "rates",
                    "shares",
                    "suffixes",
                    "bounds",
                    "change",
                    "sources",
                    "phrases",
                    "exclude",
                    "kind",
                    "naming",
                    "join",
                    "items",
                )
            ),
            NUMBERS,
            (),
            5.0,
        ),
        Door("dates", _dates, _times, ("pipeline.extraction.dates", "connectors.scraper.dates"), DATES),
    )
}
