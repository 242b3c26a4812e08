"""Reading a queue as an unbounded source: positions, watermark, and the DoFns on the embedded queue, no runner."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from apache_beam.runners.sdf_utils import RestrictionTrackerView, ThreadsafeRestrictionTracker
from apache_beam.transforms.core import DoFn
from apache_beam.utils.timestamp import Duration, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from connectors.queue import Message, Outgoing, QueueFull, open_queue
from pipeline import source
from pipeline.abreast import Abreast
from pipeline.source import END, OtherQueue, PositionTracker, Reading, ReadQueue, Span, Watermark

READING = Reading(wait=0.0, turn=3600.0, commit=0.0)


@dataclass(frozen=True)
class Open:
    url: str

    def __call__(self):
        return open_queue(self.url)


def as_read(message, queue):
    return message.value.decode()


def nowhere(channel):
    return {}


@pytest.fixture
def queue(tmp_path):
    found = open_queue(f"sqlite:///{tmp_path}/queue.db")
    yield found
    found.close()


@pytest.fixture
def reads(queue):
    return ReadQueue(queue.channel, Open(queue.url), as_read, nowhere, READING)


def append(queue, *values: str) -> None:
    queue.append([Outgoing("herald.example", value.encode()) for value in values])


class Tracker(RestrictionTrackerView):
    """Remembers the delay that was asked for; Beam's takes off what has passed since."""

    delay = None

    def defer_remainder(self, deferred_time):
        self.delay = deferred_time
        super().defer_remainder(deferred_time)


class Turn:
    """One call of ``process``, as a runner makes it: what it emitted, where it would go on, when, and the watermark."""

    def __init__(self, fn, element, rest=None, watermark=None, finalizer=None):
        safe = ThreadsafeRestrictionTracker(PositionTracker(rest or fn.initial_restriction(element)))
        tracker, estimator = Tracker(safe), Watermark(watermark)
        arguments = {"tracker": tracker, "watermark": estimator}
        if isinstance(fn, source._Messages):
            arguments["finalizer"] = finalizer or DoFn.BundleFinalizerParam()
        self.found = [getattr(v, "value", v) for v in fn.process(element, **arguments)]
        self.rest, _ = safe.deferred_status()
        self.delay = tracker.delay
        self.watermark = estimator.current_watermark()
        safe.check_done()


# -- positions --


def test_what_was_not_claimed_is_left_for_later():
    tracker = PositionTracker(Span(5))
    assert tracker.try_claim(5)
    assert tracker.try_claim(8)  # offsets have gaps
    assert tracker.try_split(0) == (Span(5, 9), Span(9, END))
    tracker.check_done()
    assert not tracker.try_claim(9)


def test_a_partition_is_not_divided_among_readers():
    tracker = PositionTracker(Span(0))
    tracker.try_claim(0)
    assert tracker.try_split(0.5) is None
    assert tracker.current_restriction() == Span(0, END)


def test_a_position_is_not_claimed_twice():
    tracker = PositionTracker(Span(0))
    tracker.try_claim(3)
    with pytest.raises(ValueError, match="claimed after 3"):
        tracker.try_claim(3)


def test_messages_left_unread_are_noticed():
    tracker = PositionTracker(Span(0))
    tracker.try_claim(3)
    with pytest.raises(ValueError, match="from 4"):
        tracker.check_done()


def test_the_source_never_ends_by_itself():
    assert not PositionTracker(Span(0)).is_bounded()


@given(st.sets(st.integers(0, 1000)), st.integers(1, 5))
def test_every_position_is_read_once_however_often_it_stops(offsets, at_once):
    left, seen, span = sorted(offsets), [], Span(0)
    while left:
        tracker = PositionTracker(span)
        for offset in [o for o in left if o >= span.start][:at_once]:
            assert tracker.try_claim(offset)
            seen.append(offset)
        _, span = tracker.try_split(0)
        tracker.check_done()
        left = [o for o in left if o >= span.start]
    assert seen == sorted(offsets)


# -- watermark --

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seconds(at: datetime) -> Timestamp:
    return Timestamp.from_utc_datetime(at)


def test_the_watermark_follows_the_newest_message_at_a_distance():
    watermark = Watermark(None)
    watermark.read_up_to(NOON, 60)
    assert watermark.current_watermark() == seconds(NOON - timedelta(minutes=1))


