"""The lexicon: tokens as numbers, the same as word by word."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.matching import lexicon, words
from pipeline.matching.lexicon import DIGIT, LOWER, TELLING, WORD, Lexicon


def test_columns_are_what_the_words_themselves_give():
    known = Lexicon("en")
    for word in ("Dockers", "dockers", "the", "1,234", "Monday", "ß"):
        n = known[word]
        folded = words.fold(word, "en")
        assert known.lower_hash[n] == words.word_hash(word.lower())
        assert known.fold_hash[known.fold[n]] == words.word_hash(folded)
        assert known.fold_rarity[known.fold[n]] == words.rarity(folded, "en")
    assert known.kind[known["dockers"]] == WORD | LOWER
    assert known.kind[known["Dockers"]] == WORD
    assert known.kind[known["1,234"]] == WORD | DIGIT | TELLING
    assert known.kind[known["Monday"]] & TELLING
    assert not known.kind[known["$"]] & WORD


def test_forms_of_one_word_fold_together_and_others_do_not():
    known = Lexicon("en")
    assert known.fold[known["Dockers"]] == known.fold[known["docker"]] != known.fold[known["quay"]]


def letters(n: int) -> str:
    return "w" + "".join("abcdefghij"[int(d)] for d in str(n))


def test_a_lexicon_grows_past_its_first_columns():
    known = Lexicon("xx")
    found, ids = known.read(" ".join(letters(n) for n in range(40_000)))
    assert np.array_equal(ids, np.arange(40_000))
    assert np.array_equal(known.read(" ".join(letters(n) for n in range(40_000)))[1], ids)
    assert known.lower_hash[known[letters(39_999)]] == words.word_hash(letters(39_999))
    assert found[-1] == letters(39_999)


def test_one_letter_says_nothing():
    known = Lexicon("en")
    assert known.fold_rarity[known.fold[known["x"]]] == 0


@given(st.text(max_size=300))
def test_words_among_the_tokens_are_the_words_of_the_text(text: str):
    known = lexicon.lexicon("en")
    found, ids = known.read(text)
    assert [t for t, kind in zip(found, known.kind[ids].tolist(), strict=True) if kind & WORD] == words.tokens(text)
    assert [known[t] for t in found] == ids.tolist()


@given(st.text(st.sampled_from("aÉß’'.,12 $%“”\"\n٣-_½²日"), max_size=60))
def test_tokens_are_cut_as_the_grammar_says(text: str):
    found, _ = lexicon.lexicon("en").read(text)
    assert list(found) == words.pairs_of_unspaced(lexicon._TOKEN.findall(text), text)
