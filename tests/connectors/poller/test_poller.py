"""The poller against a site on this machine."""

from __future__ import annotations


def test_entries_become_fetched_pages(desk, site, publish):
    publish(1, 2)
    summary = desk.poll()
    assert summary.sources == {"new": 1}
    assert summary.pages == {"fetched": 2}
    one, two = desk.news()
    assert one.url == site.url("/news/1")
