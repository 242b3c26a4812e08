"""Which of the dates that an item gives about itself to believe.

In: clues (raw strings with where each came from). Out: one time in UTC, its raw string, and its origin, marked where
something had to be assumed. Not believed: what can't be read, the future (more than a day beyond the fetch), before
1990, the epoch.

Origins, most trusted first: what the publisher's page says for machines (JSON-LD), what the feed or news sitemap says,
the page's meta tags, the archive, the date in the URL, a date found in the page's text, the HTTP header, and at last
the time it was first seen. A date without a time agrees with a precise one of the same day, and the precise one wins;
a time without a zone likewise yields to one with the same wall clock and a zone.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from importlib import resources
from urllib.parse import urlsplit

from babel.dates import get_month_names
from dateutil.zoneinfo import get_zonefile_instance

from pipeline.extraction.languages import NEWS_LANGUAGES, normalise_tag
from schemas.records import DateClue

ORIGINS = ("json-ld", "feed", "sitemap", "meta", "archive", "url", "text", "http", "first-seen")
RANK = {"json-ld": 0, "feed": 1, "sitemap": 1, "meta": 2, "archive": 3, "url": 4, "text": 5, "http": 6, "first-seen": 7}
"""Lower is more trusted; feed and sitemap are equals."""
ASSUMED_UTC = "+assumed-utc"
ASSUMED_ORDER = "+assumed-order"
"""Marks of an origin: no zone was given; nothing told whether 3/4 is in March or in April."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
"""How far beyond the fetch a time may lie: zones are confused, clocks are off."""
RAW_CAP = 200


@dataclass(frozen=True)
class Reading:
    """One way to understand a raw date."""

    at: datetime
    """UTC."""
    wall: datetime
    """The clock as written, called UTC whatever zone it is in."""
    precise: bool
    """Whether a time of day was given."""
    zoned: bool
    swapped: Reading | None = None
    """The other reading of day and month, when both are possible."""


@dataclass(frozen=True)
class Belief:
    """``origin`` is a word of ``ORIGINS`` with its marks."""

    at: datetime
    raw: str | None
    origin: str


def rank(origin: str) -> tuple[int, bool]:
    """How a marked origin sorts against others: best first."""
    return RANK.get(origin.split("+", 1)[0], len(RANK)), "+" in origin


def believe(
    clues: Iterable[DateClue],
    *,
    fetched_at: datetime | None,
    now: datetime,
    language: str | None = None,
    role: str = "published",
) -> Belief | None:
    """Return what to believe of the clues of this role; None when none can be believed.

    ``now`` bounds the future only where ``fetched_at`` is unknown, so that the outcome does not depend on when the
    same item is processed.
    """
    latest = (fetched_at or now) + AHEAD
    mine = [clue for clue in clues if clue.role == role]
    read = [(clue, _plausible(parse(clue.raw), latest)) for clue in mine]
    settled = [(clue, *_settle(reading, read, language, latest)) for clue, reading in read if reading is not None]
    if not settled:
        return None
    settled.sort(key=lambda s: RANK[s[0].origin])  # stable: of equals the first named
    clue, reading, assumed = settled[0]
    if not reading.precise:
        same_day = (s for s in settled if s[1].precise and reading.wall.date() in (s[1].wall.date(), s[1].at.date()))
        clue, reading, assumed = next(same_day, (clue, reading, assumed))
    if reading.precise and not reading.zoned:
        same_clock = (s for s in settled if s[1].zoned and s[1].wall == reading.wall)
        clue, reading, assumed = next(same_clock, (clue, reading, assumed))
    marks = ("" if reading.zoned else ASSUMED_UTC) + (ASSUMED_ORDER if assumed else "")
    return Belief(reading.at, clue.raw[:RAW_CAP], clue.origin + marks)


def url_clue(url: str | None) -> DateClue | None:
    """The date in a URL's path, as in /2026/11/23/ or /news/2026-11-23-title."""
    try:
        path = urlsplit(url or "").path
    except ValueError:
        return None
    found = _URL_DATE.search(path)
    if not found:
        return None
    raw = found.group("sep") or found.group("compact")
    return DateClue(raw=raw, origin="url") if parse(raw) else None


def parse(raw: str) -> Reading | None:
    """Read a date as found in feeds, pages and archives; None when there is none in it.

    Knows RFC 822, 850 and asctime dates, ISO 8601, epoch seconds and milliseconds, compact digits, numbers with
    slashes, dots or dashes, East Asian dates, and month names in the languages that news is written in.
    """
    text = " ".join(unicodedata.normalize("NFKC", raw[:RAW_CAP]).split())
    number = _EPOCH.fullmatch(text)
    if number:
        return _from_epoch(float(number.group(1)))
    compact = _COMPACT.fullmatch(text)
    if compact:
        y, m, d, hh, mm, ss, zone = compact.groups()
        return _reading(int(y), int(m), int(d), (int(hh or 0), int(mm or 0), int(ss or 0), 0) if hh else None, zone)
    clock, zone, rest = _take_clock(text, _CLOCK)
    for year, month, day, rest_after, ambiguous in _days(rest):
        if clock is None:
            clock, zone, _ = _take_clock(rest_after, _DOTTED_CLOCK)
        reading = _reading(year, month, day, clock, zone)
        if reading is not None:
            other = _reading(year, day, month, clock, zone) if ambiguous else None
            return replace(reading, swapped=other)
    return None


