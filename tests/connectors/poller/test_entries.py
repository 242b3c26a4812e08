"""From a document's entries to what is in the queue."""

from __future__ import annotations

import json
from datetime import timedelta

from paper import ARTICLE, START, item, rss

from connectors.poller.items import ItemSettings
from schemas.records import DateClue


def test_entries_become_fetched_pages(desk, site, publish):
    publish(1, 2)
    summary = desk.poll()
    assert (summary.sources, summary.pages) == ({"new": 1}, {"fetched": 2})
    assert (summary.items, summary.messages, summary.waiting) == (2, 2, 0)
    one, two = desk.news()
    assert (one.url, two.url) == (site.url("/news/1"), site.url("/news/2"))
    assert one.body == ARTICLE.format("Title 1").encode()
    assert one.entry.title == "Title 1"
    assert one.entry.dates == (DateClue(raw="Sat, 14 Mar 2026 08:01:00 GMT", origin="feed"),)
    assert (one.source, one.position, one.fetched_at, one.status) == ("Paper", site.url("/feed"), START, 200)
    assert one.content_type == "text/html; charset=utf-8"
    assert one.provenance["connector"] == "feed"
    assert one.provenance["feed"] == site.url("/feed")
    assert one.provenance["robots"] == "allowed"


def test_an_entry_is_taken_once(desk, publish):
    publish(1, 2)
    desk.poll()
    publish(1, 2, 3)
    assert desk.poll_when_due().items == 1
    assert [f.entry.title for f in desk.news()] == ["Title 1", "Title 2", "Title 3"]


def test_a_changed_entry_is_fetched_again(desk, site, publish):
    publish(1, 2)
    desk.poll()
    desk.news()
    site.put("/feed", rss(item(1, " corrected"), item(2)))
    assert desk.poll_when_due().items == 1
    assert [f.entry.title for f in desk.news()] == ["Title 1 corrected"]
    assert site.count("/news/1") == 2


def test_an_entry_that_changes_at_every_poll_is_taken_ever_more_seldom(desk, site, publish):
    publish(1)
    desk.poll()
    for n in range(40):
        site.put("/feed", rss(item(1, f" read {n} times")))
        desk.later(minutes=15)
        desk.poll()
    assert 3 <= site.count("/news/1") <= 8


def test_markup_and_order_are_no_change(desk, site, publish):
    publish(1)
    site.put("/feed", rss(item(1, extra="<description>&lt;b&gt;A&lt;/b&gt; lead</description>"), item(2)))
    desk.poll()
    desk.news()
    site.put("/feed", rss(item(2), item(1, extra="<description>&lt;i&gt;A&lt;/i&gt;  lead</description>")))
    assert desk.poll_when_due().items == 0


def test_kept_headers_come_along(desk, site, publish):
    publish(1)
    site.put(
        "/news/1",
        "<p>x</p>",
        headers={"TDM-Reservation": "1", "X-Robots-Tag": "noai", "Link": "</a>; rel=canonical", "X-Other": "no"},
        last_modified="Sat, 14 Mar 2026 08:30:00 GMT",
    )
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.headers == {
        "tdm-reservation": "1",
        "x-robots-tag": "noai",
        "link": "</a>; rel=canonical",
        "last-modified": "Sat, 14 Mar 2026 08:30:00 GMT",
    }


FULL = "<content:encoded>The whole text of it.</content:encoded>"


def test_full_text_of_the_feed_comes_along(desk, site):
    site.put("/feed", rss(item(1, extra=FULL)))
    site.put("/news/1", status=404)
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.entry.content == "The whole text of it."
    assert (fetched.body, fetched.failure.reason, fetched.status) == (None, "http_status", 404)


def test_pages_of_full_text_feeds_are_not_fetched(desk, site):
    site.put("/feed", rss(item(1, extra=FULL)))
    desk.source(full_text="feed")
    desk.poll()
    (fetched,) = desk.news()
    assert (fetched.url, fetched.body, fetched.failure) == (site.url("/news/1"), None, None)
    assert fetched.entry.content == "The whole text of it."
    assert site.count("/news/1") == 0


def test_text_of_the_feed_is_left_out_where_the_page_is_to_be_had(desk, site, publish):
    publish(1)
    site.put("/feed", rss(item(1, extra=FULL)))
    desk.source(full_text="page")
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.entry.content is None
    assert fetched.body is not None


def test_an_entry_without_link_but_with_its_text_is_kept(desk, site):
    site.put("/feed", rss(item(1, link="", extra=FULL)))
    desk.poll()
    (fetched,) = desk.news()
    assert (fetched.url, fetched.body, fetched.failure) == (None, None, None)
    assert fetched.entry.content == "The whole text of it."


def test_an_entry_that_cannot_be_used_is_reported_once_with_its_raw_piece(desk, site, publish):
    publish(1)
    site.put("/feed", rss(item(1), item(2, link="")))
    desk.poll()
    bad, good = desk.news()
    assert (bad.kind, bad.failure.reason) == ("article", "entry_no_link")
    assert b"Title 2" in bad.body
    assert good.url == site.url("/news/1")
    site.put("/feed", rss(item(1), item(2, link=""), item(3)))
    site.put("/news/3", "<p>x</p>")
    desk.poll_when_due()
    assert [f.url for f in desk.news()] == [site.url("/news/3")]


def test_language_and_country_of_the_source_come_along(desk, publish):
    publish(1)
    desk.source(language="pt-BR", country="BR")
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.entry.language == "pt-BR"
    assert fetched.provenance["country"] == "BR"


def test_entries_that_left_the_feed_are_forgotten_after_a_while(desk, publish):
    publish(1, 2, 3)
    desk.poll()
    assert desk.counts()["seen"] == 3
    publish(3, 4)
    desk.later(days=20)
    desk.poll()
    assert desk.counts()["seen"] == 4
    publish(3, 4, 5)
    desk.later(days=20)
    desk.poll()
    assert desk.counts()["seen"] == 3
    assert len(desk.news()) == 5


def test_entries_that_stay_are_remembered_however_long(desk, publish):
    publish(1)
    desk.set(items=ItemSettings(keep_seen=timedelta(days=3)))
    for number in range(2, 8):
        publish(1, number)
        desk.later(days=2)
        desk.poll()
    assert [f.entry.title for f in desk.news()].count("Title 1") == 1


def test_a_feed_of_ten_thousand_entries_is_cheap_to_poll_again(desk, site):
    def feed(count):
        entries = [{"id": str(n), "url": f"/news/{n}", "content_text": f"Text {n}."} for n in range(count)]
        return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Paper", "items": entries})

    site.put("/feed", feed(10_000), content_type="application/feed+json")
    desk.source(full_text="feed")
    assert desk.poll().items == 10_000
    site.put("/feed", feed(10_001), content_type="application/feed+json")
    assert desk.poll_when_due().items == 1
    assert desk.counts()["seen"] == 10_001


def test_retired_and_disabled_sources_are_left_alone(desk, site, publish):
    publish(1)
    desk.source(enabled=False)
    summary = desk.poll()
    assert summary.sources == {}
    assert site.count("/feed") == 0


def test_a_source_that_changes_its_name_keeps_its_state(desk, publish):
    publish(1)
    desk.poll()
    desk.source(name="The Paper")
    publish(1, 2)
    desk.poll_when_due()
    assert [f.source for f in desk.news()] == ["Paper", "The Paper"]
