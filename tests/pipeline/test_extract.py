"""What becomes of fetched items: golden pages, feeds' full texts, archives, failures."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.draft import reject
from pipeline.extraction.revision import extract, extract_or_explain, html_text, reads_html
from pipeline.matching.sections import find_sections
from schemas import ids, wire
from schemas.fetched import fetched
from schemas.records import DateClue, Entry, Failure, Fetched, Revision

PAGES = Path(__file__).parents[1] / "golden" / "pages"
EXPECTED = tomllib.loads((PAGES / "expected.toml").read_text("utf-8"))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = " ".join(["The council of Port Ellery voted on Tuesday to close the old bridge to lorries."] * 5)


def item(**fields) -> Fetched:
    return fetched(**{"source": "desk", "url": "https://x.example/a", "fetched_at": NOW, "position": "p", **fields})


def page(markup: str | bytes, **fields) -> Fetched:
    body = markup.encode() if isinstance(markup, str) else markup
    return item(**{"body": body, "status": 200, "content_type": "text/html", **fields})


def revision_of(something: Fetched) -> Revision:
    found = extract(something, NOW)
    assert isinstance(found, Revision), found
    return found


def failure_of(something: Fetched) -> Failure:
    found = extract(something, NOW)
    assert isinstance(found, Failure), found
    return found


# -- golden pages ------------------------------------------------------------------------------------------------------


def test_every_golden_page_has_expectations():
    assert {p.stem for p in PAGES.glob("*.html")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_page(name):
    wanted = dict(EXPECTED[name])
    how = {k: wanted.pop(k) for k in ("url", "final_url", "status", "content_type") if k in wanted}
    how.setdefault("url", f"https://ellery-courier.example/news/{name}")
    if wanted.pop("licensed", False):
        how["provenance"] = {"rights": "licensed"}
    found = extract(page((PAGES / f"{name}.html").read_bytes(), **how), NOW)
    if "reject" in wanted:
        assert isinstance(found, Failure)
        assert found.reason == wanted["reject"]
        return
    assert isinstance(found, Revision), found
    assert found.text.startswith(wanted.pop("starts"))
    assert found.text.endswith(wanted.pop("ends"))
    assert all(part in found.text for part in wanted.pop("holds", ()))
    assert not any(part in found.text for part in wanted.pop("lacks", ()))
    assert [s.title for s in find_sections(found.title, found.text)] == wanted.pop("sections", [])
    assert found.word_count == wanted.pop("words")
    assert found.authors == tuple(wanted.pop("authors", ()))
    for optional in ("wire_credit", "rights", "modified_at"):
        assert getattr(found, optional) == wanted.pop(optional, None)
    assert {name: getattr(found, name) for name in wanted} == wanted


# -- which text --------------------------------------------------------------------------------------------------------

HEAD = "<html><head><title>Bridge closed</title></head>"
PAGE = f"{HEAD}<body><article><h1>Bridge closed</h1><p>{TEXT}</p></article></body></html>"
WALL = "<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"


def test_page_is_taken_before_a_feed_text_of_about_its_length():
    found = revision_of(page(PAGE, entry=Entry(title="Feed", content=f"<p>{TEXT}</p><p>And more.</p>")))
    assert (found.text, found.title, found.provenance["text_from"]) == (TEXT, "Bridge closed", "page")


def test_feed_text_that_is_much_longer_is_taken_before_the_page():
    found = revision_of(page(PAGE, entry=Entry(title="Feed", content=f"<p>{TEXT}</p><p>{TEXT}</p>")))
    assert (found.text, found.title, found.provenance["text_from"]) == (f"{TEXT}\n{TEXT}", "Feed", "feed")


def test_feed_text_stands_in_for_a_wall():
    found = revision_of(page(WALL, entry=Entry(title="Bridge closed", content=f"<p>{TEXT}</p>")))
    assert (found.title, found.text) == ("Bridge closed", TEXT)


def test_feed_text_stands_in_for_a_page_that_could_not_be_had():
    entry = Entry(
        title="Bridge closed", content=f"<p>{TEXT}</p>", dates=(DateClue(raw="2026-11-20T10:00Z", origin="feed"),)
    )
    found = revision_of(item(entry=entry, failure=Failure(reason="timeout")))
    assert (found.published_from, found.provenance["page_failure"]) == ("feed", "timeout")


def test_summary_is_no_full_text():
    entry = Entry(title="Bridge closed", summary=TEXT)
    assert failure_of(item(entry=entry, failure=Failure(reason="http_status", detail="500"))) == Failure(
        reason="http_status", detail="500"
    )
    assert failure_of(page(WALL, entry=entry)).reason == "bot_wall"


def test_failed_source_is_always_a_failure():
    assert failure_of(item(kind="feed", failure=Failure(reason="gone"))).reason == "gone"


def test_item_with_nothing_in_it_has_no_text():
    assert failure_of(item()).reason == "no_text"
    assert failure_of(page("<html><title>x</title><body><p>Too short</p></body></html>")).reason == "no_text"


def test_archive_line_needs_no_page_and_keeps_its_words():
    entry = Entry(title="Bridge closed", content="By Reuters\n\nShort.", content_type="text/plain",
                  dates=(DateClue(raw="2019-05-03", origin="archive"),))  # fmt: skip
    something = item(entry=entry, fetched_at=None)
    assert not reads_html(something)
    found = revision_of(something)
    assert (found.text, found.wire_credit, found.fetched_at) == ("By Reuters\nShort.", "Reuters", None)
    assert (found.published_at, found.published_from) == (datetime(2019, 5, 3, tzinfo=UTC), "archive+assumed-utc")
    assert found.provenance["text_from"] == "archive"


def test_archive_line_without_a_date_is_an_article():
    found = revision_of(item(fetched_at=None, entry=Entry(content=TEXT, content_type="text/plain")))
    assert (found.published_at, found.published_from, found.title) == (None, None, None)


def test_item_without_any_date_is_dated_by_its_fetch():
    found = revision_of(item(entry=Entry(content=TEXT, content_type="text/plain")))
    assert (found.published_at, found.published_raw, found.published_from) == (NOW, None, "first-seen")


def test_entry_without_a_link_goes_by_its_id():
    found = revision_of(item(url=None, entry=Entry(guid="tag:1", content=TEXT, content_type="text/plain")))
    assert found.canonical_url == "urn:x-wiredesk:desk:tag%3A1"
    assert failure_of(item(url=None, entry=Entry(content=TEXT, content_type="text/plain"))).reason == "unsupported_url"
    linked = revision_of(
        item(url=None, entry=Entry(guid="https://x.example/b", content=TEXT, content_type="text/plain"))
    )
    assert linked.canonical_url == "https://x.example/b"


def test_plain_text_page_is_an_article():
    assert revision_of(page(TEXT, content_type="text/plain; charset=utf-8")).text == TEXT


def test_rights_and_language_in_headers_are_kept():
    headers = {
        "x-robots-tag": "noai",
        "tdm-reservation": "1",
        "content-language": "en-IE",
        "last-modified": "Fri, 20 Nov 2026 09:00:00 GMT",
    }
    found = revision_of(page(PAGE, headers=headers, provenance={"rights": "licensed"}))
    assert (found.rights, found.language, found.published_from) == ("noai=1; tdm-reservation=1", "en-IE", "http")


@pytest.mark.parametrize(
    ("headers", "meta", "reserves"),
    [
        ({"tdm-reservation": "1"}, "", "tdm-reservation=1"),
        ({"tdm-reservation": "1", "tdm-policy": "https://x.example/tdm"}, "",
         "tdm-reservation=1; tdm-policy=https://x.example/tdm"),
        ({"tdm-reservation": "0"}, "", None),
        ({"x-robots-tag": "noindex, NoAI"}, "", "noai=1"),
        ({"x-robots-tag": "noimageai, noarchive"}, "", None),
        ({}, '<meta name="robots" content="noai">', "noai=1"),
        ({}, '<meta name="tdm-reservation" content="1">', "tdm-reservation=1"),
        ({}, '<meta name="description" content="noai tdm-reservation 1">', None),
    ],
)  # fmt: skip
def test_what_its_publisher_reserves_is_no_article(headers, meta, reserves):
    reserved = page(PAGE.replace("<body>", f"{meta}<body>", 1), headers=headers)
    found = extract(reserved, NOW)
    if reserves is None:
        assert isinstance(found, Revision)
    else:
        assert found == Failure(reason="rights_reserved", detail=reserves)
        assert isinstance(extract(reserved, NOW, honour_rights=False), Revision)


def test_a_wall_stays_a_wall_whatever_it_reserves():
    assert failure_of(page("<p>", headers={"tdm-reservation": "1"})).reason == "no_text"


def test_url_stays_as_requested_and_the_final_one_is_noted():
    found = revision_of(page(PAGE, url="https://t.example/x?utm_source=a", final_url="https://x.example/a/"))
    assert (found.url, found.canonical_url) == ("https://t.example/x?utm_source=a", "https://x.example/a")
    assert found.provenance["final_url"] == "https://x.example/a/"


def test_feed_markup_becomes_paragraphs():
    markup = (
        "<p>One <b>bo</b>ld&nbsp;word.</p>tail<br>next<ul><li>a</li><li>b</li></ul><script>x()</script>"
        "<figure>photo</figure><p>\nlast\nline</p>"
    )
    assert html_text(markup) == "One bold word.\ntail\nnext\na\nb\nlast line"
    assert html_text("") == ""
    assert html_text("a < b \x00 & c") == "a < b & c"
    assert html_text("<!DOCTYPE><meta one") == "<meta one"  # lxml asserts that there is a body
    assert html_text("<!DOCTYPE><meta x>All of the text.") == "All of the text."


# -- rejects -----------------------------------------------------------------------------------------------------------


def test_reject_holds_the_item_and_the_stage_of_its_reason():
    something = item(failure=Failure(reason="robots", detail="Disallow: /"))
    made = reject(something, Failure(reason="robots", detail="Disallow: /"), NOW)
    assert (made.stage, made.reason, made.detail, made.url, made.source) == (
        "fetch",
        "robots",
        "Disallow: /",
        something.url,
        "desk",
    )
    assert made.reject_id == ids.reject_id(something.fetch_id, "fetch")
    assert wire.decode_as(Fetched, made.payload) == something


# -- hostile input -----------------------------------------------------------------------------------------------------

BODY = f"<p>{TEXT}</p>".encode() * 8


@pytest.mark.parametrize(
    ("markup", "state"),
    [
        (b"<html><title>" + b"word " * 200_000 + b"</title><body>" + BODY, "article"),
        (b"<html><title>" + b" " * 1_000_000 + b"</title><body>" + BODY, "article"),
        (b"<html><title>a\x00b\x01</title><body>" + BODY.replace(b"old", b"o\x00ld"), "article"),
        (b"<html><body><script type='application/ld+json'>" + b'[{"a":' * 50_000 + b"</script>" + BODY, "article"),
        (b"<html><body>" + b"<div>" * 20_000 + BODY, "no_text"),
        (b"<html><body><p>" + b"<b>x" * 50_000, "no_text"),
        (b"<html><body>" + b"<table><tr><td>" * 2_000 + BODY, "no_text"),
        (bytes(range(256)) * 400, "no_text"),
        (b"", "no_text"),
        (b"\xff\xfe<\x00h\x00", "no_text"),
    ],
    ids=[
        "long title",
        "blank title",
        "nul",
        "deep json",
        "deep divs",
        "deep inline",
        "deep tables",
        "noise",
        "empty",
        "utf-16 stub",
    ],
)
def test_hostile_page_ends_in_a_named_state(markup, state):
    found = extract(page(markup), NOW)
    assert (found.reason if isinstance(found, Failure) else "article") == state
    if isinstance(found, Revision):
        assert len(found.title or "") <= 500
        assert "\x00" not in found.text + (found.title or "")
        wire.encode(found)


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=200), st.text(max_size=60), st.text(max_size=60),
    st.sampled_from((None, "text/html; charset=x", "text/html; charset=utf-16", "text/plain; charset=koi8-r")),
)  # fmt: skip
def test_any_strings_give_a_revision_or_a_failure(text, url, raw, content_type):
    entry = Entry(
        guid=url, title=text, content=text, language=raw, dates=(DateClue(raw=raw, origin="feed"),), authors=(raw,)
    )
    body = f"<html lang='{raw}'><title>{text}</title><body><p>{TEXT}</p><p>{text}</p>".encode("utf-8", "surrogatepass")
    for something in (item(url=url, entry=entry), page(body, url=url, entry=entry, content_type=content_type)):
        found = extract_or_explain(something, NOW)
        assert not (isinstance(found, Failure) and found.reason == "extract_crash"), found
        if isinstance(found, Revision):
            wire.encode(found)
