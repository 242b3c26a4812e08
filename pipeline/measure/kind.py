"""Is the number a fact, a target, a forecast, a limit or a hypothesis? The cues stand in its own clause."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import Number
from pipeline.measure.text import reads
from pipeline.measure.units import Counted
from pipeline.measure.vocabulary import Pack

_LONGEST = 5
_REACH = {"limit": 30}
_USUAL_REACH = 14
_FARTHEST = 40
"""Tokens; what is farther off is of another clause, whatever stands between."""
_ASIDE = 14
_CLOSE = 5
_PROMISE_REACH = 8
_DASHES = frozenset("—–")
_MEANT = frozenset({"target", "limit", "forecast"})


def kind_of(low: Sequence[str], number: Number, counted: Counted, bound: str, pack: Pack) -> str:
    """actual, target, forecast, limit or hypothetical. ``low``: the words of the sentence in lower case."""
    start = _clause_start(low, number.first, pack)
    return (
        _instead(low, number, pack)
        or _promised(low, number, pack)
        or _acts(low, number, counted, pack)
        or _there(low, number, counted, pack)
        or _planned(low, start, number, pack)
        or _before_modal(low, start, number, pack)
        or _cued(low, start, number, bound, pack)
        or "actual"
    )


def _instead(low: Sequence[str], number: Number, pack: Pack) -> str | None:
    """ "10 judges rather than 11": the second is not what happened."""
    return "hypothetical" if tuple(low[max(0, number.first - 2) : number.first]) in pack.kinds.instead else None


def _promised(low: Sequence[str], number: Number, pack: Pack) -> str | None:
    """ "the 15 percent rate that the mayor has promised"."""
    for k in range(number.last, min(len(low), number.last + _PROMISE_REACH)):
        if low[k] in pack.kinds.promised and k + 1 < len(low) and low[k + 1] not in pack.grammar.to:
            # "said Holt, who promised 40 more" is of another number.
            ends = low[k + 1] in '.,;”"' or low[k + 1] in pack.grammar.circumstances
            return "target" if ends else None
        if low[k] in '.,;:—”"' or low[k] in pack.speech.relatives:
            return None
    return None


def _there(low: Sequence[str], number: Number, counted: Counted, pack: Pack) -> str | None:
    """What is there already: "those 5,000 people", "the nation of 53 million", "20 years ago"."""
    before = low[max(0, number.first - 2) : number.first]
    of_body = reads(before[-1:], pack.grammar.of) and not pack.kinds.bodies.isdisjoint(before[:1])
    definite = not pack.kinds.definite.isdisjoint(before[-1:])
    definite = definite or reads(before, pack.grammar.up_down, pack.grammar.from_)  # "up from $95"
    there = of_body or definite or _past(low, number, counted, pack) or _speaks(low, number, counted, pack)
    return "actual" if there else None


def _planned(low: Sequence[str], start: int, number: Number, pack: Pack) -> str | None:
    """What a bill or a plan does, in the present tense or with "would"; what it may lead to is a hypothesis."""
    kinds, grammar = pack.kinds, pack.grammar
    for i in range(number.first - 1, start - 1, -1):
        if low[i] not in kinds.plans:
            continue
        j = i + 1
        while j < number.first and (low[j] in pack.speech.between or low[j].endswith(pack.speech.adverb_endings)):
            j += 1
        verb = low[j] if j < len(low) else ""
        if verb in kinds.modals or verb in grammar.will:
            done = low[j + 1] if j + 1 < len(low) else ""
            effect = "forecast" if verb in grammar.will else "hypothetical"
            return effect if done in kinds.effects else "target"
        if verb == "," and i > start and not grammar.under.isdisjoint(low[max(start, i - 4) : i]):
            return "target" if not kinds.modals.isdisjoint(low[j : number.first]) else None
        known = verb in pack.changes.verbs or verb in pack.naming.verbs or verb in kinds.provides
        doubles = j == number.first and number.sort == "multiple"
        return "target" if doubles or (known and verb.endswith("s") and verb not in pack.speech.verbs) else None
    return None


def _acts(low: Sequence[str], number: Number, counted: Counted, pack: Pack) -> str | None:
    """ "40 people could": of those who are counted."""
    follows = low[counted.end : counted.end + 2]
    modal = len(follows) == 2 and follows[0] in pack.kinds.modals and follows[1] not in pack.kinds.poll_answers
    known = number.sort == "plain" and not pack.kinds.definite.isdisjoint(low[max(0, number.first - 1) : number.first])
    return "hypothetical" if modal and not known else None  # "the two cases could" are there


def _before_modal(low: Sequence[str], start: int, number: Number, pack: Pack) -> str | None:
    """ "A 10 percent cut would", "cutting the rate to 15 percent would": of the subject."""
    kinds = pack.kinds
    opens = number.first <= 2 and low[0] in pack.grammar.openers
    opens = opens or any(
        low[k].endswith(pack.words.participle_endings) and (k == start or low[k - 1] == ",")
        for k in range(start, number.first)
    )
    reach = 11 if number.paired == "votes" else 7
    if not (opens or number.paired == "votes"):
        return None
    after = low[number.last : number.last + reach]
    if any(w in kinds.modals for w in after) and not any(w in pack.speech.verbs for w in after):
        return "hypothetical"
    return None


def _cued(low: Sequence[str], start: int, number: Number, bound: str, pack: Pack) -> str | None:
    """By the nearest cue before the number in its clause, else by a tight one after it."""
    cue, at = _cue(low, start, number.first, pack)
    says = _valid(low, cue, at, number, bound, pack)
    if says is not None and number.first - at <= _REACH.get(says, _USUAL_REACH):
        return says
    # In "the 27-member union will" the number only describes.
    describes = low[number.last : number.last + 1] == ["-"]
    end = number.last if describes else min(_clause_end(low, number.last, pack), number.last + 6)
    cue, at = _cue(low, number.last, min(len(low), end), pack, after=True)
    return _valid(low, cue, at, number, bound, pack)


def _valid(low: Sequence[str], cue: str | None, at: int, number: Number, bound: str, pack: Pack) -> str | None:
    """What the cue says of this number; None when it says nothing."""
    kinds = pack.kinds
    if cue is None or (cue in _MEANT and at < number.first and _other_clause(low, at, number, pack)):
        return None
    if cue == "limit":
        near = _USUAL_REACH if low[at] not in pack.grammar.requiring else _REACH["limit"]
        told = (abs(number.first - at) <= near and bound != "exact") or abs(number.first - at) <= _CLOSE
        return "limit" if told and not kinds.legal.isdisjoint(low) else None
    if cue == "hypothetical":
        conditional = not pack.grammar.if_.isdisjoint(low)
        if low[at] in pack.grammar.would and not conditional and not pack.speech.verbs.isdisjoint(low[:at]):
            # "said prices would rise by 30 percent" is a forecast of then.
            return "forecast" if at + 1 < len(low) and low[at + 1] in kinds.not_planned else "hypothetical"
        modal = not kinds.modals.isdisjoint(low)
        return "hypothetical" if modal or low[at] not in pack.grammar.if_ else None
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
    passive = pack.speech.not_before_verb
    said = next(
        (k for k, w in enumerate(following) if w in pack.speech.verbs and not (k and following[k - 1] in passive)),
        None,
    )
    return opens and counted.dimension == "count" and said is not None and "," not in following[:said]


def _other_clause(low: Sequence[str], at: int, number: Number, pack: Pack) -> bool:
    """Whether a comma between the cue and the number begins a clause with the number in its subject."""
    between = low[at : number.first]
    if "," not in between:
        return False
    comma = len(between) - 1 - between[::-1].index(",")
    listed = any(w in pack.grammar.and_or for w in low[number.last : number.last + 4])
    return all(w in pack.bounds.words or w in pack.bounds.fillers for w in between[comma + 1 :]) and not listed


def _takes(low: Sequence[str], i: int, pack: Pack) -> bool:
    """Whether the word at ``i`` begins an object or an infinitive, so that the one before it is a verb."""
    word = low[i] if i < len(low) else ""
    return not word.isalpha() or word in pack.words.function or word.endswith(pack.words.participle_endings)


def _clause_start(low: Sequence[str], first: int, pack: Pack) -> int:
    """Where the number's clause begins; what stands between two dashes is passed over."""
    farthest = max(0, first - _FARTHEST)
    i = first - 1
    while i >= farthest:
        if low[i] in _DASHES:
            opened = next((k for k in range(i - 1, max(farthest, i - _ASIDE) - 1, -1) if low[k] in _DASHES), None)
            if opened is None:
                return i + 1
            i = opened
        elif low[i] in pack.grammar.clause_breaks and not _goes_on(low, i + 1, first, pack):
            return i + 1
        i -= 1
    return farthest


def _goes_on(low: Sequence[str], i: int, first: int, pack: Pack) -> bool:
    """ "The bill keeps the duty but cuts it to": a verb without a subject of its own has that of the clause before."""
    verb = low[i] if i < first else ""
    return verb.endswith("s") and (verb in pack.changes.verbs or verb in pack.kinds.provides)


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
        if low[i] in kinds.adjectives and not _takes(low, i + 1, pack):
            continue  # "the proposed curbs were backed by half"
        if low[i] not in kinds.first:
            continue
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
