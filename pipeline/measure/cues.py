"""Words that name a source: "said", "according to", "a poll by", and the phrase of the source beside them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import msgspec

from pipeline.measure.numbers import DASHES
from pipeline.measure.pack import Pack, Speech
from pipeline.measure.text import Sentence, Token

_LEFT_STOPS = frozenset({";", ":", "—", "–", "“", "”", '"', "(", ")", "[", "]", "…", ".", "?", "!"})
_LONGEST_NAME = 14
_LONGEST_SUBJECT = 22
_FARTHEST = 60
"""Tokens."""


class Cue(msgspec.Struct, frozen=True):
    """Words that name a source. ``start``..``end``: the phrase; ``at``: the verb or "according to"; ``extent``: from
    where to where in the sentence the subject and its verb stand (a number in there is not what was said).
    Offsets into the text."""

    start: int
    end: int
    at: int
    extent: tuple[int, int]
    document: bool
    according: bool
    pronoun: str | None = None


def cues_in(part: Sentence, toks: list[Token], quoted: Callable[[int], bool], pack: Pack) -> list[Cue]:
    """The cues of a sentence from left to right; ``quoted``: whether an offset of the text is in a quotation."""
    speech = pack.speech
    found: list[Cue] = []
    n = len(toks)
    for i, token in enumerate(toks):
        if token.kind != "w" or quoted(part.start + token.start):
            continue
        low = token.low
        cue = None
        if low in speech.according_first:
            cue = _according(part, toks, i, pack)
        if cue is None and (low in speech.verbs or low in speech.document_verbs):
            cue = _spoken(part, toks, i, pack)
        if cue is None and low in speech.documents and i + 1 < n:
            cue = _document_by(part, toks, i, pack)
        if cue is not None and not any(c.start == cue.start for c in found):
            found.append(cue)
    if not found and toks and toks[-1].text == ":":
        found.extend(_announcing(part, toks, pack))
    return found


def _announcing(part: Sentence, toks: list[Token], pack: Pack) -> list[Cue]:
    """The subject of a sentence that ends with a colon: "Ms. Ruiz made the following comment:"."""
    for v, token in enumerate(toks):
        if token.kind == "w" and v and (token.low in pack.words.verbs or token.low.endswith("ed")):
            span = _phrase_left(toks, v, pack)
            return [_cue(part, toks, span, v, (span[0], v), pack)] if span else []
    return []


def _according(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    for length in (4, 3, 2):
        words = tuple(t.low for t in toks[i : i + length])
        if words in pack.speech.according:
            span = _phrase_right(toks, i + length, pack.speech)
            if span is None or toks[span[0]].low in pack.speech.not_sources:
                return None
            return _cue(part, toks, span, i, (span[0], span[1]), pack, according=True)
    return None


def _document_by(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    """ "a poll by the university", "research conducted by the Center"."""
    j = next((k for k in range(i + 1, min(len(toks), i + 8)) if toks[k].low in ("by", "from")), None)
    between = toks[i + 1 : j or i + 1]
    if j is None or j + 1 >= len(toks) or any(t.text in ",.;" for t in between):
        return None
    if between and between[0].low not in ("of", "conducted", "published", "released", "commissioned", "done"):
        return None
    span = _phrase_right(toks, j + 1, pack.speech)
    if span is None or not any(t.text[:1].isupper() for t in toks[span[0] : span[1]]):
        return None
    return _cue(part, toks, span, i, (i, span[1]), pack, according=True, document=True)


def _spoken(part: Sentence, toks: list[Token], v: int, pack: Pack) -> Cue | None:
    speech = pack.speech
    before = toks[v - 1] if v else None
    if before is not None and (
        before.low in pack.speech.not_before_verb
        or before.kind == "n"
        or (before.glued is True and before.text in DASHES and toks[v].glued)
    ):
        return None
    if before is not None and before.low in pack.speech.articles:
        return None
    after = toks[v + 1].low if v + 1 < len(toks) else ""
    if after == "to" and toks[v].low == "told":
        return None
    if toks[v].low in pack.speech.nounlike and (
        before is None
        or before.low in pack.speech.determiners
        or before.low.endswith("'s")
        or after in ("", "as", "of", "for", ".", ",", "and", "on", "in")
    ):
        return None
    if _inverted(toks, v, pack):
        span = _phrase_right(toks, v + 1, speech)
        if span is not None:
            return _cue(part, toks, span, v, (v, span[1]), pack)
    span = _phrase_left(toks, v, pack)
    if span is None or _no_subject(toks[span[0] : span[1]], toks[v].low, pack):
        return None
    words = {t.low.removesuffix("'s") for t in toks[span[0] : span[1]]}
    document = bool(words & speech.documents)
    if toks[v].low not in speech.verbs and not (document or words & speech.organisations):
        return None
    return _cue(part, toks, span, v, (span[0], v), pack, document=document)


def _inverted(toks: list[Token], v: int, pack: Pack) -> bool:
    """Whether the speaker stands after the verb: "...," said Ms. Ruiz."""
    if v == 0 or v + 1 >= len(toks) or toks[v].low not in pack.speech.verbs:
        return False
    before, after = toks[v - 1], toks[v + 1]
    quoted = before.text in ("”", '"', "?", "!", "'", "’")
    named = after.text[:1].isupper() or after.low in pack.speech.articles
    if (
        not (named or (quoted and after.kind == "w" and after.low not in pack.words.function))
        or after.low in pack.periods.weekdays
        or after.low in pack.periods.months
    ):
        return False
    if quoted:
        return True
    if before.text != ",":
        return False
    if v > 1 and toks[v - 2].text in ("”", '"', "'", "’"):
        return True
    # "Ms. Ruiz, a lawyer from Ohio, said the ..." is an apposition.
    left = _phrase_left(toks, v, pack)
    appositive = (
        left is not None
        and left[1] < v - 1
        and left[1] - left[0] <= 6
        and any(t.text[:1].isupper() for t in toks[left[0] : left[1]])
    )
    return not appositive


def _no_subject(words: Sequence[Token], verb: str, pack: Pack) -> bool:
    """Whether the words before a verb are no subject of it: they hold a number or begin with a participle."""
    document = any(w.low in pack.speech.documents for w in words)
    if any(w.kind == "n" for w in words) and not document:
        return True
    first = words[0]
    if first.text.islower() and (first.low.endswith("ed") or first.low in pack.words.verbs):
        return True
    return verb in pack.speech.nounlike and (
        len(words) > 5
        or not (
            words[-1].text[:1].isupper()
            or words[-1].low.endswith("s")
            or document
            or words[0].low in pack.speech.pronouns
        )
        or words[-1].text.endswith("ican")
    )


def _cue(
    part: Sentence,
    toks: list[Token],
    span: tuple[int, int],
    at: int,
    extent: tuple[int, int],
    pack: Pack,
    *,
    according: bool = False,
    document: bool = False,
) -> Cue:
    first, last = span
    words = [t.low for t in toks[first:last]]
    pronoun = words[0] if len(words) == 1 and words[0] in pack.speech.pronouns else None
    return Cue(
        start=part.start + toks[first].start,
        end=part.start + toks[last - 1].end,
        at=part.start + toks[at].start,
        extent=(part.start + toks[extent[0]].start, part.start + toks[extent[1] - 1].end),
        document=document or bool({w.removesuffix("'s") for w in words} & pack.speech.documents),
        according=according,
        pronoun=pronoun,
    )


def _phrase_left(toks: list[Token], v: int, pack: Pack) -> tuple[int, int] | None:
    """The subject to the left of a verb: tokens from..to, or None."""
    speech = pack.speech
    end = v
    while end and (
        toks[end - 1].low in speech.between
        or (toks[end - 1].low in speech.dates and toks[end].low in pack.periods.weekdays)
    ):
        end -= 1
    start = end
    commas: list[int] = []
    while start > max(0, v - _FARTHEST):
        token = toks[start - 1]
        if token.text in DASHES and not (token.glued and toks[start].glued):
            break
        if token.text in _LEFT_STOPS and not _abbreviation(toks, start - 1, speech):
            break
        if token.low in speech.clause_words and not (token.low == "as" and start - 1 == 0):
            break
        if token.low == "and" and end - start >= 1 and (toks[start].low in speech.pronouns or start - 1 == 0):
            break
        if start < end and token.low in speech.verbs and token.low not in speech.nounlike:
            break
        if token.text == ",":
            commas.append(start - 1)
        start -= 1
    segments = _segments(start, end, commas)
    if not segments:
        return None
    appositive = commas and commas[0] == end - 1
    order = segments if appositive else segments[::-1]
    for first, last in order:
        while first < last and (toks[first].low in speech.openers or toks[first].low in pack.periods.weekdays):
            first += 1
        if first >= last or (toks[first].low in speech.lead_ins and len(segments) > 1):
            continue
        if last - first > _LONGEST_SUBJECT:
            return None
        if _nominal(toks[first:last], pack):
            return first, _with_name(toks, first, last, segments if appositive else [], speech)
    return None


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
        return first.low in speech.pronouns or (plain and first.kind == "w" and not first.low.endswith(("ed", "ly")))
    if first.text[:1].isupper() or last.text[:1].isupper():
        return True
    return first.low in speech.noun_openers or last.low.endswith("s")


def _abbreviation(toks: list[Token], i: int, speech: Speech) -> bool:
    """A full stop that belongs to an initial or a title."""
    return (
        toks[i].text == "."
        and i > 0
        and toks[i].glued
        and (len(toks[i - 1].text) == 1 or toks[i - 1].low in speech.titles)
    )


def _phrase_right(toks: list[Token], start: int, speech: Speech) -> tuple[int, int] | None:
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
        elif token.text not in ("&", "-", "/", "‑") and token.kind != "n" and not _abbreviation(toks, j, speech):
            break
        j += 1
    return (start, j) if j > start else None


def _name_goes_on(toks: list[Token], j: int, speech: Speech) -> bool:
    """ "the Center for Media and Public Affairs": a name goes on after these words if a capital follows."""
    after = toks[j + 1] if j + 1 < len(toks) else None
    return toks[j].low in speech.inside_names and after is not None and (after.text[:1].isupper() or after.low == "the")