def test_an_older_message_does_not_move_the_watermark_back():
    watermark = Watermark(None)
    watermark.read_up_to(NOON, 60)
    watermark.read_up_to(NOON - timedelta(hours=1), 60)
    assert watermark.current_watermark() == seconds(NOON - timedelta(minutes=1))


def test_a_quiet_partition_holds_nobody_up():
    watermark = Watermark(None)
    watermark.read_up_to(NOON, 60)
    watermark.idle(seconds(NOON + timedelta(hours=2)), 60)
    assert watermark.current_watermark() == seconds(NOON + timedelta(minutes=119))


def test_the_watermark_is_kept_over_a_checkpoint():
    watermark = Watermark(None)
    watermark.read_up_to(NOON, 60)
    again = Watermark(watermark.get_estimator_state())
    again.read_up_to(NOON - timedelta(hours=1), 60)
    assert again.current_watermark() == seconds(NOON - timedelta(minutes=1))


# -- messages --


def test_a_turn_reads_what_is_there_and_asks_for_another_later(queue, reads):
    append(queue, "a", "b", "c")
    turn = Turn(source._Messages(reads), (queue.channel, 0))
    assert turn.found == ["a", "b", "c"]
    assert turn.rest == Span(3, END)
    assert turn.delay == Duration.of(READING.pause)


def test_the_next_turn_goes_on_where_the_last_one_ended(queue, reads):
    append(queue, "a", "b")
    first = Turn(source._Messages(reads), (queue.channel, 0))
    append(queue, "c")
    assert Turn(source._Messages(reads), (queue.channel, 0), first.rest).found == ["c"]


def test_a_turn_ends_with_the_message_at_which_its_time_is_up_and_the_next_follows_at_once(queue, reads):
    append(queue, "a", "b", "c")
    reads.reading = Reading(wait=0.0, turn=0.0)
    turns = [Turn(source._Messages(reads), (queue.channel, 0))]
    for _ in range(2):
        turns.append(Turn(source._Messages(reads), (queue.channel, 0), turns[-1].rest))
    assert [turn.found for turn in turns] == [["a"], ["b"], ["c"]]
    assert [turn.delay for turn in turns] == [Duration(0)] * 3


def test_what_was_read_ahead_is_forgotten_when_the_runner_goes_back(queue, reads):
    append(queue, "a", "b", "c")
    reads.reading = Reading(wait=0.0, turn=0.0)
    fn = source._Messages(reads)
    first = Turn(fn, (queue.channel, 0))
    Turn(fn, (queue.channel, 0), first.rest)
    assert Turn(fn, (queue.channel, 0), first.rest).found == ["b"]
    assert Turn(fn, (queue.channel, 0), Span(0)).found == ["a"]


def test_a_partition_in_which_nothing_waits_rests_and_lets_the_watermark_pass(queue, reads):
    turn = Turn(source._Messages(reads), (queue.channel, 0))
    assert turn.found == []
    assert turn.rest == Span(0, END)
    assert turn.delay == Duration.of(READING.pause)
    assert turn.watermark is not None


def test_messages_carry_the_time_at_which_they_were_appended(queue, reads):
    append(queue, "a")
    (message,) = queue.read({0: 0}, 1, 10**6, 0)
    fn = source._Messages(reads)
    safe = ThreadsafeRestrictionTracker(PositionTracker(Span(0)))
    (found,) = fn.process(
        (queue.channel, 0), DoFn.BundleFinalizerParam(), RestrictionTrackerView(safe), Watermark(None)
    )
    assert found.timestamp == seconds(message.appended_at)


def test_a_new_job_begins_where_the_warehouse_says(queue, reads):
    append(queue, "a", "b", "c")
    reads.progress = lambda channel: {0: 2} if channel == queue.channel else {}
    assert Turn(source._Messages(reads), (queue.channel, 0)).found == ["c"]


def test_a_queue_that_is_away_is_tried_again_later(queue, reads, monkeypatch):
    append(queue, "a")

    def away(self, *arguments):
        raise QueueFull("broker gone")

    with monkeypatch.context() as patch:
        patch.setattr("connectors.queue.sqlite.SQLiteQueue.read", away)
        turn = Turn(source._Messages(reads), (queue.channel, 0))
    assert (turn.found, turn.rest, turn.delay) == ([], Span(0, END), Duration.of(READING.retry))
    assert Turn(source._Messages(reads), (queue.channel, 0), turn.rest).found == ["a"]


