"""Stories: trees of parents, their rows, and what happened to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.matching import stories
from schemas.records import Member, Story

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def member(name: str, parent: str | None = None, story: str = "", **fields: Any) -> Member:
    relation = "rewrite" if parent else "original"
    return Member(
        **{
            "article_id": name,
            "story_id": story or name,
            "parent_id": parent,
            "relation": relation,
            "similarity": 0.75 if parent else None,
            "title": f"Title of {name}",
            **fields,
        }
    )


def state(*members: Member) -> dict[str, Member]:
    return stories.grow({m.article_id: m for m in members})


def happened(before: dict[str, Member], after: dict[str, Member]) -> set[tuple[str, str, str, str | None]]:
    found = stories.events(before, after, NOW)
    return {(e.event, e.story_id, e.article_id, e.other_story_id) for e in found}


@given(st.lists(st.integers(0, 30), max_size=30))
def test_every_article_is_in_the_story_of_its_root(parents: list[int]):
    members = {}
    for n, parent in enumerate(parents):
        members[str(n)] = member(str(n), str(parent) if parent < n else None, story="stale")
    found = stories.grow(members)
    for name, m in found.items():
        root = name
        while members[root].parent_id is not None:
            root = members[root].parent_id or ""
        assert m.story_id == root


def test_a_story_is_named_after_its_first_article_and_counts_copies_once():
    row = stories.story(
        "a",
        [
            member("a", source="desk", published_at=DAY + timedelta(hours=1), copy_group="a"),
            member("b", "a", source="herald", published_at=DAY, copy_group="a"),
            member("c", "a", source="herald"),
        ],
    )
    assert row == Story(
        story_id="a",
        title="Title of a",
        first_published_at=DAY,
        last_published_at=DAY + timedelta(hours=1),
        article_count=3,
        source_count=2,
        independent_count=2,
    )


def test_new_stories_are_created_and_joined():
    after = state(member("a"), member("b", "a"))
    assert happened({}, after) == {("created", "a", "a", None), ("joined", "a", "b", None)}


def test_a_story_with_an_earlier_first_article_is_re_rooted():
    before, after = state(member("b"), member("c", "b")), state(member("a"), member("b", "a"), member("c", "b"))
    assert happened(before, after) == {("re-rooted", "a", "a", "b")}
    assert stories.superseded(before, after) == [Story(story_id="b", superseded_by="a")]


def test_two_stories_that_a_link_joins_are_merged():
    before, after = (
        state(member("a"), member("b"), member("c", "b")),
        state(member("a"), member("b", "a"), member("c", "b")),
    )
    assert happened(before, after) == {("merged", "a", "b", "b")}


def test_a_story_that_loses_a_branch_is_split():
    before, after = (
        state(member("a"), member("b", "a"), member("c", "b")),
        state(member("a"), member("b"), member("c", "b")),
    )
    assert happened(before, after) == {("split", "b", "b", "a"), ("joined", "b", "c", "a")}


def test_an_article_that_moves_between_stories_joins_the_other():
    before, after = state(member("a"), member("b"), member("c", "a")), state(member("a"), member("b"), member("c", "b"))
    assert happened(before, after) == {("joined", "b", "c", "a")}


def test_events_say_why_and_have_ids_of_their_content():
    after = state(member("a"), member("b", "a"), member("c", "a", relation="copy", similarity=0.9))
    found = stories.events({}, after, NOW)
    assert [e.cause for e in found] == [
        "no earlier article tells the same",
        "a rewrite of a, probability 0.75",
        "a copy of a, 90% of the words in common",
    ]
    again = stories.events({}, after, NOW + timedelta(days=1))
    assert [e.event_id for e in found] == [e.event_id for e in again]
