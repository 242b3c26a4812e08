"""robots.txt (RFC 9309): may this page be fetched, and how far apart does the site want its requests.

A file that is not there (4xx) allows everything; one that can't be had (5xx, 429, no connection) allows nothing until
it can, unless an older copy is known. Parsing is protego's.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from protego import Protego

from connectors.http import urls
from connectors.http.client import Caps, HttpClient
from connectors.http.errors import FetchError
from connectors.http.pacing import HostGate
from connectors.http.response import Response

V = TypeVar("V")

PARSE_IN_THREAD = 32 * 1024
"""Files from this size on are parsed beside the event loop: the largest takes half a second."""


@dataclass(frozen=True)
class RobotsSettings:
    lifetime: float = 24 * 3600.0
    """Seconds that a file is believed; RFC 9309 section 2.4 says at most a day."""
    retry: float = 600.0
    """Seconds until a file that could not be had is asked for again."""
    max_bytes: int = 500 * 1024
    """What is beyond is not read (RFC 9309 section 2.5)."""
    time: float = 15.0
    """Seconds that one fetch of the file may take."""
    max_delay: float = 300.0
    """Seconds; longer crawl-delays are cut to this."""
    memory: int = 32 * 2**20
    """Bytes of files kept."""
    parsed_memory: int = 2**20
    """Bytes of files that are also kept parsed, which takes some 15 times their size, 70 times at worst."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a URL may be fetched. ``crawl_delay``: seconds the site asks for between requests, if it does.

    ``failure``: why the robots.txt could not be had; not allowed for now, ask again later.
    """

    allowed: bool
    crawl_delay: float | None = None
    failure: FetchError | None = None


@dataclass(slots=True)
class _Copy:
    """A site's file as known. ``text`` None: never had."""

    text: bytes | None
    expires: float
    failure: FetchError | None = None


class _Recent(Generic[V]):
    """The most recently used values whose sizes fit into ``limit`` together."""

    OVERHEAD = 500

    def __init__(self, limit: int):
        self._limit = limit
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._total = 0

    def get(self, key: str) -> V | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: str, value: V, size: int) -> None:
        self.drop(key)
        self._values[key] = value, size + self.OVERHEAD
        self._total += size + self.OVERHEAD
        while self._total > self._limit and len(self._values) > 1:
            self.drop(next(iter(self._values)))

    def drop(self, key: str) -> None:
        _, size = self._values.pop(key, (None, 0))
        self._total -= size


class Robots:
    """Answers from the sites' robots.txt, each fetched when it is first needed and when it has expired.

    ``gate`` paces the fetches of the files too; ``clock`` gives seconds.
    """

    def __init__(
        self,
        client: HttpClient,
        settings: RobotsSettings | None = None,
        *,
        gate: HostGate | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.settings = settings or RobotsSettings()
        self._client = client
        self._gate = gate
        self._clock = clock
        self._copies: _Recent[_Copy] = _Recent(self.settings.memory)
        self._parsed: _Recent[Protego] = _Recent(self.settings.parsed_memory)
        self._asking: dict[str, asyncio.Task[_Copy]] = {}

    async def check(self, url: str) -> Verdict:
        """The verdict on ``url``. Raises ``FetchError`` (unsupported_url) when it is none that can be fetched."""
        try:
            target = urls.parse(url)
        except urls.BadURL as e:
            raise FetchError("unsupported_url", str(e)) from e
        site = urls.origin(target)
        copy = await self._copy(site)
        if copy.text is None:
            return Verdict(allowed=False, failure=copy.failure)
        if not copy.text:
            return Verdict(allowed=True)
        rules, agent = await self._rules(site, copy.text), self._client.settings.product
        return Verdict(rules.can_fetch(str(target), agent), self._delay(rules, agent))

    async def permit(self, url: str) -> float:
        """The same as ``HttpClient.get`` wants it: seconds to keep between requests (0: as usual), or ``FetchError``
        with the reason ``robots``, or why there is no robots.txt."""
        verdict = await self.check(url)
        if (why := verdict.failure) is not None:
            raise FetchError(why.reason, f"robots.txt: {why.detail}", status=why.status, retry_after=why.retry_after)
        if not verdict.allowed:
            raise FetchError("robots", f"robots.txt disallows {url} for {self._client.settings.product}")
        return verdict.crawl_delay or 0.0

    async def _copy(self, site: str) -> _Copy:
        """The known copy, if it is fresh; otherwise a new one, fetched once however many ask for it."""
        known = self._copies.get(site)
        if known is not None and self._clock() < known.expires:
            return known
        task = self._asking.get(site)
        if task is None:
            task = asyncio.create_task(self._fetch(site, known))
            self._asking[site] = task
            task.add_done_callback(lambda _: self._asking.pop(site, None))
        # Shielded: one asker that is cancelled does not leave the others without an answer.
        return await asyncio.shield(task)

    async def _fetch(self, site: str, known: _Copy | None) -> _Copy:
        s = self.settings
        caps = Caps(time=s.time, compressed=s.max_bytes, decompressed=s.max_bytes, redirects=5)
        now = self._clock
        try:
            response = await self._client.get(f"{site}/robots.txt", caps=caps, gate=self._gate, truncate=True)
            copy = _Copy(_text(response), now() + s.lifetime)
        except FetchError as e:
            if e.reason == "redirects":
                # RFC 9309 section 2.3.1.2: too many redirects are as no file.
                copy = _Copy(b"", now() + s.lifetime)
            else:
                # Section 2.3.1.4: what can't be reached disallows all; an older copy may be used on.
                copy = _Copy(known.text if known else None, now() + s.retry, e)
        self._copies.put(site, copy, len(copy.text or b""))
        self._parsed.drop(site)
        return copy

    async def _rules(self, site: str, text: bytes) -> Protego:
        rules = self._parsed.get(site)
        if rules is None:
            content = text.decode("utf-8-sig", "replace")
            if len(text) < PARSE_IN_THREAD:
                rules = Protego.parse(content)
            else:
                rules = await asyncio.to_thread(Protego.parse, content)
            self._parsed.put(site, rules, len(text))
        return rules

    def _delay(self, rules: Protego, agent: str) -> float | None:
        asked = [d for d in (rules.crawl_delay(agent),) if d is not None]
        if (rate := rules.request_rate(agent)) is not None:
            asked.append(rate.seconds / rate.requests)
        return min(max(asked), self.settings.max_delay) if asked else None


def _text(response: Response) -> bytes:
    """The file in a response; empty when there is none. Raises ``FetchError`` when the site could not say."""
    if response.status == 429 or response.status >= 500:
        response.raise_for_status()
    if not 200 <= response.status < 300:
        return b""
    if not response.truncated:
        return response.body
    # Half a rule would say something else.
    return response.body[: max(response.body.rfind(b"\n"), response.body.rfind(b"\r")) + 1]
