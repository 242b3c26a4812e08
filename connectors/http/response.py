"""What a fetch gives: the response, whatever its status, with its redirects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from connectors.http.errors import FetchError

PERMANENT = frozenset({301, 308})
MAX_RETRY_AFTER = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirect: its status and the absolute URL it led to."""

    status: int
    url: str


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response of any status. ``headers`` is a case-insensitive mapping (multidict: ``getall`` for repeats)."""

    url: str
    """As asked for."""
    final_url: str
    """Where the redirects led; the URL as it was sent when there were none."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    """Content-Encoding removed; empty for 304."""
    redirects: tuple[Redirect, ...] = ()
    truncated: bool = False
    """The body is only a beginning: of an error page over the caps or damaged, or as ``truncate`` asked."""
    retry_after: timedelta | None = None
    """How long the server asks to be left alone (Retry-After)."""

    @property
    def media_type(self) -> str:
        """The Content-Type without parameters, in lower case; empty when there is none."""
        return media_type(self.headers.get("Content-Type", ""))

    @property
    def moved_to(self) -> str | None:
        """Where the permanent redirects (301, 308) at the head of the chain lead; None when it begins otherwise."""
        target = None
        for redirect in self.redirects:
            if redirect.status not in PERMANENT:
                break
            target = redirect.url
        return target

    def raise_for_status(self) -> None:
        """Raise ``FetchError`` for a status that is no success: ``gone`` for 410, ``http_status`` for the others."""
        if 200 <= self.status < 300:
            return
        reason = "gone" if self.status == 410 else "http_status"
        detail = f"{self.final_url}: HTTP {self.status}"
        raise FetchError(reason, detail, status=self.status, retry_after=self.retry_after)


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A Retry-After header (RFC 9110 section 10.2.3: seconds, or an HTTP date) as the time from ``now`` on; never
    negative, at most ``MAX_RETRY_AFTER``. None when there is none or it can't be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # More digits than a day count can hold are cut before they are read.
        return min(timedelta(seconds=int(text[:10])), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):  # what it raises for dates that are none
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), MAX_RETRY_AFTER)
