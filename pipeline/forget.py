"""Remove articles from a warehouse as if they had never come.

In: the ids of articles, and the warehouse. Out: the records that take them out of all tables, in one transaction: their
rows, wordings, sections, numbers, sketches and pairs go; what is left of their stories is matched and reconciled anew
with everything they may have been a candidate of; each of their fetches keeps a receipt that says only that there was
one (a reject, ``forgotten``). Whatever refers to them goes along, so an audit balances before and after.

The rule that the tables are a function of the set of articles holds here too: what is left is what there would be
without them. Of stories that were named after them an id stays, which says what they became.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec

from pipeline.history import History
from pipeline.keep_out import FORGOTTEN, without_trace
from pipeline.match import Matched, match
from pipeline.matching import stories
from pipeline.matching.pool import BEGINNING
from pipeline.matching.sketch import unpack
from pipeline.reconcile import reconcile_batch
from schemas.ids import content_id
from schemas.records import (
    Article,
    ArticleSection,
    Denial,
    Link,
    Member,
    Metric,
    Pair,
    Progress,
    Receipt,
    Record,
    Replaced,
    Sketch,
    Story,
    StoryEvent,
)

if TYPE_CHECKING:
    from pipeline.settle import Settling

OF_AN_ARTICLE = (
    "articles", "article_versions", "article_sections", "metrics", "sketches", "pairs", "story_events"
)  # fmt: skip
"""Tables whose rows of an article go with it."""
OF_A_SECTION = ("sketches", "pairs")
CHANNEL = "forget"
"""The channel whose progress counts removals; nothing is read from it."""


class Past(History, Protocol):
    """The part of a warehouse that this asks."""

    def became(self, story_ids: Sequence[str]) -> list[Story]: ...
    def progress(self, channel: str) -> list[Progress]: ...


def forget(
    article_ids: Iterable[str], history: Past, config: Settling, now: datetime, reason: str = FORGOTTEN
) -> list[Record]:
    """What to write so that these articles are gone; nothing for those that are not there. ``reason``: that of the
    rejects that their fetches get."""
    removed = {a.article_id for a in history.articles(sorted(set(article_ids)))}
    if not removed:
        return []
    sections = {r.section_id for r in history.sections(article_ids=sorted(removed))}
    rest = Without(history, removed, sections)
    touched = _touched(history, rest, config.matching.horizon)
    matched = match(rest.articles(sorted(touched)), rest, config.matching, now)
    figures = reconcile_batch({}, matched.members, matched.emptied, rest, config.reconciling)
    return [
        *(Replaced(table=table, group=key) for key in sorted(removed) for table in OF_AN_ARTICLE),
        *(Replaced(table=table, group=key) for key in sorted(sections) for table in OF_A_SECTION),
        *_pairs_left(history, rest, matched),
        *matched.records,
        *(stories.link(m) for m in matched.members),
        *figures,
        *_stories_gone(history, rest, now),
        *(record for r in history.receipts(article_ids=sorted(removed)) for record in without_trace(r, now, reason)),
        _written(history, sorted(removed), now),
    ]


class Without:
    """A history in which some articles never were. A story that was named after one of them is named after the first
    of those left (``heirs``), until it is matched anew."""

    def __init__(self, history: History, removed: set[str], sections: set[str]):
        self._history = history
        self.removed, self.names = removed, removed | sections
        self.heirs: dict[str, str | None] = {}
        """Story of a removed article's name -> the first article left of it; None: none is left."""
        of_it = stories.by_story(history.members(sorted(removed)))
        for story in sorted(removed & of_it.keys()):
            left = [m for m in of_it[story] if m.article_id not in removed]
            self.heirs[story] = min(left, key=_order).article_id if left else None
        self._named = {heir: story for story, heir in self.heirs.items() if heir is not None}

    def _story(self, story_id: str) -> str:
        return self.heirs.get(story_id) or story_id

    def articles(self, article_ids: Sequence[str]) -> list[Article]:
        return self._history.articles(self._left(article_ids))

    def receipts(self, fetch_ids: Sequence[str] = (), article_ids: Sequence[str] = ()) -> list[Receipt]:
        found = self._history.receipts(fetch_ids, self._left(article_ids))
        return [r for r in found if r.article_id not in self.removed]

    def sketches(self, article_ids: Sequence[str]) -> list[Sketch]:
        return self._history.sketches(self._left(article_ids))

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        return [s for s in self._history.related(sketches, horizon) if s.article_id not in self.names]

    def pairs(self, names: Sequence[str]) -> list[Pair]:
        found = self._history.pairs(self._left(names))
        return [p for p in found if p.article_id not in self.names and p.earlier_id not in self.names]

    def links(
        self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = (), copy_groups: Sequence[str] = ()
    ) -> list[Link]:
        found = self._history.links(self._left(article_ids), parent_ids, copy_groups)
        left = [k for k in found if k.article_id not in self.removed]
        return [msgspec.structs.replace(k, story_id=self._story(k.story_id)) for k in left]

    def sections(self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = ()) -> list[ArticleSection]:
        found = self._history.sections(self._left(article_ids), parent_ids)
        return [r for r in found if r.article_id not in self.removed]

    def members(self, story_ids: Sequence[str]) -> list[Member]:
        stored = {self._named.get(story, story) for story in story_ids}
        left = [m for m in self._history.members(sorted(stored)) if m.article_id not in self.removed]
        return [msgspec.structs.replace(m, story_id=self._story(m.story_id)) for m in left]

    def metrics(self, article_ids: Sequence[str]) -> list[Metric]:
        return self._history.metrics(self._left(article_ids))

    def denials(self, names: Sequence[str]) -> list[Denial]:
        return self._history.denials(names)

    def _left(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self.names]


