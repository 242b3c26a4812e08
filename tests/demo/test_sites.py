import gzip
from urllib.parse import urlsplit

import pytest

from connectors.feeds import FeedError, parse_feed
from pipeline.demo.material import POLLS
from pipeline.demo.pages import feed_link, path_of
from pipeline.demo.sites import HUGE, TROUBLED, answers
from pipeline.demo.syndication import NEWS_SITEMAP_PATH

STAGE = len(POLLS)


@pytest.fixture(scope="module")
def bases(material):
    return {key: f"http://127.0.1.{number}:8080" for number, key in enumerate(material.outlets, 1)}


@pytest.fixture(scope="module")
def sites(material, bases):
    return {key: answers(material, key, bases, STAGE) for key in material.outlets}


def feed_of(material, bases, sites, key):
    outlet = material.outlets[key]
    path = NEWS_SITEMAP_PATH if outlet.feed == "sitemap" else outlet.feed_path
    answer = sites[key][path]
    return parse_feed(answer.body, content_type=answer.content_type, url=bases[key] + path)


@pytest.mark.parametrize(
    "key", ["courier", "lantern", "ledger", "standard", "pelican", "everywhere", "cuaderno", "vestnik", "snag-new"]
)
def test_a_feed_has_all_that_is_out(key, material, bases, sites):
    feed = feed_of(material, bases, sites, key)
    wanted = {
        (bases[key] + (path_of if key == "standard" else feed_link)(material.outlets[key], article), wording.title)
        for article, wording in material.of(key, STAGE)
    }
    assert {(item.url, item.entry.title) for item in feed.items} == wanted
    assert all(item.entry.dates for item in feed.items)
    assert not feed.problems


def test_the_agency_gives_its_full_texts(material, bases, sites):
    for item in feed_of(material, bases, sites, "pelican").items:
        article = material.article_at(item.url)
        assert item.entry.content.count("<p>") == len(article.at_stage(STAGE).paragraphs)


def test_the_broken_feed_gives_what_can_be_saved(material, bases, sites):
    feed = feed_of(material, bases, sites, TROUBLED)
    found = {urlsplit(item.url).path + "?" + urlsplit(item.url).query for item in feed.items}
    assert {path_of(material.outlets[TROUBLED], a) for a, _ in material.of(TROUBLED, STAGE)} <= found
    assert "entry_no_link" in {problem.reason for problem in feed.problems}


def test_pages_hold_the_whole_article_in_the_outlets_charset(material, sites):
    for article in material.articles:
        if article.locked:
            continue
        outlet = material.outlets[article.outlet]
        page = sites[article.outlet][path_of(outlet, article)].body.decode(outlet.charset)
        for paragraph in article.at_stage(STAGE).paragraphs:
            assert f"<p>{paragraph.replace('&', '&amp;')}</p>" in page
        assert f"charset={outlet.charset}" in page.replace('"', "") or outlet.page == "snag.html"


def test_amp_twins_name_the_page_they_are_of(material, bases, sites):
    (article, _), *_ = material.of("courier", STAGE)
    path = path_of(material.outlets["courier"], article)
    twin = sites["courier"][f"/amp{path}"].body.decode()
    assert f'<link rel="canonical" href="{bases["courier"]}{path}">' in twin


def test_the_outlet_without_a_feed_lists_its_articles(material, sites):
    page = sites["valley"]["/news/"].body.decode()
    for article, _ in material.of("valley", STAGE):
        assert f'href="{path_of(material.outlets["valley"], article)}"' in page


def test_every_trouble_answers_as_it_should(material, sites):
    site = sites[TROUBLED]
    by_answer = {t.answer: site.get(t.path) for t in material.troubles}
    assert {name for name, answer in by_answer.items() if answer is None} == {"none", "missing"}
    assert by_answer["gone"].status == 410
    assert by_answer["challenge"].status == 202
    assert by_answer["consent"].status == by_answer["soft-404"].status == by_answer["paywall"].status == 200
    assert by_answer["file"].location.startswith("file:")
    assert site[by_answer["loop"].location].location == next(t.path for t in material.troubles if t.answer == "loop")
    assert len(by_answer["huge"].body) == pytest.approx(HUGE, rel=0.01)
    for name, reason in (("html-feed", "feed_html"), ("noise", "feed_unreadable")):
        answer = by_answer[name]
        with pytest.raises(FeedError) as failure:
            parse_feed(answer.body, content_type=answer.content_type, url="http://127.0.1.10/feed")
        assert failure.value.reason == reason


def test_the_feed_that_moved_says_where(material, bases, sites):
    answer = sites[TROUBLED]["/sunday.xml"]
    assert (answer.status, answer.location) == (301, f"{bases['snag-new']}/feed/")


def test_a_revision_is_served_at_its_stage(material, bases):
    path = "/santa-ilda-what-we-know.html"
    pages = [answers(material, "lantern", bases, stage)[path].body.decode() for stage in (1, 2, 3)]
    assert ["Nine bodies" in page for page in pages] == [True, False, False]
    assert ["Twenty-one bodies" in page for page in pages] == [False, False, True]


def test_the_same_material_gives_the_same_bytes(material, bases, sites):
    assert answers(material, "standard", bases, STAGE) == sites["standard"]
    assert gzip.decompress(sites["standard"][NEWS_SITEMAP_PATH].body).startswith(b"<?xml")
