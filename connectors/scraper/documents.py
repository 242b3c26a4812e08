"""Reads feeds, sitemaps and section pages in worker processes, which can be killed when a document takes too long.

A worker costs 0.08 ms a document, reading a feed of twenty entries 4 to 12 ms: read in the poller's own process, or a
thread of it, each would hold up all the connections for that long.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import CancelledError
from dataclasses import dataclass
from types import TracebackType

from pebble import ProcessExpired, ProcessPool

from connectors.feeds import parse_feed
from connectors.feeds.model import Feed, FeedError, Item
from connectors.scraper.links import article_links
from connectors.scraper.rules import SiteRules
from schemas.records import Entry


@dataclass(frozen=True)
class ReaderSettings:
    workers: int = 1
    timeout: float = 30.0
    """Seconds until a worker is killed over a document."""
    recycle: int = 2000
    """Documents after which a worker is replaced by a fresh one."""


@dataclass(frozen=True)
class Document:
    """A document as it came; ``rules`` are given for a section page."""

    body: bytes
    content_type: str | None
    url: str
    section: bool = False
    rules: SiteRules | None = None


def read_document(document: Document) -> Feed:
    """The document's entries; those of a section page are its links to articles. Raises ``FeedError``."""
    if not document.section:
        return parse_feed(document.body, content_type=document.content_type, url=document.url)
    links = article_links(document.body, document.content_type, document.url, document.rules)
    # The link's words may be "Read more" as well as the headline: they are not taken for a title.
    items = tuple(Item(url=link.url, identity=link.url, entry=Entry()) for link in links)
    return Feed(format="section", items=items)


class Reader:
    """A pool of workers; a context manager."""

    def __init__(self, settings: ReaderSettings):
        self._settings = settings
        self._pool: ProcessPool | None = None

    def __enter__(self) -> Reader:
        # A fork server has the parsers loaded once: workers start fast and share its memory.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._pool = ProcessPool(self._settings.workers, max_tasks=self._settings.recycle, context=context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    async def read(self, document: Document) -> Feed:
        """``read_document`` in a worker. Raises ``FeedError``, also when the worker had to be killed or died."""
        if self._pool is None:
            raise RuntimeError("the reader is not open")
        future = self._pool.schedule(read_document, args=[document], timeout=self._settings.timeout)
        try:
            return await asyncio.wrap_future(future)
        except TimeoutError:
            raise FeedError("feed_unreadable", f"not read within {self._settings.timeout:g} s") from None
        except ProcessExpired as e:
            raise FeedError("feed_unreadable", f"the parser died of it (exit code {e.exitcode})") from None
        except CancelledError:
            future.cancel()
            raise
