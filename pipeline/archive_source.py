"""Read archives on a cluster: the source of a backfill that is a job.

In: nothing. Out: ``Item``, one for each record that is a page, in order within a piece, and ``NoMore`` after each
piece. Dropped: records that are no pages; nothing else. After a failure records come again, from the runner's last
checkpoint on; a new job leaves out what ``progress`` says is done.

One splittable DoFn. Its elements are lanes: the n-th of L lanes reads the pieces n, n + L, n + 2L, ... of all archives,
one after the other. So the archives are read roughly in their order, each worker has its share, and nobody holds more
than a few records. As the queue's source does (``pipeline.source``), a lane reads for a moment, lets the runner take
over with the place reached, and asks to be called again. A lane at its end is done; the job then has nothing to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import apache_beam as beam
import structlog
from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import Duration

from pipeline.channel import Item, NoMore
from schemas.errors import Unavailable
from schemas.records import Fetched, Progress

log = structlog.get_logger()

LANES = 16
"""At most so many pieces are read side by side."""
TURN = 0.5
"""Seconds that a lane is read, and what was read is worked on by what is fused to the source."""
RETRY = 5.0
"""Seconds until a storage that is away is asked again."""


class Record(Protocol):
    """The part of a record that the source looks at (connectors.archives.Archived)."""

    @property
    def position(self) -> int: ...
    @property
    def fetched(self) -> Fetched | None: ...


class Piece(Protocol):
    """The same of a piece (connectors.archives.Piece)."""

    @property
    def number(self) -> int: ...


class Archive(Protocol):
    """The same of an archive (connectors.archives.Archive)."""

    def pieces(self) -> Sequence[Any]: ...
    def read(self, piece: Any, position: int = 0) -> Iterator[Any]: ...


class Place(NamedTuple):
    """Behind a record of a lane: ``position`` in its ``turn``-th piece. Behind position 0 is all of it."""

    turn: int
    position: int = 0


FIRST, END = Place(0), Place(2**62)


@dataclass(frozen=True)
class Rest:
    """A restriction: what is behind ``start``, of a lane as a whole or, up to ``stop``, of what was read of it."""

    start: Place
    stop: Place = END


class PlaceTracker(RestrictionTracker):
    """Tracks places claimed in growing order, ``END`` once there is no more. Gives away only what was not begun, and
    only for a checkpoint: a lane is read by one at a time."""

    def __init__(self, rest: Rest):
        self._rest = rest
        self._reached = rest.start

    def current_restriction(self) -> Rest:
        return self._rest

    def current_progress(self) -> RestrictionProgress:
        return RestrictionProgress(fraction=float(self._reached >= self._rest.stop))

    def try_claim(self, place: Place) -> bool:
        if place <= self._reached:
            raise ValueError(f"{place} was claimed after {self._reached}")
        if place > self._rest.stop:
            return False
        self._reached = place
        return True

    def try_split(self, fraction_of_remainder: float) -> tuple[Rest, Rest] | None:
        if fraction_of_remainder != 0 or self._reached >= self._rest.stop:
            return None
        left = Rest(self._reached, self._rest.stop)
        self._rest = Rest(self._rest.start, self._reached)
        return self._rest, left

    def check_done(self) -> None:
        if self._reached < self._rest.stop:
            raise ValueError(f"what is behind {self._reached} was not read")

    def is_bounded(self) -> bool:
        return False  # a bundle of it is settled while others are still to come


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class ReadArchives(beam.PTransform):
    """Read all archives, each with the name of its channel. ``progress`` (channel -> what the warehouse has of it) is
    called in the workers, and so are the archives, which must be found there under the same paths."""

    archives: Sequence[tuple[str, Archive]]
    progress: Callable[[str], Sequence[Progress]]
    lanes: int = LANES

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection[Any]:
        lanes = list(range(self.lanes))
        return start | "Lanes" >> beam.Create(lanes, reshuffle=False) | "Records" >> beam.ParDo(_Records(self))


class _Lanes(RestrictionProvider):
    """A lane is read as a whole."""

    def initial_restriction(self, element: int) -> Rest:
        return Rest(FIRST)

    def create_tracker(self, restriction: Rest) -> PlaceTracker:
        return PlaceTracker(restriction)

    def restriction_size(self, element: int, restriction: Rest) -> int:
        return 1  # only used to divide a restriction, which nobody does

    def truncate(self, element: int, restriction: Rest) -> None:
        """Draining a job: stop reading."""


TRACKER = beam.DoFn.RestrictionParam()


class _Records(beam.DoFn, _Lanes):
    def __init__(self, source: ReadArchives):
        self._archives, self._count = source.archives, source.lanes
        self._progress = source.progress

    def setup(self) -> None:
        self._pieces: list[tuple[str, Archive, Any]] = []

    def _lane(self, number: int) -> list[tuple[str, Archive, Any]]:
        """The pieces of a lane, in order. What can't be opened is an error of a bundle: one in ``setup`` Beam keeps to
        itself."""
        if not self._pieces:
            self._pieces = [(name, archive, piece) for name, archive in self._archives for piece in archive.pieces()]
        return self._pieces[number :: self._count]

    @beam.DoFn.unbounded_per_element()
    def process(self, element: int, tracker: Any = TRACKER) -> Iterator[Any]:
        until = time.monotonic() + TURN
        turn, position = tracker.current_restriction().start
        try:
            for channel, archive, piece in self._lane(element)[turn:]:
                reader = _OPEN.take(channel, archive, piece, position, self._progress)
                if reader is not None:
                    for record in reader:
                        if not tracker.try_claim(Place(turn, record.position)):
                            return
                        if record.fetched is not None:
                            yield Item(record.fetched, record.position, piece.number, channel)
                        if time.monotonic() >= until:
                            _OPEN.put_back(channel, piece, record.position, reader)
                            tracker.defer_remainder()
                            return
                turn, position = turn + 1, 0
                if not tracker.try_claim(Place(turn)):
                    return
                if reader is not None:
                    yield NoMore(piece.number, channel)
        except Unavailable as e:
            log.warning("archive not read", lane=element, error=str(e))
            tracker.defer_remainder(Duration.of(RETRY))
            return
        tracker.try_claim(END)


class _Readers:
    """The pieces that this process is in the middle of: to open one anew may mean to unpack all that comes before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], tuple[int, Iterator[Any]]] = {}

    def take(
        self,
        channel: str,
        archive: Archive,
        piece: Piece,
        position: int,
        progress: Callable[[str], Sequence[Progress]],
    ) -> Iterator[Any] | None:
        """The records of a piece behind the position; at its beginning, behind what the warehouse has of it. None if
        that is all of it."""
        with self._lock:
            reached, reader = self._open.pop((channel, piece.number), (-1, iter(())))
        if reached == position:
            return reader
        if position == 0:
            known = {p.partition: p for p in progress(channel)}.get(piece.number)
            if known is not None and known.done:
                return None
            position = known.position if known is not None else 0
        return archive.read(piece, position)

    def put_back(self, channel: str, piece: Piece, position: int, reader: Iterator[Any]) -> None:
        """The piece is read up to the position."""
        with self._lock:
            self._open[channel, piece.number] = position, reader


_OPEN = _Readers()
