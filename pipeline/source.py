"""Read a queue for ever: the source of a stream that runs on a cluster.

In: nothing. Out: what ``read(message, queue)`` makes of each message, in order within a partition, each at the time at
which it was appended. Dropped: nothing; after a failure messages come again, from the runner's last checkpoint on.

Two splittable DoFns. The first looks for partitions, again and again, since they may be added. The second reads one
partition an element: it takes what is there for a moment, then lets the runner take over (a checkpoint of its own, with
the position reached) and asks to be called again. The runner's checkpoint is where a job goes on; a new job starts at
``progress``, else at the queue's start. What is committed to the queue's group is for those who watch, and follows the
runner's checkpoints by seconds.

The watermark is the time of the last message less ``disorder`` (producers' clocks differ), and for a partition in which
nothing waits the wall clock's less the same, so that a quiet one holds nobody up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import apache_beam as beam
import structlog
from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from pipeline.abreast import Abreast
from schemas.errors import Unavailable

log = structlog.get_logger()

ALL = -1
"""No partition's number: of a queue that is open to look for partitions."""
END = 2**62
"""A position that no partition reaches."""


class Message(Protocol):
    """The part of a message that the source itself looks at (connectors.queue.Message)."""

    @property
    def offset(self) -> int: ...
    @property
    def appended_at(self) -> datetime: ...


class Queue(Protocol):
    """The part of a queue that this step uses (connectors.queue.Queue)."""

    channel: str

    def read(
        self,
        positions: Mapping[int, int],
        limit: int,
        max_bytes: int,
        timeout: float,
        partitions: Collection[int] | None = None,
    ) -> Sequence[Any]: ...
    def start(self) -> Mapping[int, int]: ...
    def commit(self, group: str, positions: Mapping[int, int]) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Reading:
    """How a queue is read. Times are seconds."""

    group: str = "stream"
    chunk_items: int = 500
    chunk_bytes: int = 8 * 2**20
    """The largest part that is held in memory, of each partition."""
    turn: float = 0.5
    """How long a partition is read, and what was read is worked on by what is fused to the source, before others have
    their turn and a checkpoint its chance."""
    wait: float = 0.05
    """How long to wait for a first message."""
    pause: float = 0.1
    """How long a partition rests in which nothing waits."""
    hold: float = 0.25
    """How long it rests while others that are behind go first (``pipeline.abreast``)."""
    retry: float = 1.0
    """How long it rests after the queue could not be reached."""
    look: float = 30.0
    """How often to look for new partitions."""
    commit: float = 5.0
    """How often to tell the queue how far its reader is."""
    disorder: float = 60.0
    """By how much a message may be older than one before it."""


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class ReadQueue(beam.PTransform):
    """Read all partitions, for ever.

    ``open_queue`` and ``progress`` (channel -> partition -> position) are called in the workers; ``open_queue`` must be
    hashable, and give the queue of this ``channel``. A queue that is ``Unavailable`` is tried again.
    """

    channel: str
    open_queue: Callable[[], Queue]
    read: Callable[[Any, Any], Any]
    progress: Callable[[str], Mapping[int, int]]
    reading: Reading = field(default_factory=Reading)

    def expand(self, start: beam.pvalue.PBegin) -> beam.PCollection[Any]:
        return (
            start
            | "Channel" >> beam.Create([self.channel], reshuffle=False)
            | "Partitions" >> beam.ParDo(_Partitions(self))
            | "Messages" >> beam.ParDo(_Messages(self))
        )


@dataclass(frozen=True)
class Span:
    """A restriction: the positions from ``start`` up to ``stop``, without ``stop``."""

    start: int
    stop: int = END


