"""Dates as servers and sitemaps write them, read well enough to tell old from new. What an article's date is, is the
pipeline's to say."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(value: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7), None when it is none."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    try:
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except OverflowError:
        return None


def rough_date(raw: str) -> datetime | None:
    """A W3C date (https://www.w3.org/TR/NOTE-datetime) or one of mail and HTTP; for want of a zone in UTC."""
    try:
        date = datetime.fromisoformat(raw.strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return http_date(raw)
