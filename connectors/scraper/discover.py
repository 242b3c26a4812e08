"""What a site offers (``wiredesk sources discover``): its feeds, its sitemaps, and pages that list articles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urljoin

from protego import Protego

from connectors.feeds import feeds_of_page
from connectors.feeds.model import FeedError
from connectors.http import Caps, FetchError, HostGate, HttpClient, Robots
from connectors.scraper.check import newest, read_document_at
from connectors.scraper.documents import Reader, ReaderSettings
from connectors.scraper.links import SectionLink, article_links, section_candidates
from connectors.scraper.pages import ACCEPT, PAGE_TYPES, Web
from connectors.scraper.rules import Rules, own_rules, rules_for
from connectors.sources import MAX_NAME, Source, make_source, name_of, unique_name
from schemas.records import Failure

ROBOTS_CAPS = Caps(time=15.0, compressed=500 * 1024, decompressed=500 * 1024, redirects=5)


@dataclass(frozen=True)
class Bounds:
    """How much of a site is looked at."""

    feeds: int = 24
    """Addresses where a feed or a sitemap may be."""
    sections: int = 5
    """Section pages beside the one given."""
    enough_links: int = 3
    """Articles that a page must list to count as a section page."""
    samples: int = 5
    """Links shown of one."""


@dataclass(frozen=True)
class FoundFeed:
    """A feed or sitemap that is there. ``found``: declared by the page, linked on it, named in robots.txt, a usual
    place, or given (the address itself is one)."""

    url: str
    found: str
    format: str
    title: str | None
    entries: int
    """Sitemaps below it, for an index."""
    newest: str | None
    """The latest date of an entry, as it is written there."""


@dataclass(frozen=True)
class FoundSection:
    """A page that lists articles."""

    url: str
    articles: int
    samples: tuple[SectionLink, ...]


@dataclass(frozen=True)
class Discovery:
    """What a site offers, the most promising first. ``failure``: why the page that was given can't be had."""

    url: str
    final_url: str | None = None
    feeds: tuple[FoundFeed, ...] = ()
    sections: tuple[FoundSection, ...] = ()
    allowed: bool | None = None
    """Whether robots.txt allows the page; None when robots.txt can't be had."""
    crawl_delay: float | None = None
    """Seconds."""
    failure: Failure | None = None

    def sources(self) -> tuple[Source, ...]:
        """Sources to begin with: all feeds, or else the news sitemaps, or else any sitemap, or else the sections."""
        # Where a page names feeds, those at the usual places are the same ones under other addresses.
        syndicated = [f for f in self.feeds if "sitemap" not in f.format]
        kinds = [
            [f for f in syndicated if f.found != "usual"] or syndicated[:1],
            [f for f in self.feeds if f.format == "news-sitemap"],
            [f for f in self.feeds if "sitemap" in f.format],
        ]
        for feeds in kinds:
            if feeds:
                return _sources([(f.url, "sitemap" if "sitemap" in f.format else "feed", f.title) for f in feeds])
        return _sources([(section.url, "section", None) for section in self.sections])


async def discover(
    url: str,
    client: HttpClient,
    *,
    reader: Reader | None = None,
    rules: Rules | None = None,
    gate: HostGate | None = None,
    bounds: Bounds | None = None,
) -> Discovery:
    """Look at the site of ``url``; without a scheme, https is meant. Never raises for what its server does."""
    gate = gate or HostGate()
    web = Web(client, Robots(client, gate=gate), gate)
    async with AsyncExitStack() as stack:
        reader = reader or stack.enter_context(Reader(ReaderSettings()))
        survey = _Survey(web, reader, own_rules() if rules is None else rules, bounds or Bounds())
        return await survey.run(url if "://" in url else f"https://{url}")


