"""Reading archives as an unbounded source: places, lanes, and where a job goes on. No runner."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from apache_beam.runners.sdf_utils import RestrictionTrackerView, ThreadsafeRestrictionTracker
from hypothesis import given
from hypothesis import strategies as st

from connectors.archives import ArchiveAway, Archived, ArchiveError, Piece
from pipeline import archive_source
from pipeline.archive_source import END, FIRST, Place, PlaceTracker, ReadArchives, Rest
from pipeline.channel import Item, NoMore
from schemas.records import Fetched, Progress

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Listed:
    """An archive of so many records a piece, at positions 10, 20, 30; every third is no page. ``away``: a position at
    which the storage fails, once."""

    name: str
    sizes: tuple[int, ...]
    away: int = 0

    def pieces(self):
        return [Piece(number) for number in range(len(self.sizes))]

    def read(self, piece, position=0):
        for n in range(self.sizes[piece.number]):
            at = 10 * (n + 1)
            if at <= position:
                continue
            if at == self.away and (self.name, at) not in FAILED:
                FAILED.add((self.name, at))
                raise ArchiveAway("the storage is away")
            page = Fetched(fetch_id=f"{self.name}.{piece.number}.{n}", source="s")
            yield Archived(at, at, None if n % 3 == 2 else page)


FAILED: set[tuple[str, int]] = set()


@pytest.fixture(autouse=True)
def nothing_is_open(monkeypatch):
    monkeypatch.setattr(archive_source, "_OPEN", archive_source._Readers())
    FAILED.clear()


def nothing(channel):
    return []


def reads(*archives, lanes=1, progress=nothing):
    fn = archive_source._Records(ReadArchives([(a.name, a) for a in archives], progress, lanes))
    fn.setup()
    return fn


def turn(fn, lane, rest=Rest(FIRST)):  # noqa: B008 - frozen
    """One call of ``process``, as a runner makes it: what it emitted, and where it goes on."""
    safe = ThreadsafeRestrictionTracker(PlaceTracker(rest))
    found = list(fn.process(lane, tracker=RestrictionTrackerView(safe)))
    left, _ = safe.deferred_status() or (None, None)
    safe.check_done()
    return found, left


def walk(fn, lane, rest=Rest(FIRST)):  # noqa: B008 - frozen
    """All that a lane gives, turn after turn, and the number of turns."""
    found, turns = [], 0
    while rest is not None:
        part, rest = turn(fn, lane, rest)
        found += part
        turns += 1
    return found, turns


def ids(found):
    return [item.fetched.fetch_id if isinstance(item, Item) else (item.channel, item.partition) for item in found]


def test_a_lane_reads_its_pieces_one_after_the_other():
    found, turns = walk(reads(Listed("a", (2, 1)), Listed("b", (4,))), 0)
    assert turns == 1
    assert ids(found) == ["a.0.0", "a.0.1", ("a", 0), "a.1.0", ("a", 1), "b.0.0", "b.0.1", "b.0.3", ("b", 0)]
    assert found[-2] == Item(Fetched(fetch_id="b.0.3", source="s"), 40, 0, "b")
    assert found[-1] == NoMore(0, "b")


def test_every_piece_is_in_one_lane():
    fn = reads(Listed("a", (1, 1, 1)), Listed("b", (1, 1)), lanes=3)
    assert [ids(walk(fn, lane)[0]) for lane in range(3)] == [
        ["a.0.0", ("a", 0), "b.0.0", ("b", 0)],
        ["a.1.0", ("a", 1), "b.1.0", ("b", 1)],
        ["a.2.0", ("a", 2)],
    ]


def test_a_lane_without_pieces_is_done():
    assert turn(reads(Listed("a", (1,)), lanes=2), 1) == ([], None)


def test_after_each_turn_it_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(archive_source, "TURN", 0.0)  # a record a turn
    found, turns = walk(reads(Listed("a", (2, 4))), 0)
    assert ids(found) == ["a.0.0", "a.0.1", ("a", 0), "a.1.0", "a.1.1", "a.1.3", ("a", 1)]
    assert turns == 7  # and one that finds the end


def test_another_process_goes_on_there_too(monkeypatch):
    monkeypatch.setattr(archive_source, "TURN", 0.0)
    fn = reads(Listed("a", (3,)))
    _, left = turn(fn, 0)
    assert left == Rest(Place(0, 10), END)
    monkeypatch.setattr(archive_source, "_OPEN", archive_source._Readers())
    monkeypatch.setattr(archive_source, "TURN", 60.0)
    assert ids(turn(fn, 0, left)[0]) == ["a.0.1", ("a", 0)]


def test_a_new_job_leaves_out_what_is_done():
    known = [
        Progress(channel="a", partition=0, position=20, done=True, at=NOW),
        Progress(channel="a", partition=1, position=10, at=NOW),
    ]
    found, _ = walk(reads(Listed("a", (2, 2)), progress=lambda channel: known), 0)
    assert ids(found) == ["a.1.1", ("a", 1)]


def test_a_storage_that_is_away_is_asked_again():
    fn = reads(Listed("a", (2,), away=20))
    found, left = turn(fn, 0)
    assert (ids(found), left) == (["a.0.0"], Rest(Place(0, 10), END))
    assert ids(turn(fn, 0, left)[0]) == ["a.0.1", ("a", 0)]


def test_what_can_not_be_read_at_all_is_raised():
    class Broken(Listed):
        def read(self, piece, position=0):
            raise ArchiveError("there is no archive file at a")

    with pytest.raises(ArchiveError, match="no archive file"):
        turn(reads(Broken("a", (1,))), 0)


def test_a_place_is_not_claimed_twice():
    tracker = PlaceTracker(Rest(FIRST))
    assert tracker.try_claim(Place(0, 10))
    with pytest.raises(ValueError, match="was claimed after"):
        tracker.try_claim(Place(0, 10))


def test_records_left_unread_are_noticed():
    tracker = PlaceTracker(Rest(FIRST))
    tracker.try_claim(Place(3))
    with pytest.raises(ValueError, match="was not read"):
        tracker.check_done()


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=60), st.integers(1, 5))
def test_every_place_is_read_once_however_often_it_stops(places, at_once):
    wanted, seen, rest = sorted(Place(*p) for p in places if p > (0, 0)), [], Rest(FIRST)
    left = wanted
    while left:
        tracker = PlaceTracker(rest)
        for place in left[:at_once]:
            assert tracker.try_claim(place)
            seen.append(place)
        done, rest = tracker.try_split(0)
        assert done.stop == rest.start
        tracker.check_done()
        left = [place for place in left if place > rest.start]
    assert seen == wanted
