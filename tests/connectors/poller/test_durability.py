"""What is never lost: the order of commits, a full queue, a stop and a kill in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal

import pytest
from paper import Desk, item, rss

from connectors.poller import PollState, StateError, StateInUse, read_feeds
from connectors.poller.dispatch import Lanes
from connectors.poller.feed_state import FeedState
from connectors.poller.state import Change, StateFailed
from connectors.queue import QueueFull, QueueUnavailable
from connectors.queue.sqlite import SQLiteQueue


class Crash(Exception):
    """The queue's disk breaks."""


class Faulty:
    """A queue in front of another that goes wrong as told: ``faults`` is called before (False) and after (True) each
    append, with the number of it."""

    def __init__(self, queue, faults):
        self.queue, self.faults, self.appends = queue, faults, 0

    def append(self, messages):
        self.appends += 1
        self.faults(self.appends, False)
        positions = self.queue.append(messages)
        self.faults(self.appends, True)
        return positions

    def __getattr__(self, name):
        return getattr(self.queue, name)


@pytest.mark.parametrize("after", [False, True], ids=["before the append", "between append and state"])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_crash_at_any_commit_loses_nothing(desk, site, publish, number, after):
    publish(1, 2, 3)
    site.put("/feed", rss(item(1), item(2), item(3), item(4, link=""), item(5, link="", extra=FULL)))
    desk.set_pages(lanes=Lanes(per_host=1))

    def crash(append, done):
        if (append, done) == (number, after):
            raise Crash

    queue, desk.queue = desk.queue, Faulty(desk.queue, crash)
    with contextlib.suppress(Crash):
        desk.poll()
    desk.queue = queue
    desk.later(minutes=1)
    desk.poll()
    kinds = {(f.url, f.failure and f.failure.reason, f.body is None) for f in desk.news()}
    pages = {(site.url(f"/news/{n}"), None, False) for n in (1, 2, 3)}
    assert kinds == pages | {(None, "entry_no_link", False), (None, None, True)}
    assert desk.counts()["pages"] == 0


FULL = "<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'>The whole text.</content:encoded>"


def test_a_full_queue_slows_the_poller_and_drops_nothing(desk, site, publish):
    publish(*range(1, 9))
    refusals = []

    def full(append, done):
        if not done and append % 2:
            refusals.append(append)
            raise QueueFull

    told = []
    desk.on_event = lambda event: told.append(event.outcome) if event.kind == "queue" else None
    queue, desk.queue = desk.queue, Faulty(desk.queue, full)
    summary = desk.poll()
    desk.queue = queue
    assert told[:2] == ["full", "room"]
    assert len(refusals) >= 2
    assert summary.messages == 8
    assert len(desk.news()) == 8


def test_brokers_that_are_away_slow_the_poller_and_drop_nothing(desk, site, publish):
    publish(*range(1, 9))
    tries = []

    def away(append, done):
        tries.append((append, done))
        if len(tries) == 1 or (len(tries) == 3 and done):  # before an append, and after one that was not acknowledged
            raise QueueUnavailable("no Kafka answers")

    told = []
    desk.on_event = lambda event: told.append(event) if event.kind == "queue" else None
    queue, desk.queue = desk.queue, Faulty(desk.queue, away)
    summary = desk.poll()
    desk.queue = queue
    assert [event.outcome for event in told][:2] == ["full", "room"]
    assert told[0].detail == "no Kafka answers"
    assert summary.messages == 8
    assert {item.url for item in desk.news()} == {site.url(f"/news/{n}") for n in range(1, 9)}


def test_a_group_that_is_larger_than_the_queue_has_room_goes_in_parts(desk, site, tmp_path):
    desk.queue.close()
    desk.queue = SQLiteQueue(f"sqlite:///{tmp_path}/small.db?max_messages=6")
    site.put("/feed", rss(*(item(n, extra=FULL) for n in range(12))))
    desk.source(full_text="feed")
    taken = []

    def drain():
        """The pipeline: takes what is there, and is done with it."""
        queue = SQLiteQueue(f"sqlite:///{tmp_path}/small.db?max_messages=6")
        position = 0
        while len(taken) < 12:
            for message in queue.read({0: position}, 100, 10**9, 5.0):
                taken.append(message.value)
                position = message.offset + 1
            queue.commit("stream", {0: position})
        queue.close()

    async def both():
        state = PollState(desk.state_path)
        desk.queue.commit("stream", {0: 0})
        summary, _ = await asyncio.gather(desk.poller(state).run(once=True), asyncio.to_thread(drain))
        state.close()
        return summary

    assert asyncio.run(both()).messages == 12
    assert len(set(taken)) == 12


