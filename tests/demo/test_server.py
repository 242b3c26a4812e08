import urllib.error
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from connectors.sources import dump_sources, parse_sources
from pipeline.demo.server import DemoServer


@pytest.fixture(scope="module")
def server():
    with DemoServer(datetime(2024, 2, 28, 12, 0, tzinfo=UTC)) as running:
        yield running


def get(url: str, **headers: str):
    """Status, headers, body; redirects are followed."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_each_outlet_has_an_address_of_its_own(server):
    assert len(set(server.bases.values())) == len(server.bases)
    assert all(urlsplit(base).hostname.startswith("127.") for base in server.bases.values())


def test_its_sources_can_be_written_and_read(server):
    assert parse_sources(dump_sources(server.sources())) == server.sources()


def test_feeds_are_served_until_nothing_changed(server):
    url = server.sources()[0].url
    status, headers, body = get(url)
    assert status == 200
    assert b"<rss" in body
    assert get(url, **{"If-None-Match": headers["ETag"]})[0] == 304
    assert get(url, **{"If-Modified-Since": headers["Last-Modified"]})[0] == 304
    assert get(url, **{"If-None-Match": '"older"', "If-Modified-Since": headers["Last-Modified"]})[0] == 200


def test_a_new_stage_changes_the_feed(server):
    url = server.bases["lantern"] + "/feed.atom"
    etag = get(url)[1]["ETag"]
    server.stage = 2
    try:
        status, headers, _ = get(url, **{"If-None-Match": etag})
    finally:
        server.stage = 1
    assert (status, headers["ETag"] == etag) == (200, False)


def test_tracking_parameters_lead_to_the_same_page(server):
    article, _ = server.material.of("courier", 1)[0]
    url = f"{server.bases['courier']}/amp/news/{article.published:%Y/%m}/{article.slug}"
    status, _, body = get(f"{url}?utm_source=rss")
    assert status == 200
    assert body == get(url)[2]


def test_robots_txt_keeps_the_members_pages_to_members(server):
    status, _, body = get(server.bases["snag"] + "/robots.txt")
    assert status == 200
    assert b"Disallow: /members/" in body


def test_what_is_not_there_is_404(server):
    assert get(server.bases["snag"] + "/story.php?id=typo")[0] == 404


def test_a_locked_page_is_for_clients(server):
    assert get(server.bases["pelican"] + "/en/lynx-count-skarn-ridge")[0] == 403


def test_the_moved_feed_is_found_at_its_new_address(server):
    status, _, body = get(server.bases["snag"] + "/sunday.xml")
    assert status == 200
    assert b"crossword" in body