class PositionTracker(RestrictionTracker):
    """Tracks positions claimed in growing order, gaps allowed. Gives away only what was not begun, and only for a
    checkpoint: a partition is read by one at a time."""

    def __init__(self, span: Span):
        self._span = span
        self._next = span.start

    def current_restriction(self) -> Span:
        return self._span

    def current_progress(self) -> RestrictionProgress:
        return RestrictionProgress(completed=self._next - self._span.start, remaining=self._span.stop - self._next)

    def try_claim(self, position: int) -> bool:
        if position < self._next:
            raise ValueError(f"position {position} was claimed after {self._next - 1}")
        if position >= self._span.stop:
            return False
        self._next = position + 1
        return True

    def try_split(self, fraction_of_remainder: float) -> tuple[Span, Span] | None:
        if fraction_of_remainder != 0 or self._next >= self._span.stop:
            return None
        rest = Span(self._next, self._span.stop)
        self._span = Span(self._span.start, self._next)
        return self._span, rest

    def check_done(self) -> None:
        if self._next < self._span.stop:
            raise ValueError(f"positions from {self._next} up to {self._span.stop} were not read")

    def is_bounded(self) -> bool:
        return False


class Watermark(ManualWatermarkEstimator):
    """Moves forward only; see the module's docstring."""

    def read_up_to(self, appended_at: datetime, disorder: float) -> None:
        """A message of this time was read."""
        self._advance(_timestamp(appended_at), disorder)

    def idle(self, now: Timestamp, disorder: float) -> None:
        """Nothing waits at this time."""
        self._advance(now, disorder)

    def _advance(self, at: Timestamp, disorder: float) -> None:
        at = at - Duration.of(disorder)
        if self._watermark is None or at > self._watermark:
            self.set_watermark(at)


def _timestamp(at: datetime) -> Timestamp:
    return Timestamp.from_utc_datetime(at)


class _WatermarkProvider(beam.transforms.core.WatermarkEstimatorProvider):
    def initial_estimator_state(self, element: Any, restriction: Any) -> Any:
        return None

    def create_watermark_estimator(self, state: Any) -> Watermark:
        return Watermark(state)


class _Positions(RestrictionProvider):
    """From where on an element is read."""

    def initial_restriction(self, element: Any) -> Span:
        return Span(0)

    def create_tracker(self, restriction: Span) -> PositionTracker:
        return PositionTracker(restriction)

    def restriction_size(self, element: Any, restriction: Span) -> int:
        return 1  # only used to divide a restriction, which nobody does

    def truncate(self, element: Any, restriction: Span) -> None:
        """Draining a job: stop reading."""


TRACKER = beam.DoFn.RestrictionParam()
WATERMARK = beam.DoFn.WatermarkEstimatorParam(_WatermarkProvider())
FINALIZER = beam.DoFn.BundleFinalizerParam


class _Partitions(beam.DoFn, _Positions):
    """Emits ``(channel, partition)`` of each partition, once; a queue's partitions are numbered and only added."""

    def __init__(self, source: ReadQueue):
        self._open, self._reading = source.open_queue, source.reading

    @beam.DoFn.unbounded_per_element()
    def process(self, element: str, tracker: Any = TRACKER, watermark: Any = WATERMARK) -> Iterator[tuple[str, int]]:
        first = tracker.current_restriction().start
        try:
            with _OPEN.borrowed(self._open, element, ALL) as reader:
                partitions = sorted(p for p in reader.queue.start() if p >= first)
        except Unavailable as e:
            log.warning("partitions not seen", error=str(e))
            tracker.defer_remainder(Duration.of(self._reading.retry))
            return
        for partition in partitions:
            if not tracker.try_claim(partition):
                return
            log.info("partition found", channel=element, partition=partition)
            yield element, partition
        watermark.idle(Timestamp.now(), self._reading.disorder)
        tracker.defer_remainder(Duration.of(self._reading.look))


