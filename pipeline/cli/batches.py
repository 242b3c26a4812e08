"""Run items through the graph, a batch at a time: the one way in for micro-batches, backfill and replay.

A batch is one bounded Beam pipeline over the new items; its outcome and the channel's new position are one transaction
of the warehouse (``pipeline.settle``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.channel import Counts, Item
from schemas.errors import behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.warehouse import Warehouse
    from pipeline.graph import Steps


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

    def ahead(self, items: Sequence[Item]) -> None:
        """Let workers begin with the items of a later run, while this process is busy with the run before."""
        from pipeline import ahead

        ahead.start(items, self.steps.drafting)

    def run(self, items: Sequence[Item], *, done: bool = False) -> Counts:
        """Bring the items into the warehouse. ``done``: the channel has no more. Raises what stopped the batch if it
        wasn't an item."""
        with self.open_warehouse().hold():
            try:
                return self._run(items, done)
            except Exception as e:  # noqa: BLE001 - raised again, in plain words
                # What a door, the machine or the user said; Beam raises it anew with words of its own.
                raise behind(e) or e from None

    def _run(self, items: Sequence[Item], done: bool) -> Counts:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        from pipeline import graph
        from pipeline.settle import COUNTERS, Settler

        settler = Settler(self.open_warehouse, self.channel, self.steps.settling, self.clock, self.patience)
        # The in-process runner by its own name: "DirectRunner" would first try to download another one.
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(list(self.beam_options)))
        fetched = pipeline | "Items" >> beam.Create(items, reshuffle=False).with_output_types(Item)
        graph.build(fetched, self.steps, settler, done)
        result = pipeline.run()
        result.wait_until_finish()
        counted = {c.key.metric.name: c.result for c in result.metrics().query()["counters"]}
        return Counts(**{name: counted.get(name, 0) for name in COUNTERS})
