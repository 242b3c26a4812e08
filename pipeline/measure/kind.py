"""Is the number a fact, a target, a forecast, a limit or a hypothesis? The cues stand in its own clause."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import Number
from pipeline.measure.text import Token, reads
from pipeline.measure.units import Counted
from pipeline.measure.vocabulary import Pack

_LONGEST = 5
_REACH = {"limit": 30}
_USUAL_REACH = 14
_FARTHEST = 40
"""Tokens; what is farther off is of another clause, whatever stands between."""


def kind_of(tokens: Sequence[Token], number: Number, counted: Counted, bound: str, pack: Pack) -> str:
    """actual, target, forecast, limit or hypothetical."""
    low = [t.low for t in tokens]
    kinds = pack.kinds
    before = low[max(0, number.first - 3) : number.first]
    if tuple(before[-2:]) in kinds.instead:
        return "hypothetical"
    of_body = reads(before[-1:], pack.grammar.of) and not kinds.bodies.isdisjoint(before[-2:-1])
    if of_body or not kinds.definite.isdisjoint(before[-1:]):
        return "actual"  # what is already there: "those 5,000 people", "the nation of 53 million"
    if _past(low, number, counted, pack) or _speaks(low, number, counted, pack):
        return "actual"
    start = _clause_start(low, number.first, pack)
    cue, at = _cue(low, start, number.first, pack)
    if number.paired == "votes" or _opens(low, number, pack):
        after = low[number.last : number.last + (11 if number.paired == "votes" else 7)]
        if any(w in kinds.modals for w in after) and not any(w in pack.speech.verbs for w in after):
            return "hypothetical"
    if cue is None or number.first - at > _REACH.get(cue, _USUAL_REACH):
        # In "the 27-member union will" the number only describes.
        describes = low[number.last : number.last + 1] == ["-"]
        end = number.last if describes else min(_clause_end(low, number.last, pack), number.last + 6)
        cue, at = _cue(low, number.last, min(len(low), end), pack, after=True)
    if cue is None or (cue == "target" and at < number.first and _other_clause(low, at, number, pack)):
        return "actual"
    if cue == "limit":
        legal = bool(kinds.legal & set(low))
        near = _USUAL_REACH if low[at] not in pack.grammar.requiring else 30
        return (
            "limit"
            if legal and ((abs(number.first - at) <= near and bound != "exact") or _close(at, number))
            else "actual"
        )
    if cue == "hypothetical":
        modal = bool(kinds.modals & set(low))
        return "hypothetical" if modal or low[at] not in pack.grammar.if_ else "actual"
    return cue


def _past(low: Sequence[str], number: Number, counted: Counted, pack: Pack) -> bool:
    """ "20 years ago", "the past four years", "a 14-year-old": nobody plans these."""
    before, after = low[max(0, number.first - 2) : number.first], low[counted.end : counted.end + 1]
    if counted.dimension == "age" and not reads(after, pack.grammar.or_) and not reads(before[-1:], pack.grammar.over):
        return number.paired is None and counted.end > number.last and low[counted.end - 1] in pack.kinds.old
    return counted.dimension == "time" and not pack.kinds.past.isdisjoint([*before[-1:], *after])


def _speaks(low: Sequence[str], number: Number, counted: Counted, pack: Pack) -> bool:
    """ "..., two officers familiar with the order said": those who are counted are the source."""
    opens = number.first == 0 or low[number.first - 1] == ","
    following = low[counted.end : counted.end + 8]
    said = next((k for k, w in enumerate(following) if w in pack.speech.verbs), None)
    return opens and counted.dimension == "count" and said is not None and "," not in following[:said]


def _opens(low: Sequence[str], number: Number, pack: Pack) -> bool:
    """ "A 10 percent cut would ...": the number belongs to the subject, which begins the sentence."""
    return number.first <= 2 and low[0] in pack.grammar.openers


def _other_clause(low: Sequence[str], at: int, number: Number, pack: Pack) -> bool:
    """Whether a comma between the cue and the number begins a clause with a subject of its own."""
    between = low[at : number.first]
    if "," not in between:
        return False
    comma = len(between) - 1 - between[::-1].index(",")
    return len(between) - comma <= 4 and comma + 1 == len(between) and number.sort == "percent"


def _close(at: int, number: Number) -> bool:
    return abs(number.first - at) <= 5


def _clause_start(low: Sequence[str], first: int, pack: Pack) -> int:
    farthest = max(0, first - _FARTHEST)
    for i in range(first - 1, farthest - 1, -1):
        if low[i] in pack.grammar.clause_breaks:
            return i + 1
    return farthest


def _clause_end(low: Sequence[str], last: int, pack: Pack) -> int:
    for i in range(last, min(len(low), last + _FARTHEST)):
        if low[i] in pack.grammar.clause_breaks:
            return i
    return min(len(low), last + _FARTHEST)


def _cue(low: Sequence[str], start: int, end: int, pack: Pack, *, after: bool = False) -> tuple[str | None, int]:
    """The cue nearest to the number between two places, and where it is. After the number only tight ones count."""
    places = range(start, end) if after else range(end - 1, start - 1, -1)
    kinds, phrases = pack.kinds, pack.kinds.phrases
    for i in places:
        if not after and low[i] in kinds.modals and i + 1 < len(low) and low[i + 1] in kinds.poll_answers:
            continue  # "46 percent would choose Ruiz": what the asked said
        if after and (low[i] in pack.speech.verbs or low[i] == ","):
            return None, -1
        if i and low[i - 1] in kinds.against:
            continue  # "beats forecasts"
        if not after and low[i] in kinds.participles and "," in low[i:end]:
            continue  # "seeking the office, was backed by 42 percent"
        if not after and low[i + 1 : i + 2] == ["-"]:
            continue  # "a will-they-win poll"
        if not after and low[i] in pack.grammar.will and i + 1 < end and low[i + 1] not in kinds.not_planned:
            return "target", i
        if (
            not after
            and low[i] in pack.speech.verbs
            and i
            and "," in low[max(start, i - 5) : i]
            and low[i + 1 : i + 2] != [","]
        ):
            return None, -1  # "..., Holt said there were 70": the cue was of another clause
        for length in range(min(_LONGEST, end - i), 0, -1):
            says = phrases.get(tuple(low[i : i + length]))
            if (
                low[i] in kinds.nouns_to
                and low[i + length - 1] in pack.grammar.to
                and low[i + length : i + length + 1]
                and low[i + length] in pack.words.function
            ):
                continue  # "his offer to the union"
            if says is None or (
                after and (length == 1 or says == "hypothetical") and low[i] not in pack.grammar.limits
            ):
                continue
            return says, i
    return None, -1
