"""One form for each URL, and one canonical URL for each article."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extraction import urls
from pipeline.extraction.urls import article_id, canonical, identity, nameless, normalise, site

NORMAL = {
    # case, default port, user info, fragment (RFC 3986 6.2.2.1, 6.2.3)
    "HTTP://User:pw@WWW.Example.COM:80/A#top": "http://www.example.com/A",
    "https://example.com:443/a": "https://example.com/a",
    "https://example.com:8443/a": "https://example.com:8443/a",
    "https://example.com": "https://example.com/",
    "https://example.com./a": "https://example.com/a",
    # dot segments, doubled and trailing slashes, index pages
    "https://example.com/a/./b/../c//d/": "https://example.com/a/c/d",
    "https://example.com/../a": "https://example.com/a",
    "https://example.com/news/index.html": "https://example.com/news",
    "https://example.com/Default.aspx?id=3": "https://example.com/?id=3",
    # percent-encoding
    "https://example.com/%7euser/%e4%bd%a0%2f": "https://example.com/~user/%E4%BD%A0%2F",
    "https://example.com/ä b?q=ü": "https://example.com/%C3%A4%20b?q=%C3%BC",
    "https://example.com/100%": "https://example.com/100%25",
    # tracking, sorted query
    "https://example.com/a?utm_source=x&b=2&fbclid=1&a=1": "https://example.com/a?a=1&b=2",
    "https://example.com/a?UTM_Medium=rss": "https://example.com/a",
    "https://example.com/a?": "https://example.com/a",
    "https://example.com/a?id=7&": "https://example.com/a?id=7",
    # mobile and AMP twins
    "https://m.example.co.uk/a": "https://example.co.uk/a",
    "https://www.m.example.com/a": "https://www.example.com/a",
    "https://amp.example.com/a": "https://example.com/a",
    "https://m.com/a": "https://m.com/a",
    "https://example.com/a/amp/": "https://example.com/a",
    "https://example.com/amp/a": "https://example.com/a",
    "https://example.com/amp": "https://example.com/amp",
    "https://example.com/story.amp.html": "https://example.com/story.html",
    "https://example.com/a?amp": "https://example.com/a",
    "https://example.com/a?amp=1&outputType=amp": "https://example.com/a",
    "https://example.com/a/index.html/amp": "https://example.com/a",
    "https://www-example-com.cdn.ampproject.org/c/s/www.example.com/a": "https://www.example.com/a",
    "https://www.google.com/amp/s/example.com/a/amp/": "https://example.com/a",
    # hosts
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://BÜCHER.example/": "https://xn--bcher-kva.example/",
    "https://💩.la/💩": "https://xn--ls8h.la/%F0%9F%92%A9",
    "http://127.0.0.1:8080/a/": "http://127.0.0.1:8080/a",
    "http://[::1]:80/x": "http://[::1]/x",
    "https://שלום.example/שלום": "https://xn--9dbne9b.example/%D7%A9%D7%9C%D7%95%D7%9D",
    # what browsers forgive
    "  https://example.com/a\n": "https://example.com/a",
    "https:\\\\example.com\\a": "https://example.com/a",
    "https://example.com/a\x00b": "https://example.com/a%00b",
    "https://example.com/\u202ecod.exe": "https://example.com/%E2%80%AEcod.exe",
    "https://example.com/\ud800": "https://example.com/%EF%BF%BD",
}


@pytest.mark.parametrize(("raw", "expected"), NORMAL.items())
def test_normal_form(raw, expected):
    assert normalise(raw) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    "raw",
    ["", "/a/b", "//example.com/a", "javascript:alert(1)", "file:///etc/passwd", "mailto:a@example.com", "http://",
     "http://[bad/", "https://example.com:99999/", "https://exa mple.com/", "https://exa\x00mple.com/", "http://xn--/",
     "https://a..b/", "http://[fe80::1%eth0]/", "http://[::%M\x85.]", "https://example.com/" + "a" * 9000],
)  # fmt: skip
def test_what_is_no_web_address_has_no_form(raw):
    assert normalise(raw) is None


FRAGMENTS = st.text(alphabet="htps:/.m?&=%#@[]\\amp0123ABx -_;é\x00\ud800ü\u202e", max_size=40)


@given(st.one_of(st.text(), FRAGMENTS.map("http://".__add__), FRAGMENTS.map("https://m.example.com/".__add__)))
def test_normalising_twice_changes_nothing_and_nothing_raises(raw):
    once = normalise(raw)
    if once is not None:
        assert normalise(once) == once
        assert once.isascii()
        assert article_id(once)
        assert site(once)


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_canonical_is_a_normal_url_or_none_whatever_a_page_says(requested, final, declared):
    found = canonical(requested, final, declared)
    assert found is None or found == normalise(found)


def test_every_row_of_the_table_matters():
    table = urls.rules()
    for name in table.tracking:
        assert normalise(f"https://example.com/a?{name}=zzz") == "https://example.com/a"
    for prefix in table.tracking_prefixes:
        assert normalise(f"https://example.com/a?{prefix}x=1") == "https://example.com/a"
    for name, value in table.dress:
        assert normalise(f"https://example.com/a?{name}={value}") == "https://example.com/a"
    for label in table.twin_hosts:
        assert normalise(f"https://{label}.example.com/a") == "https://example.com/a"
    for page in table.index_pages:
        assert normalise(f"https://example.com/a/{page}") == "https://example.com/a"
    for name in table.identifying:
        assert (
            canonical(f"https://x.example/article?{name}=5", None, ["/article"])
            == f"https://x.example/article?{name}=5"
        )
    cached = [
        "https://x.cdn.ampproject.org/v/s/e.example/a",
        "https://google.de/amp/e.example/a",
        "https://x.bing-amp.com/c/s/e.example/a",
    ]
    for pattern in table.caches:
        assert any(pattern.match(url) for url in cached)


CANONICAL = {
    "declared on the same site": ("https://m.ex.com/a?x=1", None, ["https://www.ex.com/news/a"], "https://www.ex.com/news/a"),
    "declared on a sister host": ("https://edition.ex.com/a", None, ["https://www.ex.com/a"], "https://www.ex.com/a"),
    "declared relative": ("https://ex.com/a/b", None, ["/c/long-slug-of-words"], "https://ex.com/c/long-slug-of-words"),
    "declared elsewhere": ("https://ex.com/a", None, ["https://other.com/a"], "https://ex.com/a"),
    "declared on another blog of the host": ("https://a.blogspot.com/x", None, ["https://b.blogspot.com/x"], "https://a.blogspot.com/x"),
    "second claim is believed": ("https://ex.com/a", None, ["https://evil.com/", "https://ex.com/b"], "https://ex.com/b"),
    "declared is the home page": ("https://ex.com/a", None, ["https://ex.com/"], "https://ex.com/a"),
    "declared is the section": ("https://ex.com/news/a-story-of-old", None, ["https://ex.com/news"], "https://ex.com/news/a-story-of-old"),
    "declared is page one": ("https://ex.com/a-story-of-old/2", None, ["https://ex.com/a-story-of-old"], "https://ex.com/a-story-of-old"),
    "declared drops the query that identifies": ("https://ex.com/story?id=7", None, ["https://ex.com/story"], "https://ex.com/story?id=7"),
    "declared drops a query that does not": ("https://ex.com/story?from=7", None, ["https://ex.com/story"], "https://ex.com/story"),
    "redirected": ("https://ex.com/?p=7", "https://ex.com/2026/a-story", [], "https://ex.com/2026/a-story"),
    "redirected to another site": ("https://t.co/x", "https://ex.com/a", [], "https://ex.com/a"),
    "redirected home": ("https://ex.com/2026/a", "https://ex.com/", ["https://ex.com/"], "https://ex.com/2026/a"),
    "nothing usable": ("mailto:a@b.c", None, ["https://ex.com/a"], None),
}  # fmt: skip


@pytest.mark.parametrize("case", CANONICAL.values(), ids=CANONICAL)
def test_canonical_url(case):
    requested, final, declared, expected = case
    assert canonical(requested, final, declared) == expected


def test_scheme_and_www_do_not_make_another_article():
    assert article_id("http://example.com/a") == article_id("https://www.example.com/a")
    assert article_id("http://example.com:8080/a") != article_id("http://example.com/a")
    assert article_id("https://example.com/a") != article_id("https://example.com/b")
    assert identity("https://www.com/a") == "www.com/a"


def test_entry_without_link_has_a_stable_name():
    assert nameless("desk", "tag:x,2026:1") == "urn:x-wiredesk:desk:tag%3Ax%2C2026%3A1"
    assert nameless("a", "b:c") != nameless("a:b", "c")
    assert identity(nameless("a", "b")) == nameless("a", "b")


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://a.b.example.co.uk/", "example.co.uk"), ("http://127.0.0.1:81/", "127.0.0.1:81"),
     ("http://[::1]/", "[::1]"), ("http://localhost:80/", "localhost:80"),
     ("https://news.desk.example/", "desk.example")],
)  # fmt: skip
def test_site(url, expected):
    assert site(url) == expected


def test_a_url_whose_escapes_are_too_long_is_none():
    assert normalise("https://news.example/" + "é" * 2000) is None  # 12,021 characters once it is escaped
    assert len(normalise("https://news.example/" + "é" * 1000) or "") == 6021