class _Survey:
    """One discovery."""

    def __init__(self, web: Web, reader: Reader, rules: Rules, bounds: Bounds):
        self.web, self.reader, self.rules, self.bounds = web, reader, rules, bounds

    async def run(self, url: str) -> Discovery:
        try:
            verdict = await self.web.robots.check(url)
            response = await self.web.client.get(
                url, headers={"Accept": ACCEPT}, gate=self.web.gate, permit=self.web.robots.permit
            )
            response.raise_for_status()
        except FetchError as e:
            return Discovery(url, failure=e.failure)
        content_type, page = response.headers.get("content-type"), response.final_url
        given = await self._feed(page, "given") if response.media_type not in PAGE_TYPES[:2] else None
        if given is not None:
            return Discovery(url, page, feeds=(given,), allowed=verdict.allowed, crawl_delay=verdict.crawl_delay)
        links = await asyncio.to_thread(feeds_of_page, response.body, page, content_type)
        named = [(link.url, link.found) for link in links if link.found != "usual"]
        usual = [(link.url, link.found) for link in links if link.found == "usual"]
        feeds = await self._feeds([*named, *await self._in_robots(page), *usual])
        sections = await self._sections(page, response.body, content_type)
        return Discovery(url, page, feeds, sections, verdict.allowed, verdict.crawl_delay)

    async def _in_robots(self, page: str) -> list[tuple[str, str]]:
        """The sitemaps that robots.txt names."""
        try:
            response = await self.web.client.get(
                urljoin(page, "/robots.txt"), caps=ROBOTS_CAPS, gate=self.web.gate, truncate=True
            )
            response.raise_for_status()
        except FetchError:
            # There is none, which is no failure of the site; whether pages may be fetched was asked before.
            return []
        return [(url, "robots.txt") for url in Protego.parse(response.body.decode("utf-8-sig", "replace")).sitemaps]

    async def _feeds(self, candidates: Iterable[tuple[str, str]]) -> tuple[FoundFeed, ...]:
        """Those of the candidates that are feeds, each once; the first name of a place counts."""
        places: dict[str, str] = {}
        for url, found in candidates:
            places.setdefault(url, found)
        tries = list(places.items())[: self.bounds.feeds]
        found_feeds = await asyncio.gather(*(self._feed(url, found) for url, found in tries))
        return tuple({feed.url: feed for feed in reversed(found_feeds) if feed is not None}.values())[::-1]

    async def _feed(self, url: str, found: str) -> FoundFeed | None:
        try:
            response, feed = await read_document_at(url, self.web, self.reader)
        except (FetchError, FeedError):
            # A candidate that is no feed: most usual places are not there.
            return None
        address = response.moved_to or url
        count = len(feed.items) or len(feed.links)
        return FoundFeed(address, found, feed.format, feed.title, count, newest(list(feed.items)))

    async def _sections(self, page: str, body: bytes, content_type: str | None) -> tuple[FoundSection, ...]:
        """The page itself and those that its navigation leads to, as far as they list articles."""
        candidates = await asyncio.to_thread(section_candidates, body, content_type, page)
        found: list[FoundSection | None] = [await self._section(page, body, content_type)]
        found += await asyncio.gather(*map(self._fetch_section, candidates[: self.bounds.sections]))
        sections = [s for s in found if s is not None and s.articles >= self.bounds.enough_links]
        return tuple(sorted({s.url: s for s in sections}.values(), key=lambda s: -s.articles))

    async def _fetch_section(self, url: str) -> FoundSection | None:
        try:
            response = await self.web.client.get(
                url, gate=self.web.gate, permit=self.web.robots.permit, accept_types=PAGE_TYPES
            )
            response.raise_for_status()
        except FetchError:
            # A link of the navigation that leads nowhere: there are others.
            return None
        return await self._section(response.final_url, response.body, response.headers.get("content-type"))

    async def _section(self, url: str, body: bytes, content_type: str | None) -> FoundSection:
        links = await asyncio.to_thread(article_links, body, content_type, url, rules_for(url, self.rules))
        return FoundSection(url, len(links), links[: self.bounds.samples])


def _sources(found: Sequence[tuple[str, str, str | None]]) -> tuple[Source, ...]:
    sources: list[Source] = []
    for url, kind, title in found:
        taken = {source.name for source in sources}
        name = unique_name((title or name_of(url))[:MAX_NAME], taken)
        sources.append(make_source({"url": url, "kind": kind, "name": name}))
    return tuple(sources)