# -- settling ----------------------------------------------------------------------------------------------------------

Read = tuple[DateClue, Reading | None]


def _plausible(reading: Reading | None, latest: datetime) -> Reading | None:
    """The reading, or its other one, whichever may be believed; both where both may."""
    if reading is None:
        return None
    other = reading.swapped
    if other is not None and not EARLIEST <= other.at <= latest:
        other = None
    if EARLIEST <= reading.at <= latest:
        return replace(reading, swapped=other)
    return other


def _settle(reading: Reading, read: list[Read], language: str | None, latest: datetime) -> tuple[Reading, bool]:
    """Day or month first? What another clue says, else the language; (reading, whether it is only assumed)."""
    other = reading.swapped
    if other is None:
        return reading, False
    sure = {r.wall.date() for _, r in read if r is not None and r.swapped is None}
    for candidate in (reading, other):
        if candidate.wall.date() in sure:
            return candidate, False
    day_first, month_first = reading, other
    tag = normalise_tag(language)
    if tag in _MONTH_FIRST:
        return month_first, False
    if tag is not None and tag != "en":
        return day_first, False
    return (month_first if tag == "en" else day_first), True


# Where 3/4 is March the 4th (CLDR short date patterns); a bare "en" leaves it open.
_MONTH_FIRST = frozenset(("en-US", "en-PH", "fil-PH", "tl-PH", "es-PR", "es-PA"))


# -- reading -----------------------------------------------------------------------------------------------------------

