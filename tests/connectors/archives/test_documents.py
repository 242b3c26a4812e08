"""JSON documents of several articles."""

import dataclasses
import gzip
import json

import pytest

from connectors.archives.open import open_archive

ITEMS = [{"url": f"https://herald.example/{n}", "text": f"Text {n}."} for n in range(4)]


@pytest.fixture
def read(tmp_path):
    def read_document(document, position=0, **limits):
        data = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
        (tmp_path / "a.json").write_bytes(data)
        archive = dataclasses.replace(open_archive(tmp_path / "a.json", "json"), **limits)
        return list(archive.read(archive.pieces()[0], position))

    return read_document


@pytest.mark.parametrize("document", [ITEMS, {"Herald": ITEMS[:1], "Post": ITEMS[1:]}], ids=["array", "by publisher"])
def test_articles_come_in_order_and_reading_goes_on(read, document):
    found = read(document)
    assert [a.fetched.url for a in found] == [item["url"] for item in ITEMS]
    assert [a.fetched.position for a in found] == [f"a.json:{n}" for n in range(4)]
    assert read(document, found[1].position) == found[2:]


def test_an_article_that_can_not_be_used_is_an_item_that_failed_and_is_kept(read):
    bad = {"url": "https://herald.example/x"}
    before, failed, after = read([ITEMS[0], bad, ITEMS[1]])
    assert failed.fetched.failure.reason == "bad_record"
    assert json.loads(failed.fetched.body) == bad
    assert before.fetched.failure is after.fetched.failure is None


@pytest.mark.parametrize(
    ("document", "says"),
    [(b'[{"url": "cut', "no JSON"), (gzip.compress(b"[" * 9000, mtime=0)[:-8], "damaged"), (b"[1, 2", "no JSON")],
)
def test_a_document_that_can_not_be_read_is_one_failure(read, document, says):
    (found,) = read(document)
    assert found.fetched.failure.reason == "bad_archive"
    assert says in found.fetched.failure.detail
    assert read(document, found.position) == []


def test_a_document_over_the_cap_is_one_failure_that_says_what_to_do(read):
    (found,) = read(ITEMS, max_bytes=100)
    assert found.fetched.failure.reason == "bad_archive"
    assert "more than the 100 bytes allowed: write it as JSON lines" in found.fetched.failure.detail
