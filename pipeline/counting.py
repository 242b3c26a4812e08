"""What the steps count, through Beam's own metrics, so that every runner has it.

On a cluster the runner's reporters export them (``SCOPE`` and name are part of the metric's name there). Run a batch at
a time, ``measured`` reads them from the batch's result, and ``wiredesk stream`` makes Prometheus metrics of them.

A runner may do work twice; then it is counted twice. The exact numbers are the warehouse's (receipts, progress).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apache_beam.metrics import Metrics

DRAFT, SETTLE = "draft", "settle"
"""The scopes: a step each."""
REJECTED = "rejected_"
"""Begins the names of counters of rejects; the reason follows."""


@dataclass(frozen=True)
class Spread:
    """What is known of values that were measured: whole numbers."""

    count: int = 0
    sum: int = 0
    max: int = 0


@dataclass(frozen=True)
class Measured:
    """What one run of the graph counted: (scope, name) -> value."""

    counters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    spreads: Mapping[tuple[str, str], Spread] = field(default_factory=dict)

    def rejected(self, scope: str = DRAFT) -> dict[str, int]:
        """Reason -> how many items a step rejects for it."""
        mine = {name: n for (of, name), n in self.counters.items() if of == scope}
        return {name.removeprefix(REJECTED): n for name, n in mine.items() if name.startswith(REJECTED)}

    def counted(self, scope: str, name: str) -> int:
        return self.counters.get((scope, name), 0)

    def spread(self, scope: str, name: str) -> Spread:
        return self.spreads.get((scope, name), Spread())


def count(scope: str, name: str, by: int = 1) -> None:
    """Add to a counter of the step that runs in this thread."""
    Metrics.counter(scope, name).inc(by)


def measure(scope: str, name: str, value: float) -> None:
    """Add a value, cut to a whole number, to a distribution of the step that runs in this thread."""
    Metrics.distribution(scope, name).update(int(value))


def measured(result: Any) -> Measured:
    """What the finished pipeline counted."""
    found = result.metrics().query()
    names = {c.key: (c.key.metric.namespace, c.key.metric.name) for c in (*found["counters"], *found["distributions"])}
    counters: dict[tuple[str, str], int] = {}
    for c in found["counters"]:
        counters[names[c.key]] = counters.get(names[c.key], 0) + c.result
    spreads = {}
    for d in found["distributions"]:
        spreads[names[d.key]] = Spread(d.result.count, d.result.sum, d.result.max)
    return Measured(counters, spreads)
