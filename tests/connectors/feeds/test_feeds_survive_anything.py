"""Whatever bytes come: a feed, or a ``FeedError`` with a known reason; in bounded time and memory."""

from __future__ import annotations

import gzip
import tomllib
import zlib
from pathlib import Path

import pytest
from feed_soundness import URL, read_soundly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.feeds import MAX_DOCUMENT, MAX_TITLE, Feed, FeedError, parse_feed
from connectors.feeds.model import SitemapLink

GOLDEN = Path(__file__).parents[2] / "golden" / "feeds"
DOCUMENTS = [(GOLDEN / name).read_bytes() for name in tomllib.loads((GOLDEN / "cases.toml").read_text("utf-8"))]
CONTENT_TYPES = st.sampled_from(
    (
        None,
        "",
        "text/xml",
        "application/rss+xml; charset=utf-8",
        "text/html; charset=windows-1252",
        "x; charset=punycode",
    )
)
RSS = "<rss version='2.0'><channel><title>t</title><link>https://news.example/</link>{}</channel></rss>"
ITEM = "<item><link>https://news.example/a</link>{}</item>"


def parse(document: str | bytes, content_type: str | None = None) -> Feed:
    body = document.encode() if isinstance(document, str) else document
    return parse_feed(body, content_type=content_type, url=URL)


@given(st.binary(max_size=600), CONTENT_TYPES)
@settings(max_examples=150, deadline=None)
def test_random_bytes(body: bytes, content_type: str | None) -> None:
    read_soundly(body, content_type)


TOKENS = (
    b"<item>", b"</item>", b"<entry>", b"</entry>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?", b"?>", b"&", b"&amp;",
    b"&#0;", b"&#x110000;", b"<", b">", b"\"", b"'", b"\0", b"\xff", b"<title>", b"</link>", b"<a:b c='d'>", b"/>",
    b"<guid>", b"xml:base='//x'", b"<content type='xhtml'>", b"<author>", b"<name>", b"<url>", b"<loc>",
    b"<!DOCTYPE x [", b"\x1f\x8b", b"{", b"[", b'"items":[', b"\\ud800", b"<div>", b"<svg>", b"<source url='x'>",
    b"mode='base64'", b"<a:>", b"<:a>", b"<url></url>",
    b"<links>x</links>", b"<authors>x</authors>", b"<content_>",
    b"<title_detail>x</title_detail>", b"<ttl a='b'>5</ttl>", b"<entries/>", b"<tags>x,y</tags>", b"<summary_detail/>",
    b"<link rel='next' href='/'/>", b"<language a='b'>x</language>",
)  # fmt: skip


@st.composite
def damaged_documents(draw: st.DrawFn) -> bytes:
    """A golden document with pieces removed, doubled, replaced by markup, or cut off."""
    body = draw(st.sampled_from(DOCUMENTS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.sampled_from((0, 1, 2, 7, 40, 300, 100_000))))
        middle = draw(st.sampled_from((b"", body[start:end] * 2, *TOKENS)) | st.binary(max_size=8))
        body = body[:start] + middle + body[end:]
    return body


