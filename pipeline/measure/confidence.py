"""How sure a metric is: a product of factors, one for each property that makes it less sure."""

from __future__ import annotations

from pipeline.measure.numbers import Number
from pipeline.measure.units import Counted

BASE = 0.95
# Set by hand after reading errors on labelled news; an order of sureness, not yet calibrated shares.
BY_SORT = {"money": 1.0, "percent": 1.0, "point": 0.98, "fraction": 0.92, "multiple": 0.9, "vague": 0.97}
UNIT_FROM_CONTEXT = 0.8
NO_UNIT = 0.6
SMALL_WORD = 0.93


def confidence_of(number: Number, counted: Counted, borrowed: bool) -> float:
    """Between 0 and 1; a metric with a higher one is more likely to have the right value and unit."""
    sure = BASE * BY_SORT.get(number.sort, 1.0)
    if counted.unit is None:
        sure *= NO_UNIT
    elif borrowed:
        sure *= UNIT_FROM_CONTEXT
    if not number.digits and number.sort == "plain" and (number.value or 0) <= 3:
        sure *= SMALL_WORD
    return round(sure, 3)
