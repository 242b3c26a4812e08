"""Sketches: small, the same everywhere, and a function of the article alone."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import numpy as np
import pytest

from pipeline.matching import lexicon, words
from pipeline.matching.mentions import Mentions, calendars, mentions
from pipeline.matching.sketch import (
    EARLY,
    IN_TITLE,
    IS_DIGEST,
    IS_SECTION,
    pack,
    section_id,
    sketch,
    sketch_section,
    subtag,
    unpack,
)
from schemas.ids import text_hash
from schemas.records import Article, Section

TEXT = (
    "The harbour authority of Port Elsin said on Tuesday that 14 dockers were hurt when crane 7 fell onto a freighter. "
    "Mayor Ines Kolbe put the damage at $4.5 million and closed the Weststrand quay until May 3, 2026. "
    "Dockworkers had warned of rusted bolts in a letter that the Elsin Courier printed last autumn. "
)


def article(
    text: str = TEXT, title: str | None = "Crane falls on freighter in Port Elsin", **fields: object
) -> Article:
    return Article(
        **{
            "article_id": "a" * 32,
            "fetch_id": "",
            "url": "https://courier.example/crane",
            "canonical_url": "https://courier.example/crane",
            "source": "courier",
            "language": "en-GB",
            "published_at": datetime(2026, 4, 22, 9, tzinfo=UTC),
            "word_count": 0,
            **fields,
        },
        title=title,
        text=text,
        text_hash=text_hash(title, text),
    )


def said(text: str, language: str = "en", published: date | None = None) -> Mentions:
    found, _ = lexicon.lexicon(language).read(text)
    return mentions(found, range(len(found)), language, published)


def test_evidence_survives_packing():
    evidence = unpack(sketch(article()).evidence)
    again = unpack(pack(evidence))
    for name in ("flags", "weekdays", "halved", "length", "written", "part_of"):
        assert getattr(again, name) == getattr(evidence, name)
    for name in ("terms", "shingles", "numbers", "days", "quotes", "years"):
        assert np.array_equal(getattr(again, name), getattr(evidence, name))


def test_evidence_of_another_version_is_refused():
    with pytest.raises(ValueError, match="version"):
        unpack(b"\x07" + sketch(article()).evidence[1:])


def test_a_sketch_is_the_same_on_every_machine():
    found = sketch(article())
    assert found.language == "en"
    assert len(found.keys) == 25
    assert text_hash(None, found.evidence.hex()) == "f6b911f1a68d0b2e72a1a77be02be213"


def test_a_usual_article_takes_two_kilobytes():
    rng = random.Random(1)
    vocabulary = ["".join(rng.choice("bdfgklmnrst") + rng.choice("aeiou") for _ in range(3)) for _ in range(3000)]
    found = sketch(article(" ".join(rng.choice(vocabulary) for _ in range(750))))
    assert len(found.evidence) + 4 * len(found.keys) < 2048


def test_words_of_the_title_are_marked():
    terms = unpack(sketch(article()).evidence).terms
    freighter = words.word_hash("freighter") >> 44
    (found,) = terms[terms >> 12 == freighter]
    assert int(found) & IN_TITLE


def test_a_section_knows_its_article_and_a_digest_its_sections():
    digest = article()
    section = Section(title="Quay closed", span_start=115, span_end=210)
    found = sketch_section(digest, section, 2)
    evidence = unpack(found.evidence)
    assert found.article_id == section_id(digest.article_id, 2)
    assert (evidence.part_of, evidence.flags) == (digest.article_id, IS_SECTION)
    assert unpack(sketch(digest, digest=True).evidence).flags == IS_DIGEST


def test_time_is_that_of_publishing_else_of_first_sight_else_unknown():
    seen = datetime(2026, 4, 25, tzinfo=UTC)
    assert sketch(article(first_seen_at=seen)).at == datetime(2026, 4, 22, 9, tzinfo=UTC)
    assert sketch(article(published_at=None, first_seen_at=seen)).at == seen
    assert sketch(article(published_at=None)).at is None


@pytest.mark.parametrize("tag", [("en-GB", "en"), ("pt_BR", "pt"), (None, "und"), ("", "und"), ("ZH-Hant", "zh")])
def test_languages_are_their_primary_subtag(tag: tuple[str | None, str]):
    assert subtag(tag[0]) == tag[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "?!",
        "\x00" * 50,
        "a",
        "word " * 100_000,
        "😀" * 5000,
        "x" * 2_000_000,
        "9" * 100_000,
        "aB" * 200_000 + " MORE",
    ],
    ids=["empty", "blank", "signs", "nul", "letter", "repeated", "emoji", "one word", "digits", "camel"],
)
@pytest.mark.parametrize("language", ["en", "xx", None])
def test_hostile_texts_have_small_sketches(text: str, language: str | None):
    found = sketch(article(text, title=None, language=language))
    assert len(found.evidence) < 4096
    unpack(found.evidence)


def test_a_text_of_two_megabytes_is_bounded():
    rng = random.Random(2)
    found = sketch(article(" ".join(str(rng.random()) for _ in range(110_000))))
    assert len(found.evidence) < 32_000
    assert len(found.keys) <= 600


def test_link_lists_glued_to_a_name_are_not_read():
    glued = (
        "President Ada Kern Ada Maria KernKern faces vote on dam Senate delays budget again: report MORE on Monday "
        "opened the bridge."
    )
    assert words.readable(glued) == "President Ada Kern Ada Maria Kern on Monday opened the bridge."
    assert words.readable("No MORE of that") == "No MORE of that"


def test_scripts_without_spaces_give_overlapping_pairs():
    assert words.tokens("東京都で火災 7人") == ["東京", "京都", "都で", "で火", "火災", "7", "人"]


def test_a_possessive_that_is_all_of_a_token_stays():
    text = "東京都は29日、倉庫Amazon's火災と発表した。"
    assert "'s" in words.tokens(text)
    assert words.fold("'s", "ja") == "'s"
    assert sketch(article(text, title=None, language="ja")).keys


def test_plurals_and_possessives_fold_in_english_only():
    assert [words.fold(w, "en") for w in ("Dockers", "Elsin’s", "cities", "class", "bus")] == [
        "docker",
        "elsin",
        "city",
        "class",
        "bus",
    ]
    assert words.fold("Paris", "fr") == "paris"


def test_rare_words_are_rarer_than_common_ones_in_any_language():
    assert words.rarity("the", "en") < words.rarity("monday", "en") < words.rarity("helsinki", "en")
    assert words.rarity("der", "de") < words.rarity("hafenbehörde", "de")


def test_numbers_have_units_and_scales():
    found = said("It cost $4.5 million, 12% more; 1,234,567 votes, seven people and 33-year-olds, 3 bn euros.")
    assert found.numbers == (
        (4_500_000.0, "$"),
        (12.0, "%"),
        (1_234_567.0, "vote"),
        (7.0, "people"),
        (33.0, "year"),
        (3e9, "euro"),
    )


def test_days_are_resolved_against_the_day_of_publishing():
    published = date(2026, 4, 22)  # A Wednesday.
    found = said("On Monday, yesterday, on May 3, 5 June and 2026-04-01. In 2019 it may rain.", "en", published)
    assert set(found.days) == {(4, 20), (4, 21), (5, 3), (6, 5), (4, 1)}
    assert found.weekdays == (0,)
    assert found.years == (2026, 2019)
    assert set(said("On Monday, on May 3.").days) == {(5, 3)}


def test_days_of_the_head_are_told_from_those_further_on():
    found = said("On May 3 it rained. " + "Word " * 90 + "On June 4 it may snow.")
    assert found.days == ((5, 3), (6, 4))
    assert found.early == 1
    days = unpack(sketch(article("On May 3 it rained. " + "Word " * 90 + "On June 4 it may snow.")).evidence).days
    assert days.tolist() == [EARLY | 5 * 32 + 3, 6 * 32 + 4]


def test_a_whole_date_in_the_head_is_the_day_of_writing():
    assert said("May 2, 2013 | 5:03pm The star fled.").written == date(2013, 5, 2)
    assert said("Town, 2 May 2013 - The star fled.").written == date(2013, 5, 2)
    assert said("2013-05-02 The star fled.").written == date(2013, 5, 2)
    assert said("Word " * 90 + "May 2, 2013").written is None
    assert said("February 31, 2013").written is None


@pytest.mark.parametrize(
    ("written", "value"),
    [("1,234", 1234), ("1.234", 1234), ("1,234.56", 1234.56), ("1.234,56", 1234.56), ("4.5", 4.5), ("0.125", 0.125)],
)
def test_separators_are_read_by_their_place(written: str, value: float):
    assert said(f"{written} tons").numbers[0][0] == value


@pytest.mark.parametrize("language", sorted(calendars()))
def test_every_word_of_the_calendar_is_read(language: str):
    calendar = calendars()[language]
    published = date(2026, 4, 22)
    for word, month in calendar.months.items():
        assert (month, 17) in said(f"x 17 {word.title()} y", language, published).days
    for word, weekday in calendar.weekdays.items():
        assert said(word.title(), language, published).weekdays == (weekday,)
    for word in calendar.days:
        assert "'" in word or said(word, language, published).days
    for word, value in calendar.numbers.items():
        assert said(f"{word} zzzzzz", language).numbers[0][0] == value
    for word, power in calendar.scales.items():
        assert said(f"3 {word} zzzzzz", language).numbers[0][0] == 3 * 10**power
    for word in calendar.percent:
        assert said(f"3 {word}", language).numbers == ((3.0, "%"),)


def test_runs_of_words_in_quotations_are_sampled():
    quoted = unpack(sketch(article("She said “the quay will stay closed until the bolts hold” on Monday.")).evidence)
    straight = unpack(sketch(article('"The quay will stay closed until the bolts hold", she told us.')).evidence)
    assert len(quoted.quotes) == 6
    assert set(quoted.quotes.tolist()) == set(straight.quotes.tolist())
    assert not len(unpack(sketch(article("The quay will stay closed until the bolts hold.")).evidence).quotes)


def test_a_quotation_ends_with_its_paragraph():
    assert (
        len(unpack(sketch(article('He said "never again will I\n\nsail past that rock in fog')).evidence).quotes) == 1
    )