def test_an_error_of_the_queue_ends_the_run_with_it(desk, publish):
    publish(1)

    def crash(append, done):
        raise Crash

    desk.queue = Faulty(desk.queue, crash)
    with pytest.raises(Crash):
        desk.poll()


def test_stop_leaves_what_hangs_and_the_state_consistent(desk, site, publish):
    publish(1, 2)
    site.put("/news/2", hang=True)
    desk.on_event = lambda event: desk.running.stop() if event.outcome == "fetched" else None
    summary = desk.poll()
    assert summary.pages == {"fetched": 1}
    assert summary.seconds < desk.settings.document_caps.time
    assert desk.counts()["pages"] == 1
    site.put("/news/2", "<p>x</p>")
    desk.on_event = lambda event: None
    assert desk.poll().pages == {"fetched": 1}
    assert len(desk.news()) == 2


def test_the_loop_polls_what_becomes_due_until_stopped(desk, publish):
    publish(1)
    polls = []

    def move_on(event):
        if event.kind == "source":
            polls.append(event.outcome)
            desk.later(hours=7)
            if len(polls) == 3:
                desk.running.stop()

    desk.on_event = move_on

    async def loop():
        state = PollState(desk.state_path)
        desk.running = desk.poller(state)
        await desk.running.run()
        state.close()

    asyncio.run(loop())
    assert polls == ["new", "unchanged", "unchanged"]


def test_an_error_of_the_queue_ends_the_loop_with_it(desk, publish):
    publish(1)

    def crash(append, done):
        raise Crash

    desk.queue = Faulty(desk.queue, crash)

    async def loop():
        state = PollState(desk.state_path)
        try:
            await desk.poller(state).run()
        finally:
            state.close()

    with pytest.raises(Crash):
        asyncio.run(loop())


def test_a_second_poller_on_the_state_is_refused(tmp_path):
    state = PollState(tmp_path / "poller.db")
    with pytest.raises(StateInUse, match="in use by another poller"):
        PollState(tmp_path / "poller.db")
    state.close()
    PollState(tmp_path / "poller.db").close()


def test_the_state_can_be_looked_at_while_the_poller_works(desk, publish, tmp_path):
    assert read_feeds(desk.state_path) == []
    publish(1)
    desk.poll()
    state = PollState(desk.state_path)
    (feed,) = read_feeds(desk.state_path)
    assert (feed.source, feed.status, feed.title, feed.entries) == ("Paper", "ok", "The Paper", 1)
    state.close()


def test_a_state_that_can_not_grow_changes_nothing_and_says_which_file_it_is(tmp_path):
    state = PollState(tmp_path / "poller.db")
    pages = state._db.execute("PRAGMA page_count").fetchone()[0]
    state._db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite can't grow past, as on a full disk
    feed = FeedState.of("https://herald.example/" + "x" * 100_000, "s")
    with pytest.raises(StateFailed, match=r"poller\.db can't be written"):
        state.apply([Change(url=feed.url, feed=feed)])
    assert state.counts()["feeds"] == 0
    state.close()


@pytest.mark.parametrize("content", [b"not a database at all", b"\0" * 5000])
def test_a_file_that_is_no_state_is_refused(content, tmp_path):
    (tmp_path / "poller.db").write_bytes(content)
    with pytest.raises(StateError, match=r"poller\.db"):
        PollState(tmp_path / "poller.db")
    with pytest.raises(StateError, match=r"poller\.db"):
        read_feeds(tmp_path / "poller.db")


def test_a_state_of_a_newer_wiredesk_is_refused(tmp_path):
    state = PollState(tmp_path / "poller.db")
    state._db.execute("PRAGMA user_version = 99")
    state.close()
    with pytest.raises(StateError, match="upgrade wiredesk"):
        PollState(tmp_path / "poller.db")


def _poll_and_die(port: int, folder: str, after: int) -> None:
    """Poll, and kill the process at the ``after``-th event."""
    desk = Desk.on_port(port, folder)
    seen = []

    def die(event):
        seen.append(event)
        if len(seen) == after:
            os.kill(os.getpid(), signal.SIGKILL)

    desk.on_event = die
    desk.poll()


@pytest.mark.slow
def test_kills_lose_nothing_and_repeat_little(desk, site, publish):
    publish(*range(1, 31))
    context = multiprocessing.get_context("forkserver")
    for after in (1, 2, 5, 9, 4, 7):
        process = context.Process(target=_poll_and_die, args=(site.port, str(desk.folder), after))
        process.start()
        process.join(60)
        assert process.exitcode is not None
    desk.poll()
    urls = [f.url for f in desk.news()]
    assert set(urls) == {site.url(f"/news/{n}") for n in range(1, 31)}
    assert len(urls) <= 30 + 6 * desk.settings.pages.lanes.per_host
