"""How exact a number is: at least, at most, hedged."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.text import Token
from pipeline.measure.vocabulary import Pack

_LONGEST = 4


def bound_of(tokens: Sequence[Token], number: Number, end: int, pack: Pack) -> tuple[str, bool]:
    """(bound, approx) of the number; ``end`` is where its noun phrase ends, for "or more" after it."""
    fixed = number.bound
    bound, approx = _before(tokens, number, pack)
    if bound == "exact" and not approx:
        bound, approx = _after(tokens, (number.last, end), pack)
    if fixed == "range":
        return "range", approx
    if fixed == "at_least" and bound != "at_most":
        return "at_least", approx
    return bound, approx


def _before(tokens: Sequence[Token], number: Number, pack: Pack) -> tuple[str, bool]:
    i = number.first
    bounds = pack.bounds
    approx = False
    for _ in range(6):
        says, length = _phrase_before(tokens, i, pack)
        if says:
            if says == "approx":
                approx, i = True, i - length
                continue
            if (
                says == "at_most"
                and i > length
                and tokens[i - 1].low in pack.grammar.to
                and tokens[i - length - 1].low in pack.changes.verbs
            ):
                return "exact", approx  # "edged up to 37 percent"
            compound = number.last < len(tokens) and tokens[number.last].text in DASHES and tokens[number.last].glued
            if compound and i < number.first and tokens[number.first - 1].low in pack.grammar.a and length == 1:
                return "exact", approx  # "over an eight-word headline"
            if says == "at_least" and _is_span(tokens, number, i, pack):
                return "exact", approx
            if _reached(tokens, i, pack):
                return "exact", approx
            kind, hedged = _MEANING[says]
            return kind, approx or hedged
        if i and (
            tokens[i - 1].low in bounds.fillers
            or (tokens[i - 1].text in "($£€¥" or tokens[i - 1].low in pack.grammar.beside_money)
        ):
            if tokens[i - 1].low in pack.grammar.determined and number.sort == "plain":
                break
            i -= 1
            continue
        break
    return "exact", approx


_MEANING = {
    "at_least": ("at_least", False),
    "at_most": ("at_most", False),
    "nearly": ("at_most", True),
    "just_over": ("at_least", True),
    "approx": ("exact", True),
}


def _phrase_before(tokens: Sequence[Token], i: int, pack: Pack) -> tuple[str | None, int]:
    for length in range(min(_LONGEST, i), 0, -1):
        words = tuple(t.low for t in tokens[i - length : i])
        says = pack.bounds.before.get(words)
        if says is None:
            continue
        if len(words) == 1 and words[0] in pack.grammar.some and i < len(tokens) and tokens[i].low in pack.grammar.of:
            continue
        if length == i == 1 and words[0] in pack.grammar.not_opening:
            continue
        return says, length
    return None, 0


def _reached(tokens: Sequence[Token], i: int, pack: Pack) -> bool:
    """ "surpasses the $846 million": the number stands for itself, what surpasses it is another."""
    return tokens[i - 1].low in pack.grammar.reaching and i < len(tokens) and tokens[i].low in pack.grammar.reached


def _is_span(tokens: Sequence[Token], number: Number, i: int, pack: Pack) -> bool:
    """ "over the past two weeks", "over two days": a span of time is no bound."""
    if i == 0 or tokens[i - 1].low not in pack.grammar.spanning:
        return False
    between = {t.low for t in tokens[i : number.first]}
    if between & pack.bounds.spans or (
        tokens[i - 1].low in pack.grammar.past and tokens[i - 2].low in pack.grammar.this
    ):
        return True
    unit = pack.units.by_words.get((tokens[number.last].low,)) if number.last < len(tokens) else None
    if unit is None or unit.dimension != "time" or tokens[i - 1].low not in pack.grammar.over:
        return False
    # "raised 60 million over four years" is a span, "waited for over four years" a bound.
    return bool(between) or (tokens[i - 2].low if i > 1 else "") not in pack.bounds.lasting


def _after(tokens: Sequence[Token], places: Sequence[int], pack: Pack) -> tuple[str, bool]:
    for j in sorted(set(places)):
        for length in (3, 2, 1):
            words = tuple(t.low for t in tokens[j : j + length])
            says = pack.bounds.after.get(words)
            if says:
                return _MEANING[says]
        if j < len(tokens) and tokens[j].text == "+" and tokens[j].glued:
            return "at_least", False
    return "exact", False
