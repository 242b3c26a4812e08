"""The client: one bounded, guarded GET with its redirects. Thousands of hosts from one process, little memory.

A fetch ends in a ``Response``, of whatever status, or in a ``FetchError`` with a reason; nothing else leaves ``get``
for what servers do. No cookies are kept from one fetch to the next, no proxy is used (the guard judges the address that
is connected to).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from connectors.http import urls
from connectors.http.encodings import ACCEPT_ENCODING, BadEncoding, BodyTooLarge, decode
from connectors.http.errors import FetchError, to_fetch_error
from connectors.http.guard import Guard, GuardedResolver, SystemResolver
from connectors.http.pacing import HostGate
from connectors.http.response import Redirect, Response, media_type, parse_retry_after

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_FIELD = 16 * 1024
"""Bytes of one response header; content security policies of news sites pass the usual 8 KiB."""
MAX_FIELDS = 200
MAX_RECENT = 4096
"""Hosts remembered as asked a moment ago."""
DECODE_IN_THREAD = 128 * 1024
"""Compressed bodies from this size on are unpacked beside the event loop."""

# Request headers that may follow a redirect to another origin; others may hold a key meant for the first one.
_FOLLOWS = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since", "cache-control", "a-im"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Permit = Callable[[str], Awaitable[float]]
"""Asked before each request: returns the seconds to keep from the last one to this host, or raises ``FetchError``."""


@dataclass(frozen=True)
class Caps:
    """What one fetch, redirects included, may cost."""

    time: float = 30.0
    """Seconds, from first connecting to the last byte; waiting for a turn is not counted."""
    compressed: int = 10 * 2**20
    """Bytes of body as sent."""
    decompressed: int = 10 * 2**20
    """Bytes of body after Content-Encoding is removed."""
    redirects: int = 10


@dataclass(frozen=True)
class HttpSettings:
    """How wiredesk fetches."""

    user_agent: str = "wiredesk"
    """Product token, perhaps with a version: ``name/1.0``. robots.txt is read for the token."""
    contact: str = ""
    """A URL or mail address where the owner of a site reaches the operator; part of the User-Agent."""
    allow_private: bool = False
    """Let private, loopback and link-local addresses be fetched (see ``guard``)."""
    allowed: tuple[str, ...] = ()
    """Exemptions from the guard: ``10.1.0.0/16``, ``192.168.1.7:8080``."""
    caps: Caps = field(default_factory=Caps)
    connect_timeout: float = 10.0
    """Seconds for name, connection and TLS handshake."""
    idle_timeout: float = 15.0
    """Seconds of silence while a response is awaited or read."""
    concurrency: int = 128
    """Requests under way at a time, of all hosts."""
    keepalive: float = 2.0
    """Seconds that an unused connection stays open, if its host was asked twice within ``burst`` seconds."""
    burst: float = 10.0
    """A site's pages come in bursts; a feed's next poll is far away, and thousands of idle connections are no use."""
    dns_ttl: int = 60
    """Seconds that a resolved name is kept."""
    dns_threads: int = 32
    ca_file: str | None = None
    """Certificates to trust instead of the system's (PEM)."""

    def __post_init__(self) -> None:
        if not self.user_agent.strip() or not (self.user_agent + self.contact).isprintable():
            raise ValueError(f"user_agent {self.user_agent!r} and contact {self.contact!r} must be printable text")

    @property
    def product(self) -> str:
        """The name that robots.txt calls us by (RFC 9309 section 2.2.1)."""
        return self.user_agent.split()[0].split("/")[0]

    @property
    def user_agent_header(self) -> str:
        return f"{self.user_agent} (+{self.contact})" if self.contact else self.user_agent


