"""The field mapping of common dumps: what each layout makes of an object as that dump writes it."""

from datetime import UTC, datetime

import pytest

from connectors.archives.records import BadRecord, Item, item_of, layout_of, layouts, to_fetched

URL = "https://herald.example/a"
CRAWLED = datetime(2026, 3, 2, 8, tzinfo=UTC)

SAMPLES = {
    "fundus": {
        "title": "T",
        "body": {
            "summary": ["In short."],
            "sections": [
                {"headline": ["Head"], "paragraphs": ["One.", "Two."]},
                {"headline": [], "paragraphs": ["3."]},
            ],
        },
        "authors": ["A. Writer"],
        "publishing_date": "2026-03-01 10:00:00+00:00",
        "topics": ["harbour"],
        "html": {
            "requested_url": URL,
            "responded_url": URL + "?x",
            "content": "<p>x</p>",
            "crawl_date": "2026-03-02 08:00:00+00:00",
        },
    },
    "news-please": {
        "authors": ["A. Writer"],
        "date_download": "2026-03-02 08:00:00",
        "date_modify": None,
        "date_publish": "2026-03-01 10:00:00",
        "language": "en",
        "maintext": "Some text.",
        "source_domain": "www.herald.example",
        "title": None,
        "title_rss": "T",
        "url": URL,
    },
    "trafilatura": {
        "title": "T",
        "author": "A. Writer",
        "hostname": "herald.example",
        "date": "2026-03-01",
        "raw_text": "Some text.",
        "text": "Some text.",
        "source": URL,
        "source-hostname": "Herald",
    },
    "fineweb": {
        "text": "Some text.",
        "id": "x",
        "dump": "CC-MAIN-2026-10",
        "url": URL,
        "date": "2026-03-02T08:00:00Z",
        "file_path": "s3://x",
        "language": "en",
    },
    "c4": {"text": "Some text.", "timestamp": "2026-03-02T08:00:00Z", "url": URL},
    "datatrove": {
        "text": "Some text.",
        "id": "x",
        "metadata": {"url": URL, "date": "2026-03-02T08:00:00Z", "language": "en"},
    },
    "realnews": {
        "url": URL + "?from=feed",
        "url_used": URL,
        "title": "T",
        "text": "Some text.",
        "authors": ["A. Writer"],
        "publish_date": "03-01-2026",
        "domain": "herald.example",
        "warc_date": "2026-03-02T08:00:00Z",
    },
    "json-ld": {
        "@type": "NewsArticle",
        "url": URL,
        "headline": "T",
        "articleBody": "Some text.",
        "datePublished": "2026-03-01",
        "author": {"name": "A. Writer"},
    },
    "common": {"link": URL, "headline": "T", "content": "Some text.", "byline": "A. Writer", "pubDate": "2026-03-01"},
}
DATED = {"fundus", "news-please", "trafilatura", "realnews", "json-ld", "common"}
CRAWL_DATED = {"fundus", "news-please", "fineweb", "c4", "datatrove", "realnews"}


def test_every_layout_has_a_sample():
    assert [layout.name for layout in layouts()] == list(SAMPLES)


@pytest.mark.parametrize(("name", "sample"), SAMPLES.items(), ids=SAMPLES)
def test_a_dump_is_known_by_its_keys_and_read(name, sample):
    assert layout_of(sample).name == name
    found = to_fetched(item_of(sample), "a", "a:0")
    assert found.url == URL
    text = "In short.\nHead\nOne.\nTwo.\n3." if name == "fundus" else "Some text."
    assert found.entry.content == text
    assert [clue.origin for clue in found.entry.dates] == ["archive"] * (name in DATED)
    assert found.fetched_at == (CRAWLED if name in CRAWL_DATED else None)
    if name in DATED:
        assert (found.entry.title, found.entry.authors) == ("T", ("A. Writer",))


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout.name)
def test_layouts_fill_fields_that_there_are(layout):
    assert set(layout.keys) <= set(Item.__struct_fields__)
    assert {"url", "text"} <= set(layout.keys)
    for keys in layout.keys.values():
        assert len(keys) == len(set(keys))


def test_the_first_key_that_is_not_empty_counts():
    assert item_of({"url": "", "link": URL, "text": None, "body": "t"}).url == URL


def test_the_user_says_where_fields_are_and_that_goes_first():
    fields = (("url", "deep.address"), ("text", "inhalt"))
    found = item_of({"deep": {"address": URL}, "url": "other", "inhalt": "t", "text": "other"}, fields)
    assert (found.url, found.text) == (URL, "t")


def test_the_html_of_fundus_is_taken_where_it_is():
    found = to_fetched(item_of(SAMPLES["fundus"]), "a", "a:0")
    assert (found.body, found.final_url) == (b"<p>x</p>", URL + "?x")


@pytest.mark.parametrize("record", [[], "x", 5, None, True])
def test_what_is_no_object_says_what_it_is(record):
    with pytest.raises(BadRecord, match="expected an object, got"):
        item_of(record)
