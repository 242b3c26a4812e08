"""Numbers with their units, and days, as a text mentions them: the evidence that tells look-alikes apart.

In: tokens of a text (``words.tokens`` with their signs), its language, the day it was published. Out: small values
that two articles can agree or disagree on. The words for months, weekdays, scales are in data/calendar.toml;
a language that is not there has digits and ISO dates only.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

from pipeline.matching.words import COMMON, fold, rarity

_TOKEN = re.compile(r"[$€£¥%]|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\n")
_ISO_DATE = re.compile(r"\b(?:19|20)\d\d-(\d\d)-(\d\d)\b")
_GROUPS = re.compile(r"[.,](?=\d{3}(?!\d))")
CURRENCIES = "$€£¥"


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
    """``numbers``: (value, unit), in the order of the text. ``days``: (month, day). ``weekdays``: 0 for Monday."""

    numbers: tuple[tuple[float, str], ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[int, ...] = ()


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


def mentions(text: str, language: str, published: date | None, limit: int = 24) -> Mentions:
    """What ``text`` mentions, each value once, at most ``limit`` of each kind.

    Weekdays and words such as "yesterday" become days only when the day of publishing is known: the last such weekday
    up to it. Bare years are neither numbers nor days.
    """
    calendar = calendars().get(language, _NONE)
    found = _TOKEN.findall(text)
    numbers: dict[tuple[float, str], None] = {}
    days: dict[tuple[int, int], None] = {}
    weekdays: dict[int, None] = {}
    for month, day in _ISO_DATE.findall(text):
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            days[int(month), int(day)] = None
    telling = calendar.telling
    if published is not None and not 1 < published.year < 9999:
        published = None  # Its neighbouring days may not exist.
    for i, token in enumerate(found):
        word = token.lower()
        if token[0].isdigit() or word in calendar.numbers:
            if len(numbers) < limit and (number := _number(found, i, calendar, language)):
                numbers[number] = None
        elif word in telling:
            if word in calendar.months and (token[0].isupper() or language != "en"):
                if (of_month := _day_of_month(found, i)) is not None:
                    days[calendar.months[word], of_month] = None
            elif word in calendar.weekdays:
                weekdays[calendar.weekdays[word]] = None
                if published is not None:
                    then = published - timedelta(days=(published.weekday() - calendar.weekdays[word]) % 7)
                    days[then.month, then.day] = None
            elif word in calendar.days and published is not None:
                then = published + timedelta(days=calendar.days[word])
                days[then.month, then.day] = None
    return Mentions(tuple(numbers)[:limit], tuple(days)[:limit], tuple(weekdays))


def _number(found: list[str], i: int, calendar: Calendar, language: str) -> tuple[float, str] | None:
    """The number at ``i`` and its unit: a currency sign before it, per cent, or the word that follows."""
    token = found[i]
    before = found[i - 1] if i else ""
    if before.lower() in calendar.months:
        return None
    spelled = calendar.numbers.get(token.lower())
    if len(token) == 4 and token.isdigit() and 1900 <= int(token) < 2100 and before not in CURRENCIES:
        return None
    value = float(spelled) if spelled is not None else _value(token)
    following = i + 1
    while following < len(found) and (scale := calendar.scales.get(found[following].lower())):
        value, following = value * 10.0**scale, following + 1
    after = found[following] if following < len(found) else ""
    if before and before in CURRENCIES:
        return value, before
    if after and after in CURRENCIES + "%":
        return value, after
    if after.lower() in calendar.percent:
        return value, "%"
    if after.lower() in calendar.months or (token[0] == "0" and token.isdigit()):
        return None
    unit = fold(after, language) if after.isalpha() else ""
    if len(unit) <= 3 and unit and rarity(unit, language) <= COMMON:
        unit = ""  # "14 of", "7 in".
    return (value, unit) if unit or spelled is None else None


def _value(token: str) -> float:
    plain = _GROUPS.sub("", token[:24]).replace(",", ".")
    whole, _, rest = plain.partition(".")
    return float(f"{whole}.{rest.replace('.', '')}0")


def _day_of_month(found: list[str], i: int) -> int | None:
    """The day beside the month at ``i``: "May 3", "3 May", "3. Mai", "May 3rd"."""
    for j in (i + 1, i - 1):
        if 0 <= j < len(found) and (day := found[j].rstrip(".")).isdecimal() and len(day) <= 2 and 1 <= int(day) <= 31:
            return int(day)
    return None