def test_a_mistake_is_not_taken_for_a_queue_that_is_away(queue, reads):
    append(queue, "a")

    def broken(message, queue):
        raise ValueError("a mistake")

    reads.read = broken
    with pytest.raises(ValueError, match="a mistake"):
        Turn(source._Messages(reads), (queue.channel, 0))


def test_the_state_of_another_queue_is_refused(queue, reads):
    with pytest.raises(OtherQueue, match="start it without a savepoint"):
        Turn(source._Messages(reads), ("another.db#0", 0))


def test_the_group_follows_what_the_runner_has_for_good(queue, reads):
    append(queue, "a", "b")
    fn, finalizer = source._Messages(reads), DoFn.BundleFinalizerParam()
    first = Turn(fn, (queue.channel, 0), finalizer=finalizer)
    second = Turn(fn, (queue.channel, 0), first.rest)
    assert queue.committed("stream") == {}
    finalizer.finalize_bundle()
    Turn(fn, (queue.channel, 0), second.rest)
    assert queue.committed("stream") == {0: 2}


def test_an_idle_turn_asks_for_no_finalization(queue, reads):
    finalizer = DoFn.BundleFinalizerParam()
    Turn(source._Messages(reads), (queue.channel, 0), finalizer=finalizer)
    assert not finalizer.has_callbacks()


def test_one_partition_is_never_read_through_one_queue_by_two_at_a_time(queue):
    opener = Open(queue.url)
    with source._OPEN.borrowed(opener, queue.channel, 0) as one, source._OPEN.borrowed(opener, queue.channel, 0) as two:
        assert one.queue is not two.queue
    with source._OPEN.borrowed(opener, queue.channel, 0) as again:
        assert again.queue in (one.queue, two.queue)


# -- partitions --


class Partitioned:
    """A queue of which only the partitions matter, and when the one message of each was appended."""

    def __init__(self, *partitions: int, appended: datetime | None = None):
        self.channel, self.partitions, self.appended = "topic", partitions, appended

    def start(self):
        return dict.fromkeys(self.partitions, 0)

    def read(self, positions, limit, max_bytes, timeout, partitions):
        (partition,) = partitions
        if positions[partition] > 0:
            return []
        return [Message(partition, 0, "", b"%d" % partition, {}, self.appended + timedelta(seconds=partition))]


def test_of_partitions_that_are_behind_the_oldest_are_read_first(monkeypatch):
    monkeypatch.setattr(source, "_ABREAST", Abreast())
    topic = Partitioned(appended=datetime.now(UTC) - timedelta(hours=1))
    fn = source._Messages(ReadQueue("topic", lambda: topic, as_read, nowhere, READING))
    for partition in (1, 2):
        source._ABREAST.is_at("topic", partition, topic.appended + timedelta(seconds=partition))
    held = Turn(fn, ("topic", 3))
    assert (held.found, held.rest, held.delay) == ([], Span(0, END), Duration.of(READING.hold))
    assert Turn(fn, ("topic", 1)).found == ["1"]  # to its end
    assert Turn(fn, ("topic", 3), held.rest).found == ["3"]


def test_each_partition_is_found_once_and_new_ones_later():
    topic = Partitioned(0, 1)
    fn = source._Partitions(ReadQueue("topic", lambda: topic, as_read, nowhere, READING))
    first = Turn(fn, "topic")
    assert first.found == [("topic", 0), ("topic", 1)]
    assert first.delay == Duration.of(READING.look)
    assert Turn(fn, "topic", first.rest).found == []
    topic.partitions = (0, 1, 2, 3)
    assert Turn(fn, "topic", first.rest).found == [("topic", 2), ("topic", 3)]


def test_partitions_are_looked_for_later_when_the_queue_is_away():
    def away():
        raise QueueFull("broker gone")

    turn = Turn(source._Partitions(ReadQueue("topic", away, as_read, nowhere, READING)), "topic")
    assert (turn.found, turn.delay) == ([], Duration.of(READING.retry))
