"""Posting a webhook: one bounded, guarded POST. The address is an operator's, but what it leads to may be somebody
else's by now, so the guard against private addresses judges it as it judges pages (see ``connectors.http.guard``).

No redirect is followed, no proxy is used, nothing of the answer is kept but its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from aiohttp.abc import AbstractResolver

from connectors.http import urls
from connectors.http.errors import to_fetch_error
from connectors.http.guard import Guard, GuardedResolver, SystemResolver

SECONDS = 10.0
"""What one POST may take, name and connection included."""


@dataclass(frozen=True)
class Posted:
    """What became of it. ``status``: None when there was no answer."""

    status: int | None
    detail: str = ""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class WebhookClient:
    """An asynchronous context manager. ``allowed``: addresses exempt from the guard (``guard.parse_allowed``)."""

    def __init__(
        self, allowed: tuple[str, ...] = (), user_agent: str = "wiredesk", resolver: AbstractResolver | None = None
    ):
        self._guard = Guard(False, allowed)
        self._user_agent = user_agent
        self._own_resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> WebhookClient:
        resolver = GuardedResolver(self._own_resolver or SystemResolver(2), self._guard)
        connector = aiohttp.TCPConnector(
            force_close=True, resolver=resolver, socket_factory=self._guard.socket, use_dns_cache=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            timeout=aiohttp.ClientTimeout(total=SECONDS),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """Send it; never raises for what the other side or the network does."""
        if self._session is None:
            raise RuntimeError("use the client inside `async with`")
        try:
            target = urls.parse(url)
            async with self._session.post(target, data=body, headers=dict(headers), allow_redirects=False) as answer:
                return Posted(answer.status, "" if answer.status < 300 else f"HTTP {answer.status}")
        except urls.BadURL as e:
            return Posted(None, f"unsupported_url: {e}")
        except (TimeoutError, aiohttp.ClientError, OSError) as e:
            failed = to_fetch_error(e, url)
            return Posted(None, f"{failed.reason}: {failed.detail}")
