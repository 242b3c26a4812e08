"""The golden stories of tests/golden/figures: each gives the figures expected of it, and no false alarm."""

from __future__ import annotations

import pathlib
import tomllib
from typing import Any

import pytest

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from pipeline.reconcile import reconcile
from schemas.records import Figure, Member, Metric

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "figures"
STORIES = [story for path in sorted(GOLDEN.glob("*.toml")) for story in tomllib.loads(path.read_text("utf-8"))["story"]]
ALARMS = ("conflict", "damaged", "superseded")


def figures_of(story: dict[str, Any]) -> tuple[list[Figure], dict[str, float | None]]:
    """The story's figures, and the value of each of its metrics."""
    members, metrics = [], {}
    for n, article in enumerate(story["article"]):
        at = None if article.get("undated") else article["at"]
        name = f"a{n}"
        members.append(
            Member(
                article_id=name,
                story_id="s",
                source=article["source"],
                at=at,
                published_at=at,
                copy_group=article.get("copy"),
            )
        )
        found: list[Metric] = measure_text(
            article["text"], load_pack("en"), published=at and at.date(), article_id=name, text_hash="t"
        )
        metrics[name] = found
    values = {m.metric_id: m.value for found in metrics.values() for m in found}
    return reconcile(members, metrics), values


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story["name"])
def test_the_story_gives_its_figures_and_no_false_alarm(story):
    figures, values = figures_of(story)
    found = [(f.status, sorted({values[i] for i in f.metric_ids if values[i] is not None}), f) for f in figures]
    for wanted in story.get("figure", ()):
        like = [
            f for status, held, f in found if status == wanted["status"] and held == pytest.approx(wanted["values"])
        ]
        assert like, (wanted, [(status, held, f.measure) for status, held, f in found])
        if "shown" in wanted:
            assert like[0].value == pytest.approx(wanted["shown"])
        if "independent" in wanted:
            assert like[0].independent_count == wanted["independent"]
        for part in wanted.get("said", ()):
            assert part in (like[0].note or "")
    expected = [wanted["values"] for wanted in story.get("figure", ()) if wanted["status"] in ALARMS]
    alarms = [held for status, held, _ in found if status in ALARMS]
    assert sorted(alarms) == sorted(expected)
    for pair in story.get("apart", ()):
        assert set(pair) <= {v for v in values.values() if v is not None}, "a value of the story was not measured"
        assert not [held for _, held, _ in found if set(pair) <= set(held)]


def test_there_are_stories_of_every_status():
    statuses = {wanted["status"] for story in STORIES for wanted in story.get("figure", ())}
    assert statuses >= {"single", "agree", *ALARMS}
    assert len(STORIES) >= 25
