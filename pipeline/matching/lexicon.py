"""Turn the tokens of a text into numbers, so that kernels can read a text as arrays.

In: texts of one language, and its rarities where they were learned. Out: tokens with ids, and for each id what the
token is (columns of arrays). A lexicon is a cache of pure functions of words (``words.fold``, ``words.rarity``,
hashes): an id means something only to the lexicon that gave it, and nothing that is stored holds one.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence

import numpy as np

from pipeline.matching import mentions, words
from pipeline.matching.kernels import kernel

WORD, LOWER, DIGIT, TELLING = 1, 2, 4, 8
"""A word or number; it begins with a small letter; with a digit; it may be part of a number or a day."""
OPENS, CLOSES, BREAKS = 16, 32, 64
"""A quotation begins, ends (a straight mark does either), or ends with its paragraph."""
MOST = 400_000
"""A lexicon that knows so many tokens starts anew: a bound on memory, whatever texts come."""

_TOKEN = re.compile(r"[$€£¥%\n\"“”„«»]|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_SIGNS = {"\n": BREAKS, '"': OPENS | CLOSES, "“": OPENS, "„": OPENS, "«": OPENS, "”": CLOSES, "»": CLOSES}


class Lexicon(dict[str, int]):
    """Token -> id; ``lexicon[token]`` learns a new one. ``_hashes`` and ``_ids`` are the same for kernels, open
    addressed. Columns are indexed by id, those named ``fold_*`` by the
    number of the folded form, which the column ``fold`` holds."""

    def __init__(self, language: str, learned: bytes | None = None):
        super().__init__()
        self.language = language
        self._learned = learned
        self._calendar = mentions.calendar_of(language)
        self._lock = threading.Lock()
        self._folds: dict[str, int] = {}
        self._hashes = np.zeros(1 << 15, np.uint64)
        self._ids = np.full(1 << 15, -1, np.int32)
        self._known = 0
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
        rarity = words.rarity(folded, self.language, self._learned)
        self.fold_hash[number] = words.word_hash(folded)
        # One letter or digit says nothing.
        self.fold_rarity[number] = 0 if len(folded) == 1 and folded.isascii() else rarity
        self._folds[folded] = number
        return number

    def read(self, text: str) -> tuple[Sequence[str], np.ndarray]:
        """The tokens of ``text`` and their ids: words, numbers, currency, percent and quotation signs, line ends; of an
        unspaced script the overlapping pairs of characters."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        classes = _classes()
        if len(points) and (points.max() >= len(classes) or (classes[points] == _UNSPACED).any()):
            found = words.pairs_of_unspaced(_TOKEN.findall(text), text)
            return found, np.fromiter(map(self.__getitem__, found), np.int32, len(found))
        starts, ends, hashes = _tokens(points, classes)
        ids = _look_up(hashes, self._hashes, self._ids)
        for n in np.flatnonzero(ids < 0).tolist():
            ids[n] = self._learn(text[starts[n] : ends[n]], hashes[n])
        return Tokens(text, starts, ends), ids

    def _learn(self, token: str, hashed: np.uint64) -> int:
        """The id of a token that the kernel did not know, and have it know the token."""
        number = self[token]
        with self._lock:
            if 2 * self._known >= len(self._hashes):
                grown = np.zeros(2 * len(self._hashes), np.uint64), np.full(2 * len(self._ids), -1, np.int32)
                _move(self._hashes, self._ids, *grown)
                self._hashes, self._ids = grown
            self._known += int(_insert(hashed, number, self._hashes, self._ids))
        return number


class Tokens(Sequence[str]):
    """Tokens of a text, cut out when asked for."""

    def __init__(self, text: str, starts: np.ndarray, ends: np.ndarray):
        self._text, self._starts, self._ends = text, starts, ends

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return [self[n] for n in range(*i.indices(len(self)))]
        return self._text[self._starts[i] : self._ends[i]]


def lexicon(language: str, learned: bytes | None = None) -> Lexicon:
    """The lexicon of a language in this process. ``learned``: its packed table of rarities."""
    found = _lexicon(language, learned)
    if len(found) > MOST:
        _lexicon.cache_clear()
        found = _lexicon(language, learned)
    return found


@functools.lru_cache(maxsize=64)
def _lexicon(language: str, learned: bytes | None) -> Lexicon:
    return Lexicon(language, learned)


def _doubled(column: np.ndarray) -> np.ndarray:
    return np.concatenate((column, np.zeros_like(column)))


_LETTER, _DIGIT, _APOSTROPHE, _SEPARATOR, _SIGN, _UNSPACED = 1, 2, 3, 4, 5, 6


@functools.cache
def _classes() -> np.ndarray:
    """What each character of the basic plane is in a token."""
    found = np.zeros(1 << 16, np.uint8)
    for point in range(1 << 16):
        character = chr(point)
        if words.is_unspaced(character):
            found[point] = _UNSPACED
        elif character.isdecimal():
            found[point] = _DIGIT
        elif (character.isalnum() or character == "_") and character != "_":
            found[point] = _LETTER
    for characters, kind in (("'\u2019", _APOSTROPHE), (".,", _SEPARATOR), ((*_SIGNS, *mentions.SIGNS), _SIGN)):
        for character in characters:
            found[ord(character)] = kind
    return found


@kernel
def _tokens(points, classes):
    """Starts, ends and hashes of the tokens: the grammar of ``_TOKEN``."""
    n = len(points)
    starts, ends, hashes = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint64)
    found = i = 0
    while i < n:
        kind = classes[points[i]]
        if kind == _SIGN:
            end = i + 1
        elif kind in (_LETTER, _DIGIT):
            inner = _APOSTROPHE if kind == _LETTER else _SEPARATOR
            end = i + 1
            while end < n:
                here = classes[points[end]]
                if here == kind or (here == inner and end + 1 < n and classes[points[end + 1]] == kind):
                    end += 1
                else:
                    break
        else:
            i += 1
            continue
        hashed = np.uint64(0xCBF29CE484222325)
        for k in range(i, end):
            hashed = (hashed ^ np.uint64(points[k])) * np.uint64(0x100000001B3)
        starts[found], ends[found] = i, end
        hashes[found] = (hashed ^ (hashed >> np.uint64(29))) | np.uint64(1)  # 0 marks a free place
        found += 1
        i = end
    return starts[:found], ends[:found], hashes[:found]


@kernel
def _look_up(hashes, known, ids):
    found = np.empty(len(hashes), np.int32)
    mask = np.uint64(len(known) - 1)
    for n in range(len(hashes)):
        at = (hashes[n] >> np.uint64(7)) & mask
        while known[at] != 0 and known[at] != hashes[n]:
            at = (at + np.uint64(1)) & mask
        found[n] = ids[at] if known[at] == hashes[n] else -1
    return found


@kernel
def _insert(hashed, number, known, ids):
    """Whether it was new."""
    mask = np.uint64(len(known) - 1)
    at = (hashed >> np.uint64(7)) & mask
    while known[at] != 0 and known[at] != hashed:
        at = (at + np.uint64(1)) & mask
    new = known[at] == 0
    known[at], ids[at] = hashed, number
    return new


@kernel
def _move(known, ids, grown, grown_ids):
    for n in range(len(known)):
        if known[n] != 0:
            _insert(known[n], ids[n], grown, grown_ids)
