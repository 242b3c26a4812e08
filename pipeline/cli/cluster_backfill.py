"""A backfill as a job on a cluster: the archives as a source, and the same graph.

The command stays until all is in the warehouse, and then ends the job, which has nothing more to do. How far it is it
reads from the warehouse's ``progress``, which is written with the rows. So does a job that is started again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from connectors.archives import Archive
from connectors.warehouse import OpenWarehouse
from pipeline.channel import Counts
from pipeline.cli.archive_run import Advance, Tally
from pipeline.cli.cluster_stream import PATIENCE
from pipeline.cli.doors import now
from schemas.errors import Unavailable
from schemas.records import Progress

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.graph import Steps

log = structlog.get_logger()

JOB_NAME = "wiredesk-backfill"
LOOK = 2.0
"""Seconds between two looks at the warehouse."""
KNOWN = ("items", "new", "seen_before")
"""What the warehouse can tell of a backfill that others do."""


@dataclass(frozen=True)
class Known:
    """What the warehouse has of a channel. Read beside who writes, where the warehouse allows it."""

    url: str

    def __call__(self, channel: str) -> list[Progress]:
        with OpenWarehouse(self.url, read_only=True)().hold() as warehouse:
            return warehouse.progress(channel)


@dataclass(frozen=True)
class Backfill:
    """Adds all steps to a pipeline. ``archives``: each with its channel."""

    archives: tuple[tuple[str, Archive], ...]
    open_warehouse: OpenWarehouse
    steps: Steps

    def __call__(self, pipeline: beam.Pipeline) -> None:
        from pipeline import graph
        from pipeline.archive_source import ReadArchives
        from pipeline.settle import Settler

        source = ReadArchives(self.archives, Known(self.open_warehouse.url))
        settler = Settler(self.open_warehouse, JOB_NAME, self.steps.settling, now, PATIENCE)
        graph.build(pipeline | "ReadArchives" >> source, self.steps, settler)


class RunningJob(Protocol):
    """A job that a backfill waits for."""

    @property
    def where(self) -> str:
        """Its page, for people."""

    def check(self, items: int) -> None:
        """Raise ``Failed`` if it will come to nothing. ``items``: how many of it are in the warehouse."""

    def end(self) -> None:
        """End it, if it has not ended."""


class ClusterBackfill(NamedTuple):
    """Runs ``backfill`` on a cluster. ``start``: submits what adds the steps, as a job of that name."""

    backfill: Backfill
    start: Callable[[Backfill, str], RunningJob]

    def run(self, stop: threading.Event, advance: Advance) -> list[Tally]:
        """Start the job, wait until all is done, or for ``stop``, and end it. Returns what came of each archive.

        Raises ``UserError`` and ``Failed``."""
        walk = _Walk(self.backfill)
        if walk.look().done:
            return walk.tallies
        job = self.start(self.backfill, JOB_NAME)
        try:
            log.info("a job does the backfill", url=job.where)
            while not stop.is_set():
                total = walk.look()
                advance(total)
                if total.done:
                    break
                job.check(total.counts.items)
                stop.wait(LOOK)
        finally:
            job.end()
        return walk.tallies


class _Walk:
    """What the warehouse has of the archives, now and since the first look."""

    def __init__(self, backfill: Backfill):
        self._archives = backfill.archives
        self._pieces = {channel: archive.pieces() for channel, archive in backfill.archives}
        self._known: Callable[[str], list[Progress]] = Known(backfill.open_warehouse.url)
        self._before: dict[str, Mapping[int, Progress]] = {}
        self._tallies: dict[str, Tally] = {}

    @property
    def tallies(self) -> list[Tally]:
        """Of each archive, as it was looked at last."""
        return [self._tallies[channel] for channel, _ in self._archives if channel in self._tallies]

    def look(self) -> Tally:
        """All archives together. While the warehouse is away: as they were."""
        for channel, archive in self._archives:
            known = self._tallies.get(channel)
            if known is None or not known.done:
                try:
                    self._tallies[channel] = self._tally(channel, archive)
                except Unavailable as e:
                    log.warning("the warehouse can't be had now", error=str(e))
                    break
        total = Tally("all", sum(archive.size for _, archive in self._archives))
        for tally in self.tallies:
            total.counts += tally.counts
            total.read += tally.read
        total.done = len(self.tallies) == len(self._archives) and all(tally.done for tally in self.tallies)
        return total

    def _tally(self, channel: str, archive: Archive) -> Tally:
        rows = {p.partition: p for p in self._known(channel)}
        before = self._before.setdefault(channel, rows)
        pieces = self._pieces[channel]
        tally = Tally(archive.name, archive.size)
        tally.done = all(piece.number in rows and rows[piece.number].done for piece in pieces)
        tally.read = sum(piece.size for piece in pieces if piece.number in rows and rows[piece.number].done)
        tally.counts = Counts(
            items=_grown(rows, before, lambda p: p.records), new=_grown(rows, before, lambda p: p.receipts)
        )
        return tally


def _grown(rows: Mapping[int, Progress], before: Mapping[int, Progress], count: Callable[[Progress], int]) -> int:
    return sum(map(count, rows.values())) - sum(map(count, before.values()))
