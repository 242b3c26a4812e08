"""A server on this machine that plays the outlets, each on an address of its own.

Pacing, robots.txt and "the same site" go by host. So each outlet has its own loopback address (127.0.1.1, 127.0.1.2,
...); where the system knows only 127.0.0.1 (macOS), they differ by port alone, and the demo still runs.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from datetime import datetime
from email.utils import format_datetime
from hashlib import blake2b
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from connectors.poller.schedule import http_date
from connectors.sources import Kind, Source
from pipeline.demo.material import load_material
from pipeline.demo.sites import TROUBLED, Answer, answers

T = TypeVar("T")

KINDS: dict[str, Kind] = {"sitemap": "sitemap", "section": "section"}
"""What the sources file says of an outlet's way of publishing; of the others, nothing."""


class DemoServer:
    """Serves the material of the demo as of ``now`` while it is entered; set ``stage`` to publish what comes later.

    It runs in a thread of its own, so that the commands that are shown can run in other processes meanwhile.
    """

    def __init__(self, now: datetime):
        self.material = load_material(now)
        self.bases: dict[str, str] = {}
        self._stage = 1
        self._answers: dict[str, dict[str, Answer]] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo outlets", daemon=True)

    @property
    def stage(self) -> int:
        return self._stage

    @stage.setter
    def stage(self, stage: int) -> None:
        """Publish what this stage has; an answer under way still is of the old one."""
        self._answers = {key: answers(self.material, key, self.bases, stage) for key in self.material.outlets}
        self._stage = stage

    def __enter__(self) -> DemoServer:
        for number, key in enumerate(self.material.outlets, 1):
            self._sockets[key] = listener = _listen(f"127.0.1.{number}")
            host, port = listener.getsockname()
            self.bases[key] = f"http://{host}:{port}"
        self.stage = self._stage
        self._thread.start()
        self._runners = [self._run(self._serve(key)) for key in self.material.outlets]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for runner in self._runners:
            self._run(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def sources(self) -> tuple[Source, ...]:
        """The outlets, and what the badly behaved one offers beside, as sources to poll."""
        found = []
        for key, outlet in self.material.outlets.items():
            url = self.bases[key] + outlet.feed_path
            if outlet.moved_from:
                url = self.bases[TROUBLED] + outlet.moved_from
            found.append(Source(name=outlet.name, url=url, kind=KINDS.get(outlet.feed, "auto")))
        for trouble in self.material.troubles:
            if trouble.source:
                found.append(Source(name=trouble.title, url=self.bases[TROUBLED] + trouble.path, kind="feed"))
        return tuple(found)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _serve(self, key: str) -> web.AppRunner:
        async def respond(request: web.Request) -> web.Response:
            known = self._answers[key]
            answer = known.get(request.path_qs) or known.get(request.path)
            if answer is None:
                return web.Response(status=404, text="Not found")
            return conditional(answer, request)

        app = web.Application()
        app.router.add_get("/{path:.*}", respond)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, self._sockets[key]).start()
        return runner


def conditional(answer: Answer, request: web.Request) -> web.Response:
    """The answer as a response, or 304 where the request says that it has it (RFC 9110, 13)."""
    headers = {"Content-Type": answer.content_type}
    if answer.location:
        headers["Location"] = answer.location
    if answer.status == 200:
        headers["ETag"] = f'"{blake2b(answer.body, digest_size=8).hexdigest()}"'
    if answer.modified:
        headers["Last-Modified"] = format_datetime(answer.modified, usegmt=True)
    if answer.status == 200 and _has_it(answer, headers["ETag"], request):
        return web.Response(status=304, headers={k: v for k, v in headers.items() if k != "Content-Type"})
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _has_it(answer: Answer, etag: str, request: web.Request) -> bool:
    if "If-None-Match" in request.headers:
        return etag in request.headers["If-None-Match"]
    since = http_date(request.headers.get("If-Modified-Since", ""))
    return since is not None and answer.modified is not None and answer.modified <= since


def _listen(address: str) -> socket.socket:
    """A listening socket on a free port of the address, or of 127.0.0.1 where there is no such address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, 0))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener
