"""A site on this machine and a desk that polls it (see tests/support/paper.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paper import ARTICLE, Desk, Reply, Site, item, rss

from connectors.scraper.documents import Reader, ReaderSettings


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def site(shared_site: Site) -> Site:
    shared_site.replies.clear()
    shared_site.requests.clear()
    return shared_site


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """Shared, since a pool of processes takes a while to start and to stop."""
    with Reader(ReaderSettings()) as reader:
        yield reader


@pytest.fixture
def desk(site: Site, tmp_path: Any, reader: Reader) -> Iterator[Desk]:
    desk = Desk(site, tmp_path, reader)
    yield desk
    desk.queue.close()


@pytest.fixture
def publish(site: Site) -> Callable[..., Reply]:
    """Serve a feed of these articles at /feed, with their pages."""

    def put(*numbers: int, **more: Any) -> Reply:
        for number in numbers:
            site.put(f"/news/{number}", ARTICLE.format(f"Title {number}"))
        more.setdefault("content_type", "application/rss+xml")
        return site.put("/feed", rss(*map(item, numbers)), **more)

    return put
