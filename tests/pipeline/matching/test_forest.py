"""Forests: small trees whose answers are known by hand, and the shipped ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.matching.features import FEATURES
from pipeline.matching.forest import STEPS, Forest, trained, unpacked
from pipeline.matching.surroundings import SURROUNDINGS

STUMPS = Forest(
    features=("a", "b"),
    feature=np.array([0, 1], np.int16),
    threshold=np.array([0.5, -1.0], np.float32),
    left=np.array([-1, -3], np.int32),
    right=np.array([-2, -4], np.int32),
    value=np.array([-2.0, 2.0, 0.0, 1.0]),
    roots=np.array([0, 1], np.int32),
)


def test_the_leaves_of_all_trees_are_summed():
    rows = np.array([[0.5, -1.0], [0.6, -1.0], [0.6, 0.0]], np.float32)
    expected = 1 / (1 + np.exp(-np.array([-2.0, 2.0, 3.0])))
    assert np.abs(STUMPS.probability(rows) - expected).max() <= 0.5 / STEPS


def test_probabilities_are_whole_steps():
    rows = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    assert np.array_equal(STUMPS.probability(rows) * STEPS, np.round(STUMPS.probability(rows) * STEPS))


def test_a_forest_survives_packing_and_packs_the_same_each_time():
    again = unpacked(STUMPS.packed())
    assert again.features == STUMPS.features
    assert again.packed() == STUMPS.packed()
    rows = np.zeros((1, 2), np.float32)
    assert again.probability(rows) == STUMPS.probability(rows)


def test_without_a_calibration_a_probability_is_believed():
    assert STUMPS.calibrated(0.123) == 0.123


def test_a_calibration_is_read_between_its_knots_and_no_further():
    sure = replace(STUMPS, calibration=np.array([[0.25, 0.75], [0.125, 0.625]]))
    assert [sure.calibrated(p) for p in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.125, 0.125, 0.375, 0.625, 0.625]
    assert unpacked(sure.packed()).calibrated(0.5) == 0.375


def test_the_shipped_calibration_keeps_the_order_of_probabilities():
    links = trained("links", (*SURROUNDINGS, *FEATURES))
    said = [links.calibrated(step / STEPS) for step in range(0, STEPS + 1, 16)]
    assert said == sorted(said)
    assert said[0] >= 0
    assert 0.92 <= links.calibrated(0.96) <= said[-1] <= 1


def test_the_shipped_forests_are_of_the_features_that_matching_has():
    assert len(trained("likeness", FEATURES).roots) > 50
    assert len(trained("links", (*SURROUNDINGS, *FEATURES)).roots) > 50


def test_a_forest_of_other_features_is_refused():
    with pytest.raises(ValueError, match="make train"):
        trained("likeness", ("other",))
