"""Pages that hang an extractor become rejects and cost no other page."""

from datetime import UTC, datetime

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline.channel import Item
from pipeline.draft import Drafting, Extraction
from pipeline.draft_articles import DraftArticles
from pipeline.extraction import killable
from schemas.fetched import fetched


@pytest.fixture(scope="module", autouse=True)
def _workers():
    yield
    killable.close()


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = (
    b"<html><title>Bridge closed</title><body><p>" + b"The council voted on Tuesday to close the bridge. " * 9 + b"</p>"
)
# Half a minute of work for the extractor.
SLOW = b"<html><title>Links</title><body>" + b"<li><a href='/x'>Foo bar baz</a></li>" * 100_000


@pytest.mark.filterwarnings("ignore")
def test_page_that_takes_too_long_is_a_reject_and_the_others_are_articles():
    bodies = [GOOD, SLOW, GOOD, GOOD]
    items = [
        fetched(source="desk", url=f"https://x.example/{n}", fetched_at=NOW, content_type="text/html", body=body)
        for n, body in enumerate(bodies)
    ]
    with beam.Pipeline() as pipeline:
        drafts = (
            pipeline
            | beam.Create([Item(item, n) for n, item in enumerate(items, 1)])
            | DraftArticles(Drafting(Extraction(timeout=2, workers=2)))
        )
        found = drafts | beam.Map(lambda d: (d.position, d.outcome.url, getattr(d.outcome, "reason", "")))
        expected = [(n + 1, f"https://x.example/{n}", "extract_timeout" if n == 1 else "") for n in range(4)]
        assert_that(found, equal_to(expected))
