"""All numbers of a sentence, from left to right."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import msgspec

from pipeline.measure.numbers import DASHES, Number, core, sign, wordlike
from pipeline.measure.shares import decade_at, figures_at, fraction_at
from pipeline.measure.suffixes import with_suffix
from pipeline.measure.text import Token
from pipeline.measure.vocabulary import Pack

_MINUS = frozenset("-−")


def find_numbers(tokens: Sequence[Token], pack: Pack, country: str | None = None) -> list[Number]:
    """All numbers of the sentence, not overlapping. ``country`` (ISO 3166) decides what "$" is."""
    found: list[Number] = []
    first, signs = _first_words(pack), pack.money.signs
    i, n = 0, len(tokens)
    while i < n:
        token = tokens[i]
        if token.kind != "n" and token.low not in first and not (i + 1 < n and _in_sign(token, tokens[i + 1], signs)):
            i += 1
            continue
        number = _number_at(tokens, i, pack, country)
        if number is None:
            i += 1
        else:
            found.append(number)
            i = number.last
    return found


@functools.lru_cache(maxsize=64)
def _first_words(pack: Pack) -> frozenset[str]:
    """All words and signs that a number may begin with, but digits."""
    numbers, grammar, money = pack.numbers, pack.grammar, pack.money
    words = (numbers.units, numbers.tens, numbers.scales, numbers.article, numbers.vague, numbers.multiples)
    parts = (numbers.decades, numbers.figures, numbers.minus, numbers.characters, grammar.half, grammar.quarter)
    of_money = (w.lower() for listed in (money.signs, money.codes) for w in listed)
    return frozenset((*of_money, *_MINUS, *grammar.a, *(w for listed in (*words, *parts) for w in listed)))


def _in_sign(token: Token, after: Token, signs: Mapping[str, str]) -> bool:
    """Whether the two may be a sign of a currency together: "C$", "US $"."""
    return after.text in ("$", "=") or (after.glued and token.text + after.text in signs)


def _number_at(tokens: Sequence[Token], i: int, pack: Pack, country: str | None) -> Number | None:
    special = figures_at(tokens, i, pack) or decade_at(tokens, i, pack) or fraction_at(tokens, i, pack)
    if special is not None:
        return with_suffix(tokens, special, pack) if special.sort == "fraction" else special
    after_minus = _minus(tokens, i, pack)
    if after_minus is not None:
        number = _number_at(tokens, after_minus, pack, country)
        return None if number is None or number.value is None else _negative(number, i)
    signed = sign(tokens, i, pack.money, country)
    start = signed[1] if signed else i
    negative = signed is not None and start + 1 < len(tokens) and tokens[start].text in _MINUS and tokens[start].glued
    number = core(tokens, start + 1 if negative else start, pack.numbers, signed is not None)
    if negative and number is not None:
        number = _negative(number, start)
    if signed is not None:
        return None if number is None else msgspec.structs.replace(number, first=i, sort="money", unit=signed[0])
    if number is None:
        number = wordlike(tokens, i, pack.numbers)
    return None if number is None else with_suffix(tokens, number, pack)


def _minus(tokens: Sequence[Token], i: int, pack: Pack) -> int | None:
    """The index after a minus sign or word at ``i`` that belongs to digits: "-5 yards", "minus-130 degrees"."""
    n = len(tokens)
    if i + 1 >= n:
        return None
    if tokens[i].low in pack.numbers.minus:
        j = i + 2 if tokens[i + 1].text in DASHES and tokens[i + 1].glued and i + 2 < n else i + 1
        between = i and tokens[i - 1].low in pack.numbers.minus_not_after
        return j if tokens[j].kind == "n" and not between else None
    # A hyphen at the head of a line is a bullet, one after a number or a word makes a range or a compound.
    free = tokens[i].text in _MINUS and i > 0 and not tokens[i].glued and tokens[i - 1].kind != "n"
    return i + 1 if free and tokens[i + 1].glued and tokens[i + 1].kind == "n" else None


def _negative(number: Number, first: int) -> Number:
    return msgspec.structs.replace(number, first=first, value=-number.amount)
