"""Digits and number words: what they are worth, and what is no number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure.find import find_numbers
from pipeline.measure.measure import measure_text
from pipeline.measure.numbers import parse_digits
from pipeline.measure.pack import load_pack
from pipeline.measure.text import tokens

PACK = load_pack("en")
ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
ONES += "sixteen seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def spelled(n: int) -> str:
    """The usual English words for a number below a thousand million."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100]} hundred" + (f" and {spelled(n % 100)}" if n % 100 else "")
    for scale, name in ((10**6, "million"), (10**3, "thousand")):
        if n >= scale:
            return f"{spelled(n // scale)} {name}" + (f" {spelled(n % scale)}" if n % scale else "")
    raise AssertionError(n)


def values(text: str) -> list[float | None]:
    return [n.value for n in find_numbers(tokens(text), PACK)]


@given(st.integers(0, 10**9 - 1))
def test_number_words_are_worth_what_they_spell(n):
    assert values(spelled(n)) == [n]


@given(st.integers(0, 10**15), st.sampled_from([",", "\u00a0", "\u202f", "'"]))
def test_digits_grouped_by_thousands_are_worth_the_same(n, separator):
    assert parse_digits(f"{n:,}".replace(",", separator)) == n


@given(st.decimals(0, 10**9, places=2))
def test_decimals_keep_their_places(d):
    assert values(f"about {d:,f} tonnes") == [float(d)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("three and a half million", 3_500_000),
        ("half a million", 500_000),
        ("a quarter of a million", 250_000),
        ("a dozen eggs", 12),
        ("half a dozen", 6),
        ("two dozen eggs", 24),
        ("$4.3bn", 4.3e9),
        ("4.3M users", 4.3e6),
        ("$5m", 5e6),
        ("1,5 million", 1.5e6),
        ("12,34,567", 1_234_567),
        ("1.234.567", 1_234_567),
        ("2½ cups", 2.5),
        ("2 1/2 cups", 2.5),
        (".500", 0.5),
        ("two-thirds of it", 2 / 3),
        ("19 cents", 0.19),
        ("three-and-a-half years", 3.5),
        ("2 and a half years", 2.5),
        ("a half million", 500_000),
        ("was -5 yards", -5),
        ("minus-130 degrees", -130),
        ("$-50.8bn", -50.8e9),
        ("2.7m combined sales", 2.7e6),
        ("35m of its phones", 35e6),
        ("a 35m high mast", 35),
        ("shares at 118.5p", 1.185),
        ("two-tenths of a point", 0.2),
        ("1.99×10^30 kg", 1.99e30),
    ],
)
def test_written_forms(text, value):
    assert values(text) == [pytest.approx(value)]


@pytest.mark.parametrize(
    "text", ["1.2.3", "9" * 400, "1e999", "٣٤٥ people", "1٣ people", "12,3456", "1,23,4", "nan", "inf"]
)
def test_what_cannot_be_read_in_one_way_is_no_number(text):
    assert [v for v in values(text) if v is not None and v not in (1.0, 999.0)] == []


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("US$5", "USD"),
        ("A$5", "AUD"),
        ("HK $5", "HKD"),
        ("£5", "GBP"),
        ("5 euros", "EUR"),
        ("EUR 5m", "EUR"),
        ("Rs. 500", "INR"),
        ("5 million Swiss francs", "CHF"),
        ("5 per cent", "percent"),
        ("5 percentage points", "percentage_point"),
    ],
)
def test_signs_and_names_after_or_before_a_number(text, unit):
    assert [n.unit for n in find_numbers(tokens(text), PACK)] == [unit]


@given(st.integers(1, 10**9))
def test_a_minus_sign_turns_the_value(n):
    assert values(f"was -{n}") == [-n]
    assert values(f"was minus {n}") == [-n]


@given(st.integers(1, 999), st.integers(1, 999))
def test_a_range_holds_its_ends_whatever_joins_them(a, b):
    low, high = sorted((a, b))
    if low == high:
        return
    for text in (f"from {low} to {high} tonnes", f"between {low} and {high} tonnes", f"{low}-{high} tonnes"):
        (metric,) = measure_text(f"It took {text}.", PACK)
        assert (metric.value, metric.low, metric.high, metric.bound) == (None, low, high, "range")


@given(st.integers(1, 19), st.sampled_from(["half", "third", "quarter", "tenth"]))
def test_a_mixed_number_is_the_sum_of_its_parts(n, part):
    under = {"half": 2, "third": 3, "quarter": 4, "tenth": 10}[part]
    for text in (f"{spelled(n)} and a {part} years", f"{spelled(n)}-and-a-{part} years", f"{n} and a {part} years"):
        assert values(text) == [pytest.approx(n + 1 / under)]


def test_the_dollar_is_that_of_the_outlets_country():
    assert [n.unit for n in find_numbers(tokens("$5"), PACK, "AU")] == ["AUD"]
