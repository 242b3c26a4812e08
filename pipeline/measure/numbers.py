"""Numbers in tokens: digits and words, scales, vague plurals, words that are multiples, money, percentages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from pipeline.measure.text import Token
from pipeline.measure.vocabulary import Money, Numbers

LARGEST = 1e60
"""No quantity of any news; what is larger is a slip."""
MOST_DIGITS = 18
"""A longer run of digits is an identifier, not a quantity; a float could not hold it either."""

_HUNDRED = 100
_PLAIN = re.compile(r"\d*\.\d+|\d+")
_COMMAS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SPACES = re.compile(r"\d{1,3}(?:['’\u00a0\u202f]\d{3})+(?:\.\d+)?")
_LAKHS = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_DOTS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,2}")
_FEW_DECIMALS = re.compile(r"\d+,\d{1,2}")

DASHES = frozenset("-–—‑−")


class Number(msgspec.Struct, frozen=True):
    """A number and what is written onto it, tokens ``first`` to ``last`` (exclusive).

    ``sort``: plain, money, percent, point, fraction, multiple, vague. ``unit`` is set for those that carry their own.
    ``scale``: what the digits were multiplied with. ``bare``: digits or words without scale, sign or percent.
    """

    first: int
    last: int
    value: float | None
    low: float | None = None
    high: float | None = None
    sort: str = "plain"
    unit: str | None = None
    scale: float = 1.0
    direction: str | None = None
    digits: bool = False
    bound: str | None = None
    paired: str | None = None
    """"range", "ratio" (X in Y), "votes": made of two numbers."""

    @property
    def amount(self) -> float:
        """The value, not-a-number when there is none; comparisons with it are false."""
        return math.nan if self.value is None else self.value

    @property
    def bare(self) -> bool:
        return self.sort == "plain" and self.scale == 1.0 and self.paired is None


def parse_digits(text: str) -> float | None:
    """The value of digits with any separators; None when they are no number that can be read in one way.

    >>> parse_digits("1,234.5"), parse_digits("1.234.567"), parse_digits("12,34,567"), parse_digits("1.2.3")
    (1234.5, 1234567.0, 1234567.0, None)
    """
    if not text.isascii() and not _SPACES.fullmatch(text):
        return None
    if sum(map(str.isdigit, text)) > MOST_DIGITS or not re.search("[0-9]", text):
        return None
    if _PLAIN.fullmatch(text):
        return float(text)
    if _COMMAS.fullmatch(text) or _LAKHS.fullmatch(text):
        return float(text.replace(",", ""))
    if _SPACES.fullmatch(text):
        return (
            float(re.sub(r"['’\u00a0\u202f]", "", text))
            if text.replace("’", "").isascii() or "\u00a0" in text or "\u202f" in text
            else None
        )
    if _DOTS.fullmatch(text):
        return float(text.replace(".", "").replace(",", "."))
    return None


def sign(tokens: Sequence[Token], i: int, money: Money, country: str | None) -> tuple[str, int] | None:
    """(currency code, index after the sign) when a currency sign or code stands at ``i`` and a number follows."""
    token = tokens[i]
    n = len(tokens)
    if token.kind == "n":
        return None
    if i + 1 < n and tokens[i + 1].text in ("$", "=") and (tokens[i + 1].glued or len(token.text) > 1):
        joint = token.text + (" " if not tokens[i + 1].glued else "") + tokens[i + 1].text
        if joint in money.signs and i + 2 < n:
            return money.signs[joint], i + 2
    if i + 2 < n and tokens[i + 1].glued and f"{token.text}{tokens[i + 1].text}" in money.signs:
        return money.signs[f"{token.text}{tokens[i + 1].text}"], i + 2
    if token.text in money.signs and i + 1 < n:
        code = money.signs[token.text]
        if token.text == "$":
            code = money.dollar_of.get(country or "", code)
        after = i + 1
        if tokens[after].text == "." and after + 1 < n and f"{token.text}." in money.signs:
            after += 1
        return code, after
    if token.text in money.codes and i + 1 < n and tokens[i + 1].kind == "n":
        return money.aliases.get(token.text, token.text), i + 1
    return None


def core(tokens: Sequence[Token], i: int, numbers: Numbers, money: bool = False) -> Number | None:
    """Digits or number words at ``i`` with their scale words. ``money``: a currency sign stands before."""
    if i >= len(tokens):
        return None
    if tokens[i].kind == "n":
        return _digits(tokens, i, numbers, money)
    if tokens[i].text in numbers.characters:
        return Number(i, i + 1, numbers.characters[tokens[i].text], sort="fraction")
    return _words(tokens, i, numbers)


def _digits(tokens: Sequence[Token], i: int, numbers: Numbers, money: bool) -> Number | None:
    value = parse_digits(tokens[i].text)
    n = len(tokens)
    j = i + 1
    if value is None:
        # "1,5 million" is a decimal comma only where a scale follows.
        scale_next = j < n and tokens[j].low in numbers.scales
        if not (scale_next and _FEW_DECIMALS.fullmatch(tokens[i].text) and tokens[i].text.isascii()):
            return None
        value = float(tokens[i].text.replace(",", "."))
    if j < n and tokens[j].text in numbers.characters and value == int(value):
        value, j = value + numbers.characters[tokens[j].text], j + 1
    elif fraction := _slashed(tokens, j):
        part, j = fraction
        value += part
    elif power := _power(tokens, j):
        exponent, j = power
        value *= math.pow(10.0, exponent)
    elif mixed := _and_a_fraction(tokens, j, numbers):
        part, j = mixed
        value += part
    scale, j = _scale(tokens, j, numbers, money)
    return _checked(Number(i, j, value * scale, scale=scale, digits=True))


def _slashed(tokens: Sequence[Token], j: int) -> tuple[float, int] | None:
    """The fraction of a mixed number: "2 1/2"."""
    if j + 2 < len(tokens) and tokens[j].kind == "n" and tokens[j + 1].text in "/⁄" and tokens[j + 2].kind == "n":
        over, under = parse_digits(tokens[j].text), parse_digits(tokens[j + 2].text)
        if over and under and over < under <= 100 and tokens[j + 1].glued:
            return over / under, j + 3
    return None


def _power(tokens: Sequence[Token], j: int) -> tuple[int, int] | None:
    """The exponent of "1.99 × 10^30" or "1.99×10−30"."""
    if j + 1 >= len(tokens) or tokens[j].text not in ("×", "x") or tokens[j + 1].text != "10":
        return None
    k = j + 2
    if k < len(tokens) and tokens[k].text == "^":
        k += 1
    negative = k < len(tokens) and tokens[k].text in DASHES
    k += negative
    if (
        k < len(tokens)
        and tokens[k].glued
        and tokens[k].kind == "n"
        and len(tokens[k].text) <= 2
        and tokens[k].text.isascii()
    ):
        return (-1 if negative else 1) * int(tokens[k].text), k + 1
    return None


def _scale(tokens: Sequence[Token], j: int, numbers: Numbers, money: bool = False) -> tuple[float, int]:
    """The product of the scale words from ``j`` on, and where they end. "5m" is five million only of money."""
    scale = 1.0
    n = len(tokens)
    while j < n and scale < 1e15:
        token = tokens[j]
        if token.low in numbers.scales:
            scale, j = scale * numbers.scales[token.low], j + 1
        elif token.low in numbers.suffixes and (j + 1 >= n or not tokens[j + 1].glued or tokens[j + 1].kind == ""):
            return scale * numbers.suffixes[token.low], j + 1
        elif token.glued and token.text in numbers.glued_suffixes and (money or token.text != "m"):
            return scale * numbers.glued_suffixes[token.text], j + 1
        elif not token.glued and token.text in ("B", "M", "T") and scale == 1.0:
            return float(numbers.glued_suffixes[token.text]), j + 1
        elif token.text == "-" and token.glued and j + 1 < n and tokens[j + 1].low in numbers.scales and scale == 1.0:
            scale, j = float(numbers.scales[tokens[j + 1].low]), j + 2
        else:
            break
    return scale, j


def _words(tokens: Sequence[Token], i: int, numbers: Numbers) -> Number | None:
    """Number words: "twenty-seven", "a hundred and five", "three and a half million", "a dozen"."""
    n = len(tokens)
    total, current = 0.0, 0.0
    scale, j, seen, last_rank = 1.0, i, False, 100
    if tokens[i].low in numbers.article and i + 1 < n and tokens[i + 1].low in numbers.scales:
        current, j, seen = 1.0, i + 1, True
    while j < n:
        low = tokens[j].low
        if low in numbers.units and last_rank > (2 if numbers.units[low] < 10 else 10):
            current += numbers.units[low]
            last_rank = 1
        elif low in numbers.tens and last_rank > 10:
            current += numbers.tens[low]
            last_rank = 10
        elif numbers.scales.get(low) == _HUNDRED and seen and current:
            current *= _HUNDRED
            last_rank = 100
        elif low in numbers.scales and seen:
            factor = numbers.scales[low]
            if total and factor > scale:
                total, scale = (total + current) * factor, float(factor)
            else:
                total, scale = total + current * factor, float(factor)
            current, last_rank = 0.0, 100
        elif (low == "-" or low in numbers.joining) and seen and j + 1 < n and _goes_on(tokens, j, numbers, last_rank):
            j += 1
            continue
        elif (low == "-" or low in numbers.joining) and seen and _and_a_fraction(tokens, j, numbers):
            fraction, j = _and_a_fraction(tokens, j, numbers) or (0.0, j)
            times, j = _scale(tokens, j, numbers)
            return _checked(Number(i, j, (total + current + fraction) * times, scale=times))
        else:
            break
        seen = True
        j += 1
    if not seen or (j == i + 1 and tokens[i].low in numbers.article):
        return None
    return _checked(Number(i, j, total + current, scale=scale))


def _goes_on(tokens: Sequence[Token], j: int, numbers: Numbers, last_rank: int) -> bool:
    """Whether "and" or a hyphen inside a number leads on: "hundred and five", "twenty-seven"."""
    after = tokens[j + 1].low
    if tokens[j].low == "-":
        glued = tokens[j].glued and tokens[j + 1].glued
        tail = (last_rank == 10 and 0 < numbers.units.get(after, 0) < 10) or after in numbers.scales
        return glued and tail
    return (
        last_rank == 100
        and numbers.scales.get(tokens[j - 1].low) in (_HUNDRED, 1000)
        and (after in numbers.units or after in numbers.tens)
    )


def _and_a_fraction(tokens: Sequence[Token], j: int, numbers: Numbers) -> tuple[float, int] | None:
    """ "and a half", "-and-a-half", "and three-quarters": the fraction and where it ends."""
    places = [k for k in range(j, min(j + 7, len(tokens))) if not (tokens[k].low == "-" and tokens[k].glued)]
    low = [tokens[k].low for k in places]
    if not low or low[0] not in numbers.joining or len(low) < 3 or low[2] not in numbers.denominators:
        return None
    over = 1 if low[1] in numbers.article else numbers.units.get(low[1])
    return (over / numbers.denominators[low[2]], places[2] + 1) if over else None


def wordlike(tokens: Sequence[Token], i: int, numbers: Numbers) -> Number | None:
    """Vague plurals ("tens of millions") and words that are multiples ("doubled")."""
    token = tokens[i]
    if token.low in numbers.vague:
        return _vague(tokens, i, numbers)
    if token.low in numbers.multiples and token.kind == "w":
        value, direction = numbers.multiples[token.low]
        return Number(i, i + 1, value, sort="multiple", unit="ratio", direction=direction)
    return None


def _vague(tokens: Sequence[Token], i: int, numbers: Numbers) -> Number | None:
    low, j = float(numbers.vague[tokens[i].low]), i + 1
    if tokens[i].low in numbers.only_of and not (
        j + 1 < len(tokens) and tokens[j].low in numbers.of and tokens[j + 1].low in numbers.vague
    ):
        return None
    if j + 1 < len(tokens) and tokens[j].low in numbers.of and tokens[j + 1].low in numbers.vague:
        low, j = low * numbers.vague[tokens[j + 1].low] / 2, j + 2
    return Number(i, j, None, low=low, sort="vague", bound="at_least")


def _checked(number: Number) -> Number | None:
    """None where the value left the range of what a table can hold."""
    if number.value is not None and not math.isfinite(number.value):
        return None
    return None if number.value is not None and abs(number.value) >= LARGEST else number
