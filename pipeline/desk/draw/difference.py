"""Two texts side by side: sentences that say the same next to each other, and in them the words that differ.

Sentences are aligned as sequences are (Needleman and Wunsch 1970): the order of both is kept, and the sum of the
likenesses of those put side by side is the largest. In those, words are compared by ``difflib``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_SENTENCES = 160
"""Of either text; longer ones are compared as far as that."""
ALIKE = 0.3
"""From this likeness on, two sentences stand side by side."""

_SENTENCE = re.compile(r"[^\n.!?…。！？]*(?:[.!?…](?![\s\"'”’)\]]|$)[^\n.!?…。！？]*)*[.!?…。！？]*[\"'”’)\]]*\s*|\n")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    text: str
    changed: bool = False


@dataclass(frozen=True)
class Row:
    """Two sentences side by side; or, ``apart``, what each text has between two such pairs, a sentence a piece."""

    left: tuple[Piece, ...] = ()
    right: tuple[Piece, ...] = ()
    same: bool = False
    apart: bool = False


@dataclass(frozen=True)
class Difference:
    rows: tuple[Row, ...]
    shared: float
    """The share of the right text's words that stand in aligned sentences and are the same there, 0 to 1."""
    cut: bool = False
    """Whether a text was too long to be compared whole."""


def compare(left: str, right: str) -> Difference:
    """Put two texts side by side."""
    ours, theirs = sentences(left), sentences(right)
    cut = max(len(ours), len(theirs)) > MOST_SENTENCES
    ours, theirs = ours[:MOST_SENTENCES], theirs[:MOST_SENTENCES]
    rows = tuple(_rows(_aligned(ours, theirs)))
    words = sum(len(_words(s)) for s in theirs)
    kept = sum(len(_words(p.text)) for row in rows if not row.apart for p in row.right if not p.changed)
    return Difference(rows, kept / words if words else 0.0, cut)


def sentences(text: str) -> list[str]:
    """The text's sentences, roughly: a paragraph's end always ends one."""
    return [s.strip() for s in _SENTENCE.findall(text) if s.strip()]


def _words(text: str) -> list[str]:
    return [w.casefold() for w in re.findall(r"\w+", text)]


def _weights(text: str) -> dict[str, float]:
    """The words that say something, by their beginnings ("votes", "voted"), each with its weight; short words, which
    most sentences share, weigh next to nothing, numbers most."""
    found: dict[str, float] = {}
    for word in _words(text):
        weight = 1.5 if word[0].isdigit() else 0.1 if word.isascii() and len(word) < 4 else 1.0
        stem = word if word[0].isdigit() else word[:5]
        found[stem] = found.get(stem, 0.0) + weight
    return found


def _likeness(a: dict[str, float], b: dict[str, float]) -> float:
    """Dice's coefficient of two weighted bags of words."""
    total = sum(a.values()) + sum(b.values())
    return 2 * sum(min(weight, b[stem]) for stem, weight in a.items() if stem in b) / total if total else 0.0


def _aligned(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    bags, others = [_weights(s) for s in ours], [_weights(s) for s in theirs]
    best = [[0.0] * (len(others) + 1) for _ in range(len(bags) + 1)]
    alike = [[_likeness(a, b) for b in others] for a in bags]
    for i in range(len(bags) - 1, -1, -1):
        for j in range(len(others) - 1, -1, -1):
            paired = best[i + 1][j + 1] + alike[i][j] if alike[i][j] >= ALIKE else -1.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(bags) and j < len(others):
        if alike[i][j] >= ALIKE and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            yield ours[i], theirs[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield ours[i], None
            i += 1
        else:
            yield None, theirs[j]
            j += 1
    yield from ((s, None) for s in ours[i:])
    yield from ((None, s) for s in theirs[j:])


def _rows(aligned: Iterable[tuple[str | None, str | None]]) -> Iterator[Row]:
    """Rows of what is aligned; what stands alone is gathered until the next pair."""
    ours: list[Piece] = []
    theirs: list[Piece] = []
    for left, right in aligned:
        if left is not None and right is not None:
            if ours or theirs:
                yield Row(tuple(ours), tuple(theirs), apart=True)
                ours, theirs = [], []
            yield _pair(left, right)
        elif left is not None:
            ours.append(Piece(left, changed=True))
        elif right is not None:
            theirs.append(Piece(right, changed=True))
    if ours or theirs:
        yield Row(tuple(ours), tuple(theirs), apart=True)


def _pair(left: str, right: str) -> Row:
    if left == right:
        return Row((Piece(left),), (Piece(right),), same=True)
    a, b = _WORD.findall(left), _WORD.findall(right)
    ours: list[Piece] = []
    theirs: list[Piece] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        ours.append(Piece("".join(a[i1:i2]), tag != "equal"))
        theirs.append(Piece("".join(b[j1:j2]), tag != "equal"))
    return Row(tuple(p for p in ours if p.text), tuple(p for p in theirs if p.text))
