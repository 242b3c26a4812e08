"""The parts of the poller by themselves."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds.model import FeedError, Item, SitemapLink
from connectors.poller.dispatch import Dispatcher, Lanes
from connectors.poller.feed_state import FeedState, permanent_target
from connectors.poller.items import ItemSettings, entry_key, news, recent
from connectors.poller.state import Change, Child, PageDue, PollState, Seen
from connectors.scraper.documents import Document, Reader, ReaderSettings
from connectors.scraper.sitemaps import chosen, period_end
from schemas.records import DateClue, Entry

AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


# -- dispatch --


class Jobs:
    """Jobs that end when told, and what is known of them."""

    def __init__(self, lanes):
        self.running = []
        self.done = []
        self.most = {}
        self._ends = {}
        self.dispatcher = Dispatcher(self._run, lanes)

    async def _run(self, job):
        self.running.append(job)
        host = job[0]
        self.most[host] = max(self.most.get(host, 0), sum(j[0] == host for j in self.running))
        self._ends[job] = asyncio.Event()
        await self._ends[job].wait()
        self.running.remove(job)
        self.done.append(job)

    def end(self, *jobs):
        for job in jobs:
            self._ends[job].set()


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_jobs_of_one_host_wait_for_each_other_and_others_pass():
    async def run():
        jobs = Jobs(Lanes(per_host=1, quick=10, open=10))
        for job in ["a1", "a2", "a3", "b1"]:
            jobs.dispatcher.put(job[0], job)
        await settle()
        assert jobs.running == ["a1", "b1"]
        jobs.end("a1")
        await settle()
        assert jobs.running == ["b1", "a2"]
        jobs.end("b1", "a2")
        await settle()
        jobs.end("a3")
        await jobs.dispatcher.idle()
        assert jobs.done == ["a1", "b1", "a2", "a3"]
        assert jobs.most == {"a": 1, "b": 1}

    asyncio.run(run())


def test_a_job_that_outstays_its_patience_lets_another_start():
    async def run():
        jobs = Jobs(Lanes(per_host=1, quick=1, open=2, patience=0.01))
        for job in ["a1", "b1", "c1"]:
            jobs.dispatcher.put(job[0], job)
        await settle()
        assert jobs.running == ["a1"]
        while len(jobs.running) < 2:
            await asyncio.sleep(0.005)
        assert jobs.running == ["a1", "b1"]
        jobs.end("b1")
        while "c1" not in jobs.running:
            await asyncio.sleep(0.005)
        jobs.end("a1", "c1")
        await jobs.dispatcher.idle()
        assert len(jobs.dispatcher) == 0

    asyncio.run(run())


def test_while_held_nothing_starts():
    async def run():
        jobs = Jobs(Lanes())
        jobs.dispatcher.hold()
        jobs.dispatcher.put("a", "a1")
        await settle()
        assert jobs.running == []
        jobs.dispatcher.resume()
        await settle()
        assert jobs.running == ["a1"]
        await jobs.dispatcher.stop(0.0)
        assert jobs.done == []

    asyncio.run(run())


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 3), st.integers(1, 6))
def test_every_job_runs_once_and_the_bounds_hold(hosts, per_host, at_once):
    async def run():
        running, done, most = [], [], 0

        async def job(name):
            nonlocal most
            running.append(name)
            most = max(most, len(running))
            assert sum(n[0] == name[0] for n in running) <= per_host
            await asyncio.sleep(0)
            running.remove(name)
            done.append(name)

        dispatcher = Dispatcher(job, Lanes(per_host=per_host, quick=at_once, open=at_once))
        names = [f"{host}{i}" for i, host in enumerate(hosts)]
        for name in names:
            dispatcher.put(name[0], name)
        await dispatcher.idle()
        assert sorted(done) == sorted(names)
        assert most <= at_once

    asyncio.run(run())


def test_an_error_of_a_job_is_raised_to_who_waits():
    async def run():
        async def job(name):
            raise OSError("no disk")

        dispatcher = Dispatcher(job, Lanes())
        dispatcher.put("a", "a1")
        with pytest.raises(OSError, match="no disk"):
            await dispatcher.idle()
        with pytest.raises(OSError, match="no disk"):
            await dispatcher.failed()

    asyncio.run(run())


# -- items --


def an_item(name, title="Title", modified=None, published=None):
    dates = [DateClue(raw=raw, origin="sitemap", role=role) for role, raw in dated(modified, published)]
    return Item(url=f"http://a.test/{name}", identity=name, entry=Entry(title=title, dates=tuple(dates)))


def dated(modified, published):
    return [(role, raw) for role, raw in (("modified", modified), ("published", published)) if raw]


def remembered(found, known=()):
    return {**dict(known), **{seen.entry: seen for seen in found.seen}}


titles = st.dictionaries(st.sampled_from([f"e{i}" for i in range(8)]), st.sampled_from("xyz"), max_size=8)


@given(st.lists(titles, max_size=6))
def test_every_entry_is_new_exactly_once_and_changes_when_it_does(documents):
    settings = ItemSettings(hold_off=timedelta(0))
    known, at = {}, AT
    texts = {}
    for document in documents:
        at += timedelta(hours=1)
        found = news([an_item(n, t) for n, t in document.items()], (), known, at, settings)
        assert {i.identity for i in found.new} == document.keys() - texts.keys()
        assert {i.identity for i in found.changed} == {n for n, t in document.items() if texts.get(n, t) != t}
        known = remembered(found, known)
        texts.update(document)
    assert known.keys() == {entry_key(an_item(n)) for n in texts}


def test_a_change_within_the_hold_off_is_taken_when_it_is_over():
    known = remembered(news([an_item("a")], (), {}, AT, ItemSettings()))
    for minutes, taken in ((5, False), (11, True)):
        at = AT + timedelta(minutes=minutes)
        found = news([an_item("a", "Other")], (), known, at, ItemSettings())
        assert bool(found.changed) is taken
    again = news([an_item("a", "Third")], (), remembered(found, known), at + timedelta(minutes=15), ItemSettings())
    assert not again.changed


def test_an_identity_twice_in_a_document_is_taken_once():
    found = news([an_item("a", "One"), an_item("a", "Two")], (), {}, AT, ItemSettings())
    assert [item.entry.title for item in found.new] == ["One"]


def test_a_modified_date_is_a_change_and_a_published_one_is_not():
    known = remembered(news([an_item("a", modified="2026-03-14", published="1")], (), {}, AT, ItemSettings()))
    later = AT + timedelta(hours=1)
    assert not news([an_item("a", modified="2026-03-14", published="2")], (), known, later, ItemSettings()).changed
    assert news([an_item("a", modified="2026-03-15", published="1")], (), known, later, ItemSettings()).changed


@pytest.mark.parametrize(
    ("raw", "is_news"),
    [
        ("9999-12-31T23:59:59+14:00", True),
        ("0001-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+14:00", True),  # of the year before the first: no date, but new to the sitemap
        ("0000-00-00", True),
        ("x" * 9999, True),
    ],
)
def test_absurd_dates_of_sitemaps_break_nothing(raw, is_news):
    item = an_item("a", modified=raw)
    assert recent([item], True, AT, timedelta(days=3)) == ((item,) * is_news, ())


# -- sitemaps --


@pytest.mark.parametrize(
    ("url", "end"),
    [
        ("/sitemap.xml", None),
        ("/sitemap-12.xml", None),
        ("/sitemap-2025.xml", datetime(2026, 1, 1, tzinfo=UTC)),
        ("/2025-12.xml", datetime(2026, 1, 1, tzinfo=UTC)),
        ("/2026/03/map.xml", datetime(2026, 4, 1, tzinfo=UTC)),
        ("/news-20260313.xml", datetime(2026, 3, 14, tzinfo=UTC)),
        ("/post-2026-02-30.xml", None),
        ("/202613.xml", None),
        ("/id-1202603140.xml", None),
    ],
)
def test_the_period_that_a_sitemap_is_named_for(url, end):
    assert period_end(f"http://a.test{url}") == end


@given(st.lists(st.sampled_from([f"http://a.test/{n}.xml" for n in range(30)] + ["/2026-03.xml", "/2019-01.xml"])))
def test_chosen_sitemaps_are_some_of_the_links_each_once(links):
    found = chosen([SitemapLink(link) for link in links], 10, AT, timedelta(days=3))
    assert len(found) == len(set(found)) <= 10
    assert set(found) <= set(links)
    assert "/2019-01.xml" not in found
    if "/2026-03.xml" in links:
        assert found[0] == "/2026-03.xml"


def test_sitemaps_modified_last_are_chosen_first_and_old_ones_not():
    links = [
        SitemapLink("/old", "2026-02-01"),
        SitemapLink("/undated"),
        SitemapLink("/today", "2026-03-14T06:00:00+00:00"),
        SitemapLink("/yesterday", "2026-03-13"),
        SitemapLink("/2019-01.xml", "2026-03-14"),
        SitemapLink("/garbled", "soon"),
    ]
    assert chosen(links, 10, AT, timedelta(days=3)) == ["/today", "/yesterday", "/garbled", "/undated"]
    assert chosen(links, 1, AT, timedelta(days=3)) == ["/today"]


def test_an_index_whose_dates_nobody_keeps_is_read_all_the_same():
    links = [SitemapLink("/a", "2021-02-01"), SitemapLink("/b", "2021-02-02")]
    assert chosen(links, 10, AT, timedelta(days=3)) == ["/b", "/a"]


# -- state --


def test_permanent_redirects_count_up_to_the_first_temporary_one():
    assert permanent_target("a", [(301, "b"), (308, "c"), (302, "d"), (301, "e")]) == "c"
    assert permanent_target("a", [(302, "b"), (301, "c")]) is None
    assert permanent_target("a", [(301, "b"), (301, "a")]) is None
    assert permanent_target("a", []) is None


def test_a_feed_state_comes_back_as_it_was(tmp_path):
    full = FeedState(
        url="http://a.test/feed",
        source="A",
        address="http://b.test/feed",
        status="throttled",
        reason="http_status",
        detail="429",
        failures=3,
        etag='"x"',
        last_modified="Sat, 14 Mar 2026 08:00:00 GMT",
        body_hash=b"\x00\xff",
        unmodified=4,
        caught=1,
        distrust_until=AT,
        full_at=AT,
        move_to="http://c.test/feed",
        move_seen=2,
        rate=0.25,
        ttl=timedelta(minutes=90),
        next_poll_at=AT,
        polled_at=AT,
        succeeded_at=AT,
        new_at=AT,
        title="The Paper",
        format="rss20",
        polls=7,
        entries=99,
    )
    bare = FeedState.of("http://d.test/feed", "D")
    state = PollState(tmp_path / "poller.db")
    state.apply([Change(url=full.url, feed=full), Change(url=bare.url, feed=bare)])
    state.close()
    state = PollState(tmp_path / "poller.db")
    assert state.feeds() == {full.url: full, bare.url: bare}
    state.close()


def test_a_group_of_changes_is_applied_whole_or_not_at_all(tmp_path):
    state = PollState(tmp_path / "poller.db")
    good = FeedState.of("http://a.test/feed", "A")
    bad = FeedState(url="http://b.test/feed", source="B", address=None)
    with pytest.raises(Exception, match="NOT NULL"):
        state.apply([Change(url=good.url, feed=good), Change(url=bad.url, feed=bad)])
    assert state.counts()["feeds"] == 0
    state.apply([Change(url=good.url, feed=good, children=[Child("http://a.test/s.xml", etag="x", present_at=5)])])
    assert state.children(good.url)["http://a.test/s.xml"].etag == "x"
    state.close()


def test_a_page_that_the_feed_renewed_is_not_done_with(tmp_path):
    state = PollState(tmp_path / "poller.db")
    feed = FeedState.of("http://a.test/feed", "A")
    old = PageDue(b"k", feed.url, "http://a.test/1", AT, b"old")
    new = PageDue(b"k", feed.url, "http://a.test/1", AT, b"new")
    state.apply([Change(url=feed.url, feed=feed, pages=[old])])
    state.apply([Change(url=feed.url, pages=[new])])
    state.apply([Change(url=feed.url, done=[old])])
    assert state.page(b"k") == new
    state.apply([Change(url=feed.url, done=[new])])
    assert state.page(b"k") is None
    state.close()


def test_seen_entries_belong_to_their_feed(tmp_path):
    state = PollState(tmp_path / "poller.db")
    one, two = FeedState.of("http://a.test/1", "A"), FeedState.of("http://a.test/2", "B")
    seen = Seen(b"e", b"c", 0, 1, 1)
    state.apply([Change(url=one.url, feed=one, seen=[seen]), Change(url=two.url, feed=two)])
    assert state.seen(one.url, [b"e", b"x"]) == {b"e": seen}
    assert state.seen(two.url, [b"e"]) == {}
    state.close()


# -- the reader --


SECTION = b"<p><a href='/2026/03/14/a-long-story-here'>A long story here now</a>"


class EndlessRules:
    """Rules that never come to an end; they stand for a document that does not."""

    links = ()
    include = ()

    @property
    def exclude(self):
        while True:
            pass


def test_a_document_that_takes_too_long_is_given_up_and_the_reader_goes_on():
    async def run():
        with Reader(ReaderSettings(timeout=1.0)) as impatient:
            with pytest.raises(FeedError, match="not read within 1 s"):
                await impatient.read(Document(SECTION, None, "http://a.test/", section=True, rules=EndlessRules()))
            return await impatient.read(Document(SECTION, None, "http://a.test/", section=True))

    assert [item.url for item in asyncio.run(run()).items] == ["http://a.test/2026/03/14/a-long-story-here"]


class DeadlyRules(EndlessRules):
    """Rules that take their process with them, as a fault in a parser's C code does."""

    @property
    def exclude(self):
        os._exit(11)


def test_a_document_that_kills_the_parser_costs_only_itself():
    async def run():
        with Reader(ReaderSettings()) as reader:
            with pytest.raises(FeedError, match="the parser died of it"):
                await reader.read(Document(SECTION, None, "http://a.test/", section=True, rules=DeadlyRules()))
            return await reader.read(Document(SECTION, None, "http://a.test/", section=True))

    assert len(asyncio.run(run()).items) == 1
