"""Grow stories from parent links: each article belongs to the story of the first article its parents lead to.

In: the members of all stories that a batch touches, with their final parents. Out: rows of ``stories``, what happened
to each (``story_events``), and which stories have no members left. Nothing is dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from schemas.ids import content_id
from schemas.records import Link, Member, Story, StoryEvent

Event = Literal["created", "joined", "merged", "split", "re-rooted"]


def grow(members: Mapping[str, Member]) -> dict[str, Member]:
    """The same members, each with the story that its chain of parents leads to. All parents must be among them."""
    root: dict[str, str] = {}
    for start in members:
        chain = []
        at: str | None = start
        while at is not None and at not in root:
            chain.append(at)
            at = members[at].parent_id
        story = root[at] if at is not None else chain[-1]
        root.update(dict.fromkeys(chain, story))
    return {
        key: member if member.story_id == root[key] else msgspec.structs.replace(member, story_id=root[key])
        for key, member in members.items()
    }


def link(member: Member) -> Link:
    """The member's part of a row of ``articles``."""
    return Link(
        article_id=member.article_id,
        story_id=member.story_id,
        parent_id=member.parent_id,
        relation=member.relation,
        similarity=member.similarity,
        copy_group=member.copy_group,
        copy_kind=member.copy_kind,
    )


def story(story_id: str, members: Iterable[Member]) -> Story:
    """The row of a story with these members; the article it is named after gives the title."""
    found = {m.article_id: m for m in members}
    times = sorted(m.published_at for m in found.values() if m.published_at is not None)
    return Story(
        story_id=story_id,
        title=found[story_id].title,
        first_published_at=times[0] if times else None,
        last_published_at=times[-1] if times else None,
        article_count=len(found),
        source_count=len({m.source for m in found.values()}),
        independent_count=len({m.copy_group or m.article_id for m in found.values()}),
    )


def by_story(members: Iterable[Member]) -> dict[str, list[Member]]:
    """Story -> its members."""
    found: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        found[member.story_id].append(member)
    return dict(found)


def superseded(before: Mapping[str, Member], after: Mapping[str, Member]) -> list[Story]:
    """Rows of the stories that had members and have none left: each points to the story its first article is in."""
    left = {m.story_id for m in before.values()} - {m.story_id for m in after.values()}
    return [Story(story_id=gone, superseded_by=after[gone].story_id) for gone in sorted(left)]


def events(before: Mapping[str, Member], after: Mapping[str, Member], now: datetime) -> list[StoryEvent]:
    """What happened between the two states of the same stories. An article that is only in ``after`` is new."""
    were, are = {m.story_id for m in before.values()}, {m.story_id for m in after.values()}
    found = []
    replaced = set()
    for gone in sorted(were - are):
        heir = after[gone].story_id
        if heir in were:
            found.append(_event("merged", heir, gone, gone, f"its first article is {_tie(after[gone])}", now))
        else:
            replaced.add(heir)
            why = "an earlier article arrived" if heir not in before else "the articles' order changed"
            found.append(_event("re-rooted", heir, heir, gone, why, now))
    for came in sorted(are - were - replaced):
        if came in before:
            found.append(_event("split", came, came, before[came].story_id, "its parent is not the same story", now))
        else:
            found.append(_event("created", came, came, None, "no earlier article tells the same", now))
    for key in sorted(after):
        member, earlier = after[key], before.get(key)
        if key == member.story_id:
            continue
        if earlier is None:
            found.append(_event("joined", member.story_id, key, None, _tie(member), now))
        elif earlier.story_id in are and earlier.story_id != member.story_id:
            found.append(_event("joined", member.story_id, key, earlier.story_id, _tie(member), now))
    return found


def _tie(member: Member) -> str:
    """What ties an article to its story, in words."""
    if member.relation == "copy":
        return f"a copy of {member.parent_id}, {member.similarity or 0:.0%} of the words in common"
    return f"a rewrite of {member.parent_id}, probability {member.similarity or 0:.2f}"


def _event(event: Event, story_id: str, article_id: str, other: str | None, cause: str, now: datetime) -> StoryEvent:
    return StoryEvent(
        event_id=content_id("story-event", event, story_id, article_id, other, cause),
        story_id=story_id,
        event=event,
        article_id=article_id,
        other_story_id=other,
        cause=cause,
        at=now,
    )
