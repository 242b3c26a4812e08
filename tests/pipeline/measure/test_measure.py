"""Whole sentences and articles: robustness, spans, sources, and what is left out."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from pipeline.measure.text import LONGEST_SENTENCE, sentences

PACK = load_pack("en")
DAY = datetime.date(2026, 3, 12)


def measured(text: str):
    return measure_text(text, PACK, published=DAY)


def sources(text: str) -> list[str | None]:
    return [m.attribution for m in measured(text)]


WORDS = (
    "than over at least under about from to between and or of a an the per each against said by was in on not 5 12 3.5 "
    "1,200 40,000 half three dozen dozens thousands twice million billions m bn $ £3 dollars euro pounds pence cent "
    "cents percent % percentage points point age aged older year years May Monday 2019 hours 10am miles square tons "
    "degrees C people men killed votes 5-4 minus plus – - , ( ) ' . second No."
).split()


@given(st.lists(st.sampled_from(WORDS), max_size=9))
@settings(max_examples=500)
def test_whatever_words_stand_last_spans_match_the_text(words):
    text = " ".join(words)  # most have no mark at their end, as headlines have none
    for m in measured(text):
        assert text[m.span_start : m.span_end] == m.surface


@pytest.mark.parametrize(
    ("text", "surface", "value", "unit"),
    [
        ("The bridge cost 5 million dollars", "5 million dollars", 5e6, "USD"),
        ("Prices rose by 5 euros\nThe minister denied it.", "5 euros", 5.0, "EUR"),
        ("than 2", "2", 2.0, None),
    ],
)
def test_a_number_may_be_the_last_or_the_first_thing_of_a_sentence(text, surface, value, unit):
    (m,) = measured(text)
    assert (m.surface, m.value, m.unit) == (surface, value, unit)


def test_a_run_of_marks_ends_one_sentence():
    dots = "." * 50_000  # with a pattern that begins anew at each of them, this takes a minute
    found = list(sentences(f"It was 12{dots} Then 13."))
    assert found[-1].text == "Then 13."
    assert "".join(part.text for part in found[:-1]).replace(" ", "") == f"Itwas12{dots}"


@given(st.text(alphabet="ab 1297,.%$-“”\"\n()/:'’½%é٣", max_size=200))
@settings(max_examples=200)
def test_any_text_gives_spans_that_match_it(text):
    for m in measured(text):
        assert text[m.span_start : m.span_end] == m.surface
        assert m.surface in m.sentence
        assert m.attribution is None or text[m.attribution_start : m.attribution_end] == m.attribution
        assert m.value is not None or m.low is not None


@pytest.mark.parametrize(
    "text",
    ["9" * 400, "1e999 people", "٣٤٥ شخصا", "\x00 12 \x00", "12 " * 3, "$" * 5000, "“" * 5000, "-" * 5000, "1-" * 5000],
    ids=lambda t: t[:6],
)
def test_odd_input_gives_no_value_that_is_not_written(text):
    assert all(m.value in (12.0, None) or m.value is None for m in measured(text))


def test_ten_thousand_numbers_are_each_found_once():
    text = " ".join(f"{n} ships sailed." for n in range(3000, 13000))
    found = measured(text)
    assert [m.value for m in found] == [float(n) for n in range(3000, 13000)]
    assert len({m.metric_id for m in found}) == 10_000


def test_a_text_without_sentence_marks_is_cut_between_words_only():
    text = "the harbour took 12345 tonnes of grain and " * 2000
    parts = list(sentences(text))
    assert max(len(p.text) for p in parts) <= LONGEST_SENTENCE
    assert {m.value for m in measured(text)} == {12345.0}


def steps(text: str) -> int:
    """How many lines of the package run for a text: a measure of work that no clock blurs."""
    import sys

    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if "measure" not in frame.f_code.co_filename:
            return None
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        measured(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece",
    [
        "4,000 ships left, he said. ",
        "1-",
        "“12 ships sailed ",
        "said 5 percent ",
        "9",
        "three hundred and ",
        "HOLT: 12 ships left.\n",
        "“12 ships left.\n",
        "in a poll 5 percent (said ",
        ", saying 5, Holt’s claim of ",
        "and he left and said 40 of them ",
        "-5 million to 6 million, ",
    ],
)
def test_work_grows_in_line_with_length(piece):
    measured(piece)
    # From twice the longest sentence on: inside one, the work may grow faster.
    n = 2 * LONGEST_SENTENCE // len(piece)
    once, four = steps(piece * n), steps(piece * 4 * n)
    assert four <= 4.6 * once + 2000


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("The toll was 12, police said.", "police"),
        ("According to the port, 40 ships left.", "the port"),
        ("“We saw 40 ships,” said Jana Holt.", "Jana Holt"),
        ("Jana Holt, a pilot, said 40 ships left.", "Jana Holt"),
        ("Jana Holt said Per Lund had told her that 40 ships left.", "Per Lund"),
        ("A report by the Sea Board found that 40 ships left.", "A report by the Sea Board"),
        ("Forty ships left.", None),
    ],
)
def test_the_source_of_a_number(text, source):
    assert sources(text)[-1] == source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Jana Holt left early, explaining that 40 ships were late.", "Jana Holt"),
        ("The minister is telling reporters that 40 ships left.", "The minister"),
        ("Jana Holt’s claim that 40 ships left was denied.", "Jana Holt"),
        ("In a poll taken last week, 44 percent were against.", "a poll"),
        ("Prosecutors charged him with sinking 40 ships.", "Prosecutors"),
        ("Forty ships left late, the Courier reports.", "the Courier"),
        ("The board, which met late, said 40 ships left.", "The board"),
        ("While Per Lund gave no figure, Jana Holt, a pilot, said 40 ships left.", "Jana Holt"),
        ("Lund blamed the fog and said 40 ships were late.", "Lund"),
        ("Police said the harbour was shut, where 40 ships lay.", None),
        ("Where 40 ships lay, Holt said the fog was thick.", None),
        ("“We left,” Jana Holt said as 40 ships passed.", None),
        ("Men charged with sinking 40 ships were freed.", None),
    ],
)
def test_the_source_without_a_plain_verb_of_saying(text, source):
    (found,) = sources(text)
    assert found == source


def test_the_turns_of_a_transcript_are_their_speakers():
    text = "HOLT: I saw 40 ships.\nLUND: There were 50.\n\nThe two met for 60 minutes."
    assert sources(text) == ["HOLT", "LUND", None]


def test_a_pronoun_stands_for_the_last_named_speaker():
    assert sources("Jana Holt said the fog was thick. She said 40 ships had left.") == ["Jana Holt"]


def test_a_quotation_over_two_sentences_has_one_speaker():
    assert sources('"It was dark," said Jana Holt. "I counted 40 ships from the pier."') == ["Jana Holt"]


def test_a_speakers_age_is_nobodys_statement():
    assert [(m.measure, m.attribution) for m in measured("Jana Holt, 52, said so.")] == [("age", None)]


def test_a_poll_stays_the_source_of_later_shares():
    text = "A poll by Halden Institute found 44 percent for the levy. Opposition stands at 39 percent."
    assert all(s and "Halden" in s for s in sources(text))


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("In January 40 ships left.", "2026-01"),
        ("40 ships left last month.", "2026-02"),
        ("40 ships left last year.", "2025"),
        ("40 ships left on Monday.", "2026-03-09"),
        ("40 ships left yesterday.", "2026-03-11"),
        ("40 ships have left since January.", "2026-01-01/2026-03-12"),
        ("40 ships left in the first quarter of 2025.", "2025-Q1"),
        ("40 ships left on Dec. 24.", "2025-12-24"),
        ("40 ships left between 2010 and 2014.", "2010/2014"),
        ("40 ships left from March 2 to March 5.", "2026-03-02/2026-03-05"),
        ("40 ships left.", None),
    ],
)
def test_periods_are_resolved_against_the_publication_date(text, period):
    assert [m.period for m in measured(text)] == [period]


def test_without_a_publication_date_a_relative_period_is_unknown():
    assert [m.period for m in measure_text("40 ships left last month.", PACK)] == [None]


@pytest.mark.parametrize("language", ["de", "zh-Hant", "", None, "../en", "und"])
def test_a_language_without_a_pack_has_none(language):
    assert load_pack(language) is None


@pytest.mark.parametrize("language", ["en", "en-GB", "EN_us"])
def test_a_tag_finds_the_pack_of_its_language(language):
    assert load_pack(language) is PACK
