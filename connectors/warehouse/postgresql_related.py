"""Sketches that share a key with those of a batch (``Warehouse.related``).

Few keys are looked up in the index over all keys (GIN). It is the wrong way for many: its cost is that of the keys
times the sketches found (5 s for 3,500 keys among 50,000 sketches). Then the stretch of time is read, and each sketch's
keys are looked up among the wanted ones, which the server hashes, until one is found; most have one among their first.
"""

from __future__ import annotations

import bisect
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from connectors.warehouse import arrow
from connectors.warehouse.ddl import names
from schemas.records import Sketch
from schemas.tables import arrow_fields

FEW_KEYS = 200
"""Up to so many, about two articles', the index is asked."""
STRETCH = 4
_SELECT = f"SELECT {names(arrow_fields(Sketch))} FROM sketches WHERE language = $2 AND "
_INDEXED = "keys && $1"
_ASK_THE_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL random_page_cost = 1.1"
"""To compare two arrays of 76 keys takes 20 us. The planner believes in the hundredth part, and would rather read all
sketches of the time and compare each."""
# The server hashes an array that it knows when it plans: so this is never prepared.
_READ = "EXISTS (SELECT 1 FROM unnest(keys) AS key WHERE key = ANY ($1))"


@dataclass(frozen=True)
class Group:
    """Sketches of one language that are asked for together. Without ``times``, all of them are near to all times."""

    language: str
    sketches: tuple[Sketch, ...]
    times: tuple[datetime, datetime] | None = None


def groups(sketches: Sequence[Sketch], horizon: timedelta) -> Iterator[Group]:
    """Cut into languages and stretches of some horizons: longer ones would meet what is far from all that shares a key
    with it, shorter ones would fetch the same sketches again and again."""
    by_language: dict[tuple[str, bool], list[Sketch]] = defaultdict(list)
    for s in sketches:
        by_language[s.language, s.at is not None].append(s)
    for (language, timed), found in by_language.items():
        if not timed:
            yield Group(language, tuple(found))
            continue
        found.sort(key=_time)
        start = 0
        for end in range(1, len(found) + 1):
            if end == len(found) or _time(found[end]) - _time(found[start]) > STRETCH * horizon:
                part = tuple(found[start:end])
                yield Group(language, part, (_time(part[0]), _time(part[-1])))
                start = end


def related(connection: psycopg.Connection[Any], sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
    """See ``Warehouse.related``."""
    found: dict[str, Sketch] = {}
    for group in groups(sketches, horizon):
        for s in _of_group(connection, group, horizon):
            found[s.article_id] = s
    return list(found.values())


def _of_group(connection: psycopg.Connection[Any], group: Group, horizon: timedelta) -> list[Sketch]:
    keys = sorted({key for s in group.sketches for key in s.keys})
    if not keys:
        return []
    sql, asked = _SELECT + (_INDEXED if len(keys) <= FEW_KEYS else _READ), [np.array(keys, np.int64), group.language]
    if group.times is not None:
        sql += ' AND ("at" BETWEEN $3 AND $4 OR "at" IS NULL)'
        asked += [_shifted(group.times[0], -horizon), _shifted(group.times[1], horizon)]
    with connection.transaction() if len(keys) <= FEW_KEYS else contextlib.nullcontext():
        if len(keys) <= FEW_KEYS:
            connection.execute(_ASK_THE_INDEX)
        stored = arrow.from_rows(Sketch, connection.execute(sql, asked, binary=True, prepare=False))
    if group.times is None:
        return stored
    surely = group.times[1] - horizon, group.times[0] + horizon
    is_near = _near(group, horizon)
    return [s for s in stored if s.at is None or surely[0] <= s.at <= surely[1] or is_near(s)]


def _near(group: Group, horizon: timedelta) -> Callable[[Sketch], bool]:
    """Whether a stored sketch, with a time, shares a key with one of the group that is within the horizon."""
    times: dict[int, list[datetime]] = defaultdict(list)
    for s in group.sketches:  # in the order of time
        for key in s.keys:
            times[key].append(_time(s))

    def is_near(s: Sketch) -> bool:
        at = _time(s)
        for key in s.keys:
            known = times.get(key)
            if known:
                n = bisect.bisect_left(known, at)
                if any(abs(known[i] - at) <= horizon for i in (n - 1, n) if 0 <= i < len(known)):
                    return True
        return False

    return is_near


def _time(s: Sketch) -> datetime:
    assert s.at is not None  # noqa: S101 - for mypy: asked of those with a time only
    return s.at


def _shifted(at: datetime, by: timedelta) -> datetime:
    """At the ends of the calendar, the end."""
    try:
        return at + by
    except OverflowError:
        return datetime(1, 1, 1, tzinfo=UTC) if by < timedelta(0) else datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
