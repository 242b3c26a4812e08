"""Write a batch's outcome to the warehouse, all of it or nothing.

In: the records of all tables, and the channel's progress. Out: nothing. The sink gets one call a batch, so that rows,
receipts and progress become visible together; running the batch again writes the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import apache_beam as beam

from schemas.records import Progress, Record


class Sink(Protocol):
    """The part of a warehouse that this step uses (connectors.warehouse.Warehouse)."""

    def apply(self, records: Iterable[Record]) -> None: ...


OpenSink = Callable[[], Sink]
"""Picklable; called once in each worker."""


class _Apply(beam.DoFn):
    def __init__(self, open_sink: OpenSink):
        self._open_sink = open_sink

    def setup(self) -> None:
        self._sink = self._open_sink()

    def process(self, element: tuple[int, Iterable[Record]]) -> None:
        self._sink.apply(element[1])


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class WriteWarehouse(beam.PTransform):
    """Apply all records and ``progress`` as one transaction."""

    open_sink: OpenSink
    progress: Sequence[Progress]

    def expand(self, records: tuple[beam.PCollection[Record], ...]) -> beam.PCollection[None]:
        # The progress comes along as an element, so that a batch without any new record still gets written.
        start = records[0].pipeline | "Progress" >> beam.Create(list(self.progress), reshuffle=False)
        return (
            (*records, start)
            | "Together" >> beam.Flatten()
            | "OneBatch" >> beam.Map(lambda record: (0, record))
            | "Group" >> beam.GroupByKey()
            | "Apply" >> beam.ParDo(_Apply(self.open_sink))
        )
