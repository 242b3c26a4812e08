"""When a source is polled next: pure functions of what was seen so far and of what the server just said.

A source's rhythm is the rate of its new entries, averaged with weights that fade over ``Cadence.memory``. The interval
is the time in which ``entries_per_poll`` new entries are expected, never outside the source's bounds. What the
publisher says (RSS ttl, HTTP freshness, Retry-After) is a floor under it: asking earlier is of no use, or unwelcome.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

from connectors.scraper.dates import http_date

DOUBLINGS = 20
"""A backoff stops doubling here, long after it reached its most."""


@dataclass(frozen=True)
class Cadence:
    """Bounds of a source's interval, and how it adapts. A source's own bounds replace ``shortest`` and ``longest``."""

    shortest: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=6)
    first: timedelta = timedelta(minutes=15)
    """The interval of a source of which nothing is known yet."""
    memory: timedelta = timedelta(hours=24)
    """Long enough to average over day and night."""
    entries_per_poll: float = 1.0
    jitter: float = 0.1
    """Polls are put off by up to this part of the interval, so that sources do not move in step."""
    longest_wait: timedelta = timedelta(hours=24)
    """No Retry-After is obeyed for longer."""

    def within(self, interval: timedelta) -> timedelta:
        return min(max(interval, self.shortest), self.longest)


@dataclass(frozen=True)
class FailureRule:
    """A row of failures.toml."""

    wait: timedelta
    most: timedelta
    retry: bool
    retire: bool = False
    throttled: bool = False


@functools.cache
def failure_rules() -> Mapping[str, FailureRule]:
    table = tomllib.loads(resources.files("connectors.poller").joinpath("failures.toml").read_text("utf-8"))
    rules = {}
    for key, row in table.items():
        wait, most = (timedelta(minutes=row.pop(name)) for name in ("wait", "most"))
        rules[key] = FailureRule(wait=wait, most=most, **row)
    return rules


def rule_for(reason: str, status: int | None = None) -> FailureRule:
    """The rule for a failure with this reason and, where the server answered, this status."""
    rules = failure_rules()
    keys = [reason]
    if reason == "http_status" and status is not None:
        keys = [f"http {status}", f"http {status // 100}xx", reason]
    return next((rules[key] for key in keys if key in rules), rules["http_status"])


def updated_rate(rate: float, new: int, elapsed: timedelta, memory: timedelta) -> float:
    """The fading average of new entries per second, after ``new`` came in the ``elapsed`` time.

    The average of a Poisson rate with exponential weights: over ``elapsed`` the old value keeps exp(-elapsed/memory).
    """
    seconds = max(elapsed.total_seconds(), 1.0)
    kept = math.exp(-seconds / memory.total_seconds())
    return rate * kept + (1.0 - kept) * new / seconds


def interval_for(rate: float, cadence: Cadence) -> timedelta:
    """The time in which ``cadence.entries_per_poll`` entries are expected, within the bounds."""
    if rate * cadence.longest.total_seconds() <= cadence.entries_per_poll:
        return cadence.longest
    return cadence.within(timedelta(seconds=cadence.entries_per_poll / rate))


def initial_rate(cadence: Cadence) -> float:
    """The rate that gives ``cadence.first``."""
    return cadence.entries_per_poll / cadence.first.total_seconds()


def freshness(headers: Mapping[str, str], at: datetime) -> timedelta:
    """How long the server says that its answer stays fresh (RFC 9111, 4.2.1); zero when it does not say.

    ``headers`` has lower-case names. max-age less Age, else Expires less Date (or ``at`` when there is no Date).
    """
    directives = {}
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.strip().partition("=")
        directives[name] = value.strip('" ')
    if "no-cache" in directives or "no-store" in directives:
        return timedelta(0)
    max_age = _whole_seconds(directives.get("max-age", ""))
    if max_age is not None:
        age = _whole_seconds(headers.get("age", "")) or timedelta(0)
        return max(max_age - age, timedelta(0))
    expires = http_date(headers.get("expires", ""))
    if expires is None:
        return timedelta(0)
    return max(expires - (http_date(headers.get("date", "")) or at), timedelta(0))


def _whole_seconds(value: str) -> timedelta | None:
    """Delta-seconds of HTTP; a year at most."""
    if not (value.isascii() and value.isdigit()):
        return None
    return timedelta(seconds=min(int(value[:10]), 365 * 86400))


def after_success(interval: timedelta, hint: timedelta, cadence: Cadence, u: float) -> timedelta:
    """The wait until the next poll of a source that answered: its interval, not under the publisher's ``hint``, plus
    the jitter for a random ``u`` in [0, 1). The bounds win over the hint, and leave the jitter its room."""
    room = max(cadence.longest / (1 + cadence.jitter), cadence.shortest)
    base = min(cadence.within(max(interval, hint)), room)
    return min(base * (1 + cadence.jitter * u), cadence.longest)


def after_failure(rule: FailureRule, failures: int, asked: timedelta | None, cadence: Cadence, u: float) -> timedelta:
    """The wait after the ``failures``-th failure in a row (from 1), plus the jitter for a random ``u`` in [0, 1).

    It doubles from the rule's wait to its most, and is never under the shortest interval nor what the server ``asked``
    for in Retry-After; that is obeyed up to the longest wait."""
    backoff = min(rule.wait * 2 ** min(failures - 1, DOUBLINGS), rule.most)
    floor = min(asked, cadence.longest_wait) if asked is not None else timedelta(0)
    return max(backoff, floor, cadence.shortest) * (1 + cadence.jitter * u)
