"""Settle a batch of drafts: what they are together and with the past, written as one transaction.

In: the drafts of a batch, in the order of their channel, and the warehouse. Out: nothing; the warehouse has the batch's
rows, receipts and rejects, and how far the channel has come, all of it or nothing. Nothing is dropped: a draft that a
step can't stand is found by halving the batch and becomes a reject with the reason ``pipeline_error``; what is wrong
with the warehouse or the machine is raised, and nothing is refused for it. What was forgotten (``wiredesk forget``) is
kept out (``pipeline.keep_out``).

The warehouse is the only state there is. Batches are settled one at a time, whoever settles them (``hold``), and the
rows are a function of the set of items, so a batch that is settled again after a fault changes nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
import structlog
import tenacity
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from pipeline.channel import Counts
from pipeline.counting import REJECTED, SETTLE, count, measure
from pipeline.draft import BROKEN, Draft, broken
from pipeline.history import History, OpenWarehouse, Warehouse
from pipeline.identify import IdentifiedBatch, fetch_of, identify_batch, row
from pipeline.keep_out import keep_out
from pipeline.match import match
from pipeline.matching.horizon import Horizon, Kept
from pipeline.matching.judge import Matching
from pipeline.measure.step import Measuring, measure_article
from pipeline.reconcile import Reconciling, reconcile_batch
from schemas import ids, wire
from schemas.errors import Unavailable, behind
from schemas.records import Article, Fetched, Progress, Receipt, Record, Reject, Revision, Sketch

log = structlog.get_logger()
_horizons: dict[tuple[str, timedelta, int, int], Kept] = {}
"""What this process keeps of the warehouses that it settles batches in."""
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Settling:
    """The options of settling."""

    measuring: Measuring = field(default_factory=Measuring)
    matching: Matching = field(default_factory=Matching)
    reconciling: Reconciling = field(default_factory=Reconciling)


class SettledBatch(NamedTuple):
    """All records that a batch adds or changes, the receipts that the past has of its fetches, by fetch id, and the
    horizon as it is when the records are written."""

    records: list[Record]
    known: dict[str, Receipt]
    horizon: Horizon


def settle(
    drafts: Sequence[Draft],
    history: History,
    config: Settling,
    now: datetime,
    around: Callable[[Sequence[Sketch]], Horizon] | None = None,
) -> SettledBatch:
    """Settle a batch. ``around``: see ``match``."""
    identified = identify_batch((d.outcome for d in drafts if d.outcome is not None), history, now)
    mine = _drafts_of(drafts, identified)
    outlines = {key: d.outline for key, d in mine.items() if d.outline is not None}
    matched = match(identified.articles, history, config.matching, now, outlines, around)
    metrics = {
        a.article_id: mine[a.article_id].metrics if a.article_id in mine else measure_article(a, config.measuring)
        for a in identified.articles
    }
    figures = reconcile_batch(metrics, matched.members, matched.emptied, history, config.reconciling)
    records = [*identified.articles, *identified.records, *matched.links, *matched.records, *figures]
    return SettledBatch(records, identified.known, matched.horizon)


def _drafts_of(drafts: Sequence[Draft], identified: IdentifiedBatch) -> dict[str, Draft]:
    """The articles that are just what one of the drafts says, with that draft: its metrics and outline are theirs."""
    rows: dict[str, list[tuple[Article, Draft]]] = {}
    for d in drafts:
        if isinstance(d.outcome, Revision):
            rows.setdefault(d.outcome.article_id, []).append((row(d.outcome), d))
    found = {}
    for article in identified.articles:
        for said, d in rows.get(article.article_id, ()):
            if said == article:
                found[article.article_id] = d
    return found


@dataclass(frozen=True)
class Settler:
    """Settles batches into one warehouse. ``channel``: of the drafts that name none. ``patience``: seconds to wait for
    a warehouse that can't be used now, batch by batch; 0 to raise at once."""

    open_warehouse: OpenWarehouse
    channel: str
    config: Settling
    clock: Clock
    patience: float = 0.0

    def settle(self, drafts: Sequence[Draft]) -> Counts:
        """Settle the drafts and write what came of it, if need be in parts. Raises what stopped the batch if it wasn't
        an item."""
        for attempt in self._attempts():
            with attempt, self.open_warehouse().hold() as warehouse:
                return self._settle(warehouse, drafts)
        raise AssertionError("unreachable")

    def _attempts(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=10),
            stop=tenacity.stop_after_delay(self.patience),
            before_sleep=self._tell,
            reraise=True,
        )

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("waiting for the warehouse", channel=self.channel, attempt=state.attempt_number, error=str(error))

    def _settle(self, warehouse: Warehouse, drafts: Sequence[Draft]) -> Counts:
        try:
            return self._attempt(warehouse, drafts)
        except Exception as e:  # whatever a step raised
            if behind(e) is not None:
                raise
            log.warning("batch failed", channel=self.channel, items=len(drafts), error=f"{type(e).__name__}: {e}"[:500])
            if len(drafts) > 1:
                middle = len(drafts) // 2
                return self._settle(warehouse, drafts[:middle]) + self._settle(warehouse, drafts[middle:])
            if not drafts or not drafts[0].item:
                raise
            outcome = broken(wire.decode_as(Fetched, drafts[0].item), e, self.clock())
            log.error("item refused", fetch_id=fetch_of(outcome), url=outcome.url, error=outcome.detail)
            refused = replace(drafts[0], outcome=outcome, item=b"")
            return self._attempt(warehouse, [refused])

    def _attempt(self, warehouse: Warehouse, drafts: Sequence[Draft]) -> Counts:
        drafts = keep_out(drafts, warehouse, self.clock())
        with self._kept(warehouse).batch(warehouse) as kept:
            settled = settle(drafts, warehouse, self.config, self.clock(), kept.around)
            progress = self._progress(warehouse, drafts, settled.known)
            began = time.monotonic()
            warehouse.apply([*settled.records, *progress])
            measure(SETTLE, "apply_milliseconds", 1000 * (time.monotonic() - began))
            kept.keep(settled.horizon)
        self._measure_delays(drafts)
        items = [d for d in drafts if not d.last]
        outcomes = [d.outcome for d in items if d.outcome is not None]
        reasons = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Reject))
        return Counts(
            items=len(items),
            new=len({fetch_of(outcome) for outcome in outcomes} - settled.known.keys()),
            refused=reasons[BROKEN],
            left_out=len(items) - len(outcomes),
            rejects=dict(reasons),
        )

    def _measure_delays(self, drafts: Sequence[Draft]) -> None:
        """How long after they were fetched items are in the warehouse."""
        now = self.clock()
        for d in drafts:
            if isinstance(d.outcome, Revision) and d.outcome.fetched_at is not None:
                measure(SETTLE, "delay_seconds", max(0.0, (now - d.outcome.fetched_at).total_seconds()))

    def _kept(self, warehouse: Warehouse) -> Kept:
        """The horizon that this process keeps of the warehouse."""
        matching = self.config.matching
        key = warehouse.url, matching.horizon, matching.candidates, matching.crowd
        return _horizons.setdefault(key, Kept(matching))

    def _progress(self, warehouse: Warehouse, drafts: Sequence[Draft], known: Mapping[str, Receipt]) -> list[Progress]:
        """How far the channels are after the batch: each partition that the batch is of. What was left out moves the
        position and is no record."""
        now = self.clock()
        rows: dict[tuple[str, int], Progress] = {}
        before = {
            (channel, p.partition): msgspec.structs.replace(p, done=False, at=now)
            for channel in dict.fromkeys(d.channel or self.channel for d in drafts)
            for p in warehouse.progress(channel)
        }
        had = set(known)
        for d in drafts:
            place = d.channel or self.channel, d.partition
            found = rows.get(place) or before.get(place)
            found = found or Progress(channel=place[0], partition=place[1], position=0, at=now)
            fetch_id = None if d.outcome is None else fetch_of(d.outcome)
            new = fetch_id is not None and fetch_id not in had
            had |= {fetch_id} if fetch_id else set()
            rows[place] = msgspec.structs.replace(
                found,
                done=found.done or d.last,
                position=max(found.position, d.position),
                records=found.records + (fetch_id is not None),
                receipts=found.receipts + new,
                repeats=found.repeats + (fetch_id is not None and not new),
                token=ids.content_id("progress", found.token, fetch_id, str(d.position), now.isoformat()),
            )
        return list(rows.values())


