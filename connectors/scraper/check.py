"""What a source gives right now (``wiredesk sources check``): its document, its newest entry and one of its pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from connectors.feeds.model import Feed, FeedError, Item
from connectors.http import Caps, FetchError, HostGate, HttpClient, Response, Robots
from connectors.scraper.dates import rough_date
from connectors.scraper.documents import Document, Reader, ReaderSettings
from connectors.scraper.pages import PAGE_TYPES, Web, fetch_page
from connectors.scraper.rules import Rules, own_rules, rules_for
from connectors.sources import Source
from schemas.records import Failure

DOCUMENT_CAPS = Caps(time=60.0, compressed=32 * 2**20, decompressed=64 * 2**20)
SAMPLES = 3
"""Entries, and sitemaps below an index, that are looked at."""


@dataclass(frozen=True)
class SamplePage:
    """One page that the source leads to. ``failure``: why it can't be had."""

    url: str
    final_url: str | None = None
    status: int | None = None
    content_type: str | None = None
    size: int = 0
    """Bytes."""
    failure: Failure | None = None


@dataclass(frozen=True)
class Check:
    """What a source gives. ``failure``: why it gives nothing."""

    source: Source
    address: str
    """After redirects."""
    moved_to: str | None = None
    """Where permanent redirects lead: the address to write into the sources file."""
    status: int | None = None
    format: str | None = None
    """As in ``feeds.Feed``; ``section`` for a section page."""
    title: str | None = None
    entries: int = 0
    with_text: int = 0
    """Entries that carry a full text."""
    newest: str | None = None
    """The latest date of an entry, as it is written there."""
    sitemaps: tuple[str, ...] = ()
    """Below an index; the entries are those of the first few of them."""
    samples: tuple[Item, ...] = ()
    problems: Mapping[str, int] = field(default_factory=dict)
    """Reason -> how many entries can't be used for it."""
    conditional: bool = False
    """Whether the server gives an ETag or a Last-Modified."""
    allowed: bool | None = None
    """Whether robots.txt allows the sample page; None when there is none, or robots.txt can't be had."""
    crawl_delay: float | None = None
    """Seconds."""
    page: SamplePage | None = None
    failure: Failure | None = None


async def check(
    source: Source,
    client: HttpClient,
    *,
    reader: Reader | None = None,
    rules: Rules | None = None,
    gate: HostGate | None = None,
) -> Check:
    """Look at ``source`` once. Never raises for what its server does."""
    gate = gate or HostGate()
    web = Web(client, Robots(client, gate=gate), gate)
    async with AsyncExitStack() as stack:
        reader = reader or stack.enter_context(Reader(ReaderSettings()))
        try:
            response, feed = await read_source(source, web, reader, own_rules() if rules is None else rules)
        except (FetchError, FeedError) as e:
            failure = Failure(reason=e.reason, detail=e.detail)
            return Check(source, source.url, status=getattr(e, "status", None), failure=failure)
        items, problems = list(feed.items), list(feed.problems)
        for link in feed.links[:SAMPLES] if not items else ():
            try:
                below = (await read_document_at(link.url, web, reader))[1]
            except (FetchError, FeedError) as e:
                return _of_document(source, response, feed, [], Counter([e.reason]))
            items += below.items
            problems += below.problems
    found = _of_document(source, response, feed, items, Counter(p.reason for p in problems))
    return await _with_page(found, web)


async def read_source(source: Source, web: Web, reader: Reader, rules: Rules) -> tuple[Response, Feed]:
    """The source's document. Raises ``FetchError``, ``FeedError``."""
    section = source.kind == "section"
    response = await web.client.get(
        source.url,
        headers=dict(source.headers),
        caps=DOCUMENT_CAPS,
        gate=web.gate,
        permit=web.robots.permit if section else None,
        accept_types=PAGE_TYPES if section else (),
    )
    response.raise_for_status()
    site_rules = rules_for(source.url, rules, source.rules) if section else None
    return response, await reader.read(
        Document(
            response.body, response.headers.get("content-type"), response.final_url, section=section, rules=site_rules
        )
    )


async def read_document_at(url: str, web: Web, reader: Reader) -> tuple[Response, Feed]:
    """The feed or sitemap at ``url``. Raises ``FetchError``, ``FeedError``."""
    response = await web.client.get(url, caps=DOCUMENT_CAPS, gate=web.gate)
    response.raise_for_status()
    document = Document(response.body, response.headers.get("content-type"), response.final_url)
    return response, await reader.read(document)


def newest(items: list[Item]) -> str | None:
    """The latest date among the entries, as written; one that can't be read counts only if there is no other."""
    raws = [clue.raw for item in items for clue in item.entry.dates if clue.role == "published"]
    return max(raws, key=lambda raw: rough_date(raw) or datetime(1, 1, 1, tzinfo=UTC), default=None)


def _of_document(source: Source, response: Response, feed: Feed, items: list[Item], problems: Counter[str]) -> Check:
    headers = response.headers
    return Check(
        source=source,
        address=response.final_url,
        moved_to=response.moved_to,
        status=response.status,
        format=feed.format,
        title=feed.title,
        entries=len(items),
        with_text=sum(item.entry.content is not None for item in items),
        newest=newest(items),
        sitemaps=tuple(link.url for link in feed.links),
        samples=tuple(items[:SAMPLES]),
        problems=dict(problems),
        conditional="etag" in headers or "last-modified" in headers,
    )


async def _with_page(found: Check, web: Web) -> Check:
    """The check with a sample page, unless the source needs none."""
    url = next((item.url for item in found.samples if item.url is not None), None)
    if url is None or found.source.full_text == "feed":
        return found
    try:
        verdict = await web.robots.check(url)
        if verdict.failure is None:
            found = replace(found, allowed=verdict.allowed, crawl_delay=verdict.crawl_delay)
        response = await fetch_page(web, url)
    except FetchError as e:
        page = SamplePage(url, status=e.status, failure=e.failure)
    else:
        page = SamplePage(
            url, response.final_url, response.status, response.headers.get("content-type"), len(response.body)
        )
    return replace(found, page=page)
