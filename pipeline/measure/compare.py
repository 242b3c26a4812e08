"""What two metrics are compared by: dimension, the values a wording allows, how telling a value is, marks of damage."""

from __future__ import annotations

import functools
import math
import re
from typing import NamedTuple

from pipeline.measure.pack import Pack, english
from pipeline.measure.units import singular
from schemas.records import Metric

BARE = ""
"""The dimension of a number without a unit: it may be of any."""
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_SEPARATED = re.compile(r"\d{1,3}(?:,\d{3})+")
_ZEROS = {"degree_fahrenheit": -160 / 9, "kelvin": -273.15}
"""Where the scales of temperature have their zeros, in degrees Celsius."""
_PERCENT = {"percent": 1.0, "percentage_point": 1.0, "basis_point": 0.01}


class Interval(NamedTuple):
    """The values that a metric's wording allows, in base units."""

    low: float
    high: float


def dimension_of(metric: Metric) -> tuple[str, float]:
    """(what its unit measures, the factor to the base of that): a currency's code, "percent", "multiple", "count",
    "age", a physical dimension, or ``BARE``."""
    if metric.unit == "ratio":
        return ("multiple", 1.0) if metric.form == "multiple" else ("percent", 100.0)
    dimension, factor = _dimension(metric.unit)
    return ("age", factor) if dimension == "time" and metric.measure == "age" else (dimension, factor)


@functools.cache
def _dimension(unit: str | None) -> tuple[str, float]:
    pack = english()
    if unit is None or unit == "point":  # of a poll in percent, of a match, of an index
        return BARE, 1.0
    if unit.isupper() and len(unit) == 3 and unit in pack.money.codes:
        return unit, 1.0
    if unit in _PERCENT:
        return "percent", _PERCENT[unit]
    known = pack.units.by_name.get(unit)
    return (known.dimension, known.factor) if known else ("count", 1.0)


def interval_of(metric: Metric) -> Interval | None:
    """The values it allows: a rounded or bounded number stands for a stretch. None when it has no value."""
    _, factor = dimension_of(metric)
    zero = _ZEROS.get(metric.unit or "", 0.0) if metric.form == "level" else 0.0
    if metric.value is None:
        if metric.low is None and metric.high is None:
            return None
        low = metric.low if metric.low is not None else 0.0
        high = metric.high if metric.high is not None else low * 5
        return Interval(low * factor + zero, high * factor + zero)
    value = metric.value
    grain = 12.0 if "dozen" in metric.surface.lower() else _grain(value, 1)  # "more than two dozen" may be 29
    if metric.bound == "at_least":  # "more than 3,000" is not said of 4,000
        low, high = value, value + 0.9 * grain
    elif metric.bound == "at_most":
        low, high = value - 0.9 * grain, value
    else:
        half = _grain(value, 1 if metric.approx else 2) / 2
        low, high = value - half, value + half
    return Interval(min(low, value) * factor + zero, max(high, value) * factor + zero)


def agree(a: Interval, b: Interval) -> bool:
    """Whether one value could be meant by both; ends count, with room for a float's last digits."""
    slack = 1e-9 * max(abs(a.low), abs(b.low), abs(a.high), abs(b.high), 1e-12)
    return a.low <= b.high + slack and b.low <= a.high + slack


def _grain(value: float, digits: int) -> float:
    """The place that a number seems to be rounded to, given that its first ``digits`` digits are meant.

    41,870 -> 10; 42,000 -> 1,000; 12 -> 0 (a small whole number is meant as it stands); 4.6 -> 0.1.
    """
    if value == 0 or not math.isfinite(value):
        return 0.0
    text = f"{abs(value):.10g}"
    if "e" in text:
        text = f"{abs(value):.0f}"
    whole, _, decimals = text.partition(".")
    if decimals:
        return 10.0 ** -len(decimals)
    zeros = len(whole) - len(whole.rstrip("0"))
    keep = len(whole) - digits
    place = min(zeros, keep)
    if place <= 0 or (len(whole) <= 2 and digits > 1):
        return 0.0
    return 10.0**place


