"""One poll of one source: its document, what is new in it, and what is remembered of both."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from connectors.feeds.model import Feed, FeedError, Item, Problem, SitemapLink
from connectors.http import FetchError, Response
from connectors.poller.feed_state import (
    Failed,
    FeedState,
    Status,
    failed,
    had_document,
    moved,
    not_modified,
    succeeded,
    validators,
)
from connectors.poller.items import (
    News,
    PageItem,
    digest,
    entry_key,
    keys_of,
    news,
    pack_item,
    recent,
)
from connectors.poller.schedule import Cadence
from connectors.poller.settings import Event, Outcome
from connectors.poller.state import Change, Child, PageDue, Seen
from connectors.poller.tools import Tools, make_message
from connectors.queue import Outgoing
from connectors.scraper.documents import Document
from connectors.scraper.pages import PAGE_TYPES
from connectors.scraper.rules import SiteRules, rules_for
from connectors.scraper.sitemaps import chosen
from connectors.sources import Source
from schemas.records import Entry, Failure

ACCEPT_FEED = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9,"
    " text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
INDEX = "sitemap-index"
PLAIN_SITEMAPS = frozenset({"sitemap", "sitemap-text"})


@dataclass(frozen=True)
class Answer:
    """What a server said to a request for a document. ``feed`` is None when it is the same as before."""

    response: Response
    forced: bool
    """Asked for without the validators that there were."""
    body_hash: bytes | None = None
    """None after a 304."""
    feed: Feed | None = None


@dataclass
class _Gathered:
    """What the documents of one poll give together."""

    items: list[tuple[Item, str]] = field(default_factory=list)
    """New and changed ones, each with the format of its document."""
    new: int = 0
    problems: list[Problem] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    present: list[bytes] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)

    def add(self, found: News, format_: str) -> None:
        self.items += [(item, format_) for item in (*found.new, *found.changed)]
        self.new += len(found.new)
        self.problems += found.problems
        self.remember(found)

    def remember(self, found: News) -> None:
        self.seen += found.seen
        self.present += found.present


def cadence_of(source: Source, cadence: Cadence) -> Cadence:
    """The cadence with the source's own bounds."""
    shortest = source.min_interval or min(cadence.shortest, source.max_interval or cadence.shortest)
    longest = source.max_interval or max(cadence.longest, shortest)
    return replace(cadence, shortest=shortest, longest=longest)


