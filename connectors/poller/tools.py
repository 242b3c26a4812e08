"""What polling a source and fetching a page both need, made once by the ``Poller``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connectors.poller.items import to_message
from connectors.poller.settings import OnEvent, PollSettings
from connectors.poller.state import Change, PollState
from connectors.queue import Outgoing
from connectors.scraper.documents import Reader
from connectors.scraper.pages import Web
from connectors.scraper.rules import Rules
from connectors.scraper.sites import site_of
from connectors.sources import Source
from schemas.fetched import KEPT_HEADERS, fetched


class Commits(Protocol):
    """``commit.Committer``."""

    def read(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]: ...
    def commit(self, change: Change, messages: Sequence[Outgoing] = ()) -> Awaitable[None]: ...


@dataclass(frozen=True)
class Tools:
    web: Web
    reader: Reader
    commits: Commits
    state: PollState
    settings: PollSettings
    rules: Rules
    now: Callable[[], datetime]
    random: Callable[[], float]
    """Numbers in [0, 1)."""
    tell: OnEvent


def make_message(source: Source, **values: Any) -> Outgoing:
    """The message with the ``Fetched`` of these values."""
    record = fetched(source=source.name, **values)
    return to_message(record, site_of(record.url or source.url))


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The few response headers that later steps read, with lower-case names."""
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}
