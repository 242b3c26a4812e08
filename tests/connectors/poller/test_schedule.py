"""When a source is polled next, for any input whatever."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.poller.schedule import (
    Cadence,
    after_failure,
    after_success,
    failure_rules,
    freshness,
    initial_rate,
    interval_for,
    rule_for,
    updated_rate,
)
from schemas.reasons import reasons

AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))
rates = st.floats(min_value=0, max_value=1e6)
unit = st.floats(min_value=0, max_value=1, exclude_max=True)


@st.composite
def cadences(draw):
    shortest = draw(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=30)))
    longest = shortest + draw(durations)
    first = draw(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=60)))
    return Cadence(shortest=shortest, longest=longest, first=first, jitter=draw(st.floats(min_value=0, max_value=0.5)))


@given(cadences(), rates, durations, unit)
def test_the_wait_after_a_success_is_always_within_bounds(cadence, rate, hint, u):
    wait = after_success(interval_for(rate, cadence), hint, cadence, u)
    assert cadence.shortest <= wait <= cadence.longest


@given(cadences(), rates, durations, unit)
def test_a_hint_within_bounds_and_their_room_for_jitter_is_a_floor(cadence, rate, hint, u):
    if hint * (1 + cadence.jitter) <= cadence.longest:
        assert after_success(interval_for(rate, cadence), hint, cadence, u) >= hint


@given(cadences(), rates, rates)
def test_a_busier_source_is_never_polled_less_often(cadence, one, other):
    low, high = sorted((one, other))
    assert interval_for(high, cadence) <= interval_for(low, cadence)


@given(cadences())
def test_the_first_interval_is_the_first_of_the_cadence(cadence):
    found = interval_for(initial_rate(cadence), cadence)
    expected = cadence.within(cadence.first)
    assert abs(found - expected) <= timedelta(milliseconds=1)


@given(
    rates,
    st.integers(min_value=0, max_value=100_000),
    st.timedeltas(min_value=-timedelta(days=9), max_value=timedelta(days=4000)),
)
def test_the_rate_stays_a_number_between_what_it_was_and_what_came(rate, new, elapsed):
    observed = new / max(elapsed.total_seconds(), 1.0)
    updated = updated_rate(rate, new, elapsed, timedelta(hours=24))
    assert math.isfinite(updated)
    low, high = sorted((rate, observed))
    assert low * (1 - 1e-9) <= updated <= high * (1 + 1e-9)


@given(rates, st.integers(0, 50), st.integers(0, 50), st.timedeltas(timedelta(minutes=5), timedelta(days=2)))
def test_more_entries_give_a_higher_rate(rate, some, more, elapsed):
    memory = timedelta(hours=24)
    assert updated_rate(rate, some, elapsed, memory) <= updated_rate(rate, some + more, elapsed, memory)


def test_a_silent_feed_drifts_to_the_longest_interval_and_a_busy_one_back():
    cadence, rate = Cadence(), initial_rate(Cadence())
    for _ in range(200):
        rate = updated_rate(rate, 0, interval_for(rate, cadence), cadence.memory)
    assert interval_for(rate, cadence) == cadence.longest
    for _ in range(12):
        rate = updated_rate(rate, 30, cadence.longest, cadence.memory)
    assert interval_for(rate, cadence) < timedelta(minutes=20)


@given(cadences(), st.sampled_from(sorted(failure_rules())), st.integers(1, 10_000), st.none() | durations, unit)
def test_the_wait_after_a_failure_is_bounded_and_obeys_the_server(cadence, name, failures, asked, u):
    rule = failure_rules()[name]
    wait = after_failure(rule, failures, asked, cadence, u)
    assert wait >= max(cadence.shortest, min(rule.wait, rule.most))
    assert wait <= max(rule.most, cadence.longest_wait, cadence.shortest) * (1 + cadence.jitter)
    if asked is not None:
        assert wait >= min(asked, cadence.longest_wait)


@given(cadences(), st.sampled_from(sorted(failure_rules())), st.integers(1, 100))
def test_failures_in_a_row_never_shorten_the_wait(cadence, name, failures):
    rule = failure_rules()[name]
    waits = [after_failure(rule, n, None, cadence, 0.0) for n in (failures, failures + 1)]
    assert waits[0] <= waits[1]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 0),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age=600"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "450"}, 150),
        ({"cache-control": "max-age=600", "age": "700"}, 0),
        ({"cache-control": "max-age=600", "age": "yes"}, 600),
        ({"cache-control": "no-cache, max-age=600"}, 0),
        ({"cache-control": "no-store"}, 0),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age=99999999999999999999"}, 365 * 86400),
        ({"expires": "Sat, 14 Mar 2026 10:00:00 GMT"}, 3600),
        ({"expires": "Sat, 14 Mar 2026 10:00:00 GMT", "date": "Sat, 14 Mar 2026 09:30:00 GMT"}, 1800),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"expires": "0"}, 0),
        ({"expires": "-1"}, 0),
        ({"cache-control": "max-age=60", "expires": "Sat, 14 Mar 2026 10:00:00 GMT"}, 60),
    ],
)
def test_freshness_is_what_http_says(headers, expected):
    assert freshness(headers, AT) == timedelta(seconds=expected)


@given(st.dictionaries(st.sampled_from(["cache-control", "age", "expires", "date"]), st.text(max_size=60)))
def test_no_header_breaks_freshness(headers):
    assert timedelta(0) <= freshness(headers, AT) <= timedelta(days=4_000_000)


def test_every_failure_rule_is_of_a_known_reason_or_status():
    for name in failure_rules():
        assert name.startswith("http ") or name in reasons(), name


def test_every_reason_of_a_fetch_or_a_feed_has_its_rule():
    entries = {"entry_no_link", "entry_unreadable"}
    named = {name for name, reason in reasons().items() if reason.stage in ("fetch", "feed")} - entries
    assert named <= set(failure_rules())


def test_every_failure_rule_decides():
    """Each row differs from what would hold without it."""
    fallback = failure_rules()["http_status"]
    for name, rule in failure_rules().items():
        if name.startswith("http "):
            status = int(name[5:].replace("xx", "99"))
            assert rule_for("http_status", status) is rule
            assert rule != fallback, name
        else:
            assert rule_for(name) is rule


@pytest.mark.parametrize(("status", "retry"), [(404, False), (403, False), (429, True), (500, True), (502, True)])
def test_what_is_worth_another_try(status, retry):
    assert rule_for("http_status", status).retry is retry


def test_only_410_retires():
    assert [name for name, rule in failure_rules().items() if rule.retire] == ["gone"]