def rarity(metric: Metric) -> float:
    """How much it tells, from 0 to 3, that another metric of the story has the same value: "two men" nothing, "41,870
    men" nearly all."""
    value = metric.value if metric.value is not None else metric.high
    if value is None or not math.isfinite(value):
        return 0.0
    dimension, value = dimension_of(metric)[0], abs(value)
    digits = len(f"{value:.6e}".partition("e")[0].replace(".", "").rstrip("0"))
    if dimension in ("count", BARE, "multiple", "time", "age"):
        if value < 100:
            return 0.0 if value <= 12 else 0.5 if value <= 20 or digits == 1 else 1.0
        return min(3.0, 1 + digits / 2 + (0.5 if value >= 1000 else 0.0))
    if len(dimension) == 3 and dimension.isupper():
        return min(3.0, digits * 0.75 if value < 100 else 1.75 + digits / 2)
    return min(3.0, float(digits) if value != int(value) else digits - 0.5)


@functools.lru_cache(maxsize=1 << 14)
def content_words(text: str, pack: Pack) -> frozenset[str]:
    """The words of a text that carry its content, in the singular, for comparing two."""
    return frozenset(filter(None, [_content_word(word, pack) for word in set(_WORD.findall(text.lower()))]))


@functools.lru_cache(maxsize=1 << 15)
def _content_word(word: str, pack: Pack) -> str:
    """The word in the singular; empty if it carries no content."""
    word = singular(word, pack.words)
    empty = word in pack.words.function or word[0].isdigit() or len(word) <= 2 or word in pack.gate
    return "" if empty else word


def damage(a: Metric, b: Metric) -> str | None:
    """How ``a`` may have come from ``b`` by damage: lost-scale, cut, lost-point, lost-zero or
    glued; None when it did not."""
    if a.value is None or b.value is None or a.value == b.value or a.value <= 0 or b.value <= 0:
        return None
    one, other = _digits(a.surface), _digits(b.surface)
    if not one or not other:
        return None
    ratio = b.value / a.value
    if any(math.isclose(ratio, scale, rel_tol=0.02) for scale in (1e3, 1e6, 1e9)) and one.replace(".", "").rstrip(
        "0"
    ) == other.replace(".", "").rstrip("0"):
        return "lost-scale"
    if _cut(a.surface, b.surface):
        return "cut"
    if "." in other and other.replace(".", "") == one and any(math.isclose(ratio * n, 1) for n in (10, 100, 1000)):
        return "lost-point"
    if math.isclose(ratio, 10) and len(one.strip("0")) >= 2 and other == f"{one}0":
        return "lost-zero"
    if "." not in one and "." not in other and len(one) > len(other) >= 2 and _glued(one, b):
        return "glued"
    return None


def digit_keys(surface: str) -> set[str]:
    """What a number and its damaged forms have in common: its digits without point, separators and zeros at the end,
    and those of its first and its last group."""
    digits = _digits(surface)
    m = _SEPARATED.search(surface)
    groups = m[0].split(",") if m else []
    found = {digits.replace(".", ""), *groups[:1], *groups[-1:]}
    return {key for d in found if (key := d.strip("0"))}


@functools.lru_cache(maxsize=1 << 12)
def _digits(surface: str) -> str:
    m = re.search(r"\d[\d,.]*", surface)
    return m[0].replace(",", "").rstrip(".") if m else ""


def _cut(surface: str, whole: str) -> bool:
    """Whether the digits are one end of the other's, cut at a separator: "41" or "870" of "41,870"."""
    m = _SEPARATED.search(whole)
    part = _digits(surface)
    if m is None or not part or "," in surface:
        return False
    groups = m[0].split(",")
    heads = {"".join(groups[:i]) for i in range(1, len(groups))}
    tails = {"".join(groups[i:]) for i in range(1, len(groups))}
    return part in heads or (part in tails and len(part) >= 3)


def _glued(one: str, other: Metric) -> bool:
    """Whether the digits are those of the other with a neighbour of its sentence glued on: "1215" of "12, 15"."""
    written = re.findall(r"\d+", other.sentence.replace(",", ""))
    mine = _digits(other.surface)
    return any(one in (mine + n, n + mine) for n in written if n != mine)