@dataclass
class _Fetch:
    """One ``get`` under way."""

    url: str
    caps: Caps
    headers: dict[str, str]
    accept_types: tuple[str, ...]
    truncate: bool
    left: float
    redirects: list[Redirect] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    jar: aiohttp.CookieJar | None = None
    """Only for a fetch that is redirected with a cookie."""
    cookies: str = ""

    def visit(self, target: URL) -> None:
        """Note that ``target`` is next; a site that sends us in a circle is refused. The same URL with other cookies
        is no circle: many sites set one and redirect to themselves."""
        if self.jar is not None:
            kept = self.jar.filter_cookies(target).items()
            self.cookies = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in kept)
        step = (str(target), self.cookies)
        if step in self.seen:
            raise FetchError("redirects", f"loop: {self._way()}", status=self.redirects[-1].status)
        self.seen.add(step)

    def follow(self, status: int, base: URL, location: str) -> URL:
        """The URL a redirect leads to, noted; what is not for another origin is dropped from the headers."""
        if len(self.redirects) >= self.caps.redirects:
            raise FetchError("redirects", f"more than {self.caps.redirects}: {self._way()}", status=status)
        try:
            target = urls.join(base, location)
        except urls.BadURL as e:
            raise FetchError("unsupported_url", f"{base} redirects to {e}", status=status) from e
        if urls.origin(target) != urls.origin(base):
            self.headers = {k: v for k, v in self.headers.items() if k.lower() in _FOLLOWS}
        self.redirects.append(Redirect(status, str(target)))
        return target

    def keep_cookies(self, set_cookie: Sequence[str], target: URL) -> None:
        """Keep what a redirect sets; the jar bounds how much that is, and how much of it one request gets (8 KiB)."""
        if set_cookie:
            self.jar = aiohttp.CookieJar(unsafe=True) if self.jar is None else self.jar
            self.jar.update_cookies_from_headers(set_cookie, target)

    def request_headers(self) -> dict[str, str]:
        """Those asked for, with the cookies of this fetch after those of the caller."""
        if not self.cookies:
            return self.headers
        others = {k: v for k, v in self.headers.items() if k.lower() != "cookie"}
        given = [v for k, v in self.headers.items() if k.lower() == "cookie"]
        return {**others, "Cookie": "; ".join([*given, self.cookies])}

    def _way(self) -> str:
        return " -> ".join([self.url, *(r.url for r in self.redirects)])


@dataclass(frozen=True)
class _Sessions:
    resolver: AbstractResolver
    once: aiohttp.ClientSession
    kept: aiohttp.ClientSession


