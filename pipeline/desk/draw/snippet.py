"""The part of a text where the searched words stand."""

from __future__ import annotations

import re
import unicodedata

from pipeline.desk.draw.difference import Piece

AROUND = 120
"""Characters shown on either side of the first word found."""
_TERM = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')


def excerpt(text: str, words: str) -> tuple[Piece, ...]:
    """Pieces of the text around the first of the words, those that were searched marked; the beginning when none is
    found there as written (the index knows no accents, and so does this)."""
    terms = [
        re.sub(r"[^\w\s]+", " ", phrase or word).strip() for minus, phrase, word in _TERM.findall(words) if not minus
    ]
    folded = [_fold(t) for t in terms if t]
    plain = _fold(text)
    if not folded or len(plain) != len(text):
        return (Piece(text[: 2 * AROUND]),)
    pattern = re.compile("|".join(rf"\b{re.escape(t)}" if t.isascii() else re.escape(t) for t in folded))
    first = pattern.search(plain)
    if first is None:
        return (Piece(text[: 2 * AROUND]),)
    start = max(0, first.start() - AROUND)
    end = min(len(text), first.end() + AROUND)
    pieces = [Piece("…")] if start else []
    at = start
    for found in pattern.finditer(plain, start, end):
        pieces += [Piece(text[at : found.start()]), Piece(text[found.start() : found.end()], changed=True)]
        at = found.end()
    pieces.append(Piece(text[at:end] + ("…" if end < len(text) else "")))
    return tuple(p for p in pieces if p.text)


class _Folds(dict[int, str]):
    """A character -> the same in lower case without accent, one character too."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        folded = self[point] = unicodedata.normalize("NFD", character)[0].lower()[:1] or character
        return folded


_FOLDS = _Folds()


def _fold(text: str) -> str:
    """Lower case without accents, a character for a character."""
    return text.translate(_FOLDS)
