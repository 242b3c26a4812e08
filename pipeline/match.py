"""Attach each article to the earlier article it was copied or rewritten from.

In: the new and changed articles of a batch, and the past (sketches, links, stories, sections). Out: ``links``, the
changed parts of rows of articles; ``members``, all articles of every affected story; ``emptied``, the ids of stories
without members left; ``records``, rows of sketches, stories, story events and article sections. Nothing is dropped.

The rule. An article that shares at least 0.6 of the shorter one's text with another is a copy; copies, also through a
chain, form a group, and each but the first has its parent in the group. All others are grouped by what their pairs are
worth among their neighbours (average linkage); each but a group's first is a rewrite of the likeliest earlier one
of its group. A section of a digest has a parent by its own links, but is nobody's.

So what is said of an article is a function of the pairs around it. Where pairs come, go or change, all groups that this
can reach are loaded and formed anew (``matching.settlement``). That makes the tables the same for any order, repetition
and cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from pipeline.history import History
from pipeline.matching import stories
from pipeline.matching.horizon import Horizon
from pipeline.matching.judge import Matching, pool_of
from pipeline.matching.outline import Outline, outline
from pipeline.matching.settlement import Settled, Settlement
from pipeline.matching.sketch import section_id
from pipeline.matching.web import Tie
from schemas.records import Article, ArticleSection, Link, Member, Record, Replaced, Section, Sketch


class Matched(NamedTuple):
    """What to write and to hand on for one batch; see the module's docstring. ``horizon``: as it is when that is
    written."""

    links: tuple[Link, ...]
    members: tuple[Member, ...]
    emptied: tuple[str, ...]
    records: tuple[Record, ...]
    horizon: Horizon


def match(
    articles: Iterable[Article],
    history: History,
    config: Matching,
    now: datetime,
    outlines: Mapping[str, Outline] | None = None,
    around: Callable[[Sequence[Sketch]], Horizon] | None = None,
) -> Matched:
    """Match the new and changed articles of a batch with each other and with the past. ``now``: the time of events.
    ``outlines``: those that are known already, by article id. ``around``: gives what of the past is at hand for these
    sketches; the rest is asked of ``history``."""
    fresh = {a.article_id: a for a in articles}
    known = outlines or {}
    outlined = {key: known.get(key) or outline(a, config) for key, a in fresh.items()}
    sections = {key: found.sections for key, found in outlined.items()}
    sketches = [s for found in outlined.values() for s in found.sketches]
    horizon = around(sketches) if around else Horizon(pool_of((), config))
    settled = Settlement(sketches, history, config, horizon).settle()
    before = _members_before(settled, history)
    after = dict(before)
    for key, article in fresh.items():
        after[key] = _member(article, before.get(key))
    for key, tie in settled.articles.items():
        after[key] = msgspec.structs.replace(after[key], **tie._asdict())
    after = stories.grow(after)
    changed = {key for key, m in after.items() if key not in before or stories.link(m) != stories.link(before[key])}
    affected = {state[key].story_id for key in changed | fresh.keys() for state in (before, after) if key in state}
    members = [m for _, m in sorted(after.items()) if m.story_id in affected]
    emptied = stories.superseded(before, after)
    rows = [stories.story(story_id, of_it) for story_id, of_it in sorted(stories.by_story(members).items())]
    events = stories.events(before, after, now)
    sectioned = _section_records(fresh, sections, settled.sections, before, after, history)
    return Matched(
        links=tuple(stories.link(after[key]) for key in sorted(changed)),
        members=tuple(members),
        emptied=tuple(story.story_id for story in emptied),
        records=(*sketches, *settled.pairs, *rows, *emptied, *events, *sectioned),
        horizon=settled.horizon,
    )


def _members_before(settled: Settled, history: History) -> dict[str, Member]:
    """The members of all stories that the settled were in or come into."""
    ties = [*settled.articles.values(), *(tie for _, tie in settled.sections.values())]
    involved = settled.articles.keys() | {tie.parent_id for tie in ties if tie.parent_id}
    of_stories = {link.story_id for link in history.links(article_ids=sorted(involved))}
    return {m.article_id: m for m in history.members(sorted(of_stories))}


def _member(article: Article, before: Member | None) -> Member:
    return Member(
        article_id=article.article_id,
        story_id=before.story_id if before else article.article_id,
        title=article.title,
        source=article.source,
        published_at=article.published_at,
        at=article.published_at or article.first_seen_at,
    )


def _section_records(
    fresh: dict[str, Article],
    sections: Mapping[str, Sequence[Section]],
    settled: dict[str, tuple[str, Tie]],
    before: dict[str, Member],
    after: dict[str, Member],
    history: History,
) -> list[Record]:
    """New and changed rows of sections; what articles of the batch no longer have is removed, sketches too."""
    moved = {key for key, m in after.items() if key in before and before[key].story_id != m.story_id}
    owners = fresh.keys() | {owner for owner, _ in settled.values()}
    stored = {r.section_id: r for r in history.sections(article_ids=sorted(owners), parent_ids=sorted(moved))}
    stale = {key: r for key, r in stored.items() if key in settled or r.parent_id in moved}
    rows = {key: r for key, r in stale.items() if r.article_id not in fresh}
    for article_id, found in sections.items():
        for i, section in enumerate(found):
            key = section_id(article_id, i)
            rows[key] = ArticleSection(section_id=key, article_id=article_id, **msgspec.structs.asdict(section))
    records: list[Record] = []
    for key, row in sorted(rows.items()):
        _, tie = settled.get(key, ("", Tie(row.parent_id, row.relation, row.similarity, copy_kind=row.copy_kind)))
        story_id = after[tie.parent_id].story_id if tie.parent_id else None
        said = {column: value for column, value in tie._asdict().items() if column != "copy_group"}
        row = msgspec.structs.replace(row, **said, story_id=story_id)
        if row.article_id in fresh or row != stored[key]:
            records.append(row)
    digests = {key for key, found in sections.items() if found} | {r.article_id for r in stored.values()}
    records.extend(Replaced(table="article_sections", group=key) for key in sorted(digests & fresh.keys()))
    gone = sorted(key for key, row in stored.items() if row.article_id in fresh and key not in rows)
    records.extend(Replaced(table=table, group=key) for key in gone for table in ("sketches", "pairs"))
    return records