class HttpClient:
    """An asynchronous context manager; ``get`` is the whole of it.

    ``resolver`` replaces the system's (an aiohttp resolver; guarded like it); ``now`` gives the time that dates in
    Retry-After are compared with.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        resolver: AbstractResolver | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.settings = settings
        self._guard = Guard(settings.allow_private, settings.allowed)
        self._own_resolver = resolver
        self._now = now
        self._turns = asyncio.Semaphore(settings.concurrency)
        self._recent: OrderedDict[str, float] = OrderedDict()
        self._open: _Sessions | None = None

    async def __aenter__(self) -> HttpClient:
        resolver = GuardedResolver(self._own_resolver or SystemResolver(self.settings.dns_threads), self._guard)
        self._open = _Sessions(resolver, self._session(resolver, keep=False), self._session(resolver, keep=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.once.close()
            await opened.kept.close()
            await opened.resolver.close()

    def _session(self, resolver: AbstractResolver, *, keep: bool) -> aiohttp.ClientSession:
        s = self.settings
        connector = aiohttp.TCPConnector(
            limit=0,  # self._turns bounds the requests, so that waiting for a turn is no part of a fetch's time
            force_close=not keep,
            keepalive_timeout=s.keepalive if keep else None,
            ttl_dns_cache=s.dns_ttl,
            use_dns_cache=s.dns_ttl > 0,
            resolver=resolver,
            socket_factory=self._guard.socket,
            ssl=ssl.create_default_context(cafile=s.ca_file) if s.ca_file else True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": s.user_agent_header, "Accept-Encoding": ACCEPT_ENCODING, "Accept": "*/*"},
            timeout=aiohttp.ClientTimeout(total=None, connect=s.connect_timeout, sock_read=s.idle_timeout),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_FIELD,
            max_field_size=MAX_FIELD,
            max_headers=MAX_FIELDS,
        )

    def _session_for(self, target: URL) -> aiohttp.ClientSession:
        """The one that keeps connections, if the host was asked a moment ago; the other for a first request."""
        if self._open is None:
            raise RuntimeError("use the client inside `async with`")
        now, host = asyncio.get_running_loop().time(), urls.origin(target)
        last = self._recent.pop(host, float("-inf"))
        self._recent[host] = now
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)
        return self._open.kept if now - last < self.settings.burst else self._open.once

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        caps: Caps | None = None,
        gate: HostGate | None = None,
        permit: Permit | None = None,
        accept_types: tuple[str, ...] = (),
        truncate: bool = False,
    ) -> Response:
        """Fetch ``url`` and give the response, of whatever status.

        headers: sent as they are (If-None-Match, Authorization, ...); to another origin only harmless ones follow.
        gate: paces the requests of a host, those of redirects too.
        permit: asked before each request, see ``Permit``; ``Robots.permit`` is one.
        accept_types: media types (``text/html``, ``text/*``) of a success whose body is wanted; another Content-Type
            is refused (``content_type``) before the body is read. None given, or no Content-Type: all are.
        truncate: a body over the caps is cut there, not refused.
        Raises ``FetchError`` when there is no usable response. The body of an error status is never a reason for that:
        it is given as far as it could be read. Raises ``ValueError`` for ``headers`` that can't be sent.
        """
        caps = caps or self.settings.caps
        fetch = _Fetch(url, caps, dict(headers or {}), accept_types, truncate, caps.time)
        try:
            target = urls.parse(url)
        except urls.BadURL as e:
            raise FetchError("unsupported_url", str(e)) from e
        clock = asyncio.get_running_loop().time
        while True:
            fetch.visit(target)
            delay = await permit(str(target)) if permit else None
            turn = contextlib.nullcontext() if gate is None else gate.slot(urls.authority(target), delay)
            async with turn, self._turns:
                started = clock()
                try:
                    answer = await self._request(fetch, target)
                except (aiohttp.ClientError, OSError) as e:
                    raise to_fetch_error(e, str(target)) from e
                fetch.left -= clock() - started
            if isinstance(answer, Response):
                return answer
            target = answer

    async def _request(self, fetch: _Fetch, target: URL) -> Response | URL:
        """One request: the response, or the URL it redirects to."""
        deadline = asyncio.get_running_loop().time() + fetch.left
        async with asyncio.timeout_at(deadline):
            raw = await self._session_for(target).get(target, headers=fetch.request_headers(), allow_redirects=False)
        async with raw:
            found = _readable(raw.headers)
            if raw.status in REDIRECTS and (location := raw.headers.get("Location", "").strip()):
                fetch.keep_cookies(found.getall("Set-Cookie", ()), target)
                return fetch.follow(raw.status, target, location)
            success = 200 <= raw.status < 300
            if success and not accepts(fetch.accept_types, found.get("Content-Type", "")):
                detail = f"{target}: {found['Content-Type']}"
                raise FetchError("content_type", detail, status=raw.status)
            partial = fetch.truncate or not success
            body, truncated = await _body(raw, found, fetch.caps, deadline, partial=partial)
        return Response(
            url=fetch.url,
            final_url=str(target),
            status=raw.status,
            headers=found,
            body=body,
            redirects=tuple(fetch.redirects),
            truncated=truncated,
            retry_after=parse_retry_after(found.get("Retry-After"), self._now()),
        )


def accepts(accept_types: tuple[str, ...], content_type: str) -> bool:
    """Whether a Content-Type is one of these media types; ``text/*`` is all of text. A missing one always is."""
    kind = media_type(content_type)
    if not accept_types or not kind:
        return True
    return any(kind == t or (t.endswith("/*") and kind.startswith(t[:-1])) for t in accept_types)


async def _body(
    raw: aiohttp.ClientResponse, headers: CIMultiDict[str], caps: Caps, deadline: float, *, partial: bool
) -> tuple[bytes, bool]:
    """The body within the caps, and whether it is only a beginning (``partial`` allows that)."""
    if not partial and (raw.content_length or 0) > caps.compressed:
        detail = f"{raw.url}: {raw.content_length} bytes announced, the limit is {caps.compressed}"
        raise FetchError("too_large", detail, status=raw.status)
    data = bytearray()
    truncated = False
    try:
        async with asyncio.timeout_at(deadline):
            while len(data) <= caps.compressed and (chunk := await raw.content.readany()):
                data += chunk
    except (aiohttp.ClientError, TimeoutError):
        if not partial:
            raise
        truncated = True
    if len(data) > caps.compressed:
        if not partial:
            raise FetchError("too_large", f"{raw.url}: more than {caps.compressed} bytes as sent", status=raw.status)
        truncated = True
        del data[caps.compressed :]
    encoding = ",".join(headers.getall("Content-Encoding", ()))
    try:
        return await _decoded(bytes(data), encoding, caps.decompressed, partial=truncated), truncated
    except (BodyTooLarge, BadEncoding) as e:
        if partial:
            return await _decoded(bytes(data), encoding, caps.decompressed, partial=True), True
        reason = "too_large" if isinstance(e, BodyTooLarge) else "content_encoding"
        raise FetchError(reason, f"{raw.url}: {e}", status=raw.status) from e


async def _decoded(data: bytes, encoding: str, limit: int, *, partial: bool) -> bytes:
    if encoding and len(data) >= DECODE_IN_THREAD:
        return await asyncio.to_thread(decode, data, encoding, limit, partial=partial)
    return decode(data, encoding, limit, partial=partial)


def _readable(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers as text that can be stored and sent back: bytes that are no UTF-8 are read as Latin-1, control
    characters as spaces (RFC 9110 section 5.5)."""
    return CIMultiDict(
        (name, value if value.isascii() and value.isprintable() else _CONTROL.sub(" ", _text(value)))
        for name, value in headers.items()
    )


def _text(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
