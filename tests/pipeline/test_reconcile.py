"""Figures of a story: what agrees, what conflicts, what is damaged or superseded; the same in any order."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history import Nothing
from pipeline.measure.compare import agree, damage, interval_of
from pipeline.measure.evidence import Evidence
from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from pipeline.reconcile import Reconciling, reconcile, reconcile_batch
from schemas.records import Figure, Member, Metric, Replaced

MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)


def article(n: int, text: str, *, hours: float = 0.0, group: str | None = None, story: str = "s"):
    """(member, its metrics) of an article with this text, published some hours after six."""
    found = measure_text(text, load_pack("en"), published=date(2026, 3, 2), article_id=f"a{n}", text_hash="t")
    at = MORNING + timedelta(hours=hours)
    return Member(article_id=f"a{n}", story_id=story, source=f"outlet{n}", at=at, copy_group=group), found


def figures(*articles) -> list[Figure]:
    members = [member for member, _ in articles]
    return reconcile(members, {member.article_id: metrics for member, metrics in articles})


def only(*articles) -> Figure:
    (figure,) = figures(*articles)
    return figure


def metric(value: float, surface: str, **fields) -> Metric:
    filled = {"unit": "ship", "measure": "ships", "sentence": f"{surface} ships left.", **fields}
    return Metric(
        metric_id="m", article_id="a", span_start=0, span_end=len(surface), surface=surface, value=value, **filled
    )


def test_a_number_that_one_article_gives_is_single():
    figure = only(article(1, "The mill employs 2,300 workers."))
    assert (figure.status, figure.value, figure.article_count, figure.note) == ("single", 2300.0, 1, None)


def test_two_outlets_with_one_value_agree():
    figure = only(article(1, "The mill employs 2,300 workers."), article(2, "2,300 workers are employed at the mill."))
    assert (figure.status, figure.article_count, figure.independent_count) == ("agree", 2, 2)


def test_copies_of_one_text_do_not_confirm_each_other():
    text = "The mill employs 2,300 workers."
    figure = only(article(1, text, group="g"), article(2, text, group="g"))
    assert (figure.status, figure.article_count, figure.independent_count) == ("single", 2, 1)


def test_a_rounded_bound_agrees_with_the_exact_count_which_is_shown():
    figure = only(
        article(1, "More than 40,000 homes lost power in the storm."),
        article(2, "The storm cut off power to 41,870 homes."),
    )
    assert (figure.status, figure.value) == ("agree", 41870.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The tunnel is 8 miles long.", "The tunnel is 12.9 kilometers long."),
        ("The bell weighs 2.4 tonnes.", "The bell weighs 5,291 pounds."),
        (
            "The oven reached a temperature of 451 degrees Fahrenheit.",
            "The oven reached a temperature of 232.8 Celsius.",
        ),
        ("The outage lasted 150 minutes.", "The outage lasted 2.5 hours."),
    ],
)
def test_units_are_converted_before_values_are_compared(one, other):
    figure = only(article(1, one), article(2, other))
    assert (figure.status, figure.article_count) == ("agree", 2)


def test_currencies_are_never_converted():
    found = figures(article(1, "The bell cost $2,000."), article(2, "The bell cost 1,800 euros."))
    assert [f.status for f in found] == ["single", "single"]


def test_more_than_3000_is_not_said_of_4000():
    some = metric(3000.0, "3,000", bound="at_least")
    assert agree(interval_of(some), interval_of(metric(3800.0, "3,800")))
    assert not agree(interval_of(some), interval_of(metric(4000.0, "4,000")))


def test_a_later_copy_of_an_old_text_does_not_make_its_count_the_latest():
    old = "The flood killed 12 people in the valley."
    figure = only(
        article(1, old, group="g"),
        article(2, "The flood killed 15 people in the valley.", hours=5),
        article(3, old, hours=9, group="g"),
    )
    assert (figure.status, figure.value) == ("superseded", 15.0)


def test_different_values_of_one_thing_conflict_and_the_note_says_who_says_which():
    figure = only(
        article(1, "The plant will bring 2,300 jobs to the valley, the company said."),
        article(2, "The plant will bring 3,140 new jobs to the valley, the union said."),
    )
    assert figure.status == "conflict"
    assert "2,300 (the company, in outlet1)" in figure.note
    assert "3,140 (the union, in outlet2)" in figure.note


def test_a_lost_scale_is_damage_and_the_whole_number_is_shown():
    figure = only(
        article(1, "Officers search 7,000 cars a week at the border."),
        article(2, "Officers search 7 cars a week at the border."),
    )
    assert (figure.status, figure.value, figure.per) == ("damaged", 7000.0, "week")
    assert "scale lost" in figure.note


def test_a_growing_count_supersedes_the_earlier_one():
    figure = only(
        article(1, "The flood killed 12 people in the valley."),
        article(2, "The flood killed 15 people in the valley.", hours=5),
    )
    assert (figure.status, figure.value) == ("superseded", 15.0)


def test_a_count_reported_at_the_same_time_is_not_superseded():
    figure = only(
        article(1, "The flood killed 12 people in the valley."),
        article(2, "The flood killed 15 people in the valley."),
    )
    assert figure.status == "conflict"


def test_two_values_in_one_article_are_two_things():
    text = "Team Red has 14 players from the valley. Team Blue has 19 players from the valley."
    assert [f.status for f in figures(article(1, text))] == ["single", "single"]
    assert len({f.figure_id for f in figures(article(1, text))}) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The mill employs 2,300 workers.", "The mill paid 2,300 dollars."),
        ("The mill sold 41 tonnes a day.", "The mill sold 41 tonnes a year."),
        ("The mill's output rose 41 tonnes.", "The mill's output fell 41 tonnes."),
        ("Two men entered the mill.", "The mill has two steps."),
        ("The mill made 40 percent of the flour.", "The mill's output of flour fell 40 percent."),
        ("Democratic donors gave 40 cars.", "The mill closed 40 years ago."),
    ],
)
def test_numbers_of_different_things_never_share_a_figure(one, other):
    assert {f.article_count for f in figures(article(1, one), article(2, other))} == {1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The airline cancelled 340 flights.", "The carrier called off 340 departures."),
        ("The firm is to pay $2.4 billion for its rival.", "It was a deal worth 2.4 billion dollars."),
        ("Inspectors were told to open 7,000 audits a week.", "The office opened 7,000 audits."),
        ("Half of the pupils eat at school.", "At school 50 percent of the pupils eat."),
        ("Revenue was $9,600,000.", "The group has revenue of 9.6 million."),
    ],
    ids=["other names", "deed and noun", "plan and fact, rate left out", "share and percent", "unit left out"],
)
def test_one_value_under_other_names_is_one_figure(one, other):
    assert [f.status for f in figures(article(1, one), article(2, other))] == ["agree"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Police held 12 men at the mill gate.", "Police held men at the mill gate, including 15 women."),
        ("The storm cut off more than 50 homes in the valley.", "The storm cut off 75 homes in the valley."),
        ("A flood killed 12 people in the valley.", "A flood killed 90 people in the valley in 1953."),
        ("In Aldmoor the union has 410 members on strike.", "In Brenwick the union has 520 members on strike."),
        ("The mill plans to bring 410 jobs to the valley.", "The mill brings 520 jobs to the valley."),
    ],
    ids=["a part", "a bound that holds", "an earlier event", "another place", "a plan and a fact"],
)
def test_what_may_be_two_things_is_no_conflict(one, other):
    assert {f.status for f in figures(article(1, one), article(2, other))} == {"single"}


def test_an_article_that_sets_one_value_against_the_other_tells_of_a_conflict():
    figure = only(
        article(1, "The bridge will cost $131 million, and not the budgeted cost of $84 million."),
        article(2, "The bridge will cost $84 million."),
    )
    assert (figure.status, figure.measure, figure.article_count) == ("conflict", "cost", 2)


def test_a_count_that_its_speaker_holds_to_is_in_conflict_and_not_superseded():
    figure = only(
        article(1, "Police arrested 12 people at the march, the police said."),
        article(2, "The union said that 15 people were arrested at the march.", hours=2),
        article(3, "Police arrested 12 people at the march, the police said.", hours=9),
    )
    assert figure.status == "conflict"


def test_a_copy_with_a_number_that_lost_its_scale_is_damaged():
    figure = only(
        article(1, "The firm hopes for savings of $310 million annually.", group="g"),
        article(2, "The firm hopes for savings of $310 annually.", group="g"),
    )
    assert (figure.status, figure.value) == ("damaged", 310e6)


def compared(articles) -> int:
    """How many pairs of numbers are weighed for the figures of these articles."""
    calls = 0

    class Counting(Evidence):
        def agreement(self, a, b):
            nonlocal calls
            calls += 1
            return super().agreement(a, b)

        def rivalry(self, a, b):
            nonlocal calls
            calls += 1
            return super().rivalry(a, b)

    reconcile([m for m, _ in articles], {m.article_id: found for m, found in articles}, evidence=Counting)
    return calls


def flood(n: int, articles: int, sentence: str) -> list[tuple[Member, list[Metric]]]:
    """Articles with ``n`` metrics in all: one number a sentence, written as measuring gives them."""
    members = [
        Member(article_id=f"a{k}", story_id="s", source=f"o{k}", at=MORNING + timedelta(minutes=k))
        for k in range(articles)
    ]
    found: list[list[Metric]] = [[] for _ in members]
    for k in range(n):
        value, text = k + 100, sentence.format(value=k + 100, place=f"place{k % 97}")
        own = found[k % articles]
        start = 200 * len(own)
        at = start + text.find(str(value))
        own.append(
            Metric(
                metric_id=f"m{k:06}",
                article_id=members[k % articles].article_id,
                span_start=at,
                span_end=at + len(str(value)),
                surface=str(value),
                sentence=text,
                value=float(value),
                unit="sheep",
                measure="sheep",
            )
        )
    return list(zip(members, found, strict=True))


def test_the_work_on_a_story_grows_with_its_numbers_and_not_with_their_pairs():
    def texts(n):
        return [article(k, f"The flood killed 40 people and {k + 100} sheep in the valley.") for k in range(n)]

    small, large = compared(texts(100)), compared(texts(400))
    assert large < 6 * small


@pytest.mark.parametrize(
    ("articles", "sentence"),
    [
        (1, "The flood drowned {value} sheep in {place}."),
        (20, "The flood drowned {value} sheep in {place}."),
        (1000, "The flood drowned {value} sheep in the valley."),
        (20, "{value} sheep."),
    ],
    ids=["one article", "long articles", "many articles", "bare numbers"],
)
def test_a_flood_of_numbers_in_one_story_takes_work_in_proportion(articles, sentence):
    limits, n = Reconciling(), 4000
    most = limits.most_neighbours + 9 * limits.most_rivals  # of a number: its neighbours, and those of its nine keys
    assert compared(flood(n, articles, sentence)) < most * n < n * n / 10


def test_a_number_that_one_page_repeats_is_compared_once():
    text = "The flood killed 40 people in the valley. " * 300
    assert compared([article(1, text), article(2, text)]) < 100


def test_a_note_stays_short_however_many_say_it():
    texts = [article(k, "The mill employs 2,300 workers.") for k in range(60)]
    texts += [article(k, "The mill employs 3,140 workers at its gate.") for k in range(60, 90)]
    assert max(len(f.note or "") for f in figures(*texts)) < 600


@pytest.mark.parametrize(
    ("broken", "whole", "how"),
    [
        ("7", "7,000", "lost-scale"),
        ("$1.5", "$1.5 billion", "lost-scale"),
        ("41", "41,870", "cut"),
        ("870", "41,870", "cut"),
        ("15 million", "1.5 million", "lost-point"),
        ("34", "340", "lost-zero"),
        ("6,000", "60,000", None),
        ("12", "15", None),
        ("41,870", "41", None),
        ("70", "7,000", None),
        ("$1.90", "$190 million", None),
        ("$190 million", "$1.90", None),
    ],
)
def test_the_marks_of_damage(broken, whole, how):
    def value(surface):
        digits = float("".join(c for c in surface if c.isdigit() or c == "."))
        return digits * (1e9 if "billion" in surface else 1e6 if "million" in surface else 1)

    assert damage(metric(value(broken), broken), metric(value(whole), whole)) == how


def test_digits_glued_to_those_of_a_neighbour_are_damage():
    whole = metric(12.0, "12", sentence="Crews of 12 and 15 men left.")
    assert damage(metric(1215.0, "1215"), whole) == "glued"


@given(st.integers(1, 10**7), st.sampled_from(["exact", "at_least", "at_most"]), st.booleans())
def test_a_number_agrees_with_itself_however_it_is_worded(n, bound, approx):
    exact, worded = (
        interval_of(metric(float(n), str(n))),
        interval_of(metric(float(n), str(n), bound=bound, approx=approx)),
    )
    assert agree(exact, worded)
    assert agree(worded, exact)


TEXTS = [
    "The flood killed 12 people in the valley and 300 homes were lost.",
    "The flood killed at least 15 people in the valley, police said.",
    "Some 300 homes were lost in the valley and 12 people were killed by the flood.",
    "The flood cost $1.5 billion, and 30 homes were lost.",
    "The flood cost $1.5 in the valley. More than 300 homes were lost.",
    "Police said the flood had killed 17 people and 320 homes were lost.",
]


@given(st.permutations(range(len(TEXTS))), st.integers(0, 9))
def test_the_order_of_articles_and_metrics_does_not_matter(order, seed):
    articles = [article(n, text, hours=n % 3, group="g" if n in (0, 2) else None) for n, text in enumerate(TEXTS)]
    expected = figures(*articles)
    shuffled = []
    for n in order:
        member, metrics = articles[n]
        shuffled.append((member, random.Random(seed).sample(metrics, len(metrics))))
    assert figures(*shuffled) == expected
    assert len({f.figure_id for f in expected}) == len(expected)


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5))
def test_every_metric_is_in_exactly_one_figure(texts):
    articles = [article(n, text) for n, text in enumerate(texts)]
    in_figures = [i for f in figures(*articles) for i in f.metric_ids]
    assert sorted(in_figures) == sorted(m.metric_id for _, metrics in articles for m in metrics)


class Stored(Nothing):
    """A history with the metrics of one article."""

    def __init__(self, metrics):
        self._metrics = metrics

    def metrics(self, article_ids):
        return [m for m in self._metrics if m.article_id in article_ids]


def batch(measured, members, emptied=(), stored=()):
    """The records of a batch."""
    return list(reconcile_batch(measured, members, emptied, Stored(stored), Reconciling()))


def test_members_outside_the_batch_bring_their_metrics_from_the_history():
    old, old_metrics = article(1, "The mill employs 2,300 workers.")
    new, new_metrics = article(2, "At the mill 2,300 workers are employed.")
    stored = [msgspec.structs.replace(m, story_id="s") for m in old_metrics]
    records = batch({"a2": new_metrics}, [old, new], stored=stored)
    (figure,) = [r for r in records if isinstance(r, Figure)]
    assert (figure.status, figure.article_count) == ("agree", 2)
    assert [(m.article_id, m.story_id) for m in records if isinstance(m, Metric)] == [("a2", "s")]
    replaced = sorted((r.table, r.group) for r in records if isinstance(r, Replaced))
    assert replaced == [("figures", "s"), ("metrics", "a2")]


def test_an_article_that_lost_its_numbers_loses_its_rows():
    member, _ = article(1, "")
    assert sorted((r.table, r.group) for r in batch({"a1": []}, [member])) == [("figures", "s"), ("metrics", "a1")]


def test_an_emptied_story_has_no_figures_left():
    assert batch({}, [], ["gone"]) == [Replaced(table="figures", group="gone")]