COUNTERS = tuple(f.name for f in fields(Counts) if f.name != "rejects")


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class SettleBatches(beam.PTransform):
    """PCollection[Draft] -> nothing. A bounded collection is one batch; of an unbounded one each bundle is."""

    settler: Settler

    def expand(self, drafts: beam.PCollection[Draft]) -> beam.PCollection[None]:
        keyed = drafts | "OneKey" >> beam.Map(lambda d: (b"", d)).with_output_types(tuple[bytes, Draft])
        if not drafts.is_bounded:
            return keyed | "SettleBundle" >> beam.ParDo(_SettleBundle(self.settler))
        return keyed | "OneBatch" >> beam.GroupByKey() | "SettleBatch" >> beam.ParDo(_SettleBatch(self.settler))


class _Counted(beam.DoFn):
    """Settles, and counts for those who watch the job."""

    def __init__(self, settler: Settler):
        self._settler = settler
        self._counters = {name: beam.metrics.Metrics.counter(SETTLE, name) for name in COUNTERS}

    def _settle(self, drafts: Sequence[Draft]) -> None:
        began = time.monotonic()
        counts = self._settler.settle(drafts)
        measure(SETTLE, "milliseconds", 1000 * (time.monotonic() - began))
        for name, counter in self._counters.items():
            counter.inc(getattr(counts, name))
        for reason, rejects in counts.rejects.items():
            count(SETTLE, REJECTED + reason, rejects)


class _SettleBatch(_Counted):
    def process(self, element: tuple[bytes, Iterable[Draft]]) -> None:
        # The end of a partition last: where the batch is halved, it must not be noted before what it ends.
        self._settle(sorted(element[1], key=lambda d: (d.partition, d.last, d.position)))


class _SettleBundle(_Counted):
    """Gathers the drafts of a bundle and settles them before the runner takes note that they are done with."""

    KEYED = ReadModifyWriteStateSpec("keyed", beam.coders.BytesCoder())
    """Never written. A state makes the runner bring all drafts of the one key to one worker, bundle after bundle."""

    def start_bundle(self) -> None:
        self._drafts: list[Draft] = []

    def process(
        self,
        element: tuple[bytes, Draft],
        keyed: Any = beam.DoFn.StateParam(KEYED),  # noqa: B008 - how Beam names a state
    ) -> None:
        self._drafts.append(element[1])

    def finish_bundle(self) -> None:
        drafts, self._drafts = self._drafts, []
        if drafts:
            self._settle(drafts)
