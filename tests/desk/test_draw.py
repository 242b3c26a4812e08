"""What is drawn: marks in texts, differences, trees, charts, words. Pure functions."""

import doctest
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from desk_world import COURIER, HERALD, IMAGE, METRICS, NOW, SCRIPT, hours, metric
from hypothesis import given
from hypothesis import strategies as st

from connectors.poller.feed_state import FeedState
from pipeline.desk import search
from pipeline.desk.draw import chart, difference, marks, snippet, tree, words
from pipeline.desk.read import sources
from pipeline.desk.read.stories import StoryLine, weight
from pipeline.desk.read.story import Told

TEXTS = st.text(alphabet=st.sampled_from("ab 1.\n?\"' "), max_size=80)


@pytest.mark.parametrize("module", [words, search])
def test_the_examples_of_the_docstrings_are_so(module):
    assert doctest.testmod(module).failed == 0


# -- marks --


def test_numbers_and_speakers_are_cut_out_in_place():
    first, second = marks.paragraphs(HERALD.text, METRICS[:1])
    assert [(s.text, s.number is not None, bool(s.speaker)) for s in first] == [
        ("The harbour fire killed ", False, False),
        ("12", True, False),
        (" people, ", False, False),
        ("the mayor", False, True),
        (" said.", False, False),
    ]
    assert [s.text for s in second] == ["It began at night."]


def test_spans_that_overlap_or_lie_outside_lose_no_text():
    odd = [
        metric(COURIER, "14", 14),
        metric(COURIER, "14 people", 14),
        metric(COURIER, "14", 14, span_start=-5, span_end=3),
        metric(COURIER, "14", 14, span_start=10, span_end=10_000),
        metric(COURIER, "14", 14, attribution_start=0, attribution_end=60),
    ]
    found = marks.paragraphs(COURIER.text, odd)
    assert "\n".join("".join(s.text for s in p) for p in found) == COURIER.text


@given(text=TEXTS, spans=st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=6))
def test_marking_never_loses_or_doubles_a_character(text, spans):
    metrics = [metric(HERALD, "12", 12, span_start=a, span_end=b) for a, b in spans]
    found = ["".join(s.text for s in p) for p in marks.paragraphs(text, metrics)]
    assert found == [line for line in text.split("\n") if line.strip()]


# -- differences --


def plain(row_side):
    return " ".join(p.text.strip() for p in row_side)


def test_a_changed_word_is_marked_in_its_sentence():
    found = difference.compare("It burned. The fire killed 11 people.", "It burned. The fire killed 12 people.")
    assert found.rows[0].same
    assert [(p.text, p.changed) for p in found.rows[1].right] == [
        ("The fire killed ", False),
        ("12", True),
        (" people.", False),
    ]


def test_sentences_of_one_text_only_stand_apart_together():
    left = "One bridge was closed. Anna Berg likes tea. The repair costs 3 million."
    right = "One bridge was closed. Rain fell. Snow fell. The repair costs 3 million."
    found = difference.compare(left, right)
    assert [row.apart for row in found.rows] == [False, True, False]
    assert [p.text for p in found.rows[1].right] == ["Rain fell.", "Snow fell."]


def test_equal_texts_share_all_and_strangers_nothing():
    assert difference.compare(HERALD.text, HERALD.text).shared == 1.0
    assert difference.compare("Anna Berg likes tea.", "Trams derail often.").shared == 0.0


def test_long_texts_are_cut_and_say_so():
    long = " ".join(f"Sentence number {n} stands here." for n in range(difference.MOST_SENTENCES + 5))
    found = difference.compare(long, long)
    assert found.cut
    assert len(found.rows) == difference.MOST_SENTENCES


@given(left=TEXTS, right=TEXTS)
def test_a_comparison_keeps_every_sentence_of_both(left, right):
    found = difference.compare(left, right)
    for text, side in ((left, "left"), (right, "right")):
        shown = "".join(p.text for row in found.rows for p in getattr(row, side))
        assert "".join(shown.split()) == "".join(text.split())


# -- trees and charts --


def told(name, at=None, parent=None, relation="original", section=None):
    return Told(name, f"T {name}", f"s-{name}", "en", at, parent, relation, 0.9, None, None, None, 9, section)


def test_copies_are_apart_from_rewrites_below_their_parent():
    (root,) = tree.forest([told("a", hours(3)), told("b", hours(2), "a", "copy"), told("c", hours(1), "b", "rewrite")])
    assert [n.told.article_id for n in root.copies] == ["b"]
    assert [n.told.article_id for n in root.copies[0].rewrites] == ["c"]


