"""The time that a number refers to, as ISO 8601: expressions near it, resolved against the publication date."""

from __future__ import annotations

import calendar
import datetime
import functools
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from pipeline.measure.vocabulary import Pack, Periods

_FARTHEST = 60
"""Characters between a number and its time."""
_YEAR = r"(?:1[6-9]|20)\d\d"
_NAME = re.compile(r" [A-Z][a-z]")
_WORD = re.compile(r"[^\W\d_]+")
_YEAR_OR_QUARTER = re.compile(rf"{_YEAR}|q[1-4]")
_COUNTED = re.compile(r"_\d+$")


class Expression(msgspec.Struct, frozen=True):
    """An expression of time in a sentence, with the ISO date, month, quarter, year or interval it stands for."""

    start: int
    end: int
    iso: str


def expressions(text: str, published: datetime.date | None, pack: Pack) -> list[Expression]:
    """All expressions of time in the sentence that can be resolved; those tied to a verb of saying are left out."""
    low = text.lower()
    if len(low) != len(text):
        low = text  # a rare letter that is two in lower case: offsets come first
    if not _may_speak_of_time(low, pack.periods):
        return []
    pattern, rows = _compiled(pack.periods)
    found = []
    for m in pattern.finditer(low):
        row = rows[int((m.lastgroup or "r0_")[1:].split("_")[0])]
        g = {
            _COUNTED.sub("", name.split("_", 1)[1]): value
            for name, value in m.groupdict().items()
            if value and "_" in name
        }
        before = pack.periods.spoken.search(text, max(0, m.start() - 24), m.start())
        if before and before["word"].lower() in pack.speech.verbs and row in ("weekday", "day", "day_word", "week"):
            continue
        bare_year = row == "year" and m[0].isdigit()
        if (bare_year and _NAME.match(text, m.end())) or pack.periods.than.search(
            text, max(0, m.start() - 6), m.start()
        ):
            continue  # "a 2005 Pontiac", "higher than in 2010"
        if pack.periods.levels.match(text, m.end()) or pack.periods.origin.search(
            text, max(0, m.start() - 16), m.start() + 3
        ):
            continue
        if row in ("month", "day", "days") and not _capital_month(text[m.start() : m.end()]):
            continue
        iso = _RESOLVERS[row](g, published, pack.periods, text[max(0, m.start() - 40) : m.start()])
        if iso:
            found.append(Expression(m.start(), m.end(), iso))
    return _spans(text, found, pack.periods)


def _may_speak_of_time(low: str, periods: Periods) -> bool:
    """A gate before the costly pattern: whether a word or a year is there that every row has one of."""
    return _YEAR_OR_QUARTER.search(low) is not None or not _words_of_time(periods).isdisjoint(_WORD.findall(low))


@functools.cache
def _words_of_time(periods: Periods) -> frozenset[str]:
    lists = (periods.months, periods.weekdays, periods.ordinals, periods.relative, periods.day_words, periods.year_ago)
    return frozenset(_WORD.findall(" ".join(phrase for listed in lists for phrase in listed)))


def _spans(text: str, found: Sequence[Expression], periods: Periods) -> list[Expression]:
    """ "from May 4 to May 9": two days become one interval."""
    merged: list[Expression] = []
    for e in found:
        last = merged[-1] if merged else None
        joined = (
            last is not None
            and text[last.end : e.start] in periods.to
            and len(last.iso) == len(e.iso)
            and last.iso < e.iso
        )
        if last is not None and joined:
            merged[-1] = Expression(last.start, e.end, f"{last.iso}/{e.iso}")
        else:
            merged.append(e)
    return merged


def period_of(
    text: str, start: int, end: int, found: Sequence[Expression], periods: Periods, numbers: Sequence[int] = ()
) -> str | None:
    """The period of the number at ``start``..``end`` of the sentence: the nearest expression in its own clause.

    ``numbers``: where the sentence's numbers start; an expression after the next number belongs to that.
    """
    best: tuple[int, str] | None = None
    for e in found:
        if e.start < end and start < e.end:
            continue
        gap = text[e.end : start] if e.end <= start else text[end : e.start]
        if len(gap) > _FARTHEST or periods.clause.search(gap):
            continue
        if any(end <= other < e.start for other in numbers):
            continue
        # What stands before a number binds less than what follows it.
        distance = len(gap) + (10 if e.end <= start else 0)
        if best is None or distance < best[0]:
            best = (distance, e.iso)
    return best[1] if best else None


def _capital_month(found: str) -> bool:
    words = _WORD.findall(found)
    return any(w[0].isupper() for w in words) if words else True


@functools.cache
def _compiled(periods: Periods) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """One pattern for all rows of the pack, for text in lower case, and the resolver of each row."""
    words = {
        "month": _any(periods.months),
        "weekday": _any(periods.weekdays),
        "ordinal": _any(periods.ordinals),
        "relative": _any(periods.relative),
        "day_word": _any(periods.day_words),
        "year_ago": _any(periods.year_ago),
        "y2": _YEAR,
        "y": _YEAR,
        "m": r"0[1-9]|1[0-2]",
        "d2": r"3[01]|[12]\d|0?[1-9]",
        "d": r"3[01]|[12]\d|0?[1-9]",
        "q": "[1-4]",
    }
    parts, rows = [], []
    for i, (pattern, row) in enumerate(periods.expressions):
        filled = pattern
        for name, choice in words.items():
            filled = filled.replace(f"{{{name}}}", rf"(?P<r{i}_{name}>{choice})")
        parts.append(rf"(?P<r{i}>{_unique(filled)})")
        rows.append(row)
    return re.compile(r"(?<![\w$€£.,-])(?:" + "|".join(parts) + r")(?![\w%]|[.,]\d)"), tuple(rows)


