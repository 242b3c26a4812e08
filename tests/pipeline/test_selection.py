"""What a selection takes and keeps."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.selection import Selection, share_of
from schemas.fetched import fetched
from schemas.records import Revision

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def item(url="https://news.herald.example/a"):
    return fetched(source="s", url=url)


def revision(**fields):
    common = {"fetch_id": "f", "article_id": "a", "source": "s", "url": "u", "canonical_url": "u", "text": "t"}
    return Revision(**common, text_hash="h", word_count=1, **fields)


def test_without_a_wish_all_is_taken_and_kept_and_it_has_no_tag():
    everything = Selection()
    assert everything.takes(item())
    assert everything.keeps(revision())
    assert everything.tag == ""


def test_selections_are_told_apart_by_their_tags():
    wishes = [{"since": DAY}, {"until": DAY}, {"sites": ("a",)}, {"languages": ("a",)}, {"sample": 0.5}]
    tags = [Selection(**wish).tag for wish in wishes]
    assert len(set(tags)) == len(tags)
    assert Selection(since=DAY).tag == tags[0]


@pytest.mark.parametrize(
    ("site", "taken"),
    [("herald.example", True), ("news.herald.example", True), ("other.example", False), ("ald.example", False)],
)
def test_a_site_is_a_host_and_what_is_below_it(site, taken):
    assert Selection(sites=(site,)).takes(item()) is taken


def test_items_without_a_url_are_taken_so_that_they_are_seen():
    assert Selection(sites=("x.example",), sample=1e-9).takes(item(None))


@given(st.lists(st.text(min_size=1), unique=True), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_smaller_sample_is_part_of_a_larger_one(urls, one, other):
    small, large = sorted((one, other))
    taken = [{u for u in urls if Selection(sample=share).takes(item(u))} for share in (small, large)]
    assert taken[0] <= taken[1]


def test_a_sample_is_about_its_share_and_always_the_same():
    urls = [f"https://herald.example/{n}" for n in range(4000)]
    assert 0.08 < sum(Selection(sample=0.1).takes(item(url)) for url in urls) / len(urls) < 0.12
    assert share_of("https://herald.example/1") == pytest.approx(0.681667, abs=1e-6)


@pytest.mark.parametrize(
    ("at", "kept"),
    [(datetime(2026, 2, 28, 23, 59, tzinfo=UTC), False), (DAY, True), (datetime(2026, 3, 2, tzinfo=UTC), False)],
)
def test_dates_are_from_the_first_on_and_before_the_second(at, kept):
    assert Selection(since=DAY, until=datetime(2026, 3, 2, tzinfo=UTC)).keeps(revision(published_at=at)) is kept


def test_an_article_without_a_date_is_in_no_range():
    assert not Selection(since=DAY).keeps(revision())
    assert not Selection(until=DAY).keeps(revision())


@pytest.mark.parametrize(
    ("tags", "language", "kept"),
    [
        (("en",), "en", True),
        (("en",), "en-GB", True),
        (("EN", "de"), "en", True),
        (("en-GB",), "en", False),
        (("de",), "den", False),
        (("en",), None, False),
    ],
)
def test_languages(tags, language, kept):
    assert Selection(languages=tags).keeps(revision(language=language)) is kept
