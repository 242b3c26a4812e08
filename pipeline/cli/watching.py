"""Being watched: where Prometheus reads a process's metrics, and where others ask whether it is alive and of use.

GET /metrics (Prometheus' text format), /healthz (503: start it again), /readyz (503: it can't do its work now, with
what keeps it from it, a line each). No authentication: bind it to loopback or a private network.
"""

from __future__ import annotations

import contextlib
import os
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

import structlog

from connectors.queue import Queue
from pipeline.cli.doors import now
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.metrics import Metrics, show_queue
from pipeline.cli.queue import look
from schemas.errors import DoorError

log = structlog.get_logger()

UNIX = "unix:"
"""Begins the address of a socket that is a file: between a supervisor and its parts."""
LOOK_SECONDS = 15.0
"""How often the queue is looked at."""


class Watched(Protocol):
    """What is asked. Called from several threads."""

    def text(self) -> bytes: ...
    def dead(self) -> list[str]: ...
    def unready(self) -> list[str]: ...


class Health:
    """What a process says of itself: whether its loop still turns, and what keeps it from its work. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, patience: float = 600.0):
        self._clock, self._patience = clock, patience
        self._beat = clock()
        self._problems: dict[str, str] = {"start": "starting"}

    def beat(self) -> None:
        """The loop turned. A batch of many slow pages may take minutes."""
        self._beat = self._clock()

    def started(self) -> None:
        self.mend("start")

    def hinder(self, what: str, why: str) -> None:
        self._problems = self._problems | {what: why}

    def mend(self, what: str) -> None:
        self._problems = {name: why for name, why in self._problems.items() if name != what}

    def dead(self) -> list[str]:
        """Why the process should be started again, a line each; none if it should not."""
        silent = self._clock() - self._beat
        return [f"no sign of life for {silent:.0f} s"] if silent > self._patience else []

    def unready(self) -> list[str]:
        """What keeps it from its work, a line each."""
        return [*self.dead(), *(f"{what}: {why}" for what, why in self._problems.items())]


class Watch:
    """A process's metrics and its health, as ``serve`` wants them."""

    def __init__(self, metrics: Metrics, health: Health, before: Callable[[], None] = lambda: None):
        self.metrics, self.health = metrics, health
        self.before = before
        """Brings up to date what is only looked at when asked for."""

    def text(self) -> bytes:
        self.before()
        return self.metrics.text()

    def dead(self) -> list[str]:
        return self.health.dead()

    def unready(self) -> list[str]:
        self.before()
        return self.health.unready()


@contextlib.contextmanager
def served(watched: Watched, address: str | None) -> Iterator[None]:
    """Answer at ``HOST:PORT`` (or ``unix:PATH``) inside the block, in threads of its own; without an address do
    nothing. Raises ``UserError`` for what is no address, ``Failed`` for one that can't be had."""
    if address is None:
        yield
        return
    server = _server(address, watched)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def parsed(address: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, brackets around an IPv6 address. Raises ``UserError``."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\s\[\]/]+)):([0-9]{1,5})", address)
    if not found or int(found[3]) > 65535:
        raise UserError(f"--metrics {address}: give HOST:PORT, as in 127.0.0.1:9464")
    return found[1] or found[2], int(found[3])


def _server(address: str, watched: Watched) -> socketserver.BaseServer:
    class Handler(_Handler):
        asked = watched

    if address.startswith(UNIX):
        path = address.removeprefix(UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return _UnixServer(path, Handler)
    host, port = parsed(address)
    try:
        return _Server((host, port), Handler)
    except OSError as e:
        raise Failed(f"--metrics {address}: {e.strerror or e}: free that port or give another one") from e


class _Server(ThreadingHTTPServer):
    """HTTP over TCP."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]):
        if ":" in address[0]:
            import socket

            self.address_family = socket.AF_INET6
        super().__init__(address, handler)


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """HTTP over a socket that is a file."""

    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    asked: Watched
    timeout = 10
    """Seconds for a request to come."""
    server_version = "wiredesk"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, self.asked.text(), "text/plain; version=0.0.4; charset=utf-8")
        elif path in ("/healthz", "/readyz"):
            wrong = self.asked.dead() if path == "/healthz" else self.asked.unready()
            self._answer(503 if wrong else 200, ("\n".join(wrong or ["ok"]) + "\n").encode(), "text/plain")
        else:
            self._answer(404, b"there are /metrics, /healthz and /readyz\n", "text/plain")

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody wants a line for each scrape."""


@contextlib.contextmanager
def queue_watched(metrics: Metrics, open_queue: Callable[[], Queue], active: bool) -> Iterator[None]:
    """Look at the queue every ``LOOK_SECONDS`` inside the block, if it is ``active``: by a thread with a door of its
    own, since a queue serves one thread at a time."""
    if not active:
        yield
        return
    stop = threading.Event()

    def loop() -> None:
        door: Queue | None = None
        while not stop.is_set():
            try:
                door = door or open_queue()
                show_queue(metrics, look(door), now())
            except (DoorError, OSError) as e:
                log.debug("the queue was not seen", error=str(e))
                show_queue(metrics, None, now())
            stop.wait(LOOK_SECONDS)
        if door is not None:
            door.close()

    thread = threading.Thread(target=loop, name="queue-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=2)
