"""Form and direction: is the number a level, a movement, a multiple or a share, and which way did it move?"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import Number
from pipeline.measure.text import Token
from pipeline.measure.units import Counted
from pipeline.measure.vocabulary import Pack

_REACH = 8
_POINTS = frozenset({"percentage_point", "point"})
# Nouns of rates that are given in percent of a whole.


def form_of(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> tuple[str, str | None]:
    """(form, direction)."""
    if number.sort == "multiple" or counted.dimension == "multiple":
        direction = number.direction or _multiple_direction(tokens, counted.end, pack)
        return "multiple", direction or None
    if counted.dimension == "age":
        return "level", None
    change = _after(tokens, number, counted, pack)
    if not change:  # a movement without a direction may have one before the number
        before = _before(tokens, number, counted, pack)
        change = before if before is not None else change
    if change is not None:
        return "change", change or None
    if counted.unit in _POINTS:
        led = _led(tokens, number, pack)
        if led is not None:
            return "change", led or None
    if number.sort == "point":
        return _points(tokens, number, counted, pack)
    if number.sort == "percent" or counted.unit == "percent":
        return _percent(tokens, number, pack)
    return ("share", None) if counted.dimension == "share" else ("level", None)


def _led(tokens: Sequence[Token], number: Number, pack: Pack) -> str | None:
    """The direction of points by which one is ahead of another: "that lead was 7 points", "ahead 3 points"."""
    for token in reversed(tokens[max(0, number.first - _REACH) : number.first]):
        if token.low in pack.changes.leads:
            return pack.changes.leads[token.low]
        if token.text in ";:,—" or token.low in pack.changes.unled:
            return None
    return None


def carried(gap: Sequence[Token], number: Number, counted: Counted, before: Counted, pack: Pack) -> bool:
    """Whether a number shares form and direction with the one before it in a list: "down 2.3%, Larsen by 2.6%".

    ``gap``: the tokens between the two.
    """
    if counted.unit != before.unit or not (counted.unit in _POINTS or number.sort == "percent"):
        return False
    names = all(t.text[:1].isupper() or t.low in pack.changes.listing for t in gap)
    return names and bool(gap) and any(t.text == "," or t.low in pack.grammar.and_ for t in gap)


def _percent(tokens: Sequence[Token], number: Number, pack: Pack) -> tuple[str, str | None]:
    """A percentage above 100 of something is a multiple of it; any other is a share unless it moved."""
    after = tokens[number.last].low if number.last < len(tokens) else ""
    if number.value is not None and number.value > 100 and after in pack.grammar.of_whole:
        return "multiple", None
    for k in range(number.first - 1, max(-1, number.first - _REACH), -1):
        low = tokens[k].low
        noun = k > 0 and tokens[k - 1].low in pack.speech.determiners - pack.grammar.to - pack.grammar.and_
        if low in pack.changes.transitive and not noun and not _is_rate(tokens, k, number, pack):
            # "cutting weapons prosecutions some 40 percent"; "cut 40 percent of them" has its own rule.
            return (
                ("change", pack.changes.verbs[low])
                if after not in pack.grammar.of_whole and k < number.first - 1
                else ("share", None)
            )
        if (
            (low in pack.words.function and low not in pack.changes.fillers)
            or tokens[k].kind not in ("w", "")
            or low == ","
            or low in pack.grammar.than
            or low in pack.changes.levels
        ):
            break
    return "share", None


def _points(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> tuple[str, str | None]:
    near = {t.low for t in tokens[max(0, number.first - 6) : counted.end + 4]}
    return ("level", None) if near & pack.grammar.errors else ("change", None)


def _multiple_direction(tokens: Sequence[Token], end: int, pack: Pack) -> str | None:
    for token in tokens[end : end + 3]:
        if token.low in pack.changes.comparatives:
            return pack.changes.comparatives[token.low]
        if token.low in pack.grammar.as_the:
            return "up"
    return None


def _before(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """The direction when a change word stands before the number with only fillers between; "" when it has none."""
    changes = pack.changes
    i = number.first - 1
    by = i
    while (
        by > 0
        and i - by < 5
        and tokens[by].low in changes.fillers
        and tokens[by].low not in pack.grammar.by
        and tokens[by].kind == "w"
    ):
        by -= 1
    if by > 0 and tokens[by].low in pack.grammar.by:
        reach = 12 if number.sort in ("percent", "point", "money", "fraction") else 5
        for token in reversed(tokens[max(0, by - reach) : by]):
            if token.low in changes.verbs and token.low not in changes.particles:
                return changes.verbs[token.low]
    low_limit = max(-1, number.first - _REACH)
    while i > low_limit:
        token = tokens[i]
        low = token.low
        if low in pack.grammar.at and number.sort == "percent" and i and tokens[i - 1].low in changes.at_rates:
            return changes.verbs[tokens[i - 1].low]  # "growing at 3 percent"
        if low in changes.levels and not (
            low in pack.grammar.as_ and i + 1 < len(tokens) and tokens[i + 1].low in pack.grammar.much
        ):
            return None
        if low in pack.grammar.of:
            noun = tokens[i - 1].low if i else ""
            if noun in changes.nouns and _carries(number):
                return changes.nouns[noun] or ""
            if noun not in pack.grammar.totals:
                return None
        elif low in changes.comparatives and i + 1 < len(tokens) and tokens[i + 1].low in pack.grammar.than:
            return None  # "higher than 20 percent" is a bound
        elif low in changes.verbs and not (
            low in changes.particles and i and tokens[i - 1].low in changes.particle_verbs
        ):
            if _is_rate(tokens, i, number, pack):
                return None
            return changes.verbs[low] if _verb_counts(tokens, i, number, counted, pack) else None
        elif low in changes.nouns and tokens[i + 1].low not in pack.grammar.of:
            return changes.nouns[low] or "" if number.sort in ("percent", "point") else None
        elif low in changes.comparatives and low not in changes.fillers:
            return None
        elif token.kind == "n":
            if not _listed(tokens, i, number, pack):
                return None
        elif low not in changes.fillers:
            return None
        i -= 1
    return None


def _than_number(tokens: Sequence[Token], i: int, pack: Pack) -> bool:
    """ "more than 2 miles": the comparison belongs to the next number."""
    return (
        i + 1 < len(tokens)
        and tokens[i].low in pack.grammar.than
        and (tokens[i + 1].kind == "n" or tokens[i + 1].text in "$£€")
    )


def _listed(tokens: Sequence[Token], i: int, number: Number, pack: Pack) -> bool:
    """ "190 points, or 0.6%": the same movement said twice; the change word stands before the first."""
    between = [t.low for t in tokens[i + 1 : number.first]]
    return any(w in pack.grammar.said_again for w in between) and len(between) <= 6


def _carries(number: Number) -> bool:
    return number.sort in ("percent", "point", "money", "plain", "vague", "fraction")


def _is_rate(tokens: Sequence[Token], i: int, number: Number, pack: Pack) -> bool:
    """ "cuts the current 35 percent rate to 20": what is cut, not by how much."""
    after = tokens[number.last].low if number.last < len(tokens) else ""
    between = {t.low for t in tokens[i + 1 : number.first]}
    return number.sort == "percent" and after in pack.naming.quantities and bool(between & pack.kinds.definite)


def _verb_counts(tokens: Sequence[Token], i: int, number: Number, counted: Counted, pack: Pack) -> bool:
    """Whether a word of change takes this number as what moved: some verbs do so with few things only."""
    low, changes = tokens[i].low, pack.changes
    rated = number.sort in ("percent", "point", "fraction")
    by = any(t.low in pack.grammar.by for t in tokens[i + 1 : number.first])
    if low in changes.particles:
        before = tokens[i - 1].low if i else ""
        return rated or number.sort == "money" or before in changes.being or counted.unit in changes.moving
    if low in changes.with_by:
        return rated or by
    if low in changes.selective:
        return rated or counted.unit in changes.moving
    if counted.dimension == "count" and counted.unit not in changes.moving:
        return by  # "crashed two jets"
    return counted.dimension != "time" or by


def _after(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """ "a 3 percent drop", "20 percent more", "5,000 fewer", "32 percent below 2005 levels"."""
    changes, n = pack.changes, len(tokens)
    j = number.last
    if number.sort == "plain" and number.last < n and tokens[number.last].low in changes.comparatives:
        # "4,000 more than last year" moved; "three more will follow" did not.
        than = any(t.low in pack.grammar.than for t in tokens[number.last + 1 : number.last + 5])
        before = tokens[number.first - 1].low if number.first else ""
        if tokens[number.last].low in changes.fewer:
            return "down"
        return changes.comparatives[tokens[number.last].low] if than and before not in pack.grammar.no_more else None
    if number.sort == "plain" and counted.end > j and counted.unit:
        j = counted.end
    for k in range(j, min(n, j + 3)):
        token = tokens[k]
        if token.text in ",;:.()—" or token.kind == "n":
            return None
        low = token.low
        if low in changes.comparatives and _than_number(tokens, k + 1, pack):
            return None
        if low in changes.of_people and not any(t.low in pack.grammar.than for t in tokens[k + 1 : k + 3]):
            return None  # "nine in 10 older people"
        if counted.dimension == "time" and low in changes.placing:
            return None  # "five months ahead of the vote"
        if low in changes.comparatives and (
            low not in pack.grammar.placed
            or number.sort in ("percent", "point")
            or (counted.dimension != "count" and low not in pack.grammar.over_under)
        ):
            return None if low in pack.grammar.over_under else changes.comparatives[low]
        if counted.unit in _POINTS and (low in changes.leads or low in changes.nouns):
            return changes.leads.get(low) or changes.nouns.get(low) or ""  # "a six-point lead", "a 10-point swing"
        if (
            number.sort in ("percent", "point", "money", "fraction")
            and low in changes.nouns
            and low not in pack.grammar.rate_nouns
            and low not in pack.grammar.lead_nouns
        ):
            return changes.nouns[low] or ""
        if low in pack.grammar.ends_change or low in pack.words.function or low in pack.words.verbs:
            return None
    return None
