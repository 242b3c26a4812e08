import re
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from pipeline.demo.almanac import midnight, moment
from pipeline.demo.material import POLLS, load_material
from pipeline.demo.pages import feed_link, path_of
from schemas.reasons import reasons


def shingles(text: str) -> set[tuple[str, ...]]:
    """The five-word runs of the text."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


@pytest.fixture(scope="module")
def shared(material) -> dict[tuple[str, str], float]:
    """Pairs of slugs -> the share of the shorter one's five-word runs that both have."""
    runs = {a.slug: shingles(a.wordings[0].text) for a in material.articles}
    return {(a, b): len(runs[a] & runs[b]) / min(len(runs[a]), len(runs[b])) for a, b in combinations(runs, 2)}


def group(article):
    return article.copy_group or article.slug


def test_there_is_enough_of_everything(material):
    texts = {a.wordings[0].text for a in material.articles}
    families = [articles for articles in material.stories().values() if len(articles) > 1]
    assert len(texts) >= 70
    assert len(families) >= 11
    assert sum(a.relation == "original" for a in material.articles) - len(families) >= 10, "articles without a partner"
    assert sum(len(a.wordings) == 3 for a in material.articles) >= 1, "an article revised twice"
    assert {f.status for f in material.figures} == {"agree", "conflict", "damaged", "superseded"}
    assert all(len(a.wordings[0].sections) >= 4 for a in material.articles if a.digest)


def test_articles_have_the_length_of_news(material):
    lengths = {a.slug: len(w.text.split()) for a in material.articles for w in a.wordings}
    assert {slug: n for slug, n in lengths.items() if not 100 <= n <= 500} == {}


def test_every_slug_is_one_articles_own(material):
    slugs = [a.slug for a in material.articles]
    assert len(set(slugs)) == len(slugs)


def test_every_outlet_has_articles_and_every_article_an_outlet(material):
    assert {a.outlet for a in material.articles} == set(material.outlets)
    assert len({o.page for o in material.outlets.values()}) >= 10
    assert {"rss", "rdf", "atom", "json", "sitemap", "section", "malformed"} == {
        o.feed for o in material.outlets.values()
    }


def test_any_form_of_a_url_leads_to_its_article(material):
    for article in material.articles:
        outlet = material.outlets[article.outlet]
        for path in (path_of(outlet, article), feed_link(outlet, article)):
            assert material.article_at(f"http://127.0.1.1:8080{path}") is article
    assert material.article_at("http://127.0.1.1/") is None


def test_stories_are_trees_with_one_first_article(material):
    for articles in material.stories().values():
        first, *others = articles
        assert first.parent is None
        assert first.relation == "original"
        for article in others:
            parent = material.article(article.parent)
            assert parent.story == article.story
            assert parent.published < article.published


def test_digests_tell_stories_that_others_tell(material):
    for digest in (a for a in material.articles if a.digest):
        told = [s.story for s in digest.wordings[0].sections if s.story]
        assert len(told) >= 4
        assert set(told) <= set(material.stories())


def test_copies_share_their_wording(material, shared):
    by_slug = {a.slug: a for a in material.articles}
    for (a, b), share in shared.items():
        if group(by_slug[a]) == group(by_slug[b]):
            assert share >= 0.6, (a, b)


def test_everything_else_is_told_in_other_words(material, shared):
    by_slug = {a.slug: a for a in material.articles}
    for (a, b), share in shared.items():
        one, other = by_slug[a], by_slug[b]
        if group(one) == group(other):
            continue
        # A digest of agency texts quotes them, each less than a copy would.
        assert share < (0.6 if "the-week-in-four-stories" in (a, b) else 0.02), (a, b)


def test_the_machine_spun_text_repeats_itself(material):
    text = material.article("supermarket-firm-purchases-frozen-meals-producer").wordings[0].text
    sentences = re.split(r"(?<=\.)\s+", text)
    assert len(sentences) - len(set(sentences)) >= 3


def test_figures_are_of_stories_that_are_told(material):
    stories = material.stories()
    for figure in material.figures:
        assert figure.story in stories
        assert figure.words
        assert figure.values


def test_troubles_come_to_reasons_that_exist(material):
    assert {t.reason for t in material.troubles} <= set(reasons())
    assert len({t.reason for t in material.troubles}) >= 12


@pytest.mark.parametrize("hour", [0, 23])
def test_nothing_is_from_the_future_whatever_the_time_of_day(hour):
    now = datetime(2025, 1, 1, hour, 59, tzinfo=UTC)
    material = load_material(now)
    for article in material.articles:
        for wording in article.wordings:
            assert wording.at <= moment(POLLS[wording.stage - 1], now) < midnight(now)
            assert now - wording.at < timedelta(days=45)


def test_what_was_published_is_out_at_each_stage(material):
    counts = [sum(len(material.of(key, stage)) for key in material.outlets) for stage in range(len(POLLS) + 1)]
    assert counts[0] == 0
    assert counts[1] < counts[2] < counts[3] == len(material.articles)


def test_a_revised_article_reads_differently_at_each_stage(material):
    article = material.article("santa-ilda-what-we-know")
    titles = [article.at_stage(stage).title for stage in (1, 2, 3)]
    assert len(set(titles)) == 3
    assert "Twenty-one bodies" in article.at_stage(3).text
    assert "Nine bodies" in article.at_stage(1).text


def test_the_article_that_was_first_is_found_last(material):
    first, *others = material.stories()["bridge"]
    assert first.wordings[0].stage == 3
    assert min(a.wordings[0].stage for a in others) < 3
