import pytest

from pipeline.demo.answers import check
from pipeline.demo.pages import path_of
from schemas.records import Article, ArticleSection, ArticleVersion, Figure, Link, Metric, Reject


def told(material) -> list:
    """The rows of a walk that got everything right."""
    records = []
    roots = {key: articles[0].slug for key, articles in material.stories().items()}
    for article in material.articles:
        url = f"http://127.0.1.1{path_of(material.outlets[article.outlet], article)}"
        text = article.wordings[-1].text
        records += [
            Article(
                article_id=article.slug, fetch_id=article.slug, url=url, canonical_url=url, source=article.outlet,
                text=text, text_hash=text[:40], word_count=1,
            ),
            Link(
                article_id=article.slug, story_id=roots.get(article.story, article.slug), parent_id=article.parent,
                relation=article.relation, copy_group=article.copy_group or group_of(article, material),
            ),
        ]  # fmt: skip
        records += [
            ArticleVersion(article_id=article.slug, text_hash=str(w.stage), text=w.text) for w in article.wordings
        ]
        records += [
            ArticleSection(
                section_id=f"{article.slug}/{section.title}", article_id=article.slug, title=section.title,
                story_id=roots.get(section.story), span_start=0, span_end=1,
            )
            for section in article.wordings[0].sections
        ]  # fmt: skip
    for number, answer in enumerate(material.figures):
        root = roots[answer.story]
        keys = [f"{number}/{value}" for value in answer.values]
        records += [
            Metric(metric_id=key, article_id=root, span_start=0, span_end=1, surface="", sentence="", value=value)
            for key, value in zip(keys, answer.values, strict=True)
        ]
        records.append(
            Figure(
                figure_id=str(number), story_id=root, measure=f"the {answer.words[0]} of it", per=answer.per,
                status=answer.status, metric_ids=tuple(keys),
            )
        )  # fmt: skip
    for number, trouble in enumerate(material.troubles):
        url = f"http://127.0.1.10{trouble.path}" if trouble.path else None
        at = material.articles[0].published
        records.append(Reject(reject_id=str(number), stage="fetch", reason=trouble.reason, url=url, at=at))
    return records


def group_of(article, material):
    return article.slug if any(a.copy_group == article.slug for a in material.articles) else None


def wrong(material, warehouse, *changes) -> set[tuple[str, str]]:
    """What is found wrong after these records replaced some of the right ones."""
    warehouse.apply([*told(material), *changes])
    return {(c.kind, c.subject) for c in check(material, warehouse) if not c.right}


def test_a_walk_without_a_mistake_has_every_answer_right(material, warehouse):
    assert wrong(material, warehouse) == set()


def test_an_empty_warehouse_has_hardly_any(material, warehouse):
    assert {c.kind for c in check(material, warehouse) if c.right} <= {"copies"}


def test_a_look_alike_that_joins_a_story_is_found(material, warehouse):
    mistaken = Link(article_id="santa-marga-ferry-engine-failure", story_id="ferry-capsizes-off-cape-orsin")
    assert {("story", "ferry"), ("story", "ferry-marga")} <= wrong(material, warehouse, mistaken)


def test_an_opinion_may_stand_on_either_side(material, warehouse):
    joined = Link(
        article_id="opinion-audits-fishing-with-dynamite",
        story_id="revenue-office-quota-7000-audits",
        parent_id="velmara-tax-agency-weekly-audit-target",
        relation="rewrite",
    )
    assert wrong(material, warehouse, joined) == set()


def test_a_member_left_out_is_found(material, warehouse):
    alone = Link(article_id="province-denies-bridge-bill", story_id="province-denies-bridge-bill")
    assert wrong(material, warehouse, alone) == {("story", "bridge")}


@pytest.mark.parametrize("group", [None, "another"])
def test_a_copy_outside_its_group_is_found(group, material, warehouse):
    stray = Link(
        article_id="branches-told-to-triple-audits",
        story_id="revenue-office-quota-7000-audits",
        parent_id="velmara-tax-agency-weekly-audit-target",
        relation="copy",
        copy_group=group,
    )
    assert wrong(material, warehouse, stray) == {("copies", "velmara-tax-agency-weekly-audit-target")}


def test_a_rewrite_taken_for_a_copy_is_found(material, warehouse):
    taken = Link(
        article_id="corvane-air-pilots-walk-out",
        story_id="corvane-air-pilots-walk-out",
        copy_group="corvane-air-pilots-walk-out",
    )
    assert wrong(material, warehouse, taken) == {("copies", "no others")}


def test_a_section_in_the_wrong_story_is_found(material, warehouse):
    section = ArticleSection(
        section_id="morning-briefing/Peas for sale",
        article_id="morning-briefing",
        title="Peas for sale",
        story_id="bees-of-cooper-street",
        span_start=0,
        span_end=1,
    )
    assert wrong(material, warehouse, section) == {("section", "Peas for sale")}


def test_a_figure_of_another_status_is_found(material, warehouse):
    figure = Figure(figure_id="0", story_id="revenue-office-quota-7000-audits", measure="audits", per="week")
    ((kind, subject),) = wrong(material, warehouse, figure)
    assert kind == "figure"
    assert "damaged" in subject


def test_a_reject_with_another_reason_is_found(material, warehouse):
    reject = Reject(
        reject_id="0",
        stage="fetch",
        reason="timeout",
        url="http://127.0.1.10/story.php?id=round-and-round",
        at=material.articles[0].published,
    )
    assert wrong(material, warehouse, reject) == {("reject", "Roundabout drivers go round and round")}
