"""Cues without a finite verb of saying: participles ("explaining that"), nouns ("Holt's claim that"), "in the poll",
accusations ("charged them with")."""

from __future__ import annotations

import itertools

import msgspec

from pipeline.measure.cue import Cue, cue_at
from pipeline.measure.phrases import main_subject, phrase_left
from pipeline.measure.text import Sentence, Token
from pipeline.measure.vocabulary import Pack, Speech

_NEAR = 6
"""Tokens between a possessor and the noun of saying."""
_IN_REACH = 12
_CHARGE_REACH = 24


def words_of_indirect(speech: Speech) -> tuple[frozenset[str], ...]:
    """The words that ``indirect`` looks for."""
    return speech.participles, speech.nouns, speech.in_documents, speech.accusing


def indirect(part: Sentence, toks: list[Token], i: int, before: list[Cue], pack: Pack) -> Cue | None:
    """The cue that the token at ``i`` makes, or None. ``before``: the cues of the sentence to the left of it."""
    low = toks[i].low
    speech = pack.speech
    if low in speech.participles:
        return _participle(part, toks, i, before, pack)
    if low in speech.nouns:
        return _noun(part, toks, i, pack)
    if low in speech.in_documents:
        return _in_document(part, toks, i, pack)
    if low in speech.accusing:
        return _accusation(part, toks, i, pack)
    return None


def _participle(part: Sentence, toks: list[Token], i: int, before: list[Cue], pack: Pack) -> Cue | None:
    """ "is telling reporters", ", explaining that": of the subject of "is", else of that of the sentence; "with a poll
    showing" of the noun before."""
    speech = pack.speech
    k = i - 1
    while k > 0 and toks[k].low in speech.between:
        k -= 1
    if k > 0 and toks[k].low in speech.being:
        span = phrase_left(toks, k, pack)
    elif k > 0 and toks[k].text == "," and before:
        at = part.start + toks[i].start
        return msgspec.structs.replace(before[-1], at=at, extent=(at, part.start + toks[i].end), ahead=True)
    elif k > 0 and toks[k].text == ",":
        span = main_subject(toks, i, pack)
    else:
        start = next((j for j in range(k, max(-1, k - _NEAR), -1) if toks[j].low in speech.accompanying), None)
        span = (start + 1, k + 1) if start is not None and start < k else None
    return cue_at(part, toks, span, i, (span[0], span[1]), pack) if span else None


def _noun(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    """ "Holt's claim that", "the ministry's estimate of", "Lund's 51 percent claim": of the possessor."""
    follows = toks[i + 1].low if i + 1 < len(toks) else ""
    owner = next((k for k in range(i - 1, max(-1, i - _NEAR), -1) if toks[k].low.endswith("'s")), None)
    if owner is None or toks[owner].low in pack.words.function:
        return None
    numbered = any(t.kind == "n" for t in toks[owner:i])
    if follows not in pack.speech.after_nouns and not numbered:
        return None
    first = owner
    while first > 0 and toks[first - 1].text[:1].isupper() and toks[first - 1].kind == "w":
        first -= 1
    if first > 0 and toks[first - 1].low in pack.speech.articles:
        first -= 1
    return cue_at(part, toks, (first, owner + 1), owner, (first, owner + 1), pack)


def _in_document(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    """ "In a poll taken last week, 52 percent", "down from 58 percent in the last poll"."""
    speech = pack.speech
    for k in range(i - 1, max(-1, i - _IN_REACH), -1):
        if toks[k].low in speech.inside:
            determined = toks[k + 1].low in speech.determiners or toks[k + 1].text[:1].isupper()
            if k + 1 < i and determined:
                return cue_at(part, toks, (k + 1, i + 1), k, (k, i + 1), pack, according=True, document=True)
            return None
        if toks[k].text in ",;:.—" or toks[k].low in pack.words.verbs:
            return None
    return None


def _accusation(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    """ "Prosecutors charged two men with defrauding": what follows is the accusers' word."""
    after = toks[i + 1 : i + _CHARGE_REACH]
    passive = bool(after) and after[0].low in pack.speech.of_what  # "men charged with stealing"
    if passive or (i and toks[i - 1].low in pack.speech.not_before_verb):
        return None
    if not any(
        a.low in pack.speech.of_what and b.low.endswith(pack.words.participle_endings)
        for a, b in itertools.pairwise(after)
    ):
        return None
    span = phrase_left(toks, i, pack)
    return cue_at(part, toks, span, i, (span[0], i), pack) if span else None
