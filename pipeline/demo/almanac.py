"""Dates in the demo's texts, counted from the day it runs, so that the news is always fresh.

In a text ``{weekday-2}`` becomes "Monday", ``{date-2}`` "November 21", ``{month-30}`` "October", for two (thirty) days
before that day; a language can follow: ``{weekday-2:es}``. ``day-2 07:30`` is a moment, in UTC. Everything published
lies before the day's midnight, so that no article is ever from the future.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_PLACE = re.compile(r"\{(weekday|date|month)([+-][0-9]+)(?::([a-z]{2}))?\}")
_MOMENT = re.compile(r"day(-[0-9]+) ([0-9]{2}):([0-9]{2})")


def midnight(now: datetime) -> datetime:
    """The start of the day, in UTC, from which all days are counted."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def moment(text: str, now: datetime) -> datetime:
    """Return the time that ``day-2 07:30`` stands for. Raises ValueError for any other form."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no moment: write it as 'day-2 07:30'")
    day, hour, minute = (int(part) for part in found.groups())
    return midnight(now) + timedelta(days=day, hours=hour, minutes=minute)


def dated(text: str, now: datetime) -> str:
    """Return the text with its dates filled in. Raises ValueError for a brace that is no date."""

    def fill(found: re.Match[str]) -> str:
        what, days, language = found.groups()
        day = midnight(now) + timedelta(days=int(days))
        if what == "weekday":
            return WEEKDAYS[language or "en"][day.weekday()]
        month = MONTHS[day.month - 1]
        return month if what == "month" else f"{month} {day.day}"

    filled = _PLACE.sub(fill, text)
    if "{" in filled or "}" in filled:
        raise ValueError(f"a brace that is no date: {filled[filled.find('{') :][:40]!r}")
    return filled
