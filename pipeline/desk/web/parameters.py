"""What a request asks for, read strictly: a value that can't be is a 400 that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from starlette.exceptions import HTTPException

from pipeline.desk.search import Wanted

LONGEST = 400
"""Characters of one parameter."""
_ID = re.compile(r"[0-9a-f]{4,64}")


def text(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "").replace("\0", "").strip()
    if len(value) > LONGEST:
        raise bad(name, f"longer than {LONGEST} characters")
    return value


def whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = query.get(name, "")
    if not value:
        return default
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or not 1 <= int(value) <= most:
        raise bad(name, f"a whole number from 1 to {most} is needed")
    return int(value)


def day(query: Mapping[str, str], name: str) -> datetime | None:
    """A date, YYYY-MM-DD, as its first moment in UTC."""
    value = query.get(name, "").strip()
    if not value:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise bad(name, "a date is YYYY-MM-DD") from None


def identifier(value: str) -> str:
    """An id from a path; anything else is not found."""
    if not _ID.fullmatch(value):
        raise HTTPException(404, "no such id")
    return value


def wanted(query: Mapping[str, str]) -> Wanted:
    """The search that ``q``, ``source``, ``language``, ``from`` and ``to`` (included) ask for."""
    until = day(query, "to")
    return Wanted(
        text(query, "q"),
        text(query, "source") or None,
        text(query, "language") or None,
        day(query, "from"),
        until + timedelta(days=1) if until else None,
    )


def after_key(query: Mapping[str, str]) -> tuple[datetime, str] | None:
    """The time and id that the page before ended with (``after``: microseconds since 1970, a dot, the id)."""
    value = query.get("after", "")
    if not value:
        return None
    found = re.fullmatch(r"(-?\d{1,18})\.([0-9a-f]{1,64})", value, re.ASCII)
    if not found:
        raise bad("after", "not a place that a page ended with")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(found[1])), found[2]
    except OverflowError:
        raise bad("after", "not a place that a page ended with") from None


def key_of(at: datetime, identifier: str) -> str:
    """What ``after_key`` reads."""
    return f"{(at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)}.{identifier}"


def before_number(query: Mapping[str, str]) -> int | None:
    """The document's number that a page of search results ended with (``before``)."""
    value = query.get("before", "")
    if not value:
        return None
    if not re.fullmatch(r"\d{1,19}", value, re.ASCII) or int(value) >= 1 << 63:
        raise bad("before", "not a place that a page ended with")
    return int(value)


def bad(name: str, why: str) -> HTTPException:
    return HTTPException(400, f"{name}: {why}")
