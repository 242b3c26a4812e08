"""Run items through the graph, a batch at a time: the one way in for live, backfill and replay.

A batch is one bounded Beam pipeline over the new items and their history; its outcome and the channel's new position
are one transaction of the warehouse. An item that breaks the graph is found by halving the batch and refused with the
reason ``pipeline_error``; what is wrong with the warehouse or the machine is raised, and nothing is refused for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from connectors.errors import DoorError
from schemas import ids, wire
from schemas.records import Fetched, Progress, Receipt, Reject

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.warehouse import Warehouse
    from pipeline.graph import Steps

log = structlog.get_logger()


@dataclass(frozen=True)
class Item:
    """A fetched item and the position in its channel after it."""

    fetched: Fetched
    position: int
    partition: int = 0


@dataclass(frozen=True)
class Outcome:
    """How many items came, how many of them were new, and how many had to be refused for breaking the graph."""

    records: int = 0
    receipts: int = 0
    refused: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.records + other.records, self.receipts + other.receipts, self.refused + other.refused)


@dataclass(frozen=True)
class Batches:
    """Runs batches of one channel into one warehouse. ``open_warehouse`` must be picklable (Beam's workers call it)."""

    open_warehouse: Callable[[], Warehouse]
    channel: str
    steps: Steps
    clock: Callable[[], datetime]
    beam_options: Sequence[str] = ()

    def run(self, items: Sequence[Item], *, done: bool = False) -> Outcome:
        """Bring the items into the warehouse. ``done``: the channel has no more. Raises what stopped the batch if it
        wasn't an item."""
        with self.open_warehouse().hold():
            return self._run(items, done)

    def _run(self, items: Sequence[Item], done: bool) -> Outcome:
        try:
            return self._attempt(items, (), done)
        except Exception as e:  # whatever a step raised
            _raise_if_no_item_is_to_blame(e)
            log.warning("batch failed", channel=self.channel, items=len(items), error=_brief(e))
            if len(items) > 1:
                middle = len(items) // 2
                return self._run(items[:middle], False) + self._run(items[middle:], done)
            if not items:
                raise
            return self._refuse(items[0], done)

    def _refuse(self, item: Item, done: bool) -> Outcome:
        """Try the item once more, alone; then write it off as a reject, which fails if the item was not the cause."""
        try:
            return self._attempt([item], (), done)
        except Exception as e:  # noqa: BLE001 - it becomes the item's reject
            _raise_if_no_item_is_to_blame(e)
            found = item.fetched
            reject = Reject(
                reject_id=ids.reject_id(found.fetch_id, "pipeline"),
                stage="pipeline",
                reason="pipeline_error",
                detail=_brief(e),
                url=found.url,
                source=found.source,
                at=self.clock(),
                payload=wire.encode(found),
            )
            outcome = self._attempt([item], (reject,), done)
            log.error("item refused", fetch_id=found.fetch_id, url=found.url, error=reject.detail)
            return outcome + Outcome(refused=1)

    def _attempt(self, items: Sequence[Item], refused: Sequence[Reject], done: bool) -> Outcome:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        from pipeline import graph

        warehouse = self.open_warehouse()
        unique = _unique(item.fetched for item in items)
        known = warehouse.receipts(fetch_ids=list(unique))
        outcome = Outcome(len(items), len(unique.keys() - {r.fetch_id for r in known}))
        progress = self._progress(items, unique, known, warehouse, done)
        fresh = [] if refused else list(unique.values())
        # The in-process runner by its own name: "DirectRunner" would first try to download another one.
        with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(list(self.beam_options))) as run:
            graph.build(
                run | "Fetched" >> beam.Create(fresh, reshuffle=False).with_output_types(Fetched),
                run | "Refused" >> beam.Create(list(refused), reshuffle=False).with_output_types(Reject),
                self.steps,
                self.open_warehouse,
                self.open_warehouse,
                progress,
            )
        return outcome

    def _progress(
        self,
        items: Sequence[Item],
        unique: Mapping[str, Fetched],
        known: Iterable[Receipt],
        warehouse: Warehouse,
        done: bool,
    ) -> list[Progress]:
        """The channel's progress after the batch, a row a partition."""
        rows = {p.partition: p for p in warehouse.progress(self.channel)}
        had = {r.fetch_id for r in known}
        for item in items:
            row = rows.get(item.partition) or Progress(
                channel=self.channel, partition=item.partition, position=0, at=self.clock()
            )
            new = item.fetched.fetch_id not in had
            had.add(item.fetched.fetch_id)
            rows[item.partition] = msgspec.structs.replace(
                row,
                position=max(row.position, item.position),
                records=row.records + 1,
                receipts=row.receipts + new,
                repeats=row.repeats + (not new),
                at=self.clock(),
            )
        if done and not rows:
            rows[0] = Progress(channel=self.channel, position=0, at=self.clock())
        return [msgspec.structs.replace(row, done=done) for row in rows.values()]


def _unique(fetched: Iterable[Fetched]) -> dict[str, Fetched]:
    """One item a fetch id, the one with the smallest position, whatever order they came in."""
    found: dict[str, Fetched] = {}
    for item in fetched:
        other = found.get(item.fetch_id)
        if other is None or item.position < other.position:
            found[item.fetch_id] = item
    return found


def _raise_if_no_item_is_to_blame(error: BaseException) -> None:
    """Raise what a door or the machine said (the warehouse is held by another, the disk is full) or the user (stop),
    if that is behind this error. Beam raises all of these anew with words of its own."""
    found: DoorError | OSError | KeyboardInterrupt | None = None
    cause: BaseException | None = error
    while cause is not None:
        found = cause if isinstance(cause, DoorError | OSError | KeyboardInterrupt) else found
        cause = cause.__cause__ or cause.__context__
    if found is not None:
        raise found.with_traceback(None) from None


def _brief(error: Exception) -> str:
    """The last line of the message, which names the cause (Beam puts the worker's traceback before it)."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:500]
