"""Fit the weights of a metric's confidence on the labelled sets, and show how well they say what comes true.

    bench/calibrate.py [--data DIR] [--write]

A metric counts as right when its value and its unit are (the scorers beside DIR decide). The table is of five folds by
article: each metric's confidence comes from weights that never saw its article. ``--write`` stores the weights fitted
on all in pipeline/measure/confidence.toml.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import importlib.util
import itertools
import json
import pathlib
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import numpy as np

from pipeline.measure.confidence import signs
from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack

ROOT = pathlib.Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "pipeline" / "measure" / "confidence.toml"
FOLDS = 5
RIDGE = 1.0
"""Pulls weights towards 0: each is worth that many metrics that speak against it."""
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.001)


class Case(NamedTuple):
    fold: int
    signs: list[str]
    right: bool


def cases(data: pathlib.Path) -> Iterator[Case]:
    pack = load_pack("en")
    whole, lines = _scorer(data, "metrics"), _scorer(data, "newsquant")
    for row in json.loads((data / "metrics_gold.json").read_text()):
        found = measure_text(row["text"], pack, published=datetime.date.fromisoformat(row["published"][:10]))
        for m in found:
            fields = {"value": m.value, "low": m.low, "high": m.high}
            near = [g for g in row["metrics"] if m.span_start < g["end"] and g["start"] < m.span_end]
            hits = [g for g in near if whole.same_value(fields, g)]
            if hits or not any(g["optional"] for g in near):
                yield Case(_fold(row["doc"]), signs(m), any(whole.unit_ok(m.unit, g["unit"]) for g in hits))
    for row in json.loads((data / "newsquant.json").read_text()):
        for m in measure_text(row["text"], pack):
            if "vague" in signs(m) or (m.unit == "ratio" and m.form == "share"):
                continue  # this set labels "dozens" and "a third" otherwise than the guide that metrics follow
            fields = {"value": m.value, "low": m.low, "high": m.high, "unit": m.unit, "per": m.per}
            hits = [g for g in row["quantities"] if lines.value_ok(fields, g) and lines.unit_ok(fields, g)]
            yield Case(_fold(str(row["id"])), signs(m), bool(hits))


def _scorer(data: pathlib.Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, data.parent / "score" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"no scorer {name}.py beside {data}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _fold(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0] % FOLDS


def fit(known: list[Case], names: list[str]) -> dict[str, float]:
    """Logistic regression with a ridge, by Newton's method; "base" is the constant."""
    x = np.array([[1.0, *(float(n in case.signs) for n in names)] for case in known])
    y = np.array([float(case.right) for case in known])
    ridge = np.diag([0.01, *([RIDGE] * len(names))])
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        step = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]) + ridge, x.T @ (p - y) + ridge @ w)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    return dict(zip(["base", *names], (float(v) for v in w), strict=True))


def chance(weights: dict[str, float], shown: list[str]) -> float:
    return float(1 / (1 + np.exp(-weights["base"] - sum(weights.get(s, 0.0) for s in shown))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    known = list(cases(args.data))
    names = sorted({sign for case in known for sign in case.signs})
    said, came = [], []
    for fold in range(FOLDS):
        weights = fit([c for c in known if c.fold != fold], names)
        said += [chance(weights, c.signs) for c in known if c.fold == fold]
        came += [c.right for c in known if c.fold == fold]
    p, y = np.array(said), np.array(came, dtype=float)
    print(f"{len(known)} metrics, {y.mean():.3f} right, Brier score {np.mean((p - y) ** 2):.4f}")
    print("confidence     metrics  said   came true")
    for low, high in itertools.pairwise(BINS):
        inside = (p >= low) & (p < high)
        if inside.any():
            print(f"{low:.2f} to {min(high, 1):.2f}  {inside.sum():7}  {p[inside].mean():.3f}  {y[inside].mean():.3f}")
    if args.write:
        weights = fit(known, names)
        rows = "".join(f"{name} = {weight:.3f}\n" for name, weight in weights.items())
        WEIGHTS.write_text(
            f"# Written by bench/calibrate.py: log odds of a metric's value and unit being right.\n\n[weights]\n{rows}"
        )


if __name__ == "__main__":
    main()
