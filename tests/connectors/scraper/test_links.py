"""Which links are articles."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.scraper.links import MAX_LINKS, article_links, place_signs, section_candidates, signs, weights
from connectors.scraper.rules import RulesError, own_rules, parse_rules, rules_for
from connectors.scraper.sites import site_of

URL = "https://www.paper.example/politics"

# (where it stands, href, text, whether it is an article)
LINKS = [
    (
        "<h2>{}</h2>",
        "/2026/03/14/council-approves-harbour-plan",
        "Council approves harbour plan after long debate",
        True,
    ),
    ("{}", "/2026/03/14/council-approves-harbour-plan", "Council approves harbour plan after long debate", True),
    ("<p>{}</p>", "/politics/mayor-resigns-over-bridge-contract", "Mayor resigns over bridge contract", True),
    ("<p>{}</p>", "/news/article.php?id=482913", "Ferry runs aground in thick fog", True),
    ("<h3>{}</h3>", "/a/48291345", "Ferry runs aground in thick fog", True),
    (
        "<article><header><h2>{}</h2></header></article>",
        "/news/school-roof-collapses-in-storm",
        "School roof collapses",
        True,
    ),
    ("<h3>{}</h3>", "/nachrichten/buergermeister-tritt-zurueck-45123.html", "Bürgermeister tritt zurück", True),
    ("<h2>{}</h2>", "/news/1023345", "市長が港湾計画をめぐり辞任を表明", True),
    ("<h2>{}</h2>", "https://news.paper.example/2026/03/14/council-vote", "Council vote put off again until May", True),
    ("<div>{}</div>", "/2026/03/14/council-approves-harbour-plan", "", True),
    ("<main><p>{}</p></main>", "/politics/mayor-resigns-over-bridge-contract", "Mayor resigns", True),
    ("<aside>{}</aside>", "/2026/03/14/council-approves-plan", "Council approves harbour plan", True),
    ("<nav>{}</nav>", "/2026/03/14/council-approves-plan", "Council approves harbour plan", False),
    ("<header>{}</header>", "/politics", "Politics", False),
    ("<p>{}</p>", "/sport", "Sport", False),
    ("<p>{}</p>", "/tag/harbour-plan-and-the-city", "Harbour plan and the city", False),
    ("<p>{}</p>", "/author/anna-maria-smith", "Anna Maria Smith of the Paper", False),
    ("<footer>{}</footer>", "/about/our-long-history-of-news", "Read about our long history", False),
    ("<p>{}</p>", "/subscribe", "Subscribe now and read four weeks free", False),
    ("<p>{}</p>", "/login?next=/politics", "Log in", False),
    ("<p>{}</p>", "?page=2", "Next page of the news", False),
    ("<p>{}</p>", "/", "The Paper, your daily in the harbour town", False),
    (
        "<h2>{}</h2>",
        "https://elsewhere.example/2026/03/14/a-story-from-another-site",
        "A story from another site",
        False,
    ),
    ("<h2>{}</h2>", "/2026/03/14/budget-in-full-as-a-document.pdf", "The budget in full as a document", False),
    ("<h2>{}</h2>", "mailto:desk@paper.example", "Write to the news desk of the Paper", False),
    ("<h2>{}</h2>", "javascript:void(0)", "Open the menu with all of our sections", False),
    ("<div role='navigation'>{}</div>", "/politics/mayor-resigns-over-contract", "Mayor resigns over contract", False),
]


def links_of(html, url=URL, rules=None):
    return [link.url for link in article_links(html.encode(), "text/html; charset=utf-8", url, rules)]


@pytest.mark.parametrize(("place", "href", "text", "expected"), LINKS)
def test_links_are_judged_by_address_words_and_place(place, href, text, expected):
    found = links_of(f"<html><body>{place.format(f'<a href={chr(34)}{href}{chr(34)}>{text}</a>')}</body></html>")
    assert bool(found) is expected


def test_every_row_of_the_table_of_points_is_shown_by_some_link():
    shown = set()
    for place, href, text, _ in LINKS:
        tree = lxml.html.document_fromstring(place.format(f'<a href="{href}">{text}</a>'))
        (anchor,) = tree.iter("a")
        shown |= signs(urlsplit(urljoin(URL, href)), text, urlsplit(URL)) | place_signs(anchor)
    assert shown == set(weights().points)
    assert all(weights().points.values())


def test_a_teaser_with_several_links_is_one_article_with_its_headline():
    html = (
        "<article><a href='/2026/03/14/x-y-z'><img src='x.jpg'></a><h2><a href='/2026/03/14/x-y-z#top'>The headline of"
        " it</a></h2><a href='/2026/03/14/x-y-z'>More</a></article>"
    )
    (link,) = article_links(html.encode(), None, URL)
    assert (link.url, link.text) == ("https://www.paper.example/2026/03/14/x-y-z", "The headline of it")


def test_links_come_in_the_order_of_the_page():
    html = "".join(f"<h2><a href='/2026/03/14/story-number-{n}'>The story {n}</a></h2>" for n in (3, 1, 2))
    assert [url[-1] for url in links_of(html)] == ["3", "1", "2"]


def test_a_base_element_is_obeyed():
    html = "<base href='https://paper.example/news/'><h2><a href='2026-03-14-big-story'>A big story of the day</a></h2>"
    assert links_of(html) == ["https://paper.example/news/2026-03-14-big-story"]


def test_a_page_cannot_give_endless_links():
    html = "".join(f"<h2><a href='/2026/03/14/story-number-{n}'>x</a></h2>" for n in range(2 * MAX_LINKS))
    assert len(links_of(html)) == MAX_LINKS


@given(st.binary(max_size=300), st.sampled_from([None, "text/html; charset=utf-16", "text/html; charset=nonsense"]))
def test_no_bytes_break_the_reading_of_links(body, content_type):
    found = [
        *(link.url for link in article_links(body, content_type, URL)),
        *section_candidates(body, content_type, URL),
    ]
    assert {site_of(url) for url in found} <= {"paper.example"}


@pytest.mark.parametrize(
    "href", ["http://[", "http://a:b/", "http://a:99999/", "//", "https://ex ample/", "\x00", "http:///x"]
)
def test_bad_addresses_are_passed_over(href):
    assert links_of(f"<h2><a href='{href}'>A headline of some five words</a></h2>") == []


def test_section_candidates_are_short_paths_of_the_site():
    html = """<nav><a href="/politics">P</a><a href="/sport/football/">F</a><a href="/about">A</a>
    <a href="/2026/03/14/a-long-story-of-the-day">S</a><a href="https://other.example/x">O</a></nav>"""
    assert section_candidates(html.encode(), None, "https://paper.example/") == (
        "https://paper.example/politics",
        "https://paper.example/sport/football/",
    )


RULES = """
["paper.example"]
links = ["main h2 a", "//div[@id='more']"]
include = ['^/s/\\d+$']
exclude = ['^/s/13$']
title = "h1.head"
text = "#body"
date = "//time/@datetime"
[special]
exclude = ['sponsored']
"""

PAGE = """<main><h2><a href="/s/1">One</a></h2><h2><a href="/s/13">Unlucky</a></h2><h2><a href="/x">No</a></h2></main>
<div id="more"><a href="/s/2">Two</a></div><a href="/s/3">Three</a>"""


def test_rules_of_a_site_decide_which_links_are_articles():
    rules = rules_for(URL, parse_rules(RULES))
    assert links_of(PAGE, rules=rules) == ["https://www.paper.example/s/1", "https://www.paper.example/s/2"]


def test_rules_that_only_exclude_leave_the_rest_to_the_points():
    rules = rules_for(URL, parse_rules(RULES), "special")
    html = "".join(
        f"<h2><a href='/2026/03/14/{n}'>A headline of five words</a></h2>" for n in ("sponsored-x", "news-y")
    )
    assert links_of(html, rules=rules) == ["https://www.paper.example/2026/03/14/news-y"]


def test_rules_tell_the_extractor_where_things_stand():
    told = rules_for(URL, parse_rules(RULES)).provenance
    page = lxml.html.document_fromstring(
        "<h1 class='big head'>T</h1><h1>No</h1><div id='body'>B</div><time datetime='2026-03-14'>today</time>"
    )
    assert {name: [getattr(e, "text", e) for e in page.xpath(path)] for name, path in told.items()} == {
        "rule.title": ["T"],
        "rule.text": ["B"],
        "rule.date": ["2026-03-14"],
    }


def test_rules_hold_for_subdomains_and_a_name_goes_before():
    rules = parse_rules(RULES)
    assert rules_for("https://m.paper.example/x", rules).site == "paper.example"
    assert rules_for("https://otherpaper.example/x", rules) is None
    assert rules_for("https://x.example/", rules, "special").site == "special"
    with pytest.raises(RulesError, match="no rules named 'none'"):
        rules_for("https://x.example/", rules, "none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "not valid TOML"),
        ("x = 1", "must be a table"),
        ("[x]\nlink = []", "'link' is no rule"),
        ("[x]\nlinks = ['a[']", "not a CSS selector"),
        ("[x]\nlinks = ['//a[']", "not XPath"),
        ("[x]\ninclude = ['(']", "not a regular expression"),
        ("[x]\ninclude = '('", "list of texts"),
        ("[x]\ntitle = 3", "must be a text"),
    ],
)
def test_mistakes_in_rules_are_told_in_one_line(text, message):
    with pytest.raises(RulesError, match=message) as raised:
        parse_rules(text)
    assert "\n" not in str(raised.value)


def test_the_rules_that_come_along_can_be_read():
    assert all(rules.links or rules.include or rules.exclude for rules in own_rules().values())


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.paper.co.uk/x", "paper.co.uk"),
        ("https://news.paper.example/x", "paper.example"),
        ("http://127.0.0.1:8001/x", "127.0.0.1:8001"),
        ("http://[::1]:8001/x", "::1:8001"),
        ("http://localhost:8001/x", "localhost:8001"),
        ("http://paper.test:8001/x", "paper.test"),
        ("https://paper.example./x", "paper.example"),
        ("https://me.github.io/x", "github.io"),
        ("http://[", ""),
    ],
)
def test_a_site_is_a_registrable_domain(url, site):
    assert site_of(url) == site
