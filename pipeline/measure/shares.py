"""Fractions in words ("two-thirds", "a quarter of", "half a million") and decades of ages and shares ("mid-30s")."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import DASHES, Number, parse_digits
from pipeline.measure.text import Token
from pipeline.measure.vocabulary import Pack


def fraction_at(tokens: Sequence[Token], i: int, pack: Pack) -> Number | None:
    """The fraction that begins at token ``i``, or None."""
    low = tokens[i].low
    if low in pack.grammar.half:
        return _half(tokens, i, pack)
    if low in pack.grammar.quarter and (_low(tokens, i + 1),) in pack.units.by_words and i:
        name = pack.units.by_words[(_low(tokens, i + 1),)].name  # "the past quarter century"
        return Number(i, i + 1, 0.25, sort="fraction", unit="ratio") if name == "century" else None
    denominators = pack.numbers.denominators
    over = pack.numbers.units.get(low) if tokens[i].kind == "w" else None
    if low in pack.grammar.a:
        over = 1
    j = i + 1
    if not over or j >= len(tokens):
        return None
    hyphen = tokens[j].text in DASHES and tokens[j].glued
    if hyphen:
        j += 1
    if j >= len(tokens) or tokens[j].low not in denominators or tokens[j].low in pack.grammar.half:
        return None
    part = tokens[j].low
    plural = part in pack.numbers.many_parts
    after = _low(tokens, j + 1)
    if plural != (over > 1) or (part in pack.grammar.parts and not hyphen and after not in pack.grammar.whole_of):
        return None
    loose = low in pack.grammar.a or not hyphen
    ends = not after[:1].isalpha() or (_moved_by(tokens, i, pack) and after in pack.words.function)
    if (
        loose
        and after not in pack.grammar.whole_after
        and not ((_bounded(tokens, i, pack) or _moved_by(tokens, i, pack)) and ends)
    ):
        return None
    return _scaled(tokens, i, j + 1, over / denominators[part], pack)


def _half(tokens: Sequence[Token], i: int, pack: Pack) -> Number | None:
    before, after = _low(tokens, i - 1), _low(tokens, i + 1)
    if (
        before in pack.grammar.no_half_before
        or after in pack.grammar.no_half_after
        or (before in DASHES and tokens[i].glued)
    ):
        return None
    if after in DASHES and tokens[i + 1].glued:
        unit = _low(tokens, i + 2)
        if (unit,) in pack.units.by_words:
            return Number(i, i + 1, 0.5, sort="fraction", unit="ratio")
        if unit in pack.numbers.scales:
            return Number(i, i + 3, 0.5 * pack.numbers.scales[unit], scale=float(pack.numbers.scales[unit]))
        return None
    if before in pack.grammar.in_ or (
        before in pack.grammar.a_one and after not in pack.grammar.whole_of and after not in pack.numbers.scales
    ):
        return None
    whole = after in pack.grammar.whole_of or after in pack.numbers.scales or after.endswith("'s")
    if not whole and not (_bounded(tokens, i, pack) or after in pack.grammar.after_half or not after[:1].isalpha()):
        return None
    return _scaled(tokens, i, i + 1, 0.5, pack)


def _scaled(tokens: Sequence[Token], first: int, last: int, value: float, pack: Pack) -> Number:
    """ "half a million" and "a quarter of a million" are numbers, not shares."""
    j = last
    while j < len(tokens) and j < last + 2 and tokens[j].low in pack.grammar.a_of:
        j += 1
    scale = pack.numbers.scales.get(_low(tokens, j))
    if scale is not None:
        return Number(first, j + 1, value * scale, scale=float(scale))
    return Number(first, last, value, sort="fraction", unit="ratio")


def _bounded(tokens: Sequence[Token], i: int, pack: Pack) -> bool:
    return (
        any(tuple(t.low for t in tokens[max(0, i - n) : i]) in pack.bounds.before for n in (1, 2))
        or _low(tokens, i - 1) in pack.grammar.by
    )


def _moved_by(tokens: Sequence[Token], i: int, pack: Pack) -> bool:
    """ "up by a third since 2001", "fell a quarter": the fraction says how far something moved."""
    before = _low(tokens, i - 1)
    return before in pack.changes.verbs or (before in pack.grammar.by and _low(tokens, i - 2) in pack.changes.verbs)


def figures_at(tokens: Sequence[Token], i: int, pack: Pack) -> Number | None:
    """ "single digits", "the low double digits": from the lowest to the highest number that has so many."""
    j, part = i, None
    if tokens[i].low in pack.numbers.decades and _low(tokens, i + 1) in (*pack.numbers.figures, *DASHES):
        part = pack.numbers.decades[tokens[i].low]
        j = i + 2 if _low(tokens, i + 1) in DASHES else i + 1
    if _low(tokens, j) not in pack.numbers.figures:
        return None
    k = j + 2 if _low(tokens, j + 1) in DASHES else j + 1
    if _low(tokens, k) not in pack.grammar.digits:
        return None
    low, high = pack.numbers.figures[tokens[j].low]
    third = (high - low) // 3
    within = {0: (low, low + third + 1), 4: (low + third, high - third), 7: (high - third, high)}
    low, high = within.get(part[0] if part else -1, (low, high))
    return Number(i, k + 1, None, low=low, high=high, sort="percent", unit="percent", bound="range", paired="decade")


def decade_at(tokens: Sequence[Token], i: int, pack: Pack) -> Number | None:
    """ "mid-30s", "the low 50s", "in his 30s": a range inside ten, or None."""
    j, within = i, (0, 9)
    if tokens[i].low in pack.numbers.decades:
        within = pack.numbers.decades[tokens[i].low]
        j += 1
        if _low(tokens, j) in DASHES:
            j += 1
    elif not (
        tokens[i].kind == "n"
        and (_low(tokens, i - 1) in pack.grammar.possessive or _low(tokens, i - 1) in pack.grammar.the)
    ):
        return None
    if j + 1 >= len(tokens) or tokens[j].kind != "n" or tokens[j + 1].low != "s" or not tokens[j + 1].glued:
        return None
    value = parse_digits(tokens[j].text)
    if value is None or value % 10 or not 10 <= value <= 90:
        return None
    return Number(
        i, j + 2, None, low=value + within[0], high=value + within[1], bound="range", paired="decade", digits=True
    )


def _low(tokens: Sequence[Token], i: int) -> str:
    return tokens[i].low if 0 <= i < len(tokens) else ""
