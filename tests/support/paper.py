"""A site on this machine, and a desk whose poller reads it; time stands still unless the test moves it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.http import Caps, HttpSettings, Pacing
from connectors.poller import Event, Poller, PollSettings, PollState, Summary
from connectors.poller.commit import CommitSettings
from connectors.poller.dispatch import Lanes
from connectors.queue.sqlite import SQLiteQueue
from connectors.scraper.documents import Reader
from connectors.sources import Source
from schemas import wire
from schemas.records import Fetched

FEW = Lanes(per_host=2, quick=4, open=16, patience=0.05)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
ARTICLE = "<html><head><title>{0}</title></head><body><article><h1>{0}</h1><p>Text of {0}.</p></article></body></html>"


class LoopbackResolver(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        pass


@dataclass
class Reply:
    """What the site answers. With ``etag`` or ``last_modified`` it answers conditional requests as it should, unless
    it is ``stubborn``: then any validator at all gets a 304."""

    body: str | bytes = b""
    status: int = 200
    content_type: str | None = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    stubborn: bool = False
    hang: bool = False


@dataclass
class Request:
    """A request that the site had."""

    host: str
    path: str
    headers: dict[str, str]


class Site:
    """A server on a free port; what it answers may be changed at any time. Names ending in .test all lead here."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.requests: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    async def _start(self) -> int:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        app.on_response_prepare.append(self._without_type)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, path: str, host: str = "paper.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def put(self, path: str, body: str | bytes = b"", status: int = 200, host: str | None = None, **more: Any) -> Reply:
        """Answer ``path`` so, at every host or at one."""
        more.setdefault("headers", {})
        for name in ("etag", "last_modified", "location", "retry_after", "cache_control"):
            if (value := more.pop(name, None)) is not None:
                more["headers"][name.replace("_", "-").title()] = value
        reply = self.replies[f"{host or ''}{path}"] = Reply(body, status, **more)
        return reply

    def count(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)

    def last(self, path: str) -> Request:
        return next(request for request in reversed(self.requests) if request.path == path)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        path = request.path_qs
        self.requests.append(Request(host, path, {k.lower(): v for k, v in request.headers.items()}))
        reply = self.replies.get(f"{host}{path}") or self.replies.get(path) or Reply("no such page", 404)
        if reply.hang:
            await asyncio.Event().wait()
        headers = dict(reply.headers)
        if reply.content_type is not None:
            headers["Content-Type"] = reply.content_type
        else:
            headers["X-No-Type"] = "1"
        if reply.status == 200 and self._not_modified(request, reply):
            return web.Response(status=304, headers={k: v for k, v in headers.items() if k != "Content-Type"})
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        return web.Response(status=reply.status, headers=headers, body=body)

    @staticmethod
    async def _without_type(request: web.Request, response: web.StreamResponse) -> None:
        """aiohttp gives every response a type; take it from those that shall have none."""
        if "X-No-Type" in response.headers:
            del response.headers["Content-Type"]

    @staticmethod
    def _not_modified(request: web.Request, reply: Reply) -> bool:
        etag, modified = request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")
        if reply.stubborn:
            return bool(etag or modified)
        if etag is not None:
            return etag == reply.headers.get("Etag")
        return modified is not None and modified == reply.headers.get("Last-Modified")


@dataclass
class Elsewhere:
    """A site that another process serves."""

    port: int

    def url(self, path: str, host: str = "paper.test") -> str:
        return f"http://{host}:{self.port}{path}"


class Desk:
    """A site, a queue, a poller's state, and a clock."""

    def __init__(self, site: Site | Elsewhere, folder: Any, reader: Reader | None):
        self.reader = reader
        self.site = site
        self.folder = folder
        self.at = START
        self.sources = [Source(name="Paper", url=site.url("/feed"))]
        self.queue: Any = SQLiteQueue(f"sqlite:///{folder}/queue.db")
        self.settings = PollSettings(
            http=HttpSettings(
                user_agent="wiredesk-test/1", contact="mailto:desk@example.org", allow_private=True, caps=Caps(time=5.0)
            ),
            pacing=Pacing(delay=0.0),
            commit=CommitSettings(gather=0.0, full_wait=0.01),
            document_caps=Caps(time=5.0),
            stop_grace=0.2,
        )
        self.random = 0.0
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda event: None
        self.running: Any = None
        """The poller of the last ``poll``."""
        self._read: dict[int, int] = {}

    @classmethod
    def on_port(cls, port: int, folder: str) -> Desk:
        """A desk of another process, for the site that listens there."""
        return cls(Elsewhere(port), folder, None)

    @property
    def state_path(self) -> str:
        return f"{self.folder}/poller.db"

    def set(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)

    def set_pages(self, **changes: Any) -> None:
        self.set(pages=replace(self.settings.pages, **changes))

    def source(self, path: str = "/feed", **options: Any) -> Source:
        """Poll this source and no other."""
        options.setdefault("name", "Paper")
        self.sources = [Source(url=self.site.url(path), **options)]
        return self.sources[0]

    def later(self, **time: float) -> None:
        self.at += timedelta(**time)

    def poller(self, state: PollState) -> Poller:
        def tell(event: Event) -> None:
            self.events.append(event)
            self.on_event(event)

        return Poller(
            self.sources,
            self.queue,
            state,
            self.settings,
            now=lambda: self.at,
            random=lambda: self.random,
            resolver=LoopbackResolver(),
            reader=self.reader,
            on_event=tell,
        )

    def poll(self) -> Summary:
        """What is due, once."""
        state = PollState(self.state_path)
        self.running = self.poller(state)
        try:
            return asyncio.run(self.running.run(once=True))
        finally:
            state.close()

    def poll_when_due(self, times: int = 1) -> Summary:
        """Move on to when the first source is due and poll; so many times."""
        for _ in range(times):
            self.at = max(self.at, self.feed().next_poll_at or self.at)
            summary = self.poll()
        return summary

    def feed(self, path: str = "/feed") -> Any:
        """The state of the feed."""
        state = PollState(self.state_path)
        try:
            return state.feeds()[self.site.url(path)]
        finally:
            state.close()

    def counts(self) -> Any:
        state = PollState(self.state_path)
        try:
            return state.counts()
        finally:
            state.close()

    def news(self) -> list[Fetched]:
        """What came into the queue since the last look, by URL."""
        messages = self.queue.read(self._read, 10**6, 10**9, 0.0)
        for message in messages:
            self._read[message.partition] = message.offset + 1
        return sorted((wire.decode_as(Fetched, m.value) for m in messages), key=lambda f: f.url or "")

    def outcomes(self, kind: str = "source") -> list[str]:
        return [event.outcome for event in self.events if event.kind == kind]


def item(number: int, text: str = "", link: str | None = None, extra: str = "") -> str:
    href = f"<link>{link or f'/news/{number}'}</link>" if link != "" else ""
    return (
        f"<item><title>Title {number}{text}</title>{href}<guid isPermaLink='false'>g{number}</guid>"
        f"<pubDate>Sat, 14 Mar 2026 08:{number % 60:02d}:00 GMT</pubDate>{extra}</item>"
    )


def rss(*items: str, channel: str = "") -> str:
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0'"
        " xmlns:content='http://purl.org/rss/1.0/modules/content/'>"
        f"<channel><title>The Paper</title>{channel}{''.join(items)}</channel></rss>"
    )