class _Messages(beam.DoFn, _Positions):
    """Reads the partition of ``(channel, partition)``."""

    def __init__(self, source: ReadQueue):
        self._open, self._read, self._progress = source.open_queue, source.read, source.progress
        self._reading = source.reading

    def initial_restriction(self, element: tuple[str, int]) -> Span:
        channel, partition = element
        return Span(self._progress(channel).get(partition, 0))

    # The finalizer before the tracker: Beam 2.77 counts the parameters wrongly otherwise.
    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: tuple[str, int],
        finalizer: Any = FINALIZER,
        tracker: Any = TRACKER,
        watermark: Any = WATERMARK,
    ) -> Iterator[Any]:
        channel, partition = element
        reading = self._reading
        first = position = tracker.current_restriction().start
        until = time.monotonic() + reading.turn
        pause = 0.0
        try:
            with _OPEN.borrowed(self._open, channel, partition) as reader:
                reader.commit(reading)
                waiting = reader.peek(position, reading)
                if waiting and _ABREAST.should_wait(channel, partition, waiting.appended_at):
                    tracker.defer_remainder(Duration.of(reading.hold))
                    return
                # At least one message a turn. Each is worked on here by what is fused to this step.
                while message := reader.next(position, reading):
                    if not tracker.try_claim(message.offset):
                        return
                    position = message.offset + 1
                    watermark.read_up_to(message.appended_at, reading.disorder)
                    yield TimestampedValue(self._read(message, reader.queue), _timestamp(message.appended_at))
                    if time.monotonic() >= until:
                        _ABREAST.is_at(channel, partition, message.appended_at)
                        break
                else:
                    _ABREAST.has_none(channel, partition)
                    watermark.idle(Timestamp.now(), reading.disorder)
                    pause = reading.pause
                if position > first:
                    finalizer.register(lambda: reader.done_before(position))
        except Unavailable as e:
            _ABREAST.has_none(channel, partition)
            log.warning("queue not read", channel=channel, partition=partition, error=str(e))
            pause = reading.retry
        tracker.defer_remainder(Duration.of(pause))


class _Reader:
    """A queue, open, of which one partition is read; what was read ahead of it, and how far it is done."""

    def __init__(self, queue: Queue, partition: int):
        self.queue = queue
        self._partition = partition
        self._ahead: deque[Message] = deque()
        self._position = 0
        self._done = self._committed = 0
        self._committed_at = time.monotonic()

    def next(self, position: int, reading: Reading) -> Message | None:
        """Take the first message from this position on; None if none waits."""
        message = self.peek(position, reading)
        if message:
            self._ahead.popleft()
            self._position = message.offset + 1
        return message

    def peek(self, position: int, reading: Reading) -> Message | None:
        """The same, and leave it there."""
        if position != self._position:  # the runner went back
            self._ahead.clear()
        if not self._ahead:
            here = {self._partition: position}
            self._ahead.extend(
                self.queue.read(here, reading.chunk_items, reading.chunk_bytes, reading.wait, [self._partition])
            )
        self._position = position
        return self._ahead[0] if self._ahead else None

    def done_before(self, position: int) -> None:
        """The runner has it for good. Called by another thread, so it only takes a note."""
        self._done = max(self._done, position)

    def commit(self, reading: Reading) -> None:
        """Tell the queue, now and then."""
        done, now = self._done, time.monotonic()
        if done > self._committed and now - self._committed_at >= reading.commit:
            self.queue.commit(reading.group, {self._partition: done})
            self._committed, self._committed_at = done, now


class OtherQueue(Exception):
    """The job's state is of another queue than the one that it finds."""


class _Readers:
    """The queues that this process has open, one for each partition that it reads. Calls of ``process`` for one
    partition follow each other, but in whatever thread and on whatever copy of the DoFn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Any, _Reader] = {}

    @contextmanager
    def borrowed(self, open_queue: Callable[[], Queue], channel: str, partition: int) -> Iterator[_Reader]:
        """Give a reader that nobody else uses meanwhile. Raises ``OtherQueue``, and what ``open_queue`` does."""
        key = (open_queue, channel, partition)
        with self._lock:
            reader = self._idle.pop(key, None)
        if reader is None:
            reader = _Reader(open_queue(), partition)
            if reader.queue.channel != channel:
                reader.queue.close()
                raise OtherQueue(
                    f"this job read {channel}, which is now {reader.queue.channel}: start it without a savepoint, then "
                    "it goes on where the warehouse says"
                )
        try:
            yield reader
        finally:
            with self._lock:
                other = self._idle.setdefault(key, reader)
            if other is not reader:  # a bundle that was given up still ran when the next one began
                reader.queue.close()


_OPEN = _Readers()
_ABREAST = Abreast()
