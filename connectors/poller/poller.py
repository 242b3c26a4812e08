"""The poller: thousands of sources and their pages from one asynchronous process, into the queue."""

from __future__ import annotations

import asyncio
import heapq
import random as random_
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver

from connectors.http import HostGate, HttpClient, Robots
from connectors.poller.commit import Committer
from connectors.poller.dispatch import Dispatcher
from connectors.poller.feed_state import FeedState
from connectors.poller.page_visit import PageVisit
from connectors.poller.settings import Event, OnEvent, PollSettings, Summary, Tally
from connectors.poller.source_poll import SourcePoll, cadence_of
from connectors.poller.state import Change, PageDue, PollState
from connectors.poller.tools import Tools
from connectors.queue import Queue
from connectors.scraper.documents import Reader
from connectors.scraper.pages import Web
from connectors.scraper.rules import Rules, own_rules, rules_for
from connectors.sources import Source

IDLE = 3600.0
"""Seconds: the longest sleep of the loop, were nothing ever due."""


@dataclass(frozen=True, order=True)
class _Due:
    """Something to do at a time; sorts by it. ``page`` is the key of a page, None for a poll of the source."""

    at: datetime
    number: int
    source_url: str
    page: bytes | None = None
    host: str = ""


class Poller:
    """Polls ``sources`` into ``queue``, remembering in ``state``; both are the caller's to close.

    ``now`` gives the time (aware), ``random`` numbers in [0, 1); ``resolver`` replaces the system's; ``reader`` is
    one that is open already, and stays the caller's; ``on_event`` is told of everything that was done, after it is
    committed. One ``run`` at a time. Raises ``RulesError`` when a source names rules that there are not.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        queue: Queue,
        state: PollState,
        settings: PollSettings | None = None,
        *,
        rules: Rules | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = random_.random,
        resolver: AbstractResolver | None = None,
        reader: Reader | None = None,
        on_event: OnEvent = lambda event: None,
    ):
        self.settings = settings or PollSettings()
        self._sources: Mapping[str, Source] = {source.url: source for source in sources if source.enabled}
        self._queue, self._state = queue, state
        self._rules = own_rules() if rules is None else rules
        for source in self._sources.values():
            rules_for(source.url, self._rules, source.rules)
        self._now, self._random, self._resolver, self._reader = now, random, resolver, reader
        self._on_event = on_event
        self._feeds: dict[str, FeedState] = {}
        self._due: list[_Due] = []
        self._numbers = count()
        self._quiet: dict[str, datetime] = {}
        """Hosts that asked to be left alone -> until when their pages wait."""
        self._tally = Tally()
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._tools: Tools
        self._committer: Committer
        self._polls: Dispatcher[str]
        self._pages: Dispatcher[tuple[bytes, str]]

    def stop(self) -> None:
        """End ``run``: work under way gets ``stop_grace`` seconds, what is not committed then is done again at the
        next run. To be called in the event loop's thread."""
        self._stopping.set()
        self._woken.set()

    def feeds(self) -> list[FeedState]:
        """What is known of each source now. May be called by any thread."""
        return list(self._feeds.values())

    async def run(self, once: bool = False, everything: bool = False) -> Summary:
        """Poll until ``stop()``; or, ``once``, every source that is due and the pages that are. With ``everything``
        all sources are due at the start, but those that are retired.

        Raises what the queue or the state raised."""
        started = asyncio.get_running_loop().time()
        async with AsyncExitStack() as stack:
            await self._open(stack)
            not_due = self._load(everything)
            ending = asyncio.create_task(self._until_idle() if once else self._for_ever())
            stopped = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait({ending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ending.cancel()
                stopped.cancel()
                (error, _) = await asyncio.gather(ending, stopped, return_exceptions=True)
                grace = self.settings.stop_grace
                await asyncio.gather(self._polls.stop(grace), self._pages.stop(grace))
            if isinstance(error, Exception):
                raise error
        waiting = sum(due.page is not None for due in self._due)
        seconds = asyncio.get_running_loop().time() - started
        return self._tally.summary(self._committer.appended, not_due, waiting, seconds)

    async def _open(self, stack: AsyncExitStack) -> None:
        s = self.settings
        at_once = s.lanes.open + s.pages.lanes.open
        http = replace(s.http, concurrency=max(s.http.concurrency, at_once))
        gate = HostGate(s.pacing)
        client = await stack.enter_async_context(HttpClient(http, resolver=self._resolver, now=self._now))
        reader = self._reader or stack.enter_context(Reader(s.reader))
        self._committer = Committer(self._queue, self._state, s.commit, on_full=self._hold, on_room=self._resume)
        await stack.enter_async_context(self._committer)
        self._polls = Dispatcher(self._poll, s.lanes)
        self._pages = Dispatcher(self._visit, s.pages.lanes)
        self._tools = Tools(
            web=Web(client, Robots(client, gate=gate), gate),
            reader=reader,
            commits=self._committer,
            state=self._state,
            settings=s,
            rules=self._rules,
            now=self._now,
            random=self._random,
            tell=self._tell,
        )

    # -- what is due --

    def _load(self, everything: bool) -> int:
        """Put everything the state knows of these sources in line; returns how many sources are not due."""
        at = self._now()
        known = self._state.feeds()
        self._due.clear()
        not_due = 0
        for url, source in self._sources.items():
            state = known.get(url) or FeedState.of(url, source.name)
            self._feeds[url] = state
            due = self._next_poll(source, state, at)
            if everything and due is not None:
                due = at
            if due is not None:
                self._put(due, url)
            if due is None or due > at:
                not_due += 1
        for page in self._state.pages_due():
            if page.feed in self._sources:
                self._put(page.due_at, page.feed, page)
        return not_due

    def _next_poll(self, source: Source, state: FeedState, at: datetime) -> datetime | None:
        """When the source is due; None: never. Bounds that were narrowed since the last poll count at once."""
        if state.status == "retired":
            return None
        if state.next_poll_at is None or state.polled_at is None:
            return at
        if state.status != "ok":
            return state.next_poll_at
        return min(state.next_poll_at, state.polled_at + cadence_of(source, self.settings.cadence).longest)

    def _put(self, at: datetime, source_url: str, page: PageDue | None = None) -> None:
        key, host = (None, "") if page is None else (page.key, _host(page.url))
        heapq.heappush(self._due, _Due(at, next(self._numbers), source_url, key, host))

    def _start_due(self) -> None:
        """Hand what is due to the dispatchers."""
        at = self._now()
        while self._due and self._due[0].at <= at:
            due = heapq.heappop(self._due)
            if due.page is None:
                self._polls.put(_host(self._feeds[due.source_url].address), due.source_url)
            else:
                self._pages.put(due.host, (due.page, due.source_url))

    async def _for_ever(self) -> None:
        while True:
            self._woken.clear()
            self._start_due()
            pause = min((self._due[0].at - self._now()).total_seconds(), IDLE) if self._due else IDLE
            waits = {
                asyncio.create_task(self._woken.wait()),
                asyncio.create_task(self._polls.failed()),
                asyncio.create_task(self._pages.failed()),
            }
            done, rest = await asyncio.wait(waits, timeout=max(pause, 0.0), return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            for task in done:
                task.result()

    async def _until_idle(self) -> None:
        self._start_due()
        while len(self._polls) or len(self._pages):
            await self._polls.idle()
            await self._pages.idle()

    # -- jobs --

    async def _poll(self, url: str) -> None:
        source = self._sources[url]
        state, pages = await SourcePoll(self._tools, source, self._feeds[url]).run()
        self._feeds[url] = state
        for page in pages:
            self._pages.put(_host(page.url), (page.key, url))
        if state.next_poll_at is not None:
            self._put(state.next_poll_at, url)
            self._woken.set()

    async def _visit(self, job: tuple[bytes, str]) -> None:
        key, url = job
        page: PageDue | None = await self._tools.commits.read(self._state.page, key)
        if page is None:
            # It was in line twice: the feed had changed its entry meanwhile.
            return
        host = _host(page.url)
        quiet_until = self._quiet.get(host)
        again: PageDue | None
        if quiet_until is not None and self._now() < quiet_until:
            again = replace(page, due_at=quiet_until)
            await self._tools.commits.commit(Change(url=url, later=(again,)))
        else:
            again, quiet = await PageVisit(self._tools, self._sources[url], page).run()
            self._be_quiet(host, quiet)
        if again is not None:
            self._put(again.due_at, again.feed, again)
            self._woken.set()

    def _be_quiet(self, host: str, quiet: timedelta) -> None:
        if quiet:
            at = self._now()
            self._quiet = {h: until for h, until in self._quiet.items() if until > at}
            self._quiet[host] = at + quiet

    # -- back-pressure and news of the work --

    def _hold(self, why: str) -> None:
        self._polls.hold()
        self._pages.hold()
        self._on_event(Event("queue", "", "", "full", detail=why))

    def _resume(self) -> None:
        self._polls.resume()
        self._pages.resume()
        self._on_event(Event("queue", "", "", "room"))

    def _tell(self, event: Event) -> None:
        self._tally.add(event)
        self._on_event(event)


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return url
