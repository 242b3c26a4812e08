"""What servers do to feeds: each quirk against a real server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from paper import FEW, START, item, rss

from connectors.poller.feed_state import Suspicion


def test_conditional_headers_are_sent_back(desk, site, publish):
    publish(1, etag='"v1"', last_modified="Sat, 14 Mar 2026 08:00:00 GMT")
    desk.poll()
    summary = desk.poll_when_due()
    assert site.last("/feed").headers["if-none-match"] == '"v1"'
    assert site.last("/feed").headers["if-modified-since"] == "Sat, 14 Mar 2026 08:00:00 GMT"
    assert summary.sources == {"unchanged": 1}
    assert site.count("/news/1") == 1


def test_the_same_bytes_without_validators_are_not_read_again(desk, publish):
    publish(1)
    desk.poll()
    assert desk.poll_when_due().sources == {"unchanged": 1}


def test_permanent_304_is_seen_through_by_body_hash(desk, site, publish):
    desk.set(suspicion=Suspicion(full_after_polls=3))
    publish(1, etag='"for ever"', stubborn=True)
    desk.poll()
    publish(1, 2, etag='"for ever"', stubborn=True)
    assert desk.poll_when_due(3).sources == {"unchanged": 1}
    assert desk.feed().unmodified == 3
    summary = desk.poll_when_due()
    assert "if-none-match" not in site.last("/feed").headers
    assert (summary.sources, summary.items) == ({"new": 1}, 1)
    assert [f.url for f in desk.news()] == [site.url("/news/1"), site.url("/news/2")]


def test_a_validator_that_lied_is_not_sent_for_a_week(desk, site, publish):
    desk.set(suspicion=Suspicion(full_after_polls=3))
    publish(1, etag='"for ever"', stubborn=True)
    desk.poll()
    publish(1, 2, etag='"for ever"', stubborn=True)
    desk.poll_when_due(4)
    publish(1, 2, 3, etag='"for ever"', stubborn=True)
    assert desk.poll_when_due().items == 1
    desk.later(days=8)
    desk.poll()
    desk.poll_when_due()
    assert site.last("/feed").headers["if-none-match"] == '"for ever"'


def test_an_honest_server_keeps_its_trust_after_a_full_fetch(desk, site, publish):
    desk.set(suspicion=Suspicion(full_after_polls=2))
    publish(1, etag='"v1"')
    desk.poll()
    desk.poll_when_due(3)
    assert "if-none-match" not in site.last("/feed").headers
    desk.poll_when_due()
    assert site.last("/feed").headers["if-none-match"] == '"v1"'
    assert desk.feed().distrust_until is None


@pytest.mark.parametrize("status", [301, 308])
def test_permanent_redirect_moves_the_feed(desk, site, publish, status):
    publish(1)
    site.replies["/new-feed"] = site.replies["/feed"]
    site.put("/feed", status=status, location="/new-feed")
    desk.poll()
    assert desk.feed().address == site.url("/feed")
    assert desk.poll_when_due(2).sources == {"moved": 1}
    assert desk.feed().address == site.url("/new-feed")
    asked = site.count("/feed")
    desk.poll_when_due()
    assert site.count("/feed") == asked
    assert site.count("/news/1") == 1


@pytest.mark.parametrize("status", [302, 303, 307])
def test_temporary_redirect_is_followed_and_forgotten(desk, site, publish, status):
    publish(1)
    site.replies["/elsewhere"] = site.replies["/feed"]
    site.put("/feed", status=status, location="/elsewhere")
    desk.poll()
    desk.poll_when_due(4)
    assert desk.feed().address == site.url("/feed")
    assert len(desk.news()) == 1


def test_a_move_needs_sightings_one_after_the_other(desk, site, publish):
    feed = publish(1)
    site.put("/new-feed", feed.body)
    redirect = site.put("/feed", status=301, location="/new-feed")
    desk.poll()
    desk.poll_when_due()
    site.replies["/feed"] = feed
    desk.poll_when_due()
    site.replies["/feed"] = redirect
    desk.poll_when_due(2)
    assert desk.feed().address == site.url("/feed")


def test_a_permanent_redirect_to_a_web_page_moves_nothing(desk, site):
    site.put("/feed", status=301, location="/")
    site.put("/", "<!doctype html><html><body><h1>The Paper</h1></body></html>")
    desk.poll()
    desk.poll_when_due(4)
    assert desk.feed().address == site.url("/feed")
    assert desk.feed().reason == "feed_html"


def test_a_moved_feed_that_fails_is_tried_at_its_old_address(desk, site, publish):
    publish(1)
    site.replies["/new-feed"] = site.replies["/feed"]
    site.put("/feed", status=301, location="/new-feed")
    desk.poll()
    desk.poll_when_due(2)
    publish(1, 2)
    site.put("/new-feed", status=404)
    desk.poll_when_due(5)
    assert desk.feed().address == site.url("/feed")
    assert desk.poll_when_due().items == 1


def test_410_retires_the_feed(desk, site):
    site.put("/feed", status=410)
    assert desk.poll().sources == {"retired": 1}
    (fetched,) = desk.news()
    assert (fetched.kind, fetched.failure.reason, fetched.status) == ("feed", "gone", 410)
    assert desk.feed().next_poll_at is None
    desk.later(days=60)
    assert desk.poll().not_due == 1
    assert site.count("/feed") == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(desk, site, status):
    site.put("/feed", status=status, retry_after="7200")
    assert desk.poll().sources == {"throttled": 1}
    assert desk.feed().next_poll_at == START + timedelta(hours=2)
    desk.later(minutes=119)
    assert desk.poll().not_due == 1
    assert site.count("/feed") == 1


def test_retry_after_may_be_a_date(desk, site):
    site.put("/feed", status=429, retry_after="Sat, 14 Mar 2026 12:00:00 GMT")
    desk.poll()
    assert desk.feed().next_poll_at == START + timedelta(hours=3)


def test_throttling_without_retry_after_backs_off(desk, site):
    site.put("/feed", status=429)
    desk.poll()
    first = desk.feed().next_poll_at - desk.at
    desk.poll_when_due()
    assert desk.feed().next_poll_at - desk.at == 2 * first


def test_cache_control_is_a_floor_under_the_interval(desk, site, publish):
    publish(1, cache_control="max-age=3600")
    desk.poll()
    assert desk.feed().next_poll_at == START + timedelta(hours=1)


def test_ttl_is_a_floor_under_the_interval(desk, site, publish):
    publish(1)
    site.put("/feed", rss(item(1), channel="<ttl>120</ttl>"))
    desk.poll()
    assert desk.feed().next_poll_at == START + timedelta(hours=2)


def test_a_source_has_its_own_bounds(desk, site, publish):
    publish(1, cache_control="max-age=86400")
    desk.source(max_interval=timedelta(minutes=10))
    desk.poll()
    assert desk.feed().next_poll_at == START + timedelta(minutes=10) / 1.1


def test_bounds_that_were_narrowed_count_at_once(desk, site, publish):
    publish(1, cache_control="max-age=21600")
    desk.poll()
    desk.source(max_interval=timedelta(minutes=10))
    desk.later(minutes=11)
    assert desk.poll().not_due == 0


def test_a_quiet_feed_is_asked_less_often_and_a_busy_one_more(desk, publish):
    publish(1)
    desk.poll()
    first = desk.feed().next_poll_at - desk.at
    desk.poll_when_due(30)
    quiet = desk.feed().next_poll_at - desk.at
    assert quiet > first
    for number in range(2, 60, 4):
        publish(*range(number, number + 4))
        desk.poll_when_due()
    assert desk.feed().next_poll_at - desk.at < quiet


def test_jitter_puts_polls_off(desk, publish):
    publish(1)
    desk.random = 0.5
    desk.poll()
    assert desk.feed().next_poll_at == START + timedelta(minutes=15) * 1.05


def test_failures_back_off_and_show(desk, site):
    site.put("/feed", status=500)
    waits = []
    for _ in range(4):
        desk.poll_when_due() if waits else desk.poll()
        waits.append(desk.feed().next_poll_at - desk.at)
    assert waits == [timedelta(minutes=m) for m in (10, 20, 40, 80)]
    feed = desk.feed()
    assert (feed.status, feed.reason, feed.failures) == ("failing", "http_status", 4)
    assert "500" in feed.detail


def test_a_failing_feed_is_reported_once_per_change_of_state(desk, site, publish):
    site.put("/feed", status=500)
    desk.poll()
    desk.poll_when_due(3)
    assert [f.failure.reason for f in desk.news()] == ["http_status"]
    site.put("/feed", "<!doctype html><html><body>Maintenance</body></html>")
    desk.poll_when_due(2)
    assert [f.failure.reason for f in desk.news()] == ["feed_html"]
    publish(1)
    desk.poll_when_due()
    assert desk.feed().status == "ok"
    site.put("/feed", status=500)
    desk.poll_when_due(2)
    assert [f.failure and f.failure.reason for f in desk.news() if f.kind == "feed"] == ["http_status"]


def test_a_redirect_loop_is_a_failure_with_its_name(desk, site):
    site.put("/feed", status=302, location="/feed")
    desk.poll()
    (fetched,) = desk.news()
    assert (fetched.kind, fetched.failure.reason) == ("feed", "redirects")


def test_a_304_nobody_asked_for_is_a_failure(desk, site):
    site.put("/feed", status=304)
    desk.poll()
    assert desk.feed().reason == "http_status"


def test_slow_host_does_not_hold_others_back(desk, site, publish):
    publish(1)
    site.put("/slow", hang=True)
    slow = [replace(desk.sources[0], name=f"s{i}", url=site.url("/slow", f"s{i}.test")) for i in range(8)]
    fast = [replace(desk.sources[0], name=f"f{i}", url=site.url("/feed", f"f{i}.test")) for i in range(40)]
    desk.sources = slow + fast
    desk.set(lanes=FEW)

    def stop_when_fast_are_done(event):
        if desk.outcomes().count("new") == len(fast):
            desk.running.stop()

    desk.on_event = stop_when_fast_are_done
    summary = desk.poll()
    assert summary.sources == {"new": len(fast)}
    assert summary.seconds < desk.settings.document_caps.time


def test_many_feeds_of_one_slow_host_wait_in_its_own_line(desk, site, publish):
    publish(1)
    site.put("/feed", hang=True, host="slow.test")
    slow = []
    for i in range(30):
        site.put(f"/feed{i}", hang=True)
        slow.append(replace(desk.sources[0], name=f"s{i}", url=site.url(f"/feed{i}", "slow.test")))
    fast = [replace(desk.sources[0], name=f"f{i}", url=site.url("/feed", f"f{i}.test")) for i in range(20)]
    desk.sources = slow + fast
    desk.set(lanes=FEW)

    def stop_when_fast_are_done(event):
        if desk.outcomes().count("new") == len(fast):
            desk.running.stop()

    desk.on_event = stop_when_fast_are_done
    assert desk.poll().sources == {"new": len(fast)}


def test_requests_name_us_and_our_contact(desk, site, publish):
    publish(1)
    desk.poll()
    assert site.last("/feed").headers["user-agent"] == "wiredesk-test/1 (+mailto:desk@example.org)"
    assert site.last("/news/1").headers["user-agent"] == "wiredesk-test/1 (+mailto:desk@example.org)"


def test_headers_of_the_source_go_to_its_own_site_only(desk, site, publish):
    publish(1)
    site.put("/feed", rss(item(1), item(2, link=site.url("/news/2", "other.test"))))
    site.put("/news/2", "<p>elsewhere</p>")
    desk.source(headers=(("X-Key", "secret"),))
    desk.poll()
    assert site.last("/feed").headers["x-key"] == "secret"
    assert site.last("/news/1").headers["x-key"] == "secret"
    assert "x-key" not in site.last("/news/2").headers
