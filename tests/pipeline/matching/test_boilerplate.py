"""Boilerplate: what a source repeats is learned, kept in a file, and not read by matching."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from pipeline.matching.boilerplate import Boilerplate, fold, learn, read_boilerplate
from pipeline.matching.sketch import sketch
from schemas.ids import article_id, text_hash
from schemas.records import Article

PITCH = "Sign up for the Courier's harbour newsletter, every weekday at 7."
NEWS = (
    "The dockers of Port Elsin walked out at dawn over the rusted bolts of crane seven.\n\n"
    "Mayor Ines Kolbe closed the Weststrand quay until the engineers have looked at every bolt of it.\n\n"
)


def article(text: str, source: str = "courier") -> Article:
    return Article(
        article_id=article_id("https://courier.example/1"),
        fetch_id="",
        url="u",
        canonical_url="u",
        source=source,
        language="en",
        text=text,
        text_hash=text_hash(None, text),
        word_count=1,
    )


def test_a_line_of_three_days_is_boilerplate_whatever_its_case_and_digits():
    articles = [(date(2026, 3, n), f"News of day {n}.\n{PITCH.upper() if n == 2 else PITCH}") for n in (1, 2, 3)]
    assert learn(articles) == [fold("News of day 0."), fold(PITCH)]


def test_what_is_repeated_on_one_day_or_twice_is_not():
    assert learn([(date(2026, 3, 1), PITCH)] * 9) == []
    assert learn([(date(2026, 3, 1), PITCH), (date(2026, 3, 2), PITCH)]) == []


def test_paragraphs_are_not():
    long = "word " * 61
    assert learn([(date(2026, 3, n), long) for n in range(1, 9)]) == []


def test_matching_reads_an_article_as_if_the_lines_were_not_there():
    learned = Boilerplate({"courier": frozenset([fold(PITCH)])})
    assert learned.found("courier", NEWS + PITCH) == [PITCH]
    with_pitch, plain = sketch(article(NEWS + PITCH), boilerplate=learned), sketch(article(NEWS))
    assert with_pitch.keys == plain.keys
    assert with_pitch.evidence == plain.evidence
    assert not np.array_equal(sketch(article(NEWS + PITCH)).keys, plain.keys)


def test_it_is_of_one_source():
    learned = Boilerplate({"courier": frozenset([fold(PITCH)])})
    assert learned.without("herald", NEWS + PITCH) == NEWS + PITCH


def test_an_article_that_would_lose_most_of_its_words_keeps_them():
    learned = Boilerplate({"courier": frozenset(fold(line) for line in NEWS.split("\n") if line)})
    assert learned.without("courier", NEWS) == NEWS


def test_a_file_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "boilerplate.toml"
    file.write_text('courier = ["Sign up  at 7"]\n')
    assert read_boilerplate(str(file)).lines == {"courier": frozenset([fold("sign up at 0")])}


def test_a_file_of_another_form_is_refused(tmp_path):
    file = tmp_path / "boilerplate.toml"
    file.write_text('courier = "Sign up"\n')
    with pytest.raises(ValueError, match="'courier' is not a list"):
        read_boilerplate(str(file))