def _order(member: Member) -> tuple[datetime, str]:
    return member.at or BEGINNING, member.article_id


def _touched(history: History, rest: Without, horizon: timedelta) -> set[str]:
    """The articles left of which something may be said differently now."""
    names = sorted(rest.names)
    found = {end for p in history.pairs(names) for end in (p.article_id, p.earlier_id)}
    links = history.links(article_ids=sorted(rest.removed), parent_ids=sorted(rest.removed))
    groups = sorted({k.copy_group for k in links if k.copy_group})
    of_stories = history.members(sorted({k.story_id for k in links}))
    found |= {k.article_id for k in (*links, *history.links(copy_groups=groups))}
    found |= {m.article_id for m in of_stories}
    # Those that could have been compared with one of them: in its place another may be now.
    for s in history.related(history.sketches(names), horizon):
        found.add(unpack(s.evidence).part_of or s.article_id)
    for s in history.sketches(sorted(found - rest.names)):
        if part_of := unpack(s.evidence).part_of:  # a section stands for its digest
            found = (found - {s.article_id}) | {part_of}
    found |= {r.article_id for r in history.sections(parent_ids=sorted({*rest.removed, *found}))}
    return found - rest.names


def _written(history: Past, removed: Sequence[str], now: datetime) -> Progress:
    """Says that the warehouse has changed, to whoever keeps something of it in memory (``Progress.token``)."""
    before = next(iter(history.progress(CHANNEL)), None)
    position, token = (before.position, before.token) if before else (0, None)
    token = content_id("progress", token, *removed, now.isoformat())
    return Progress(channel=CHANNEL, position=position + 1, token=token, at=now)


def _pairs_left(history: History, rest: Without, matched: Matched) -> list[Record]:
    """The pairs of those that had one with a removed article, unless matching writes them anew."""
    anew = {r.group for r in matched.records if isinstance(r, Replaced) and r.table == "pairs"}
    had = {p.article_id for p in history.pairs(sorted(rest.names)) if p.article_id not in rest.names} - anew
    kept = [p for p in rest.pairs(sorted(had)) if p.article_id in had]
    return [*(Replaced(table="pairs", group=name) for name in sorted(had)), *kept]


def _stories_gone(history: Past, rest: Without, now: datetime) -> list[Record]:
    """What becomes of the stories that were named after removed articles, and of their figures."""
    records: list[Record] = []
    gone = [story for story, heir in rest.heirs.items() if heir is None]
    while gone:  # and what had become one of them
        gone = sorted({s.story_id for s in history.became(gone)} - rest.heirs.keys())
        records += (Replaced(table="stories", group=story) for story in gone)
    for story, heir in rest.heirs.items():
        records.append(Replaced(table="figures", group=story))
        if heir is None:
            records.append(Replaced(table="stories", group=story))
            continue
        # Matching may have put the heir into yet another story; the row of that one is written, this follows it.
        records.append(Story(story_id=story, superseded_by=heir))
        records.append(
            StoryEvent(
                event_id=content_id("story-event", "forgotten", story, heir),
                story_id=heir,
                event="re-rooted",
                article_id=heir,
                other_story_id=story,
                cause="its first article was removed",
                at=now,
            )
        )
    return records
