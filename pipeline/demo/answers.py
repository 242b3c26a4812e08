"""The demo's known answers against what a warehouse holds.

``check`` returns one ``Check`` for every answer: each article there and in as many versions as were published, each
story's articles together and no others with them, copies in their groups, digests' sections with their stories, the
figures, and a reject for everything that can't be had.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from connectors.warehouse import Warehouse
from pipeline.demo.material import Article, FigureAnswer, Material, Trouble
from schemas.records import ArticleSection, Reject


@dataclass(frozen=True)
class Check:
    """An answer: ``kind`` is article, versions, story, first, copies, section, figure or reject."""

    kind: str
    subject: str
    right: bool
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """What the warehouse says of one of the demo's articles."""

    article: Article
    article_id: str
    story_id: str | None
    parent_id: str | None
    relation: str
    copy_group: str | None
    versions: int


def check(material: Material, warehouse: Warehouse) -> list[Check]:
    """Compare everything; the checks of one kind stand together."""
    rows = _rows(material, warehouse)
    return [
        *_articles(material, rows),
        *_stories(material, rows),
        *_copies(material, rows),
        *_sections(material, rows, warehouse),
        *_figures(material, rows, warehouse),
        *_rejects(material, warehouse),
    ]


def _rows(material: Material, warehouse: Warehouse) -> dict[str, list[Row]]:
    """Slug -> the articles found of it: one, where all is well."""
    found: dict[str, list[Row]] = {}
    for url, *fields in warehouse.query(
        "SELECT a.url, a.article_id, a.story_id, a.parent_id, a.relation, a.copy_group, "
        "(SELECT count(*) FROM article_versions v WHERE v.article_id = a.article_id) FROM articles a"
    ):
        article = material.article_at(url)
        if article is not None:
            found.setdefault(article.slug, []).append(Row(article, *fields))
    return found


def _articles(material: Material, rows: dict[str, list[Row]]) -> Iterator[Check]:
    for article in material.articles:
        here = rows.get(article.slug, [])
        yield Check("article", article.slug, len(here) == 1, f"found {len(here)} times")
        if len(article.wordings) > 1:
            versions = sum(row.versions for row in here)
            yield Check("versions", article.slug, versions == len(article.wordings), f"{versions} versions")


def _stories(material: Material, rows: dict[str, list[Row]]) -> Iterator[Check]:
    alone = [row for here in rows.values() for row in here if not row.article.digest]
    for key, articles in material.stories().items():
        sure = [row for a in articles if a.or_story is None for row in rows.get(a.slug, [])]
        if not sure:
            continue
        ids = {row.story_id for row in sure}
        near = [row.article for row in alone if row.story_id in ids]
        strangers = sorted(a.slug for a in near if key not in (a.story, a.or_story))
        yield Check("story", key, len(ids) == 1 and not strangers, f"in {len(ids)} stories, with {strangers}")
        first = sure[0]
        yield Check("first", key, first.parent_id is None and first.relation == "original", first.article.slug)


def _copies(material: Material, rows: dict[str, list[Row]]) -> Iterator[Check]:
    groups: dict[str, list[Article]] = {}
    for article in material.articles:
        if article.copy_group:
            groups.setdefault(article.copy_group, [material.article(article.copy_group)]).append(article)
    copied = {a.slug for group in groups.values() for a in group}
    for slug, group in groups.items():
        here = [row for a in group for row in rows.get(a.slug, [])]
        shared = {row.copy_group for row in here}
        named = [row.article.slug for row in here if (row.relation == "copy") != (row.article.relation == "copy")]
        right = len(shared) == 1 and None not in shared and not named
        yield Check("copies", slug, right, f"{len(shared)} groups, relation wrong: {named}")
    taken = [
        row.article.slug
        for slug, here in rows.items()
        for row in here
        if row.copy_group and slug not in copied and not row.article.digest
    ]
    yield Check("copies", "no others", not taken, ", ".join(taken))


def _sections(material: Material, rows: dict[str, list[Row]], warehouse: Warehouse) -> Iterator[Check]:
    found = warehouse.rows(ArticleSection)
    for article in (a for a in material.articles if a.digest):
        ids = {row.article_id for row in rows.get(article.slug, [])}
        for section in article.wordings[-1].sections:
            members = material.stories().get(section.story or "", [])
            wanted = {row.story_id for a in members for row in rows.get(a.slug, [])} if section.story else {None}
            told = {s.story_id for s in found if s.article_id in ids and s.title == section.title}
            yield Check("section", section.title, bool(told) and told <= wanted, f"in {len(told)} stories")


def _figures(material: Material, rows: dict[str, list[Row]], warehouse: Warehouse) -> Iterator[Check]:
    stories: dict[str, set[str | None]] = {}
    for here in rows.values():
        for row in here:
            stories.setdefault(row.article.story, set()).add(row.story_id)
    values = dict(warehouse.query("SELECT metric_id, value FROM metrics WHERE value IS NOT NULL"))
    figures = warehouse.query("SELECT story_id, measure, per, status, metric_ids FROM figures")
    for answer in material.figures:
        near = [
            (status, sorted({values[key] for key in keys if key in values}))
            for story, measure, per, status, keys in figures
            if story in stories.get(answer.story, ()) and _is_of(answer, measure, per)
        ]
        right = any(
            status in (answer.status, *answer.or_status) and _has_all(found, answer.values) for status, found in near
        )
        yield Check(
            "figure", f"{answer.story}: {answer.words[0]} {list(answer.values)} {answer.status}", right, str(near)
        )


def _is_of(answer: FigureAnswer, measure: str | None, per: str | None) -> bool:
    return (answer.per is None or answer.per == per) and any(word in (measure or "") for word in answer.words)


def _has_all(found: Iterable[Any], wanted: Iterable[float]) -> bool:
    found = list(found)
    return all(any(math.isclose(value, want, rel_tol=1e-6) for value in found) for want in wanted)


def _rejects(material: Material, warehouse: Warehouse) -> Iterator[Check]:
    rejects = warehouse.rows(Reject)
    for trouble in material.troubles:
        reasons = sorted({reject.reason for reject in rejects if _is_about(reject, trouble)})
        yield Check("reject", trouble.title, trouble.reason in reasons, ", ".join(reasons) or "no reject")


def _is_about(reject: Reject, trouble: Trouble) -> bool:
    """By the end of the URL; a reject of an entry without a link has none of its own."""
    return (reject.url or "").endswith(trouble.path) if trouble.path else reject.reason == trouble.reason