class SourcePoll:
    """``await SourcePoll(tools, source, state).run()`` polls once and commits; it gives the state that follows and
    the pages that are due now."""

    def __init__(self, tools: Tools, source: Source, state: FeedState):
        self.tools = tools
        self.source = source
        self.state = replace(state, source=source.name)
        self.at: datetime = tools.now()
        self.cadence = cadence_of(source, tools.settings.cadence)
        self.u = tools.random()

    async def run(self) -> tuple[FeedState, Sequence[PageDue]]:
        gathered = _Gathered()
        try:
            site_rules = rules_for(self.source.url, self.tools.rules, self.source.rules)
            answer = await self._ask(self.state.address, self._validators(), self.state.body_hash, site_rules)
            await self._gather(answer, gathered)
        except FetchError as e:
            return await self._fail(Failed(e.reason, e.detail, e.status, e.retry_after), gathered)
        except FeedError as e:
            return await self._fail(Failed(e.reason, e.detail), gathered)
        except Exception as e:  # noqa: BLE001 - one source must not stop the others; it becomes a reject with its error
            return await self._fail(Failed("poller_error", repr(e)), gathered)
        return await self._succeed(answer, gathered)

    def _validators(self) -> dict[str, str]:
        return validators(self.state, self.at, self.tools.settings.suspicion)

    async def _ask(
        self, url: str, conditions: Mapping[str, str], body_hash: bytes | None, rules: SiteRules | None
    ) -> Answer:
        """Fetch a document and read it, unless it is what it was. Raises ``FetchError``, ``FeedError``."""
        tools, section = self.tools, self.source.kind == "section"
        response = await tools.web.client.get(
            url,
            headers={"Accept": ACCEPT_FEED} | dict(self.source.headers) | dict(conditions),
            caps=tools.settings.document_caps,
            gate=tools.web.gate,
            permit=tools.web.robots.permit if section else None,
            accept_types=PAGE_TYPES if section else (),
        )
        if response.status == 304 and conditions:
            return Answer(response, forced=False)
        response.raise_for_status()
        new_hash, forced = digest(response.body), not conditions
        if new_hash == body_hash:
            return Answer(response, forced, new_hash)
        document = Document(
            body=response.body,
            content_type=response.headers.get("content-type"),
            url=response.final_url,
            section=section,
            rules=rules,
        )
        return Answer(response, forced, new_hash, await tools.reader.read(document))

    async def _gather(self, answer: Answer, into: _Gathered) -> None:
        feed = answer.feed
        if feed is not None:
            await self._take(feed, had_before=self.state.full_at is not None, into=into)
        if (feed.format if feed is not None else self.state.format) == INDEX:
            await self._walk(feed.links if feed is not None else None, into)

    async def _take(self, feed: Feed, had_before: bool, into: _Gathered) -> None:
        """Add what is new in a document."""
        tools, items = self.tools, feed.items
        options = tools.settings.items
        known = await tools.commits.read(tools.state.seen, self.state.url, keys_of(feed))
        baseline: tuple[Item, ...] = ()
        if feed.format in PLAIN_SITEMAPS or feed.format == "news-sitemap":
            had_before = had_before or feed.format == "news-sitemap"
            items, baseline = recent(items, had_before, self.at, options.sitemap_age)
        into.add(news(items, feed.problems, known, self.at, options), feed.format)
        into.remember(news(baseline, (), known, self.at, options))

    async def _walk(self, links: Sequence[SitemapLink] | None, into: _Gathered) -> None:
        """Fetch the sitemaps below an index, within the bounds; ``links`` are None when the index is what it was."""
        tools, limits, age = self.tools, self.tools.settings.sitemaps, self.tools.settings.items.sitemap_age
        known: dict[str, Child] = await tools.commits.read(tools.state.children, self.state.url)
        todo: deque[tuple[str, str, int]] = deque()

        def add(parent: str, links: Sequence[SitemapLink] | None, depth: int) -> None:
            if links is None:
                links = [SitemapLink(child.url) for child in known.values() if child.parent == parent]
            if depth <= limits.depth:
                todo.extend((url, parent, depth) for url in chosen(links, limits.most, self.at, age))

        add("", links, 1)
        done = {self.state.address}
        while todo and len(done) <= limits.most:
            url, parent, depth = todo.popleft()
            if url not in done:
                done.add(url)
                child, below = await self._child(replace(known.get(url, Child(url)), parent=parent), into)
                into.children.append(child)
                add(url, below, depth + 1)

    async def _child(self, child: Child, into: _Gathered) -> tuple[Child, Sequence[SitemapLink] | None]:
        """Poll one sitemap below an index: what is remembered of it, and its links (None: as they were)."""
        conditions = {"If-None-Match": child.etag, "If-Modified-Since": child.last_modified}
        child = replace(child, present_at=int(self.at.timestamp()))
        try:
            sent = {name: value for name, value in conditions.items() if value}
            answer = await self._ask(child.url, sent, child.body_hash, None)
        except (FetchError, FeedError) as e:
            if e.reason != child.reason:
                failure = Failure(reason=e.reason, detail=e.detail)
                into.messages.append(self._feed_message(child.url, failure, getattr(e, "status", None)))
                self._tell("sitemap-failed", child.url, e.reason, e.detail)
            return replace(child, reason=e.reason, etag=None, last_modified=None, body_hash=None), ()
        child = replace(child, reason=None)
        if answer.body_hash is None:
            return child, None
        headers = answer.response.headers
        had_before = child.body_hash is not None
        child = replace(
            child,
            etag=headers.get("etag"),
            last_modified=headers.get("last-modified"),
            body_hash=answer.body_hash,
        )
        if answer.feed is None:
            return child, None
        await self._take(answer.feed, had_before, into)
        return child, answer.feed.links

    # -- the outcome --

    async def _succeed(self, answer: Answer, gathered: _Gathered) -> tuple[FeedState, Sequence[PageDue]]:
        tools, headers, count = self.tools, answer.response.headers, len(gathered.items)
        state = moved(self.state, [(r.status, r.url) for r in answer.response.redirects], tools.settings.suspicion)
        has_moved = state.address != self.state.address
        if answer.body_hash is None:
            state = not_modified(state, headers, gathered.new, self.at, self.cadence, self.u)
        else:
            state = had_document(
                state, headers, answer.body_hash, count, answer.forced, self.at, tools.settings.suspicion
            )
            if answer.feed is not None:
                feed = answer.feed
                state = replace(state, ttl=feed.ttl, title=feed.title, format=feed.format)
            state = succeeded(state, headers, gathered.new, self.at, self.cadence, self.u)
        pages, messages = self._items(gathered)
        options = tools.settings.items
        keep = self.at - (options.keep_below_index if gathered.children else options.keep_seen)
        change = Change(
            url=state.url,
            feed=state,
            seen=gathered.seen,
            present=gathered.present,
            present_at=int(self.at.timestamp()),
            forget_before=int(keep.timestamp()) if answer.feed is not None else None,
            children=gathered.children,
            pages=pages,
        )
        await tools.commits.commit(change, [*gathered.messages, *messages])
        same = answer.feed is None and not gathered.children
        self._tell("moved" if has_moved else "unchanged" if same else "new", state.address, items=count)
        return state, pages

    def _items(self, gathered: _Gathered) -> tuple[list[PageDue], list[Outgoing]]:
        """Pages to fetch, and messages for the entries that need none and for those that can't be used."""
        pages, messages = [], []
        for item, format_ in gathered.items:
            entry, provenance = self._entry(item.entry), self._provenance(format_)
            if item.url is None or self.source.full_text == "feed":
                messages.append(
                    make_message(
                        self.source,
                        url=item.url,
                        fetched_at=self.at,
                        entry=entry,
                        position=self.state.address,
                        provenance=provenance,
                    )
                )
                continue
            packed = pack_item(PageItem(entry=entry, position=self.state.address, provenance=provenance))
            key = digest(self.state.url, entry_key(item))
            pages.append(PageDue(key=key, feed=self.state.url, url=item.url, due_at=self.at, item=packed))
        provenance = self._provenance(None)
        for problem in gathered.problems:
            messages.append(
                make_message(
                    self.source,
                    url=problem.url,
                    fetched_at=self.at,
                    body=problem.raw,
                    failure=Failure(reason=problem.reason, detail=problem.detail),
                    position=self.state.address,
                    provenance=provenance,
                )
            )
        return pages, messages

    def _entry(self, entry: Entry) -> Entry:
        """The entry with what the source's options say of it."""
        return msgspec.structs.replace(
            entry,
            language=entry.language or self.source.language,
            content=None if self.source.full_text == "page" else entry.content,
        )

    def _provenance(self, format_: str | None) -> dict[str, str]:
        kind = "section" if self.source.kind == "section" else "sitemap" if "sitemap" in (format_ or "") else "feed"
        provenance = {"connector": kind, "feed": self.state.address}
        if format_ is not None:
            provenance["format"] = format_
        if self.source.country is not None:
            provenance["country"] = self.source.country
        if self.source.rights != "honour":
            provenance["rights"] = self.source.rights
        return provenance

    async def _fail(self, failure: Failed, gathered: _Gathered) -> tuple[FeedState, Sequence[PageDue]]:
        tools = self.tools
        state = failed(self.state, failure, self.at, self.cadence, tools.settings.suspicion, self.u)
        messages = []
        if state.reason != self.state.reason:
            record = Failure(reason=failure.reason, detail=failure.detail)
            messages.append(self._feed_message(self.state.address, record, failure.status))
        await tools.commits.commit(Change(url=state.url, feed=state), messages)
        outcomes: dict[Status, Outcome] = {"throttled": "throttled", "retired": "retired"}
        self._tell(outcomes.get(state.status, "failing"), state.address, failure.reason, failure.detail)
        return state, ()

    def _feed_message(self, url: str, failure: Failure, status: int | None) -> Outgoing:
        return make_message(
            self.source,
            kind="feed",
            url=url,
            fetched_at=self.at,
            status=status,
            failure=failure,
            position=url,
            provenance=self._provenance(None),
        )

    def _tell(self, outcome: Outcome, url: str, reason: str | None = None, detail: str = "", items: int = 0) -> None:
        self.tools.tell(Event("source", self.source.name, url, outcome, reason, detail, items))
