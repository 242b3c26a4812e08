"""Numbers with their units, days and years, as a text mentions them: the evidence that tells look-alikes apart.

In: tokens of a text (``lexicon.tokens``), which of them may tell, its language, the day it was published. Out: small
values that two articles can agree or disagree on. The words for months, weekdays, scales are in data/calendar.toml;
a language that is not there has digits only.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

from pipeline.matching.words import COMMON, fold, rarity

CURRENCIES = "$€£¥"
SIGNS = CURRENCIES + "%"
HEAD = 80
"""A whole date among so many first tokens may be the day the text was written."""
MOST = 24
"""So many different values of each kind are read."""


@dataclass(frozen=True)
class Calendar:
    """The words of one language."""

    months: dict[str, int]
    weekdays: dict[str, int]
    days: dict[str, int]
    numbers: dict[str, int]
    scales: dict[str, int]
    percent: frozenset[str]

    @functools.cached_property
    def telling(self) -> frozenset[str]:
        """The words that start a mention by themselves."""
        return frozenset(self.months.keys() | self.weekdays.keys() | self.days.keys() | self.numbers.keys())


@dataclass(frozen=True)
class Mentions:
    """``numbers``: (value, unit), in the order of the text. ``days``: (month, day), and ``early`` of them are named in
    the text's head. ``weekdays``: those that the head names, 0 for Monday. ``years``: bare or in dates. ``written``: a
    whole date in the head."""

    numbers: tuple[tuple[float, str], ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    early: int = 0
    weekdays: tuple[int, ...] = ()
    years: tuple[int, ...] = ()
    written: date | None = None


_NONE = Calendar({}, {}, {}, {}, {}, frozenset())


@functools.cache
def calendars() -> dict[str, Calendar]:
    """Language subtag -> its words."""
    table = tomllib.loads(resources.files("pipeline.matching.data").joinpath("calendar.toml").read_text("utf-8"))
    return {
        language: Calendar(
            months={form: i + 1 for i, forms in enumerate(words["months"]) for form in forms.split("|")},
            weekdays={form: i for i, forms in enumerate(words["weekdays"]) for form in forms.split("|")},
            days=words["days"],
            numbers=words["numbers"],
            scales=words["scales"],
            percent=frozenset(words["percent"]),
        )
        for language, words in table.items()
    }


def calendar_of(language: str) -> Calendar:
    """The words of a language, none for one that has no table."""
    return calendars().get(language, _NONE)


def mentions(
    found: Sequence[str],
    telling: Iterable[int],
    language: str,
    published: date | None,
    learned: bytes | None = None,
) -> Mentions:
    """What a text mentions, each value once.

    ``found``: its tokens; ``telling``: which of them may begin a mention, ascending; ``learned``: the rarities
    learned of the language. Weekdays and words such as "yesterday" become days only when the day of publishing is
    known: the last such weekday up to it. Bare years are neither numbers nor days.
    """
    calendar = calendar_of(language)
    read = functools.partial(_number, learned=learned)
    numbers: dict[tuple[float, str], None] = {}
    days: dict[tuple[int, int], None] = {}
    weekdays: dict[int, None] = {}
    years: dict[int, None] = {}
    written: date | None = None
    if published is not None and not 1 < published.year < 9999:
        published = None  # Its neighbouring days may not exist.
    past, early = 0, -1
    for i in telling:
        if i < past:
            continue
        if i >= HEAD and early < 0:
            early = len(days)
        token = found[i]
        word = token.lower()
        if token[0].isdecimal():
            if (year := _year(found, i)) is not None:
                years[year] = None
                if (iso := _iso(found, i, year)) is not None:
                    days[iso.month, iso.day] = None
                    written = written or (iso if i < HEAD else None)
                    past = i + 3
            elif len(numbers) < MOST and (number := read(found, i, calendar, language)):
                numbers[number] = None
        elif word in calendar.months:
            if (token[0].isupper() or language != "en") and (day := _day_of_month(found, i)) is not None:
                days[calendar.months[word], day] = None
                if written is None and i < HEAD:
                    written = _date(_year_after(found, i), calendar.months[word], day)
        elif word in calendar.weekdays:
            if i < HEAD:
                weekdays[calendar.weekdays[word]] = None
            if published is not None:
                then = published - timedelta(days=(published.weekday() - calendar.weekdays[word]) % 7)
                days[then.month, then.day] = None
        elif word in calendar.days:
            if published is not None:
                then = published + timedelta(days=calendar.days[word])
                days[then.month, then.day] = None
        elif word in calendar.numbers and len(numbers) < MOST and (number := read(found, i, calendar, language)):
            numbers[number] = None
    return Mentions(
        numbers=tuple(numbers),
        days=tuple(days)[:MOST],
        early=len(days) if early < 0 else early,
        weekdays=tuple(weekdays),
        years=tuple(years)[:MOST],
        written=written,
    )


def _number(
    found: Sequence[str], i: int, calendar: Calendar, language: str, learned: bytes | None
) -> tuple[float, str] | None:
    """The number at ``i`` and its unit: a currency sign before it, per cent, or the word that follows."""
    token = found[i]
    before = found[i - 1] if i else ""
    if before.lower() in calendar.months:
        return None
    spelled = calendar.numbers.get(token.lower())
    value = float(spelled) if spelled is not None else _value(token)
    following = i + 1
    while following < len(found) and (scale := calendar.scales.get(found[following].lower())):
        value, following = value * 10.0**scale, following + 1
    after = found[following] if following < len(found) else ""
    if before and before in CURRENCIES:
        return value, before
    if after and after in SIGNS:
        return value, after
    if after.lower() in calendar.percent:
        return value, "%"
    if after.lower() in calendar.months or (token[0] == "0" and token.isdecimal()):
        return None
    unit = fold(after, language) if after.isalpha() else ""
    if len(unit) <= 3 and unit and rarity(unit, language, learned) <= COMMON:
        unit = ""  # "14 of", "7 in".
    return (value, unit) if unit or spelled is None else None


def _value(token: str) -> float:
    """Of separators only the last can be a decimal one, and one with three digits behind it is none."""
    whole, _, rest = token[:24].replace(",", ".").rpartition(".")
    if not whole or (len(rest) == 3 and whole != "0"):
        return float(f"{whole}{rest}".replace(".", "") or 0)
    return float(f"{whole.replace('.', '')}.{rest or 0}")


def _year(found: Sequence[str], i: int) -> int | None:
    token = found[i]
    if len(token) == 4 and token.isascii() and token.isdecimal() and 1900 <= int(token) < 2100:
        return None if i and found[i - 1] in CURRENCIES else int(token)
    return None


def _iso(found: Sequence[str], i: int, year: int) -> date | None:
    """The date that starts at ``i``: 2026-04-22 is three tokens."""
    month, day = (found[i + 1], found[i + 2]) if i + 2 < len(found) else ("", "")
    if len(month) == len(day) == 2 and month.isdecimal() and day.isdecimal():
        return _date(year, int(month), int(day))
    return None


def _date(year: int | None, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year else None
    except ValueError:
        return None


def _year_after(found: Sequence[str], i: int) -> int | None:
    """The year beside the month at ``i``: "May 3, 2026", "3 May 2026"."""
    for j in (i + 1, i + 2):
        if j < len(found) and (year := _year(found, j)) is not None:
            return year
    return None


def _day_of_month(found: Sequence[str], i: int) -> int | None:
    """The day beside the month at ``i``: "May 3", "3 May", "3. Mai", "May 3rd"."""
    for j in (i + 1, i - 1):
        if 0 <= j < len(found) and (day := found[j].rstrip(".")).isdecimal() and len(day) <= 2 and 1 <= int(day) <= 31:
            return int(day)
    return None
