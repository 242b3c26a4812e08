"""What is measured, in one to four words, so that the same thing in two articles gets a comparable name."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.measure.numbers import Number
from pipeline.measure.pack import Pack
from pipeline.measure.text import Token
from pipeline.measure.units import Counted, plural

_MOST = 4
_NAMED = {"time": "duration", "age": "age", "temperature": "temperature", "speed": "speed"}


def name_of(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """The measure, lower case; None when nothing near the number names it."""
    if counted.dimension == "age":
        return "age"
    if counted.unit == "person":
        casualties = _casualties(tokens, number, counted, pack)
        if casualties:
            return casualties
    if counted.dimension == "count" and counted.nouns:
        return " ".join(counted.nouns[-_MOST:])
    if counted.unit is None and number.sort == "plain":
        return _subject(tokens, number, pack)
    after = _after(tokens, max(number.last, counted.end), pack)
    before = _subject(tokens, number, pack)
    if number.sort in ("percent", "point", "fraction"):
        return after or before
    return before or after or _NAMED.get(counted.dimension)


def _casualties(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """ "12 people were killed", "killing at least 12", "58 wounded": what befell those who are counted."""
    nouns = pack.words.casualty_nouns
    end = max(number.last, counted.end)
    for k in range(end, min(len(tokens), end + 4)):
        if tokens[k].low in nouns:
            return nouns[tokens[k].low]
        if tokens[k].text in ",;." or tokens[k].low in ("and", "who", "that"):
            break
    for k in range(number.first - 1, max(-1, number.first - 5), -1):
        if tokens[k].low in nouns:
            return nouns[tokens[k].low]
        if tokens[k].text in ",;." or tokens[k].low in ("and", "by"):
            break
    return None


def _after(tokens: Sequence[Token], j: int, pack: Pack) -> str | None:
    """The noun phrase after the number: "80 percent of the investors", "a 25% duty", "$5 million in damages"."""
    words: list[str] = []
    started = False
    for token in tokens[j : j + 9]:
        low = token.low
        if not started and low in (
            "of",
            "in",
            "the",
            "all",
            "a",
            "an",
            "its",
            "their",
            "his",
            "her",
            "for",
            "those",
            "these",
            "our",
            "-",
            "worth",
        ):
            started = low not in ("-",) and started
            continue
        if token.kind != "w" or low in pack.words.function or low in pack.words.verbs or low in pack.periods.months:
            break
        words.append(low.removesuffix("'s"))
        started = True
        if plural(low, pack.words):
            break
    return _joined(words, pack)


def _subject(tokens: Sequence[Token], number: Number, pack: Pack) -> str | None:
    """The noun phrase that stands before the verb or the preposition in front of the number."""
    words: list[str] = []
    for token in reversed(tokens[max(0, number.first - 14) : number.first]):
        low = token.low
        if token.kind != "w":
            if token.text in DASH:
                continue
            if words:
                break
            continue
        stops = (
            low in pack.words.function
            or low in pack.words.verbs
            or low in pack.changes.verbs
            or low.endswith(("ed", "ly"))
        )
        stops = stops or low in pack.speech.verbs or low in pack.periods.weekdays or low.endswith("ing")
        if stops and words:
            break
        if stops or (low,) in pack.bounds.before or low in pack.bounds.fillers:
            continue
        words.append(low.removesuffix("'s"))
        if len(words) == _MOST:
            break
    return _joined(words[::-1], pack)


DASH = "-–—"


def _joined(words: list[str], pack: Pack) -> str | None:
    kept = [w for w in words if len(w) > 1 and w not in pack.changes.comparatives]
    return " ".join(kept[-_MOST:]) or None
