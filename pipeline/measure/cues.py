"""Words that name a source: "said", "according to", "a poll by", and the phrase of the source beside them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from pipeline.measure.cue import Cue, cue_at
from pipeline.measure.indirect import indirect, words_of_indirect
from pipeline.measure.numbers import DASHES
from pipeline.measure.phrases import main_subject, phrase_left, phrase_right
from pipeline.measure.text import Sentence, Token
from pipeline.measure.units import plural
from pipeline.measure.vocabulary import Pack


def cues_in(part: Sentence, toks: list[Token], quoted: Callable[[int], bool], pack: Pack) -> list[Cue]:
    """The cues of a sentence from left to right; ``quoted``: whether an offset of the text is in a quotation."""
    speech, words = pack.speech, _words_of_cues(pack)
    found: list[Cue] = []
    n = len(toks)
    for i, token in enumerate(toks):
        low = token.low
        if low not in words or token.kind != "w" or quoted(part.start + token.start):
            continue
        cue = None
        if low in speech.according_first:
            cue = _according(part, toks, i, pack)
        if cue is None and (low in speech.verbs or low in speech.document_verbs):
            cue = _spoken(part, toks, i, pack)
        if cue is None and low in speech.documents and i + 1 < n:
            cue = _document_by(part, toks, i, pack)
        if cue is None:
            cue = indirect(part, toks, i, found, pack)
        if cue is not None and not any(c.start == cue.start and c.at == cue.at for c in found):
            found.append(cue)
    if not found and toks and toks[-1].text == ":":
        found.extend(_announcing(part, toks, pack))
    return found


@functools.lru_cache(maxsize=64)
def _words_of_cues(pack: Pack) -> frozenset[str]:
    """All words that a cue may be found by."""
    speech = pack.speech
    listed = (speech.according_first, speech.verbs, speech.document_verbs, speech.documents)
    return frozenset(word for words in (*listed, *words_of_indirect(speech)) for word in words)


def _announcing(part: Sentence, toks: list[Token], pack: Pack) -> list[Cue]:
    """The subject of a sentence that ends with a colon: "Ms. Ruiz made the following comment:"."""
    for v, token in enumerate(toks):
        if token.kind == "w" and v and (token.low in pack.words.verbs or token.low.endswith(pack.words.past_endings)):
            span = phrase_left(toks, v, pack)
            return [cue_at(part, toks, span, v, (span[0], v), pack)] if span else []
    return []


def _according(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    for length in range(min(4, len(toks) - i), 1, -1):
        words = tuple(t.low for t in toks[i : i + length])
        if words in pack.speech.according:
            documented = (
                words[0] in pack.speech.documents or words[0] in pack.speech.verbs or words[-1] not in pack.grammar.by
            )
            if not documented and not any(t.low in pack.speech.documents for t in toks[max(0, i - 12) : i]):
                return None  # "released by his captors"
            span = phrase_right(toks, i + length, pack.speech)
            if span is None or toks[span[0]].low in pack.speech.not_sources:
                return None
            return cue_at(part, toks, span, i, (span[0], span[1]), pack, according=True)
    return None


def _document_by(part: Sentence, toks: list[Token], i: int, pack: Pack) -> Cue | None:
    """ "a poll by the university", "research conducted by the Center"."""
    j = next((k for k in range(i + 1, min(len(toks), i + 8)) if toks[k].low in pack.grammar.authored), None)
    between = toks[i + 1 : j or i + 1]
    if j is None or j + 1 >= len(toks) or any(t.text in ",.;" for t in between):
        return None
    if between and between[0].low not in pack.grammar.authorship:
        return None
    span = phrase_right(toks, j + 1, pack.speech)
    if span is None or not any(t.text[:1].isupper() for t in toks[span[0] : span[1]]):
        return None
    return cue_at(part, toks, span, i, (i, span[1]), pack, according=True, document=True)


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
    named = toks[v].text[:1].isupper() and before is not None and before.kind == "w"
    if named and sum(t.text[:1].isupper() for t in toks) <= len(toks) / 2:
        return None  # "Said Kouachi" is a name; in a headline all words have capitals
    after = toks[v + 1].low if v + 1 < len(toks) else ""
    if after in pack.grammar.to and toks[v].low in pack.speech.telling:
        return None
    trailing = _trailing_name(toks, v, speech.articles)
    if toks[v].low in pack.speech.nounlike and (
        before is None
        or before.low in pack.speech.determiners
        or before.low.endswith("'s")
        or ((not after or after in pack.grammar.after_noun) and not trailing)
    ):
        return None
    if _inverted(toks, v, pack):
        span = phrase_right(toks, v + 1, speech)
        if span is not None:
            return cue_at(part, toks, span, v, (v, span[1]), pack)
    # "He blasted the plan and said that": the subject of the second verb is that of the first.
    joined = before is not None and before.low in pack.grammar.and_
    span = main_subject(toks, v, pack) if joined else phrase_left(toks, v, pack)
    if span is None or (not trailing and _no_subject(toks[span[0] : span[1]], toks[v].low, pack)):
        return None
    words = {t.low.removesuffix("'s") for t in toks[span[0] : span[1]]}
    document = bool(words & speech.documents)
    put_at = toks[v].low in speech.putting and any(t.low in speech.at for t in toks[v + 1 : v + 14])
    found_that = after in speech.that and toks[span[0]].text[:1].isupper() and toks[span[1] - 1].text[:1].isupper()
    if toks[v].low not in speech.verbs and not (document or words & speech.organisations or found_that or put_at):
        return None
    ahead = after not in speech.meanwhile or any(t.low in speech.that for t in toks[v + 2 :])
    return cue_at(part, toks, span, v, (span[0], v), pack, document=document, ahead=ahead)


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
    left = phrase_left(toks, v, pack)
    appositive = (
        left is not None
        and left[1] < v - 1
        and left[1] - left[0] <= 6
        and any(t.text[:1].isupper() for t in toks[left[0] : left[1]])
    )
    return not appositive


def _trailing_name(toks: list[Token], v: int, articles: frozenset[str]) -> bool:
    """ "..., the Courier reports.": a name between a comma and the verb that ends the sentence."""
    after = toks[v + 1].text if v + 1 < len(toks) else "."
    i = v - 1
    while i > 0 and v - i < 7 and toks[i].kind == "w":
        i -= 1
    named = i < v - 1 and (toks[i + 1].text[:1].isupper() or toks[i + 1].low in articles)
    return named and after in '.”"' and toks[i].text in (",", "”", '"')


def _no_subject(words: Sequence[Token], verb: str, pack: Pack) -> bool:
    """Whether the words before a verb are no subject of it: they hold a number or begin with a participle."""
    document = any(w.low in pack.speech.documents for w in words)
    if any(w.kind == "n" for w in words) and not document:
        return True
    first = words[0]
    if first.text.islower() and (first.low.endswith(pack.words.past_endings) or first.low in pack.words.verbs):
        return True
    return verb in pack.speech.nounlike and (
        len(words) > 5
        or not (
            words[-1].text[:1].isupper()
            or plural(words[-1].low, pack.words)
            or document
            or words[0].low in pack.speech.pronouns
        )
        or words[-1].low in pack.speech.adjectives
    )
