"""What a copy is: the same words, a part, something added around them, or changed; and whose text it was."""

from __future__ import annotations

import random

import pytest

from pipeline.matching.provenance import AGENCYS_OWN, OTHER, SAME_CREDIT, agencies_own, credit_rank, kind
from pipeline.matching.sketch import sketch
from schemas.ids import text_hash
from schemas.records import Article, Sketch


def text(seed: int, length: int) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choice("abcdefghij") for _ in range(5)) for _ in range(length))


def sketched(words: str, name: str = "a", url: str = "https://desk.example/a", credit: str | None = None) -> Sketch:
    return sketch(
        Article(
            article_id=name,
            fetch_id="",
            url=url,
            canonical_url=url,
            source="desk",
            language="en",
            text=words,
            text_hash=text_hash(None, words),
            word_count=len(words.split()),
            wire_credit=credit,
        )
    )


@pytest.mark.parametrize("length", [60, 300, 2000], ids=["brief", "news", "long"])
def test_kinds_of_copies(length: int):
    """Long texts are sampled: the kinds are found from a quarter of their shingles."""
    whole = text(1, length)
    words = whole.split()
    part = " ".join(words[: length * 8 // 10])
    head, tail, long_tail = text(2, length // 6), text(3, length // 6), text(4, length)
    original = sketched(whole)
    assert kind(sketched(whole), original) == "exact"
    assert kind(sketched(part), original) == "cut"
    assert kind(sketched(" ".join(words[: length // 3])), original) == "cut"
    assert kind(sketched(f"{head} {whole}"), original) == "extended"
    assert kind(sketched(f"{whole} {tail}"), original) == "extended"
    assert kind(sketched(f"{whole} {long_tail}"), original) == "embedded"
    assert kind(sketched(f"{head} {part} {tail}"), original) == "edited"
    edited = " ".join("word" if n % 15 == 7 else word for n, word in enumerate(words))
    assert kind(sketched(edited), original) == "edited"


def test_one_more_word_is_not_the_same_words():
    assert kind(sketched(text(1, 60) + " more"), sketched(text(1, 60))) == "extended"
    assert kind(sketched(text(1, 60)), sketched(text(1, 60) + " more")) == "cut"


def test_a_credit_speaks_for_the_agencys_own_article_then_for_those_with_the_same_credit():
    own = sketched("x", url="https://www.reuters.com/world/1")
    credits, silent, other = sketched("x", credit="Reuters"), sketched("x"), sketched("x", credit="AP")
    assert [credit_rank(credits, earlier) for earlier in (own, credits, silent, other)] == [
        AGENCYS_OWN,
        SAME_CREDIT,
        OTHER,
        OTHER,
    ]
    assert {credit_rank(silent, earlier) for earlier in (own, credits, silent)} == {OTHER}


def test_an_agencys_site_that_credits_another_agency_is_not_its_own():
    named = {
        "a": sketched("x", "a"),
        "b": sketched("x", "b", "https://www.reuters.com/1", credit="AP"),
        "c": sketched("x", "c", "https://www.reuters.com/2"),
        "d": sketched("x", "d", "https://www.reuters.com/3", credit="Reuters"),
    }
    assert agencies_own("abcd", named) == {"Reuters": "c"}
