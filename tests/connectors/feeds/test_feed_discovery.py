"""Where the feeds of a page are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds import feeds_of_page
from connectors.feeds.discovery import MAX_CANDIDATES
from connectors.feeds.fields import feed_data

URL = "https://news.example/local/index.html"


def found(page: str, kind: str) -> list[str]:
    return [link.url for link in feeds_of_page(page, URL) if link.found == kind]


@pytest.mark.parametrize("kind", feed_data()["discovery"]["types"])
def test_each_type_of_feed_is_recognised(kind: str) -> None:
    assert found(f'<link rel="alternate" type="{kind}" href="/x">', "declared") == ["https://news.example/x"]


def test_declared_feeds_come_first_with_their_titles() -> None:
    page = """<!doctype html><html><head><base href="https://cdn.example/a/">
    <link rel="ALTERNATE stylesheet" type="Application/RSS+XML; charset=utf-8" href="b.xml" title="Local &amp; sport">
    <link rel="feed" href="/json"><link rel="alternate" type="text/html" href="/fr">
    <link rel="alternate" type="application/rss+xml">
    <link rel="alternate" type="application/atom+xml" href="javascript:x"></head>
    <body><a href="/rss/all">All</a></body></html>"""
    first, second, third = feeds_of_page(page, URL)[:3]
    assert (first.url, first.title, first.type) == (
        "https://cdn.example/a/b.xml",
        "Local & sport",
        "application/rss+xml",
    )
    assert (second.url, second.found) == ("https://cdn.example/json", "declared")
    assert (third.url, third.title, third.found) == ("https://cdn.example/rss/all", "All", "linked")


# One address for each row of the table of shapes in feeds.toml.
SHAPES = ["/all.rss", "/feeds/local", "/index.xml", "/x/feed.json", "/?feed=rss2"]


def test_each_shape_of_address_has_an_example() -> None:
    import re

    shapes = feed_data()["discovery"]["paths"]
    assert len(SHAPES) == len(shapes)
    assert all(re.search(shape, example) for shape, example in zip(shapes, SHAPES, strict=True))


@pytest.mark.parametrize("address", SHAPES)
def test_links_that_look_like_feeds_are_candidates(address: str) -> None:
    assert found(f'<p><a href="{address}">x</a>', "linked") == [f"https://news.example{address}"]


@pytest.mark.parametrize(
    "address", ["/feedback", "/address", "/2026/how-we-feed-the-world", "/press", "/stuff.rss.html"]
)
def test_links_that_only_sound_like_feeds_are_not(address: str) -> None:
    assert found(f'<a href="{address}">x</a>', "linked") == []


def test_usual_places_follow_each_once() -> None:
    usual = found("", "usual")
    assert usual[0] == "https://news.example/local/feed/"
    assert set(usual) >= {f"https://news.example{place}" for place in feed_data()["discovery"]["root"]}
    assert len(usual) == len(set(usual))


def test_an_address_that_is_declared_is_not_guessed_again() -> None:
    links = feeds_of_page('<link rel="alternate" type="application/rss+xml" href="/feed">', URL)
    assert [link.found for link in links if link.url == "https://news.example/feed"] == ["declared"]


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_any_page_gives_candidates_and_no_error(page: bytes | str) -> None:
    links = feeds_of_page(page, URL)
    assert 0 < len(links) <= MAX_CANDIDATES


def test_a_page_without_an_address_has_no_usual_places() -> None:
    assert feeds_of_page("", "file:///x") == ()


@pytest.mark.parametrize("page", [b"<!", b"<!-- -->", b"<?x?>", b" \0 "])
def test_a_page_without_an_element_offers_only_the_usual_places(page):
    assert {link.found for link in feeds_of_page(page, "https://news.example/")} == {"usual"}
