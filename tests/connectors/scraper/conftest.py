"""A site on this machine, to be looked at (see tests/support/paper.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from paper import Site

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
    with Reader(ReaderSettings()) as reader:
        yield reader
