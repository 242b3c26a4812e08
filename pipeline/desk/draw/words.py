"""Values in words: times, numbers with units, ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in one unit; the date when it is more than six days.

    >>> ago(datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 12, 5, tzinfo=UTC))
    '2 h ago'
    """
    if at is None:
        return "time unknown"
    span = now - at
    if span < timedelta(0):
        return stamp(at)
    if span < timedelta(minutes=1):
        return "just now"
    if span < timedelta(hours=1):
        return f"{int(span.total_seconds() // 60)} min ago"
    if span < timedelta(hours=48):
        return f"{int(span.total_seconds() // 3600)} h ago"
    if span < timedelta(days=7):
        return f"{span.days} days ago"
    return f"{at.astimezone(UTC):%d %b %Y}".lstrip("0")


def stamp(at: datetime | None) -> str:
    """``26 Nov 2026, 08:15``, in UTC."""
    return f"{at.astimezone(UTC):%d %b %Y, %H:%M}".lstrip("0") if at else "unknown"


def clock(at: datetime | None) -> str:
    """``26 Nov 08:15``, in UTC."""
    return f"{at.astimezone(UTC):%d %b %H:%M}".lstrip("0") if at else "unknown"


def plain(value: float) -> str:
    """A number as people write it.

    >>> plain(2_300_000.0), plain(1234.0), plain(4.25), plain(0.0)
    ('2.3 million', '1,234', '4.25', '0')
    """
    for size, word in LARGE:
        if abs(value) >= size:
            return f"{_short(value / size)} {word}"
    return _short(value)


def _short(value: float) -> str:
    if abs(value) >= 1e15 or (value and abs(value) < 1e-4):
        return f"{value:.3g}"
    rounded = f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.1f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def quantity(value: float | None, unit: str | None, per: str | None = None) -> str:
    """A value with its unit: ``GBP 2.3 million``, ``4.2%``, ``17 people``."""
    if value is None:
        return "?"
    unit = "people" if unit == "person" and value != 1 else unit
    number = plain(value)
    if unit is None or unit == "ratio":
        said = number
    elif unit == "percent":
        said = f"{number}%"
    elif unit == "percentage_point":
        said = f"{number} points"
    elif re.fullmatch("[A-Z]{3}", unit):
        said = f"{unit} {number}"
    else:
        said = f"{number} {unit.replace('_', ' ')}"
    return f"{said} per {per}" if per else said


def spread(low: float | None, high: float | None, unit: str | None, per: str | None = None) -> str:
    """``from 12 to 14 people``, or the one value."""
    if low is None or high is None or low == high:
        return quantity(low if low is not None else high, unit, per)
    if unit and re.fullmatch("[A-Z]{3}", unit):
        return f"{unit} {plain(low)} to {plain(high)}" + (f" per {per}" if per else "")
    return f"{plain(low)} to {quantity(high, unit, per)}"


def shortened(text: str, most: int) -> str:
    """The text, cut after a word where it is longer.

    >>> shortened("a long story", 8)
    'a long…'
    """
    if len(text) <= most:
        return text
    return text[:most].rsplit(None, 1)[0].rstrip(" .,;:-") + "…"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 article``, ``2,300 articles``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
