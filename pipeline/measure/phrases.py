"""The phrases beside a cue: the subject to the left of a verb of saying, the name to the right of "according to"."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pipeline.measure.numbers import DASHES
from pipeline.measure.text import Token
from pipeline.measure.units import plural
from pipeline.measure.vocabulary import Pack, Speech

_LEFT_STOPS = frozenset({";", ":", "—", "–", "“", "”", '"', "(", ")", "[", "]", "…", ".", "?", "!", "•", "·"})
_OPENINGS = _LEFT_STOPS | {","}
_LONGEST_NAME = 14
_LONGEST_SUBJECT = 22
_FARTHEST = 60
"""Tokens."""


def phrase_left(toks: list[Token], v: int, pack: Pack) -> tuple[int, int] | None:
    """The subject to the left of a verb: tokens from..to, or None."""
    speech = pack.speech
    if v > 1 and toks[v - 1].low in speech.relatives and toks[v - 2].text == ",":
        return _antecedent(toks, v - 2, pack)
    end = v
    while end and (
        toks[end - 1].low in speech.between
        or _adverb(toks, end - 1, speech)
        or (toks[end - 1].low in speech.dates and toks[end].low in pack.periods.weekdays)
    ):
        end -= 1
    start, subordinate = end, False
    commas: list[int] = []
    while start > max(0, v - _FARTHEST):
        token = toks[start - 1]
        if token.text == ")" and (opened := _opened(toks, start - 1)) is not None:
            start = opened
            continue
        if token.low in speech.relatives and start > 1 and toks[start - 2].text == "," and toks[end - 1].text == ",":
            # "The poll, which asks daily, showed": the subject stands before the clause.
            end = start = start - 2
            commas = []
            continue
        if token.text in DASHES and not (token.glued and toks[start].glued):
            break
        if token.text in _LEFT_STOPS and not abbreviation(toks, start - 1, speech):
            break
        than = token.low in pack.grammar.than and start < len(toks) and toks[start].kind == "n"
        if token.low in speech.clause_words and not (token.low in pack.grammar.as_ and start - 1 == 0) and not than:
            subordinate = token.low in speech.subordinators
            break
        if (
            token.low in pack.grammar.and_
            and end - start >= 1
            and (toks[start].low in speech.pronouns or start - 1 == 0)
        ):
            break
        if start < end and token.low in speech.verbs and token.low not in speech.nounlike:
            break
        if token.text == ",":
            commas.append(start - 1)
        start -= 1
    segments = _segments(start, end, commas)
    if subordinate and len(segments) > 1:
        segments = segments[1:]  # "While Holt gave no figure, Ms. Lund, a pilot, said"
    if not segments:
        return None
    appositive = commas and commas[0] == end - 1
    order = segments if appositive else segments[::-1]
    for first, last in order:
        while first < last and (toks[first].low in speech.openers or toks[first].low in pack.periods.weekdays):
            first += 1
        if first >= last or (toks[first].low in speech.lead_ins and len(segments) > 1):
            continue
        if last - first > _LONGEST_SUBJECT or any(t.low in speech.finite for t in toks[first:last]):
            return None
        if _nominal(toks[first:last], pack):
            return first, _with_name(toks, first, last, segments if appositive else [], speech)
    return None


def main_subject(toks: list[Token], before: int, pack: Pack) -> tuple[int, int] | None:
    """The subject of the first verb of the sentence."""
    for v in range(1, before):
        low = toks[v].low
        if (
            low in pack.words.verbs
            or low in pack.speech.verbs
            or low in pack.speech.being
            or low.endswith(pack.words.past_endings)
        ):
            span = phrase_left(toks, v, pack)
            return span if span and toks[span[0]].low not in pack.speech.lead_ins else None
    return None


def _antecedent(toks: list[Token], end: int, pack: Pack) -> tuple[int, int] | None:
    """The phrase before ", who claimed": what the relative pronoun stands for."""
    first = end
    limits = (pack.words.verbs, pack.speech.clause_words, pack.grammar.to, pack.grammar.from_)
    while first > 0 and end - first < _LONGEST_SUBJECT:
        token = toks[first - 1]
        if token.text in _OPENINGS or any(token.low in words for words in limits):
            break
        first -= 1
    return (first, end) if first < end and _nominal(toks[first:end], pack) else None


def _adverb(toks: list[Token], i: int, speech: Speech) -> bool:
    """ "have similarly shown", "Holt repeatedly said"."""
    token = toks[i]
    return (
        i > 0
        and token.text.islower()
        and token.low.endswith(speech.adverb_endings)
        and token.low not in speech.nouns_in_ly
    )


def _opened(toks: list[Token], close: int) -> int | None:
    """Where the bracket that closes at ``close`` was opened, if that is near."""
    return next((k for k in range(close - 1, max(-1, close - 10), -1) if toks[k].text == "("), None)


def _with_name(toks: list[Token], first: int, last: int, segments: list[tuple[int, int]], speech: Speech) -> int:
    """The end of the subject: "a spokeswoman for the port, Lena Hirsch," goes on to the name."""
    if toks[first].low in speech.noun_openers and len(segments) > 1:
        a, b = segments[1]
        if a == last + 1 and 1 < b - a <= 4 and all(t.text[:1].isupper() or t.text == "." for t in toks[a:b]):
            return b
    return last


def _segments(start: int, end: int, commas: list[int]) -> list[tuple[int, int]]:
    cuts = [start - 1, *sorted(commas), end]
    return [(a + 1, b) for a, b in itertools.pairwise(cuts) if b > a + 1]


def _nominal(words: Sequence[Token], pack: Pack) -> bool:
    """Whether the words can be a subject: a name, a pronoun, or an article and a noun."""
    first, last = words[0], words[-1]
    speech = pack.speech
    if len(words) == 1:
        plain = first.low not in pack.words.function and first.low not in pack.words.verbs
        return first.low in speech.pronouns or (
            plain and first.kind == "w" and not first.low.endswith(pack.words.no_noun_endings)
        )
    if first.text[:1].isupper() or last.text[:1].isupper():
        return True
    return first.low in speech.noun_openers or plural(last.low, pack.words)


def abbreviation(toks: list[Token], i: int, speech: Speech) -> bool:
    """A full stop that belongs to an initial or a title."""
    return (
        toks[i].text == "."
        and i > 0
        and toks[i].glued
        and (len(toks[i - 1].text) == 1 or toks[i - 1].low in speech.titles)
    )


def phrase_right(toks: list[Token], start: int, speech: Speech) -> tuple[int, int] | None:
    """The noun phrase that begins at ``start``."""
    j, n = start, len(toks)
    while j < n and j - start < _LONGEST_NAME:
        token = toks[j]
        if token.kind == "w":
            if j > start and token.low in speech.stop and not _name_goes_on(toks, j, speech):
                break
            said = token.low in speech.verbs or token.low in speech.document_verbs
            if j > start and said and token.low not in speech.documents:
                break
        elif token.text not in ("&", "-", "/", "‑") and token.kind != "n" and not abbreviation(toks, j, speech):
            break
        j += 1
    return (start, j) if j > start else None


def _name_goes_on(toks: list[Token], j: int, speech: Speech) -> bool:
    """ "the Center for Media and Public Affairs": a name goes on after these words if a capital follows."""
    after = toks[j + 1] if j + 1 < len(toks) else None
    return (
        toks[j].low in speech.inside_names
        and after is not None
        and (after.text[:1].isupper() or after.low in speech.articles)
    )
