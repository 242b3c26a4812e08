"""Train the forests that matching ships: gradient boosted trees of LightGBM (Ke et al. 2017) as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import numpy as np

from pipeline.matching.forest import Forest

SETTINGS = {
    "min_data_in_leaf": 40,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # The same sums on any machine; forests are trained side by side instead.
    "verbose": -1,
}


def fit(
    features: Sequence[str],
    shape: dict[str, float],
    rows: np.ndarray,
    same: np.ndarray,
    weight: np.ndarray,
) -> Forest:
    """A forest that says of a row of features how probable ``same`` is."""
    settings = {
        **SETTINGS,
        "num_leaves": shape["num_leaves"],
        "learning_rate": shape["learning_rate"],
        "objective": "binary",
        "seed": 1,
    }
    data = lightgbm.Dataset(rows, same, weight=weight, params=settings)
    return _exported(lightgbm.train(settings, data, int(shape["trees"])).dump_model(), features)


def _exported(model: dict, features: Sequence[str]) -> Forest:
    """The trees of a LightGBM model as arrays."""
    feature, threshold, left, right, value, roots = [], [], [], [], [], []

    def add(node: dict) -> int:
        if "leaf_value" in node:
            value.append(node["leaf_value"])
            return -len(value)
        at = len(feature)
        feature.append(node["split_feature"])
        threshold.append(node["threshold"])
        left.append(0)
        right.append(0)
        left[at], right[at] = add(node["left_child"]), add(node["right_child"])
        return at

    for tree in model["tree_info"]:
        roots.append(add(tree["tree_structure"]))
    return Forest(
        features=tuple(features),
        feature=np.array(feature, np.int16),
        threshold=np.array(threshold, np.float32),
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        value=np.array(value, np.float32).astype(np.float64),
        roots=np.array(roots, np.int32),
    )
