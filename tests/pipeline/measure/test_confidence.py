"""Confidence: a chance that follows the signs of a metric, by weights that are data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure.confidence import confidence_of, signs
from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack

PACK = load_pack("en")


def confidence(text: str) -> float:
    (metric,) = measure_text(text, PACK)
    assert metric.confidence == confidence_of(metric)
    return metric.confidence


@pytest.mark.parametrize(
    ("surer", "less_sure"),
    [
        ("Support fell to 45 percent.", "It fell to 45."),
        ("They sold 41,870 ships.", "They sold three ships."),
        ("Holt said 40 ships left.", "And 40 ships left."),
    ],
)
def test_what_is_plain_is_surer(surer, less_sure):
    assert confidence(surer) > confidence(less_sure)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("It cost $5 million.", "money"),
        ("Dozens of ships left.", "vague"),
        ("From 40 to 50 ships left.", "range"),
        ("Exports doubled.", "multiple"),
        ("Ten ships left.", "count_in_words"),
        ("It killed 12 and that was all.", "unit_from_elsewhere"),
    ],
)
def test_signs_are_read_from_the_metric(text, sign):
    (metric,) = measure_text(text, PACK)
    assert sign in signs(metric)


@given(st.text(alphabet="ab 1297,.%$-“”\"\n()/:'’½", max_size=120))
def test_confidence_is_a_chance(text):
    assert all(0 < (m.confidence or 0) < 1 for m in measure_text(text, PACK))
