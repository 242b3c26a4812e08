"""What a response and a failure say."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp.http_exceptions import LineTooLong

from connectors.http import FetchError, Response, parse_retry_after
from connectors.http.errors import to_fetch_error
from connectors.http.guard import ForbiddenAddress
from schemas.reasons import reasons

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def response(status):
    return Response("http://a.test/", "http://a.test/b", status, {}, b"")


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("9" * 400, timedelta(days=366)),
        ("Wed, 01 May 2024 12:01:00 GMT", timedelta(minutes=1)),
        ("Wednesday, 01-May-24 12:01:00 GMT", timedelta(minutes=1)),
        ("Wed May  1 12:01:00 2024", timedelta(minutes=1)),
        ("Wed, 01 May 2024 14:01:00 +0200", timedelta(minutes=1)),
        ("Wed, 01 May 1996 12:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=366)),
        ("Wed, 01 May 0000 12:00:00 GMT", timedelta(0)),
        ("Wed, 99 May 2024 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", timedelta(days=366)),
        ("1773477000000 Mar 14 08:30:00 2026", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, wait):
    assert parse_retry_after(value, NOW) == wait


@pytest.mark.parametrize("status", [200, 204, 206, 299])
def test_a_success_raises_nothing(status):
    response(status).raise_for_status()


@pytest.mark.parametrize(("status", "reason"), [(304, "http_status"), (404, "http_status"), (410, "gone")])
def test_another_status_is_a_failure_with_a_reason(status, reason):
    with pytest.raises(FetchError, match=f"{reason}: http://a.test/b: HTTP {status}") as caught:
        response(status).raise_for_status()
    assert (caught.value.reason, caught.value.status) == (reason, status)


def test_a_failure_is_a_record_too():
    error = FetchError("dns", "no such name \udcff" + "x" * 10_000)
    assert error.failure.reason == "dns"
    assert error.failure.detail.startswith("no such name \\udcff")
    assert len(error.failure.detail) < 600


def test_what_is_not_the_servers_doing_is_not_a_failed_fetch():
    with pytest.raises(KeyError):
        to_fetch_error(KeyError("a mistake of ours"), "http://a.test/")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ForbiddenAddress("10.0.0.1 is private"), "forbidden_address"),
        (ssl.SSLError("record layer failure"), "tls"),
        (LineTooLong("Header value", "8190"), "too_large"),
        (TimeoutError(), "timeout"),
        (aiohttp.ServerTimeoutError(), "timeout"),
        (aiohttp.ClientPayloadError("ended early"), "connection"),
        (aiohttp.ServerDisconnectedError(), "connection"),
        (ConnectionResetError(104, "reset"), "connection"),
        (OSError(24, "Too many open files"), "connection"),
    ],
)
def test_each_error_has_its_reason_however_deep_it_lies(error, reason):
    assert to_fetch_error(error, "http://a.test/").reason == reason
    outer = aiohttp.ClientError("something")
    outer.__cause__ = error
    assert to_fetch_error(outer, "http://a.test/").reason == reason
    assert reasons()[reason].stage == "fetch"
