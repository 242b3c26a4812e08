"""All numbers of a sentence, from left to right."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.measure.numbers import Number, core, sign, with_suffix, wordlike
from pipeline.measure.pack import Pack
from pipeline.measure.shares import decade_at, fraction_at
from pipeline.measure.text import Token


def find_numbers(tokens: Sequence[Token], pack: Pack, country: str | None = None) -> list[Number]:
    """All numbers of the sentence, not overlapping. ``country`` (ISO 3166) decides what "$" is."""
    found: list[Number] = []
    i = 0
    while i < len(tokens):
        number = _number_at(tokens, i, pack, country)
        if number is None:
            i += 1
        else:
            found.append(number)
            i = number.last
    return found


def _number_at(tokens: Sequence[Token], i: int, pack: Pack, country: str | None) -> Number | None:
    special = decade_at(tokens, i, pack) or fraction_at(tokens, i, pack)
    if special is not None:
        return special
    signed = sign(tokens, i, pack.money, country)
    number = core(tokens, signed[1] if signed else i, pack.numbers, signed is not None)
    if signed is not None:
        return None if number is None else msgspec.structs.replace(number, first=i, sort="money", unit=signed[0])
    if number is None:
        number = wordlike(tokens, i, pack.numbers)
    return None if number is None else with_suffix(tokens, number, pack)
