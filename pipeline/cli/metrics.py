"""The metrics of a process, for Prometheus: what there is to be counted, and the one place where it is.

metrics.toml defines them all. A process has those of its part; a name or a label that is not defined raises.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.metrics_core import SummaryMetricFamily

import pipeline

if TYPE_CHECKING:
    from connectors.poller import Event, FeedState
    from pipeline.channel import Counts
    from pipeline.cli.queue import Status
    from pipeline.counting import Measured

DAY = 86400.0
ALL = "all"
"""The part of a metric that every process has."""


@dataclass(frozen=True)
class Definition:
    """A row of metrics.toml."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary"]
    part: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


@functools.cache
def definitions() -> Mapping[str, Definition]:
    """Name -> what is defined."""
    table = tomllib.loads(resources.files("pipeline.cli").joinpath("metrics.toml").read_text("utf-8"))
    found = {}
    for name, row in table.items():
        row["labels"], row["buckets"] = tuple(row.get("labels", ())), tuple(row.get("buckets", ()))
        found[name] = Definition(name, **row)
    return found


class Totals:
    """A summary to which many values are added at once."""

    def __init__(self, definition: Definition, registry: CollectorRegistry):
        self._definition = definition
        self._count, self._sum = 0, 0.0
        registry.register(self)

    def add(self, count: int, total: float) -> None:
        self._count, self._sum = self._count + count, self._sum + total

    def collect(self) -> Iterator[Family]:
        yield SummaryMetricFamily(self._definition.name, self._definition.help, self._count, self._sum)


class Metrics:
    """The metrics of one part in a registry of their own; ``text`` is what Prometheus reads."""

    def __init__(self, part: str):
        prometheus_client.disable_created_metrics()
        self.part = part
        self.registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self.registry)
        mine = (d for d in definitions().values() if d.part in (part, ALL))
        self._made: dict[str, Any] = {d.name: _made(d, self.registry) for d in mine}
        self.set("wiredesk_build_info", 1, version=pipeline.__version__)

    def _labelled(self, name: str, labels: Mapping[str, str]) -> Any:
        return self._made[name].labels(**labels) if labels else self._made[name]

    def add(self, name: str, by: float = 1, **labels: str) -> None:
        """Let a counter grow."""
        self._labelled(name, labels).inc(by)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._labelled(name, labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add a value to a histogram."""
        self._labelled(name, labels).observe(value)

    def total(self, name: str, count: int, total: float) -> None:
        """Add ``count`` values that are ``total`` together to a summary."""
        self._made[name].add(count, total)

    def forget(self, name: str) -> None:
        """Drop all labels of a metric, so that those that are no more do not stay."""
        self._made[name].clear()

    def raise_to(self, name: str, value: float, **labels: str) -> None:
        """Let a counter grow to what somebody else has counted; one that began anew begins anew here."""
        counter = self._labelled(name, labels)
        had = counter.collect()[0].samples[0].value
        if value < had:
            counter.reset()
            had = 0
        counter.inc(value - had)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)


def _made(d: Definition, registry: CollectorRegistry) -> Any:
    if d.kind == "summary":
        return Totals(d, registry)
    if d.kind == "histogram":
        return Histogram(d.name, d.help, d.labels, registry=registry, buckets=d.buckets)
    return (Counter if d.kind == "counter" else Gauge)(d.name, d.help, d.labels, registry=registry)


# -- poll --


def count_event(metrics: Metrics, event: Event) -> None:
    """Something that the poller did."""
    if event.kind == "queue":
        metrics.set("wiredesk_queue_full", event.outcome == "full")
        return
    polled = event.kind == "source"
    metrics.add("wiredesk_polls_total" if polled else "wiredesk_pages_total", outcome=event.outcome)
    metrics.add("wiredesk_entries_total", event.items)
    if event.reason is not None:
        metrics.add("wiredesk_poll_failures_total", what=event.kind, reason=event.reason)


def show_sources(metrics: Metrics, feeds: Iterable[FeedState], at: datetime) -> None:
    """How the sources are."""
    counts = dict.fromkeys(("new", "ok", "failing", "throttled", "retired"), 0)
    overdue = 0.0
    for name in ("wiredesk_source_last_new_timestamp_seconds", "wiredesk_source_entries_per_day"):
        metrics.forget(name)
    for feed in feeds:
        counts[feed.status] += 1
        if feed.next_poll_at is not None and feed.status != "retired":
            overdue = max(overdue, (at - feed.next_poll_at).total_seconds())
        last = feed.new_at.timestamp() if feed.new_at else 0
        metrics.set("wiredesk_source_last_new_timestamp_seconds", last, source=feed.source)
        metrics.set("wiredesk_source_entries_per_day", (feed.rate or 0.0) * DAY, source=feed.source)
    for status, count in counts.items():
        metrics.set("wiredesk_sources", count, status=status)
    metrics.set("wiredesk_source_overdue_seconds", overdue)


def show_queue(metrics: Metrics, found: Status | None, at: datetime) -> None:
    """How the queue is; None: it did not answer."""
    metrics.set("wiredesk_queue_up", found is not None)
    if found is None:
        return
    metrics.raise_to("wiredesk_queue_appended_messages_total", sum(p.end for p in found.partitions))
    metrics.set("wiredesk_queue_kept_messages", sum(p.end - p.start for p in found.partitions))
    if found.bytes is not None:
        metrics.set("wiredesk_queue_held_bytes", found.bytes)
    for group in {r.name for r in found.readers}:
        mine = [r for r in found.readers if r.name == group]
        since = min((r.waiting_since for r in mine if r.waiting_since), default=at)
        metrics.set("wiredesk_queue_waiting_messages", sum(r.waiting for r in mine), group=group)
        age = max(0.0, (at - since).total_seconds())
        metrics.set("wiredesk_queue_oldest_waiting_seconds", age, group=group)


# -- stream --


def count_measured(metrics: Metrics, found: Measured) -> None:
    """What the steps counted of a batch (``pipeline.counting``)."""
    from pipeline.counting import DRAFT, SETTLE

    metrics.add("wiredesk_articles_total", found.counted(DRAFT, "articles"))
    metrics.add("wiredesk_numbers_total", found.counted(DRAFT, "metrics"))
    for reason, number in found.rejected().items():
        metrics.add("wiredesk_rejects_total", number, reason=reason)
    for name, spread in (
        ("wiredesk_draft_seconds", found.spread(DRAFT, "milliseconds")),
        ("wiredesk_settle_seconds", found.spread(SETTLE, "milliseconds")),
    ):
        metrics.total(name, spread.count, spread.sum / 1000)
    apply = found.spread(SETTLE, "apply_milliseconds")
    for _ in range(apply.count):  # one, but for a batch that was halved: then each counts as their mean
        metrics.observe("wiredesk_warehouse_seconds", apply.sum / apply.count / 1000, operation="apply")
    delay = found.spread(SETTLE, "delay_seconds")
    metrics.total("wiredesk_delay_seconds", delay.count, delay.sum)
    if delay.count:
        metrics.set("wiredesk_delay_longest_seconds", delay.max)


def count_batch(metrics: Metrics, counts: Counts, seconds: float, lag: int, now: datetime) -> None:
    """A batch that is committed."""
    metrics.add("wiredesk_items_total", counts.new, seen="new")
    metrics.add("wiredesk_items_total", counts.items - counts.new, seen="before")
    metrics.observe("wiredesk_batch_seconds", seconds)
    metrics.set("wiredesk_stream_lag_messages", lag)
    metrics.set("wiredesk_stream_last_batch_timestamp_seconds", now.timestamp())
