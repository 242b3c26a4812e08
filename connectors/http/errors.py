"""Why a fetch failed: one exception, with a reason of schemas/reasons.toml."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from connectors.http.guard import ForbiddenAddress
from schemas.records import Failure

MAX_DETAIL = 500
"""Characters kept of a detail: it may quote what a stranger sent."""

# What aiohttp, ssl and the guard raise -> the reason. The first row that fits any exception of the chain decides, so
# the specific come first.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ForbiddenAddress, "forbidden_address"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (ssl.SSLError, "tls"),
    (LineTooLong, "too_large"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientPayloadError, "connection"),  # a body that ends early
    (aiohttp.ClientResponseError, "bad_response"),  # what can not be parsed
    (aiohttp.ClientError, "connection"),
    (OSError, "connection"),
)


class FetchError(Exception):
    """There is no usable response. ``reason`` is a name of schemas/reasons.toml, ``detail`` says what happened.

    ``status``: the HTTP status, if the server got as far. ``retry_after``: how long it asks to be left alone.
    """

    def __init__(
        self, reason: str, detail: str = "", *, status: int | None = None, retry_after: timedelta | None = None
    ):
        self.reason = reason
        self.detail = detail[:MAX_DETAIL].encode("utf-8", "backslashreplace").decode()
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"{reason}: {self.detail}" if detail else reason)

    @property
    def failure(self) -> Failure:
        """The same as a record, for a ``Fetched``."""
        return Failure(reason=self.reason, detail=self.detail)


def to_fetch_error(error: BaseException, url: str) -> FetchError:
    """The ``FetchError`` for an exception that a request for ``url`` raised; its detail is of the deepest cause."""
    chain = list(_chain(error))
    for kind, reason in _REASONS:
        for cause in chain:
            if isinstance(cause, kind):
                return FetchError(reason, f"{url}: {cause or type(cause).__name__}")
    raise error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from; aiohttp keeps some causes in an attribute."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        e = todo.pop()
        if e is None or id(e) in seen:
            continue
        seen.add(id(e))
        yield e
        todo += [e.__context__ if not e.__suppress_context__ else None, e.__cause__, getattr(e, "os_error", None)]
