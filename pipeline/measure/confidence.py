"""How sure a metric is: the chance that it is a quantity, with the right value and the right unit.

A logistic model over a few signs that a metric shows by itself. Its weights are data (``confidence.toml``), fitted on
labelled news by ``bench/calibrate.py``; docs/warehouse.md has the curve.
"""

from __future__ import annotations

import functools
import math
import re
import tomllib
from importlib import resources

from schemas.records import Metric

_RELATIVE = frozenset({"percent", "percentage_point", "ratio"})
_SMALL = 3
_NEAR = 60
"""Characters after a number in which the noun that it counts stands, unless the unit was taken over from elsewhere."""
_STEM = 4


def confidence_of(metric: Metric) -> float:
    """Between 0 and 1, to three places."""
    weights = _weights()
    score = weights["base"] + sum(weights.get(sign, 0.0) for sign in signs(metric))
    return round(1 / (1 + math.exp(-score)), 3)


def signs(metric: Metric) -> list[str]:
    """What makes a metric more or less sure, by name."""
    unit = metric.unit or ""
    digits = bool(re.search("[0-9]", metric.surface))
    found = [_sort(unit, digits)]
    if metric.value is None:
        found.append("range" if metric.bound == "range" else "vague")
    elif not digits and abs(metric.value) <= _SMALL:
        found.append("small_word")
    elif digits and metric.value >= 1000:
        found.append("thousands")
    if found[0].startswith("count") and not _beside(metric, unit):
        found.append("unit_from_elsewhere")
    if metric.form in ("change", "multiple"):
        found.append(metric.form)
    if metric.attribution:
        found.append("sourced")
    return found


def _sort(unit: str, digits: bool) -> str:
    if not unit:
        return "no_unit"
    if unit in _RELATIVE:
        return unit
    if unit.isupper() and len(unit) == 3:
        return "money"
    return "count_in_digits" if digits else "count_in_words"


def _beside(metric: Metric, unit: str) -> bool:
    at = metric.sentence.find(metric.surface)
    after = metric.sentence[at : at + len(metric.surface) + _NEAR].lower()
    return unit.replace("_", " ").split()[-1][:_STEM] in after


@functools.cache
def _weights() -> dict[str, float]:
    text = resources.files("pipeline.measure").joinpath("confidence.toml").read_text("utf-8")
    return {name: float(weight) for name, weight in tomllib.loads(text)["weights"].items()}
