"""Copies: the same words, cut, continued, or standing inside something longer."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.matching import copies, words


def text(seed: int, length: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choice("abcdefghij") for _ in range(5)) for _ in range(length)]


def shingles(found: list[str]) -> np.ndarray:
    return copies.shingles(words.hashes(found))


def share_a_key(a: list[str], b: list[str]) -> bool:
    return not set(copies.minimisers(shingles(a)).tolist()).isdisjoint(copies.minimisers(shingles(b)).tolist())


def test_a_text_of_fewer_than_five_words_has_no_shingles():
    assert len(shingles(text(1, 4))) == 0
    assert len(shingles(text(1, 5))) == 1


@given(st.integers(0, 1000), st.integers(0, 200), st.integers(0, 200), st.integers(44, 120))
def test_any_common_run_of_44_words_has_a_common_key(seed: int, before: int, after: int, length: int):
    run = text(seed, length)
    longer = text(seed + 1, before) + run + text(seed + 2, after)
    assert share_a_key(run, longer)


def test_texts_without_common_words_share_no_key():
    assert not share_a_key(text(1, 500), text(2, 500))


def test_a_short_text_of_few_shingles_is_nobodys_copy():
    consent = text(1, 14)
    assert len(copies.minimisers(shingles(consent))) == 0
    assert len(copies.sample(shingles(consent))[0]) == 0


def test_one_word_repeated_is_one_shingle():
    hashes = shingles(["word"] * 100_000)
    assert len(copies.minimisers(hashes)) == 0
    assert len(copies.sample(hashes)[0]) == 0


def test_keys_and_sample_of_a_book_are_bounded():
    hashes = shingles(text(3, 80_000))
    assert len(copies.minimisers(hashes)) == copies.MAX_KEYS
    assert copies.SAMPLE_MOST / 2 < len(copies.sample(hashes)[0]) <= copies.SAMPLE_MOST


def test_the_sample_of_a_short_text_is_all_of_it_and_of_a_long_one_a_quarter():
    assert copies.sample(shingles(text(4, 100)))[1] == 0
    kept, halved = copies.sample(shingles(text(5, 4000)))
    assert halved == 2
    assert 850 < len(kept) < 1150


def test_samples_of_different_bounds_nest():
    long, short = shingles(text(6, 4000)), shingles(text(6, 300))
    (of_long, halved), (of_short, _) = copies.sample(long), copies.sample(short)
    assert set(of_short[of_short < 1 << (24 - halved)].tolist()) <= set(of_long.tolist())


def test_chains_join_groups():
    found = copies.groups([("a", "b"), ("c", "d"), ("d", "b"), ("x", "y")])
    assert sorted(map(sorted, found)) == [["a", "b", "c", "d"], ["x", "y"]]
