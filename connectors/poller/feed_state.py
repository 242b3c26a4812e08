"""What is remembered of a source between polls, and how each kind of answer changes it: pure functions.

Validators (ETag, Last-Modified) are sent back as long as they are believed. Servers exist that answer 304 for ever, so
after a run of 304s the document is asked for without them. An honest server hardly ever has news just then; one that
had news twice, or had news under the very validator it still shows, is not believed for a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from connectors.poller.schedule import (
    Cadence,
    FailureRule,
    after_failure,
    after_success,
    freshness,
    initial_rate,
    interval_for,
    rule_for,
    updated_rate,
)

Status = Literal["new", "ok", "failing", "throttled", "retired"]

PERMANENT = frozenset({301, 308})


@dataclass(frozen=True)
class Suspicion:
    """How far redirects and validators are believed."""

    moves_after: int = 3
    """Sightings of one permanent redirect, in polls one after the other, until the feed has moved for good."""
    back_after: int = 5
    """Failures in a row after which a moved feed is tried at its old address again."""
    full_after_polls: int = 12
    """So many 304s in a row, and the document is asked for unconditionally."""
    full_after: timedelta = timedelta(hours=24)
    distrust: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class FeedState:
    """A source as the poller sees it. ``url`` is the source's own and its identity; ``address`` where it is now."""

    url: str
    source: str
    address: str
    status: Status = "new"
    reason: str | None = None
    detail: str = ""
    failures: int = 0
    """In a row."""
    etag: str | None = None
    last_modified: str | None = None
    body_hash: bytes | None = None
    unmodified: int = 0
    """304s in a row."""
    caught: int = 0
    """Unconditional fetches in a row that had news after a run of 304s."""
    distrust_until: datetime | None = None
    full_at: datetime | None = None
    """When the document itself last came."""
    move_to: str | None = None
    move_seen: int = 0
    rate: float | None = None
    """New entries per second."""
    ttl: timedelta | None = None
    """As the document asks for."""
    next_poll_at: datetime | None = None
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    new_at: datetime | None = None
    """When there last was a new entry."""
    title: str | None = None
    format: str | None = None
    polls: int = 0
    entries: int = 0
    """New entries, all told."""

    @classmethod
    def of(cls, url: str, source: str) -> FeedState:
        return cls(url=url, source=source, address=url)


def must_be_full(state: FeedState, at: datetime, suspicion: Suspicion) -> bool:
    """Whether the next request has to be unconditional."""
    if state.distrust_until is not None and at < state.distrust_until:
        return True
    if state.unmodified >= suspicion.full_after_polls:
        return True
    return state.full_at is None or at - state.full_at >= suspicion.full_after


def validators(state: FeedState, at: datetime, suspicion: Suspicion) -> dict[str, str]:
    """The conditional headers to send; none when the document is wanted in any case."""
    if must_be_full(state, at, suspicion):
        return {}
    headers = {}
    if state.etag:
        headers["If-None-Match"] = state.etag
    if state.last_modified:
        headers["If-Modified-Since"] = state.last_modified
    return headers


def permanent_target(address: str, redirects: Sequence[tuple[int, str]]) -> str | None:
    """Where the unbroken run of permanent redirects at the start leads; ``redirects`` are (status, target) pairs."""
    target = None
    for status, to in redirects:
        if status not in PERMANENT:
            break
        target = to
    return target if target != address else None


def moved(state: FeedState, redirects: Sequence[tuple[int, str]], suspicion: Suspicion) -> FeedState:
    """Count a sighting of a permanent redirect that led to a usable answer; move the feed when it was seen enough."""
    target = permanent_target(state.address, redirects)
    if target is None:
        return replace(state, move_to=None, move_seen=0)
    seen = state.move_seen + 1 if target == state.move_to else 1
    if seen < suspicion.moves_after:
        return replace(state, move_to=target, move_seen=seen)
    return replace(state, address=target, move_to=None, move_seen=0)


def succeeded(
    state: FeedState, headers: Mapping[str, str], new: int, at: datetime, cadence: Cadence, u: float
) -> FeedState:
    """The part common to all good answers: rhythm and next poll. ``headers`` has lower-case names."""
    if state.rate is None or state.polled_at is None:
        rate = initial_rate(cadence)
    else:
        rate = updated_rate(state.rate, new, at - (state.succeeded_at or state.polled_at), cadence.memory)
    hint = max(state.ttl or timedelta(0), freshness(headers, at))
    return replace(
        state,
        status="ok",
        reason=None,
        detail="",
        failures=0,
        rate=rate,
        next_poll_at=at + after_success(interval_for(rate, cadence), hint, cadence, u),
        polled_at=at,
        succeeded_at=at,
        new_at=at if new else state.new_at,
        polls=state.polls + 1,
        entries=state.entries + new,
    )


def not_modified(
    state: FeedState, headers: Mapping[str, str], new: int, at: datetime, cadence: Cadence, u: float
) -> FeedState:
    """After a 304. New validators it carries are kept (RFC 9111, 4.3.4). Below an index there may be ``new`` entries
    all the same."""
    state = replace(
        state,
        unmodified=state.unmodified + 1,
        etag=headers.get("etag", state.etag),
        last_modified=headers.get("last-modified", state.last_modified),
    )
    return succeeded(state, headers, new, at, cadence, u)


def had_document(
    state: FeedState,
    headers: Mapping[str, str],
    body_hash: bytes,
    news: int,
    forced: bool,
    at: datetime,
    suspicion: Suspicion,
) -> FeedState:
    """After the document itself came, with ``news`` new or changed entries: the validators and how far to trust them.

    ``forced``: it was asked for without the validators that there were."""
    etag, last_modified = headers.get("etag"), headers.get("last-modified")
    caught, distrust_until = state.caught, state.distrust_until
    if distrust_until is not None and at >= distrust_until:
        distrust_until = None
    if forced and state.unmodified:
        same = (etag or last_modified) is not None and (etag, last_modified) == (state.etag, state.last_modified)
        caught = 0 if not news else caught + (2 if same else 1)
        if caught >= 2:
            caught, distrust_until = 0, at + suspicion.distrust
    return replace(
        state,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
        unmodified=0,
        caught=caught,
        distrust_until=distrust_until,
        full_at=at,
    )


@dataclass(frozen=True)
class Failed:
    """A fetch that gave nothing: why (a reason of the table), and what the server's Retry-After asks for."""

    reason: str
    detail: str = ""
    status: int | None = None
    asked: timedelta | None = None

    @property
    def rule(self) -> FailureRule:
        return rule_for(self.reason, self.status)


def failed(
    state: FeedState, failure: Failed, at: datetime, cadence: Cadence, suspicion: Suspicion, u: float
) -> FeedState:
    """After a poll that gave nothing."""
    rule = failure.rule
    failures = state.failures + 1
    status: Status = "retired" if rule.retire else "throttled" if rule.throttled else "failing"
    lost = rule.retire or failures >= suspicion.back_after
    if state.address != state.url and lost:
        # What it moved to is no good: ask at the old address once more before giving up.
        state = replace(state, address=state.url, etag=None, last_modified=None)
        status = "failing" if status == "retired" else status
    wait = after_failure(rule, failures, failure.asked, cadence, u)
    return replace(
        state,
        status=status,
        reason=failure.reason,
        detail=failure.detail,
        failures=failures,
        move_to=None,
        move_seen=0,
        next_poll_at=None if status == "retired" else at + wait,
        polled_at=at,
        polls=state.polls + 1,
    )