@given(damaged_documents(), CONTENT_TYPES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_damaged_documents(body: bytes, content_type: str | None) -> None:
    read_soundly(body, content_type)


def test_a_broken_head_of_a_broken_json_feed_says_nothing() -> None:
    head = '"version": "h\\ps://jsonfeed.org/version/1.1", "title": "Harbour"'
    feed = parse("{" + head + ', "items": [{"url": "https://news.example/1"}, {')
    assert (feed.title, feed.format) == ("Harbour", "json11")
    assert [item.url for item in feed.items] == ["https://news.example/1"]


@given(st.lists(st.sampled_from(TOKENS), max_size=60))
@settings(max_examples=200, deadline=None)
def test_markup_in_any_order(tokens: list[bytes]) -> None:
    read_soundly(b"<rss version='2.0'><channel><item><link>https://news.example/1</link>" + b"".join(tokens), None)
    read_soundly(b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>" + b"".join(tokens), None)


def test_a_quadratic_entity_bomb_stays_small() -> None:
    bomb = (
        '<!DOCTYPE rss [<!ENTITY a "'
        + "x" * 100_000
        + '">]>'
        + RSS.format(ITEM.format("<title>" + "&a;" * 100_000 + "</title>"))
    )
    (item,) = parse(bomb).items
    assert item.entry.title is not None
    assert len(item.entry.title) <= MAX_TITLE


def test_external_entities_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    for declaration in (f'<!ENTITY s SYSTEM "{secret.as_uri()}">', f'<!ENTITY % s SYSTEM "{secret.as_uri()}"> %s;'):
        feed = parse(f"<!DOCTYPE rss [{declaration}]>" + RSS.format(ITEM.format("<title>&s;</title>")))
        assert "the secret" not in repr(feed)


def test_a_gzip_bomb_is_refused_before_it_is_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    million = bytes(2**20)
    bomb = b"".join(packer.compress(million) for _ in range(MAX_DOCUMENT // 2**20 + 1)) + packer.flush()
    assert len(bomb) < 100_000
    with pytest.raises(FeedError, match="unpacks to more than"):
        parse(bomb)


def test_a_gzip_of_several_members_is_one_document() -> None:
    text = RSS.format(ITEM.format("")).encode()
    assert len(parse(gzip.compress(text[:50]) + gzip.compress(text[50:])).items) == 1


def test_a_damaged_gzip_is_named_so() -> None:
    with pytest.raises(FeedError, match="damaged gzip"):
        parse(b"\x1f\x8b\x08\x00" + b"\xff" * 50)


def test_a_title_of_a_megabyte_is_cut() -> None:
    (item,) = parse(RSS.format(ITEM.format(f"<title>{'word ' * 200_000}</title>"))).items
    assert item.entry.title is not None
    assert len(item.entry.title) <= MAX_TITLE
    assert item.entry.title.endswith("word…")


def test_ten_thousand_entries_are_read_and_a_bad_one_among_them_costs_nothing() -> None:
    items = [f"<item><title>News {i}</title><link>https://news.example/{i}</link></item>" for i in range(10_000)]
    items[5_000] = "<item><title>Bad <b></title><link>javascript:x</link></item>"
    feed = parse(RSS.format("".join(items)))
    assert len(feed.items) == 9_999
    assert [problem.reason for problem in feed.problems] == ["entry_no_link"]
    assert feed.problems[0].raw == items[5_000].encode()


def test_what_is_beyond_the_limit_of_entries_is_a_problem() -> None:
    body = "".join(f"https://news.example/{i}\n" for i in range(100_001))
    feed = parse(body)
    assert len(feed.items) == 100_000
    assert feed.problems[0].detail == "only the first 100000 entries were read"


def test_an_index_names_two_hundred_levels_one_at_a_time() -> None:
    def level(n: int) -> str:
        return f"<sitemapindex><sitemap><loc>https://news.example/{n + 1}.xml</loc></sitemap></sitemapindex>"

    depth, links = 0, (SitemapLink("https://news.example/0.xml"),)
    while links and depth < 200:
        links = parse(level(depth)).links
        depth += 1
    # Where to stop is the caller's to say: MAX_SITEMAP_DEPTH.
    assert links == (SitemapLink("https://news.example/200.xml"),)


REPEATED = {
    "open items": ("<item ", RSS),
    "items in CDATA": ("<item><![CDATA[", RSS),
    "lost CDATA ends": ("<item><title><![CDATA[x</title></item>", RSS),
    "comments": ("<!--", RSS),
    "processing instructions": ("<?a?>", RSS.format(ITEM)),
    "less-than signs": ("<", RSS.format(ITEM)),
    "quotes": ("<a '\"", RSS.format(ITEM)),
    "ampersands": ("&", RSS.format(ITEM)),
    "nesting": ("<a>", RSS.format(ITEM)),
    "bases": ("<a xml:base='aaaaaaaaaa/'>", RSS.format(ITEM)),
    "attributes": ("a='' ", RSS.format(ITEM.format("<b {}/>"))),
    "categories": ("<category>a</category>", RSS.format(ITEM)),
    "bylines": ("a", RSS.format(ITEM.format("<author>{}</author>"))),
    "dates": ("1-", RSS.format(ITEM.format("<pubDate>{}</pubDate>"))),
    "path steps": ("../", RSS.format("<item><link>/{}</link></item>")),
    "root attributes": (" a='b'", "<rss{}>" + ITEM.format("")),
    "entity declarations": ("<!ENTITY a '", "<!DOCTYPE rss [{}"),
    "comments before the root": ("<!--a-->", "{}"),
    "JSON arrays": ("[", '{{"items":{}'),
    "JSON digits": ("1", '{{"items":[{{"id":{}}}]}}'),
    "open URLs": ("<url>", "<urlset>{}"),
}


@pytest.mark.parametrize("shape", REPEATED)
def test_repetition_does_not_hang(shape: str) -> None:
    """50,000 characters of each: what is quadratic or worse somewhere takes minutes here."""
    part, around = REPEATED[shape]
    read_soundly(around.format(part * (50_000 // len(part))).encode(), None)