def test_a_lost_parent_or_a_circle_costs_no_article():
    lost = [told("a", hours(3), "gone"), told("b", hours(2), "c"), told("c", hours(1), "b"), told("d", None, "d")]
    found = tree.forest(lost)
    lines = tree.timeline(found).lines
    assert sorted(line.told.article_id for line in lines) == ["a", "b", "c", "d"]


def test_the_timeline_has_the_first_at_the_left_and_the_last_at_the_right():
    line = tree.timeline(tree.forest([told("a", hours(4)), told("b", hours(2), "a"), told("c", hours(0), "a")]))
    assert [x.x for x in line.lines] == [0.0, 0.5, 1.0]
    assert [x.parent_row for x in line.lines] == [None, 0, 0]
    assert tree.timeline(tree.forest([told("a")])).lines == ()


def test_drawings_are_well_formed_and_hold_text_as_text():
    trees = tree.forest([told(SCRIPT, hours(4)), told(IMAGE, hours(2), SCRIPT, "copy")])
    dots = [chart.Dot(hours(n), n * 10.0**n, f"{SCRIPT} {n}", kind=IMAGE) for n in range(6)]
    for svg in (chart.provenance(tree.timeline(trees), SCRIPT), chart.over_time(dots, SCRIPT, line=True)):
        root = ElementTree.fromstring(svg)
        assert root.get("aria-label") == SCRIPT
        assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {
            "svg",
            "line",
            "text",
            "circle",
            "title",
            "path",
            "polyline",
        }


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(allow_nan=True, allow_infinity=True)), max_size=12))
def test_any_values_are_drawn_within_the_picture(values):
    dots = [chart.Dot(NOW + timedelta(seconds=s), v, "x") for s, v in values]
    svg = chart.over_time(dots, "t")
    for circle in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle") if svg else ():
        assert 0 <= float(circle.get("cx")) <= chart.WIDTH
        assert 0 <= float(circle.get("cy")) <= chart.HEIGHT


# -- snippets, ranks, alarms --


def test_an_excerpt_shows_the_word_whatever_its_accents():
    pieces = snippet.excerpt("x" * 300 + " Der Zürcher Café-Brand " + "y" * 300, "cafe")
    assert [p.text for p in pieces if p.changed] == ["Café"]
    assert pieces[0].text == "…"


@given(TEXTS, TEXTS)
def test_an_excerpt_is_part_of_the_text(text, query):
    shown = "".join(p.text for p in snippet.excerpt(text, query)).strip("…")
    assert shown in text


def story(independent, sources_, age):
    return StoryLine("x", "t", hours(age), hours(age), independent, sources_, independent)


def test_independent_texts_rank_above_copies_and_fresh_above_stale():
    assert weight(story(4, 4, 1), NOW) > weight(story(1, 9, 1), NOW)
    assert weight(story(2, 2, 1), NOW) > weight(story(3, 3, 24), NOW)


def feed(**fields):
    return FeedState(url="u", source="s", address="u", **{"status": "ok", "polls": 50} | fields)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (feed(status="retired", reason="gone"), "given up: gone"),
        (feed(failures=3, reason="timeout"), "3 failures in a row: timeout"),
        (feed(rate=1 / 3600, new_at=hours(48), polled_at=NOW), "quiet"),
        (feed(rate=1 / 3600, new_at=hours(12), polled_at=NOW), None),
        (feed(rate=1 / 86400, new_at=hours(48), polled_at=NOW), None),
        (feed(rate=1 / 3600, new_at=hours(48), polled_at=hours(47)), None),
        (feed(rate=1 / 3600, new_at=hours(48), polled_at=NOW, polls=3), None),
        (feed(), None),
    ],
)
def test_a_source_is_alarming_when_it_is_out_of_its_own_rhythm(state, says):
    found = sources.alarm([state])
    assert (found or "").startswith(says or "")
    assert (found is None) == (says is None)


def test_a_poller_that_stands_still_is_one_alarm():
    assert sources.asleep([feed(polled_at=hours(2)), feed(polled_at=hours(3))], NOW) == hours(2)
    assert sources.asleep([feed(polled_at=hours(0.5))], NOW) is None
    assert sources.asleep([], NOW) is None


def test_times_are_told_in_one_unit():
    assert words.ago(datetime(2026, 3, 4, 11, 59, 30, tzinfo=UTC), NOW) == "just now"
    assert words.ago(hours(30), NOW) == "30 h ago"
    assert words.ago(None, NOW) == "time unknown"
    assert words.spread(84e6, 131e6, "USD") == "USD 84 million to 131 million"
    assert words.quantity(4.2, "percent") == "4.2%"
