"""Run items through the graph, a batch at a time: the one way in for micro-batches, backfill and replay.

A batch is one bounded Beam pipeline over the new items; its outcome and the channel's new position are one transaction
of the warehouse (``pipeline.settle``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.channel import Counts, Item, NoMore
from schemas.errors import Unusable, behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.warehouse import Warehouse
    from pipeline.counting import Measured
    from pipeline.graph import Steps


_items: dict[str, Sequence[Item | NoMore]] = {}


@contextmanager
def _handed_over(items: Sequence[Item | NoMore]) -> Iterator[str]:
    """Keep the items for the steps, which run in this process. As elements of ``beam.Create`` they would be part of the
    pipeline's description, which Beam pickles and packs with bzip2: most of the time that a batch of pages took."""
    key = uuid.uuid4().hex
    _items[key] = items
    try:
        yield key
    finally:
        del _items[key]


def _handed(key: str) -> Sequence[Item | NoMore]:
    if key not in _items:
        raise Unusable("batches are run in one process, which has workers of its own: leave out --direct_running_mode")
    return _items[key]


@dataclass(frozen=True)
class Batches:
    """Runs batches of one channel into one warehouse. ``open_warehouse`` must be picklable (Beam's workers call it).
    ``patience``: as in ``pipeline.settle.Settler``."""

    open_warehouse: Callable[[], Warehouse]
    channel: str
    steps: Steps
    clock: Callable[[], datetime]
    beam_options: Sequence[str] = ()
    patience: float = 0.0
    watch: Callable[[Measured], None] | None = None
    """Is told what each batch counted."""

    def ahead(self, items: Sequence[Item]) -> None:
        """Let workers begin with the items of a later run, while this process is busy with the run before."""
        from pipeline import ahead

        ahead.start(items, self.steps.drafting)

    def stop_ahead(self) -> None:
        """Forget what was begun for runs that will not come."""
        from pipeline import ahead

        ahead.drop()

    def run(self, items: Sequence[Item | NoMore]) -> Counts:
        """Bring the items into the warehouse. Raises what stopped the batch if it wasn't an item."""
        with self.open_warehouse().hold():
            try:
                return self._run(items)
            except Exception as e:  # noqa: BLE001 - raised again, in plain words
                # What a door, the machine or the user said; Beam raises it anew with words of its own.
                raise behind(e) or e from None

    def _run(self, items: Sequence[Item | NoMore]) -> Counts:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        from pipeline import graph
        from pipeline.counting import SETTLE, measured
        from pipeline.garbage import look_seldom
        from pipeline.matching.compiling import tell_if_needed
        from pipeline.settle import COUNTERS, Settler

        tell_if_needed()
        look_seldom()
        settler = Settler(self.open_warehouse, self.channel, self.steps.settling, self.clock, self.patience)
        # The in-process runner by its own name: "DirectRunner" would first try to download another one.
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(list(self.beam_options)))
        with _handed_over(items) as key:
            start = pipeline | "Start" >> beam.Create([key], reshuffle=False)
            fetched = start | "Items" >> beam.FlatMap(_handed).with_output_types(Item | NoMore)
            graph.build(fetched, self.steps, settler)
            result = pipeline.run()
            result.wait_until_finish()
        found = measured(result)
        if self.watch is not None:
            self.watch(found)
        return Counts(**{name: found.counted(SETTLE, name) for name in COUNTERS}, rejects=found.rejected(SETTLE))
