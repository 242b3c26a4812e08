"""Per what: "5,000 a day", "per capita", "each week", "annually", "an hourly rate of"."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import DASHES, Number, parse_digits
from pipeline.measure.text import Token
from pipeline.measure.units import plural, singular
from pipeline.measure.vocabulary import Pack

_REACH = 6
_WHOLE = {
    (12, "month"): "year",
    (3, "month"): "quarter",
    (7, "day"): "week",
    (24, "hour"): "day",
    (60, "minute"): "hour",
}


def rate_of(tokens: Sequence[Token], number: Number, end: int, pack: Pack) -> str | None:
    """The denominator, or None. ``end`` is where the number's noun phrase ends."""
    return _after(tokens, number, end, pack) or _before(tokens, number, pack)


def _after(tokens: Sequence[Token], number: Number, end: int, pack: Pack) -> str | None:
    j, n = max(number.last, end), len(tokens)
    slashed = j + 1 < n and tokens[j].text == "/" and tokens[j].glued
    if slashed:
        return _denominator(tokens, j + 1, pack)
    if j + 3 < n and tokens[j].text in DASHES and tokens[j].glued and tokens[j + 1].low in pack.grammar.a_per:
        return _denominator(tokens, j + 3, pack) if tokens[j + 2].text in DASHES else None  # "$12-an-hour"
    # The price of what is counted is no rate of the count: "thousands of $12-an-hour workers".
    j = max(j, number.last)
    steps = 0
    while j < n and steps <= _REACH:
        token = tokens[j]
        low = token.low
        if low in pack.grammar.per and j + 1 < n and tokens[j + 1].low not in pack.grammar.cent:
            return _denominator(tokens, j + 1, pack)
        spanned = tokens[j - 1].low in pack.grammar.no_rate_after  # "for a day", "after a year"
        if low in pack.grammar.a and not spanned and j + 1 < n and _is_denominator(tokens, j + 1, steps, pack):
            return _denominator(tokens, j + 1, pack)
        if low in pack.grammar.each and j + 1 < n and _is_time(tokens, j + 1, pack):
            return _denominator(tokens, j + 1, pack)
        if low in pack.grammar.every and j + 2 < n:
            return _every(tokens, j + 1, pack)
        if low in pack.rates.adverbs and (low not in pack.grammar.daily or j + 1 >= n or tokens[j + 1].kind != "w"):
            return None if low in pack.grammar.apiece else pack.rates.adverbs[low]
        if token.kind == "n" or low in pack.numbers.units or token.text in ',;:()—“”"' or low in pack.grammar.ends_rate:
            return None
        j, steps = j + 1, steps + 1
    return None


def _every(tokens: Sequence[Token], j: int, pack: Pack) -> str | None:
    """ "every three months" is a quarter, "every 10 minutes" 10 minutes, "every other day" 2 days."""
    spelled = {**pack.numbers.units, **pack.rates.every}
    count = spelled.get(tokens[j].low) if tokens[j].kind == "w" else parse_digits(tokens[j].text)
    unit = pack.units.by_words.get((tokens[j + 1].low,))
    if not count or unit is None or unit.dimension != "time":
        return None
    return _WHOLE.get((int(count), unit.name), f"{count:.10g} {unit.name}")


def _is_time(tokens: Sequence[Token], j: int, pack: Pack) -> bool:
    unit = pack.units.by_words.get((tokens[j].low,))
    return unit is not None and unit.dimension == "time" and not plural(tokens[j].low, pack.words)


def _is_denominator(tokens: Sequence[Token], j: int, steps: int, pack: Pack) -> bool:
    """ "a day" anywhere near, "a barrel" only directly after the number; "a year ago" is a date."""
    after = tokens[j + 1].low if j + 1 < len(tokens) else ""
    if _is_time(tokens, j, pack):
        return after not in pack.grammar.not_a_rate
    return steps == 0 and tokens[j].low in pack.grammar.nouns_of_share


def _denominator(tokens: Sequence[Token], j: int, pack: Pack) -> str | None:
    if j + 1 < len(tokens) and tokens[j].kind == "n" and parse_digits(tokens[j].text):
        # "9 deaths per 1,000 births"
        inner = _denominator(tokens, j + 1, pack)
        return f"{parse_digits(tokens[j].text):.10g} {inner}" if inner else None
    if j >= len(tokens) or tokens[j].kind != "w":
        return None
    token = tokens[j]
    if token.low in pack.rates.persons:
        return "person"
    for length in (3, 2, 1):
        unit = pack.units.by_words.get(tuple(t.low for t in tokens[j : j + length]))
        if unit is not None:
            return unit.name
    unit = pack.units.by_symbol.get(token.text)
    if unit is not None:
        return unit.name
    return singular(token.low, pack.words)


def _before(tokens: Sequence[Token], number: Number, pack: Pack) -> str | None:
    """ "an annual salary of $50,000", "daily output fell to 3 million barrels"."""
    for token in reversed(tokens[max(0, number.first - 5) : number.first]):
        if token.low in pack.rates.adjectives and number.sort in ("money", "plain", "vague"):
            return pack.rates.adjectives[token.low]
        if token.kind == "n" or token.text in ',;:()—“”"' or token.low in pack.grammar.ends_rate_before:
            return None
    return None
