"""What is written after a number and belongs to it: a percent sign, the name of a currency, points, "m" for million."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.text import Token
from pipeline.measure.units import plural_ahead
from pipeline.measure.vocabulary import Pack


def with_suffix(tokens: Sequence[Token], number: Number, pack: Pack) -> Number:
    """The number with a percent sign, a currency name or points after it."""
    j, n = number.last, len(tokens)
    replace = msgspec.structs.replace
    if number.sort == "vague":
        # "tens of millions of dollars"; the span covers it, as it would with a sign.
        name = tokens[j + 1].low if j + 1 < n and tokens[j].low in pack.grammar.of else ""
        plain = name in pack.money.names and name not in pack.grammar.weights
        return replace(number, last=j + 2, sort="money", unit=pack.money.names[name]) if plain else number
    if number.sort == "fraction":
        return _of_a_point(tokens, number, pack)
    if number.sort == "multiple":
        return number
    if _means_millions(tokens, number, pack):
        return replace(number, last=j + 1, value=number.amount * 1e6, scale=1e6)
    hyphen = j + 1 < n and tokens[j].text in DASHES and tokens[j].glued and tokens[j + 1].glued
    k = j + 1 if hyphen else j
    if k >= n:
        return number
    low = tokens[k].low
    if low in pack.grammar.per and k + 1 < n and tokens[k + 1].low in pack.grammar.cent:
        low, k = "percent", k + 1
    if low in pack.grammar.percents:
        after = tokens[k + 1].low if k + 1 < n else ""
        if after == "-" and k + 2 < n and tokens[k + 2].low in pack.grammar.points:
            k, after = k + 1, "points"
        if after in pack.grammar.points and low != "%":
            return replace(number, last=k + 2, sort="point", unit="percentage_point")
        return number if low in pack.grammar.percentage else replace(number, last=k + 1, sort="percent", unit="percent")
    money = pack.money
    for length in range(min(3, n - k), 0, -1):
        name = " ".join(t.low for t in tokens[k : k + length])
        weighs = k + length < n and tokens[k + length].low in pack.grammar.of
        large = (number.value or 0) >= 1e6 and not weighs
        if name in pack.grammar.pounds and (large or _pays(tokens, pack)):
            return replace(number, last=k + length, sort="money", unit="GBP")
        if name in money.names and not (name in money.ambiguous and (number.value or 0.0) < 1000):
            return replace(number, last=k + length, sort="money", unit=money.names[name])
    if low in money.cents and tokens[k].text.islower():
        return replace(number, last=k + 1, sort="money", unit=money.cents[low], value=(number.value or 0.0) / 100)
    if tokens[k].glued and tokens[k].text in money.cent_signs and number.digits and _pays(tokens, pack):
        unit, value = money.cent_signs[tokens[k].text], number.amount / 100
        return replace(number, last=k + 1, sort="money", unit=unit, value=value)
    if tokens[k].text in money.codes and tokens[k].text not in money.before_only:
        code = tokens[k].text
        return replace(number, last=k + 1, sort="money", unit=money.aliases.get(code, code))
    return number


def _pays(tokens: Sequence[Token], pack: Pack) -> bool:
    return any(t.low in pack.money.pounds or t.text == "£" for t in tokens)


def _means_millions(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "2.7m combined sales", "35m of its phones" are millions, "35m long" and "the 100m hurdles" metres."""
    j = number.last
    if not number.digits or number.scale != 1.0 or j + 1 >= len(tokens):
        return False
    if tokens[j].text != "m" or not tokens[j].glued:
        return False
    after = tokens[j + 1].low
    if after in pack.grammar.of:
        return j + 2 < len(tokens) and tokens[j + 2].low in pack.numbers.whole
    if after in pack.numbers.in_metres:
        return False
    coordinated = next(
        (k + 1 for k in range(j + 2, min(len(tokens), j + 4)) if tokens[k].low in pack.grammar.and_), None
    )
    ahead = plural_ahead(tokens, j + 1, pack.words)
    return ahead or (coordinated is not None and plural_ahead(tokens, coordinated, pack.words))


def _of_a_point(tokens: Sequence[Token], number: Number, pack: Pack) -> Number:
    """ "two-tenths of a percentage point" are points, "half a percent" percent."""
    j, n = number.last, len(tokens)
    while j < n and tokens[j].low in pack.grammar.of_a:
        j += 1
    if j == number.last or j >= n:
        return number
    if tokens[j].low in pack.grammar.percentage and j + 1 < n and tokens[j + 1].low in pack.grammar.points:
        j += 1
    if tokens[j].low in pack.grammar.points:
        return msgspec.structs.replace(number, last=j + 1, sort="point", unit="percentage_point")
    if tokens[j].low in pack.grammar.percents:
        return msgspec.structs.replace(number, last=j + 1, sort="percent", unit="percent")
    return number
