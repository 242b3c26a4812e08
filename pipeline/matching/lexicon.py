"""Turn tokens into numbers once, so that kernels can read a text as arrays.

In: tokens of one language, as written. Out: ids, and for each id what the token is (columns of arrays). A lexicon is a
cache of pure functions of words (``words.fold``, ``words.rarity``, hashes): an id means something only to the lexicon
that gave it, and nothing that is stored holds one.
"""

from __future__ import annotations

import functools
import re
import threading

import numpy as np

from pipeline.matching import mentions, words

WORD, LOWER, DIGIT, TELLING = 1, 2, 4, 8
"""A word or number; it begins with a small letter; with a digit; it may be part of a number or a day."""
OPENS, CLOSES, BREAKS = 16, 32, 64
"""A quotation begins, ends (a straight mark does either), or ends with its paragraph."""
MOST = 400_000
"""A lexicon that knows so many tokens starts anew: a bound on memory, whatever texts come."""

_TOKEN = re.compile(r"[$€£¥%\n\"“”„«»]|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_SIGNS = {"\n": BREAKS, '"': OPENS | CLOSES, "“": OPENS, "„": OPENS, "«": OPENS, "”": CLOSES, "»": CLOSES}


class Lexicon(dict[str, int]):
    """Token -> id; ``lexicon[token]`` learns a new one. Columns are indexed by id, those named ``fold_*`` by the
    number of the folded form, which the column ``fold`` holds."""

    def __init__(self, language: str):
        super().__init__()
        self.language = language
        self._calendar = mentions.calendar_of(language)
        self._lock = threading.Lock()
        self._folds: dict[str, int] = {}
        self.kind = np.zeros(1 << 14, np.uint8)
        self.lower_hash = np.zeros(1 << 14, np.uint64)
        self.fold = np.zeros(1 << 14, np.int32)
        self.fold_hash = np.zeros(1 << 14, np.uint64)
        self.fold_rarity = np.zeros(1 << 14, np.uint8)

    def __missing__(self, token: str) -> int:
        with self._lock:
            if (known := self.get(token)) is not None:
                return known
            if len(self) == len(self.kind):
                self.kind = _doubled(self.kind)
                self.lower_hash = _doubled(self.lower_hash)
                self.fold = _doubled(self.fold)
            number = len(self)
            self.kind[number] = self._kind(token)
            if self.kind[number] & WORD:
                self.lower_hash[number] = words.word_hash(token.lower())
                self.fold[number] = self._fold(words.fold(token, self.language))
            self[token] = number
            return number

    def _kind(self, token: str) -> int:
        if token in _SIGNS:
            return _SIGNS[token]
        first = token[0]
        if first.isdecimal():
            return WORD | DIGIT | TELLING
        if token in mentions.SIGNS:
            return 0
        telling = TELLING if token.lower() in self._calendar.telling else 0
        return WORD | telling | (LOWER if first.islower() else 0)

    def _fold(self, folded: str) -> int:
        if (known := self._folds.get(folded)) is not None:
            return known
        number = len(self._folds)
        if number == len(self.fold_hash):
            self.fold_hash, self.fold_rarity = _doubled(self.fold_hash), _doubled(self.fold_rarity)
        rarity = words.rarity(folded, self.language)
        self.fold_hash[number] = words.word_hash(folded)
        # One letter or digit says nothing.
        self.fold_rarity[number] = 0 if len(folded) == 1 and folded.isascii() else rarity
        self._folds[folded] = number
        return number

    def ids(self, tokens: list[str]) -> np.ndarray:
        return np.fromiter(map(self.__getitem__, tokens), np.int32, len(tokens))


def tokens(text: str) -> list[str]:
    """The words, numbers, currency, percent and quotation signs and line ends of ``text``; of an unspaced script the
    overlapping pairs of characters."""
    return words.pairs_of_unspaced(_TOKEN.findall(text), text)


def lexicon(language: str) -> Lexicon:
    """The lexicon of a language in this process."""
    found = _lexicon(language)
    if len(found) > MOST:
        _lexicon.cache_clear()
        found = _lexicon(language)
    return found


@functools.lru_cache(maxsize=64)
def _lexicon(language: str) -> Lexicon:
    return Lexicon(language)


def _doubled(column: np.ndarray) -> np.ndarray:
    return np.concatenate((column, np.zeros_like(column)))
