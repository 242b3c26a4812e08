"""What protects the desk: who may ask (host, token, origin), and what a browser may do with the answer.

Article text is a stranger's. Templates escape it, and should one fail to, the content security policy lets no script
or style run that is not a file of the desk's own. The Host header is compared with the names that the desk goes by, so
that a page elsewhere can't reach it through a name of its own that leads here (DNS rebinding).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "wiredesk_token"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers hide the origin of the desk's own forms too
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
OPEN = ("/static/", "/login")
"""What is had without the token: nothing of the warehouse is in it."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Headed:
    """Adds the headers to every answer, errors and refusals too."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        await self._app(scope, receive, with_headers)


class KnownHosts:
    """Refuses requests for a host that is not the desk's."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]):
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and host_of(Headers(scope=scope).get("host", "")) not in self._hosts:
            refusal = PlainTextResponse(
                "This desk does not go by that name. If it should, add the name to desk.hosts in wiredesk.toml.\n", 421
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def host_of(header: str) -> str:
    """The name in a Host header, without the port; empty for a malformed one."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower() if "@" not in header else ""
    except ValueError:
        return ""


class SameOrigin:
    """Refuses what changes something (POST) unless the desk's own page asks."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            headers = Headers(scope=scope)
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            foreign = site not in (None, "same-origin", "none")
            foreign |= origin is not None and urlsplit(origin).netloc != headers.get("host", "")
            if foreign:
                await PlainTextResponse("Only the desk's own pages may ask for this.\n", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Token:
    """Asks for the token: ``Authorization: Bearer TOKEN``, or the cookie that the login page gives."""

    def __init__(self, app: ASGIApp, token: str):
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPEN) or self._knows(HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "text/html" in headers.get("accept", "") and scope["method"] == "GET":
            answer: Response = RedirectResponse("/login", 303)
        else:
            answer = PlainTextResponse("A token is needed: Authorization: Bearer TOKEN.\n", 401)
            answer.headers["WWW-Authenticate"] = "Bearer"
        await answer(scope, receive, send)

    def _knows(self, connection: HTTPConnection) -> bool:
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return is_token(given.strip(), self._token)
        return hmac.compare_digest(connection.cookies.get(COOKIE, "").encode(), cookie_of(self._token).encode())


def is_token(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def cookie_of(token: str) -> str:
    """What the cookie holds: not the token itself, which may be used elsewhere."""
    return hmac.new(token.encode(), b"wiredesk desk cookie", hashlib.sha256).hexdigest()
