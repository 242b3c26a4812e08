"""Pages of entries: what is retried, what is given up, what is never asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from paper import ARTICLE, item, rss

from connectors.poller.dispatch import Lanes


def test_a_page_that_fails_for_the_moment_is_tried_again(desk, site, publish):
    publish(1)
    page = site.put("/news/1", status=503)
    summary = desk.poll()
    assert (summary.pages, summary.waiting, summary.messages) == ({"later": 1}, 1, 0)
    page.status, page.body = 200, "<p>There it is.</p>"
    desk.later(minutes=9)
    assert desk.poll().waiting == 1
    desk.later(minutes=1)
    assert desk.poll().pages == {"fetched": 1}
    (fetched,) = desk.news()
    assert (fetched.body, fetched.failure) == (b"<p>There it is.</p>", None)
    assert fetched.entry.title == "Title 1"


def test_a_page_that_goes_on_failing_is_given_up_with_its_reason(desk, site, publish):
    publish(1)
    site.put("/news/1", status=500)
    for _ in range(4):
        desk.poll()
        desk.later(hours=3)
    assert desk.outcomes("page") == ["later", "later", "later", "failed"]
    (fetched,) = desk.news()
    assert (fetched.failure.reason, fetched.status, fetched.entry.title) == ("http_status", 500, "Title 1")
    assert desk.counts()["pages"] == 0


@pytest.mark.parametrize(("status", "reason"), [(404, "http_status"), (403, "http_status"), (410, "gone")])
def test_a_page_that_fails_for_good_is_given_up_at_once(desk, site, publish, status, reason):
    publish(1)
    site.put("/news/1", status=status)
    assert desk.poll().pages == {"failed": 1}
    (fetched,) = desk.news()
    assert (fetched.failure.reason, fetched.status) == (reason, status)


def test_a_host_that_asks_for_peace_gets_it_for_all_its_pages(desk, site, publish):
    publish(1, 2, 3)
    desk.set_pages(lanes=Lanes(per_host=1))
    for number in (1, 2, 3):
        site.put(f"/news/{number}", status=429, retry_after="1800")
    assert desk.poll().waiting == 3
    assert sum(site.count(f"/news/{n}") for n in (1, 2, 3)) == 1
    for number in (1, 2, 3):
        site.put(f"/news/{number}", "<p>x</p>")
    desk.later(minutes=29)
    desk.poll()
    assert sum(site.count(f"/news/{n}") for n in (1, 2, 3)) == 1
    desk.later(minutes=1)
    desk.poll()
    assert len(desk.news()) == 3


def test_robots_txt_keeps_us_from_pages_but_not_from_the_feed(desk, site, publish):
    publish(1, 2)
    site.put("/robots.txt", "User-agent: *\nDisallow: /feed\nDisallow: /news/2\n", content_type="text/plain")
    desk.poll()
    one, two = desk.news()
    assert one.body is not None
    assert (two.body, two.failure.reason, two.provenance["robots"]) == (None, "robots", "disallowed")
    assert two.entry.title == "Title 2"
    assert site.count("/news/2") == 0
    assert site.count("/robots.txt") == 1


@pytest.mark.parametrize("kind", ["application/pdf", "image/jpeg", "video/mp4"])
def test_what_is_no_page_is_not_taken_for_one(desk, site, publish, kind):
    publish(1)
    site.put("/news/1", b"\x00\x01", content_type=kind)
    desk.poll()
    (fetched,) = desk.news()
    assert (fetched.body, fetched.failure.reason) == (None, "content_type")


@pytest.mark.parametrize("kind", ["text/html", None])
def test_a_pdf_by_another_name_is_no_page(desk, site, publish, kind):
    publish(1)
    site.put("/news/1", b"%PDF-1.7 ...", content_type=kind)
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.failure.reason == "content_type"


@pytest.mark.parametrize("kind", ["application/xhtml+xml", "text/plain; charset=koi8-r", None])
def test_xhtml_plain_text_and_no_type_at_all_are_pages(desk, site, publish, kind):
    publish(1)
    site.put("/news/1", "<p>x</p>", content_type=kind)
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.body == b"<p>x</p>"


def test_redirects_of_pages_are_followed_and_told(desk, site, publish):
    publish(1)
    site.put("/news/1", status=302, location="/story/one")
    site.put("/story/one", "<p>x</p>")
    desk.poll()
    (fetched,) = desk.news()
    assert (fetched.url, fetched.final_url) == (site.url("/news/1"), site.url("/story/one"))


def test_pages_are_visited_again_for_revisions_where_asked(desk, site, publish):
    publish(1)
    desk.set_pages(revisit_after=(timedelta(hours=1), timedelta(hours=4)))
    desk.poll()
    desk.later(hours=1)
    assert desk.poll().pages == {"same": 1}
    site.put("/news/1", ARTICLE.format("Title 1, corrected"))
    desk.later(hours=4)
    assert desk.poll().pages == {"fetched": 1}
    assert [b"corrected" in f.body for f in desk.news()] == [False, True]
    desk.later(hours=48)
    assert desk.poll().pages == {}
    assert desk.counts()["pages"] == 0


def test_a_second_visit_that_fails_is_no_item(desk, site, publish):
    publish(1)
    desk.set_pages(revisit_after=(timedelta(hours=1),))
    desk.poll()
    site.put("/news/1", status=404)
    desk.later(hours=1)
    desk.poll()
    assert len(desk.news()) == 1
    assert desk.counts()["pages"] == 0


def test_an_entry_that_changes_while_its_page_waits_is_fetched_once(desk, site, publish):
    publish(1)
    desk.set_pages(retry_after=timedelta(hours=2))
    site.put("/news/1", status=503)
    desk.poll()
    site.put("/feed", rss(item(1, " corrected")))
    site.put("/news/1", "<p>x</p>")
    desk.later(minutes=20)
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.entry.title == "Title 1 corrected"
    assert desk.counts()["pages"] == 0


def test_pages_of_sources_that_are_gone_wait_for_their_return(desk, site, publish):
    publish(1)
    site.put("/news/1", status=503)
    desk.poll()
    kept = desk.sources
    site.put("/news/1", "<p>x</p>")
    desk.sources = []
    desk.later(hours=1)
    assert desk.poll().pages == {}
    desk.sources = kept
    assert desk.poll().pages == {"fetched": 1}