def _unique(pattern: str) -> str:
    """Group names may occur once in a pattern: later ones of the same name get a number."""
    seen: dict[str, int] = {}

    def rename(m: re.Match[str]) -> str:
        seen[m[1]] = seen.get(m[1], 0) + 1
        return f"(?P<{m[1]}>" if seen[m[1]] == 1 else f"(?P<{m[1]}_{seen[m[1]]}>"

    return re.sub(r"\(\?P<([^>]+)>", rename, pattern)


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


Groups = dict[str, str]
Resolver = Callable[[Groups, datetime.date | None, Periods, str], str | None]


def _month_number(g: Groups, periods: Periods) -> int | None:
    return periods.months[g["month"].lower()] if "month" in g else None


def _year_number(g: Groups) -> int | None:
    return int(g["y"]) if "y" in g else None


def _nearest_year(month: int, day: int, published: datetime.date, periods: Periods, before: str) -> int:
    """The year that puts the date nearest to publication; a month lies in the past unless said otherwise."""
    year = published.year
    ahead = (month - published.month) + (0.5 if month == published.month and day > published.day else 0)
    if ahead > 0 and not periods.future.search(before) and (ahead > 3 or not day):
        return year - 1
    return year + 1 if ahead < -6 and periods.future.search(before) else year


def _day(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    month = int(g["m"]) if "m" in g else _month_number(g, periods)
    year, day = _year_number(g), int(g["d"])
    if month is None or (year is None and published is None):
        return None
    if year is None and published is not None:
        year = _nearest_year(month, day, published, periods, before)
    try:
        return datetime.date(year or 1, month, day).isoformat()
    except ValueError:
        return None


def _days(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    first = _day(g, published, periods, before)
    last = _day({**g, "d": g["d2"]}, published, periods, before)
    return f"{first}/{last}" if first and last and first < last else first


def _month(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    month, year = _month_number(g, periods), _year_number(g)
    if month is None or (year is None and published is None):
        return None
    if year is None and published is not None:
        relative = periods.relative.get(g.get("relative", "").lower())
        year = _nearest_year(month, 0, published, periods, before)
        if relative == -1 and month == published.month:
            year = published.year - 1
        elif relative == 1 and month <= published.month:
            year = published.year + 1
    return f"{year:04d}-{month:02d}"


def _months(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if published is None:
        return None
    count = published.year * 12 + published.month - 1 + periods.relative[g["relative"].lower()]
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def _year(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    return f"{_year_number(g):04d}"


def _years(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    first, last = int(g["y"]), int(g["y2"])
    return f"{first:04d}/{last:04d}" if first < last else None


def _year_from(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if published is None:
        return None
    return f"{published.year + (-1 if 'year_ago' in g else periods.relative[g['relative'].lower()]):04d}"


def _quarter(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    relative = periods.relative.get(g.get("relative", "").lower())
    if "ordinal" not in g and "q" not in g:
        if published is None or relative is None:
            return None
        count = published.year * 4 + (published.month - 1) // 3 + relative
        return f"{count // 4:04d}-Q{count % 4 + 1}"
    quarter = int(g["q"]) if "q" in g else periods.ordinals[g["ordinal"].lower()]
    year = _year_number(g)
    if year is None:
        if published is None:
            return None
        year = published.year + (relative or 0)
        if relative is None and (quarter - 1) * 3 + 1 > published.month and not periods.future.search(before):
            year -= 1
    return f"{year:04d}-Q{quarter}"


def _since(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if published is None:
        return None
    if "d" in g:
        start = _day(g, published, periods, before)
    elif _month_number(g, periods) is not None:
        month = _month(g, published, periods, before)
        start = f"{month}-01" if month else None
    else:
        start = f"{_year_number(g):04d}-01-01"
    return f"{start}/{published.isoformat()}" if start and start < published.isoformat() else None


def _end(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if _month_number(g, periods) is None:
        return f"{_year_number(g):04d}-12-31"
    month = _month(g, published, periods, before)
    if month is None:
        return None
    year, number = int(month[:4]), int(month[5:])
    return f"{month}-{calendar.monthrange(year, number)[1]:02d}"


def _week(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if published is None:
        return None
    monday = published + datetime.timedelta(days=7 * periods.relative[g["relative"].lower()] - published.weekday())
    return f"{monday.isoformat()}/{(monday + datetime.timedelta(days=6)).isoformat()}"


def _weekday(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if published is None:
        return None
    back = (published.isoweekday() - periods.weekdays[g["weekday"].lower()]) % 7
    if periods.relative.get(g.get("relative", "").lower()) == 1 or periods.by.search(before):
        back -= 7 if back else 0
    return (published - datetime.timedelta(days=back)).isoformat()


def _day_word(g: Groups, published: datetime.date | None, periods: Periods, before: str) -> str | None:
    if published is None:
        return None
    return (published + datetime.timedelta(days=periods.day_words[g["day_word"].lower()])).isoformat()


_RESOLVERS: dict[str, Resolver] = {
    "since": _since,
    "end": _end,
    "years": _years,
    "day": _day,
    "days": _days,
    "quarter": _quarter,
    "month": _month,
    "months": _months,
    "year_from": _year_from,
    "week": _week,
    "weekday": _weekday,
    "day_word": _day_word,
    "year": _year,
}