_EPOCH = re.compile(r"(?:/Date\()?(-?\d{9,10}(?:\.\d+)?|\d{13}|\d{16})(?:[+-]\d{4})?(?:\)/)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:[T ]?(\d\d):?(\d\d):?(\d\d)?(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?)?")
_ZONE = r"\s*(?P<zone>(?:Z\b|UTC|GMT)?\s*[+\-−]\s?\d{1,2}:?(?:\d\d)?(?!\d)|\(?[A-Z]{1,5}\b\)?)?"
_CLOCK = re.compile(
    r"(?<!\d)T?(?P<h>\d{1,2})\s?:\s?(?P<m>\d\d)(?:\s?:\s?(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?(?!\d)"
    r"\s*(?P<half>[ap]\.?m\b\.?)?" + _ZONE,
    re.I,
)
_DOTTED_CLOCK = re.compile(
    r"(?<![\d.])(?P<h>\d{1,2})(?:[.h](?P<m>\d\d)(?P<s>(?!))?(?P<f>(?!))?)?(?!\d)"
    r"\s*(?:(?P<half>[ap]\.?m\b\.?)|(?<=h\d\d)|h\b|Uhr)" + _ZONE,
    re.I,
)
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})(?!\d)")
_WORD = r"([^\s\d,./|()+-]{2,20})\.?"
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|ère|[.ºª°])?[\s-]*(?:de\s|of\s|d['’]\s?|di\s|del\s)?[\s]*" + _WORD
    + r"[\s,-]*(?:de\s|del\s|of\s)?\s*['’]?(\d{4}|\d\d)(?!\d)",
    re.I,
)  # fmt: skip
_MONTH_DAY = re.compile(_WORD + r"[\s-]*(\d{1,2})(?:st|nd|rd|th)?[\s,-]+(\d{4})(?!\d)", re.I)
_NUMBERS = re.compile(r"(?<!\d)(\d{1,2})\s?([/.-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d\d)(?!\d)")
_URL_DATE = re.compile(
    r"(?<!\d)(?P<sep>(?:19|20)\d\d(?P<s>[/_-])(?:0?[1-9]|1[0-2]|[a-z]{3})(?P=s)(?:0?[1-9]|[12]\d|3[01]))(?=[/_.-]|$)"
    r"|(?<![\da-z])(?P<compact>(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?=[/_.-]|$)",
    re.I,
)
Clock = tuple[int, int, int, int]
Day = tuple[int, int, int, str, bool]


def _take_clock(text: str, pattern: re.Pattern[str]) -> tuple[Clock | None, str | None, str]:
    """The time of day (h, m, s, microseconds) and the zone as written, and the text without them."""
    found = pattern.search(text)
    if not found:
        return None, None, text
    hour, half = int(found["h"]), (found["half"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    micros = int((found["f"] or "0").ljust(6, "0")[:6])
    clock = (hour, int(found["m"] or 0), int(found["s"] or 0), micros)
    zone = found["zone"]
    end = found.end()
    if zone and _offset(zone) is None:  # some other word: leave it, it may be the month
        zone, end = None, found.start("zone")
    return clock, zone, f"{text[: found.start()]} {text[end:]}"


def _days(text: str) -> Iterator[Day]:
    """The dates in the text, by each way of writing: (year, month, day, the text without it, is the order open?)."""
    for found in _YEAR_FIRST.finditer(text):
        year, month, day = map(int, found.groups())
        yield year, month, day, text[found.end() :], False
    for pattern, (d, m, y) in ((_DAY_MONTH, (1, 2, 3)), (_MONTH_DAY, (2, 1, 3)), (_SLASHED_NAME, (3, 2, 1))):
        for found in pattern.finditer(text):
            named = _month(found.group(m))
            if named is not None:
                yield _full_year(found.group(y)), named, int(found.group(d)), text[found.end() :], False
    for found in _NUMBERS.finditer(text):
        first, second, year = int(found.group(1)), int(found.group(3)), _full_year(found.group(4))
        rest = text[found.end() :]
        if second > 12 >= first:
            yield year, first, second, rest, False
        else:
            either = found.group(2) == "/" and first <= 12 and first != second
            yield year, second, first, rest, either


_SLASHED_NAME = re.compile(r"(?<!\d)(\d{4})[/-]" + _WORD + r"[/-](\d{1,2})(?!\d)")


def _full_year(digits: str) -> int:
    """Two digits as RFC 2822 section 4.3 and POSIX read them."""
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 70 else 1900)


def _reading(year: int, month: int, day: int, clock: Clock | None, zone: str | None) -> Reading | None:
    hour, minute, second, micros = clock or (0, 0, 0, 0)
    offset = _offset(zone) if zone else None
    try:
        wall = datetime(year, month, day, hour % 24, minute, min(second, 59), micros, UTC)
        if hour == 24:
            wall += timedelta(days=1)
        elif hour > 24:
            return None
        at = wall.replace(tzinfo=offset or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Reading(at, wall, clock is not None, clock is not None and offset is not None)


def _from_epoch(number: float) -> Reading | None:
    """Seconds, milliseconds or microseconds since 1970, told by their size. Zero, the epoch, is nobody's date."""
    for unit, least in ((1_000_000, 1e15), (1_000, 1e12), (1, 0)):
        if number >= least:
            try:
                at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=number / unit)
            except OverflowError:  # after the year 9999
                return None
            return Reading(at, at, precise=True, zoned=True)
    return None


_OFFSET = re.compile(r"(?:Z|UTC|GMT)?\s*([+\-−])\s?(\d{1,2}):?(\d\d)?", re.I)


def _offset(zone: str) -> tzinfo | None:
    """The zone of "+0100", "GMT+1", "EST", "(CET)"; None for words that are none."""
    found = _OFFSET.fullmatch(zone)
    if found:
        minutes = int(found.group(2)) * 60 + int(found.group(3) or 0)
        if minutes > 14 * 60:
            return None
        return timezone(timedelta(minutes=-minutes if found.group(1) != "+" else minutes))
    known = _zones().get(zone.strip("() ").upper())
    if isinstance(known, str):
        return get_zonefile_instance().get(known)
    return None if known is None else timezone(timedelta(minutes=known))


@functools.cache
def _table() -> dict[str, dict[str, int | str]]:
    return tomllib.loads(resources.files(__package__).joinpath("dates.toml").read_text("utf-8"))


def _zones() -> dict[str, int | str]:
    return _table()["zones"]


def _month(word: str) -> int | None:
    """The month of that name; None if it is none, or different ones in different languages (listopad)."""
    name = _fold(word)
    return _english_months().get(name) or _months().get(name)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip(".")


def _names(language: str) -> Iterator[tuple[str, int]]:
    """The CLDR's names and abbreviations of the months in a language."""
    for width in ("wide", "abbreviated"):
        for context in ("format", "stand-alone"):
            for number, name in get_month_names(width, context, language).items():
                folded = _fold(name)
                if len(folded) > 1 and not any(c.isdigit() for c in folded):
                    yield folded, number


@functools.cache
def _english_months() -> dict[str, int]:
    """English names win over those of other languages, and need no other language to be loaded."""
    return dict(_names("en")) | {name: int(number) for name, number in _table()["months"].items()}


@functools.cache
def _months() -> dict[str, int]:
    """Name -> number in all languages of the news, but names that mean different months in different ones."""
    found: dict[str, set[int]] = {}
    for language in NEWS_LANGUAGES:
        for name, number in _names(language):
            found.setdefault(name, set()).add(number)
    return {name: numbers.pop() for name, numbers in found.items() if len(numbers) == 1}
