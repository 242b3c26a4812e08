"""Dates as feeds, pages and archives write them, and which of them to believe."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extraction import dates
from pipeline.extraction.dates import believe, parse, url_clue
from schemas.records import DateClue

FETCHED = datetime(2026, 11, 23, 12, tzinfo=UTC)

# raw -> UTC; "" after the raw string's time means that a zone was given, "~" that it was assumed, "d" no time of day
READINGS = {
    # RFC 822, 850, 1123, asctime
    "Mon, 23 Nov 2026 10:00:00 GMT": "2026-11-23T10:00",
    "Mon, 23 Nov 26 10:00 +0100": "2026-11-23T09:00",
    "23 Nov 2026 10:00:00 EST": "2026-11-23T15:00",
    "Sunday, 06-Nov-94 08:49:37 GMT": "1994-11-06T08:49:37",
    "Sun Nov  6 08:49:37 1994": "1994-11-06T08:49:37~",
    "Mon, 23 Nov 2026 10:00:00 GMT+0100": "2026-11-23T09:00",
    # ISO 8601 and its relatives
    "2026-11-23T10:00:00Z": "2026-11-23T10:00",
    "2026-11-23T10:00:00.123456+05:30": "2026-11-23T04:30:00.123456",
    "2026-11-23T10:00+0530": "2026-11-23T04:30",
    "2026-11-23 10:00:00 -0800": "2026-11-23T18:00",
    "2026-11-23T10:00:00−02": "2026-11-23T12:00",
    "2026-11-23T24:00:00Z": "2026-11-24T00:00",
    "2026-11-23T23:59:60Z": "2026-11-23T23:59:59",
    "2026-11-23 10:00": "2026-11-23T10:00~",
    "2026-11-23": "2026-11-23d",
    "20261123": "2026-11-23d",
    "20261123T101500Z": "2026-11-23T10:15",
    "2026/11/23 08:05": "2026-11-23T08:05~",
    # epoch
    "1795428000": "2026-11-23T10:00",
    "1795428000000": "2026-11-23T10:00",
    "1795428000.5": "2026-11-23T10:00:00.500000",
    "/Date(1795428000000)/": "2026-11-23T10:00",
    # numbers
    "23/11/2026 14:30": "2026-11-23T14:30~",
    "11/23/2026 2:30 PM EST": "2026-11-23T19:30",
    "23.11.2026, 14.30 Uhr": "2026-11-23T14:30~",
    "23-11-26": "2026-11-23d",
    # words
    "Nov. 23, 2026 at 10:05 a.m. ET": "2026-11-23T15:05",
    "July 4, 2026 12:00 AM ET": "2026-07-04T04:00",
    "Published: November 23rd, 2026 | Updated: December 1st": "2026-11-23d",
    "5 May 2026 12:00 BST": "2026-05-05T11:00",
    "23-Nov-2026": "2026-11-23d",
    "2026/nov/23": "2026-11-23d",
    "23 novembre 2026 à 10h15": "2026-11-23T10:15~",
    "23. November 2026, 14:30 Uhr": "2026-11-23T14:30~",
    "23 de noviembre de 2026": "2026-11-23d",
    "23 ноября 2026, 12:00 МСК": "2026-11-23T12:00~",
    "23 Kasım 2026": "2026-11-23d",
    "23 listopada 2026": None,  # October in Croatian, November in Polish
    "2026年11月23日 10:00": "2026-11-23T10:00~",
    "2026년 11월 23일": "2026-11-23d",
    "٢٣ نوفمبر ٢٠٢٦": "2026-11-23d",
    "23 नवंबर 2026": "2026-11-23d",
    # nothing to read
    "0000-00-00": None,
    "year 0": None,
    "31/02/2026": None,
    "yesterday": None,
    "": None,
    "0": None,
    "\x00\ud800": None,
}


@pytest.mark.parametrize(("raw", "expected"), READINGS.items())
def test_reading(raw, expected):
    reading = parse(raw)
    if expected is None:
        assert reading is None
        return
    assert reading is not None
    assert reading.at == datetime.fromisoformat(expected.rstrip("~d")).replace(tzinfo=UTC)
    assert reading.precise == (not expected.endswith("d"))
    assert reading.zoned == (expected[-1] not in "~d")


@given(st.text(max_size=60))
def test_no_string_breaks_the_reader(raw):
    reading, clue_of_url = parse(raw), url_clue(raw)
    assert reading is None or reading.at.tzinfo is UTC
    assert clue_of_url is None or clue_of_url.origin == "url"


@given(st.integers(631_152_000, 3_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_whatever_iso_and_rfc_2822_writers_write_is_read(at):
    assert parse(at.isoformat()).at == at
    assert parse(at.strftime("%a, %d %b %Y %H:%M:%S +0000")).at == at.replace(microsecond=0)


def test_every_zone_and_month_of_the_table_matters():
    table = dates._table()
    for zone in table["zones"]:
        assert parse(f"23 Nov 2026 10:00 {zone}").zoned, zone
    for name, number in table["months"].items():
        assert parse(f"3 {name} 2026").at.month == number


def clue(raw, origin="feed", role="published"):
    return DateClue(raw=raw, origin=origin, role=role)


def told(*clues, fetched_at=FETCHED, now=FETCHED, **options):
    belief = believe(clues, fetched_at=fetched_at, now=now, **options)
    return belief and (belief.at.isoformat(timespec="minutes")[:16], belief.origin)


@pytest.mark.parametrize(
    "raw",
    [
        "2099-01-01",
        "9999-12-31T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1989-12-31",
        "2026-11-25",
        "773477000000",
    ],
)
def test_future_epoch_and_prehistory_are_not_believed(raw):
    assert told(clue(raw)) is None
    assert told(clue(raw), clue("2026-11-20T00:00Z", "meta")) == ("2026-11-20T00:00", "meta")


def test_a_day_ahead_is_a_matter_of_zones():
    assert told(clue("2026-11-24T11:00:00Z")) == ("2026-11-24T11:00", "feed")


def test_now_bounds_the_future_only_without_a_fetch_time():
    late = FETCHED + timedelta(days=300)
    assert told(clue("2027-01-01T00:00Z"), now=late) is None
    assert told(clue("2027-01-01T00:00Z"), fetched_at=None, now=late) == ("2027-01-01T00:00", "feed")


def test_most_trusted_origin_wins():
    ranked = ["json-ld", "feed", "meta", "archive", "url", "text", "http"]
    clues = [clue(f"2026-11-{day:02}T10:00Z", origin) for day, origin in enumerate(ranked, start=1)]
    for start, origin in enumerate(ranked):
        assert told(*reversed(clues[start:]))[1] == origin


def test_feed_and_sitemap_are_equals_and_the_first_named_wins():
    assert told(clue("2026-11-01T10:00Z", "sitemap"), clue("2026-11-02T10:00Z", "feed"))[1] == "sitemap"


def test_precise_time_of_the_same_day_wins_over_a_date():
    assert told(clue("2026-11-20", "json-ld"), clue("2026-11-20T17:05:00Z", "meta")) == ("2026-11-20T17:05", "meta")
    # the same day in the publisher's zone
    assert told(clue("2026-11-20", "url"), clue("2026-11-20T01:00:00+0800", "http")) == ("2026-11-19T17:00", "http")
    assert told(clue("2026-11-20", "json-ld"), clue("2026-11-21T17:05Z", "meta")) == (
        "2026-11-20T00:00",
        "json-ld+assumed-utc",
    )


def test_zone_less_time_is_utc_and_marked():
    assert told(clue("2026-11-20T17:05:00")) == ("2026-11-20T17:05", "feed+assumed-utc")


def test_zone_comes_from_a_clue_with_the_same_clock():
    assert told(clue("2026-11-20T17:05:00", "json-ld"), clue("Fri, 20 Nov 2026 17:05:00 +0100")) == (
        "2026-11-20T16:05",
        "feed",
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en-US", ("2026-03-04T00:00", "meta+assumed-utc")), ("en-GB", ("2026-04-03T00:00", "meta+assumed-utc")),
     ("fr", ("2026-04-03T00:00", "meta+assumed-utc")), ("en", ("2026-03-04T00:00", "meta+assumed-utc+assumed-order")),
     (None, ("2026-04-03T00:00", "meta+assumed-utc+assumed-order"))],
)  # fmt: skip
def test_order_of_day_and_month_goes_by_language(language, expected):
    assert told(clue("3/4/2026", "meta"), language=language) == expected


def test_order_of_day_and_month_goes_by_another_clue_first():
    clues = [clue("3/4/2026 10:00", "meta"), clue("2026/03/04", "url")]
    assert told(*clues, language="fr") == ("2026-03-04T10:00", "meta+assumed-utc")


def test_order_that_would_be_in_the_future_is_not_taken():
    assert told(clue("3/12/2026", "meta"), language="fr") == ("2026-03-12T00:00", "meta+assumed-utc")


def test_roles_do_not_mix():
    clues = [clue("2026-11-20T10:00Z", role="modified"), clue("2026-11-19T10:00Z", "meta")]
    assert told(*clues) == ("2026-11-19T10:00", "meta")
    assert told(*clues, role="modified") == ("2026-11-20T10:00", "feed")


@pytest.mark.parametrize(
    ("url", "raw"),
    [("https://x.example/2026/11/23/a", "2026/11/23"), ("https://x.example/2026/nov/23/a", "2026/nov/23"),
     ("https://x.example/news/2026-11-23-title", "2026-11-23"), ("https://x.example/a/20261123/x", "20261123"),
     ("https://x.example/a20261123/x", None), ("https://x.example/2026/13/45/", None),
     ("https://x.example/2026/11/", None), ("https://x.example/?d=2026/11/23", None), ("http://[", None), (None, None)],
)  # fmt: skip
def test_date_in_a_url(url, raw):
    found = url_clue(url)
    assert (found and found.raw) == raw
