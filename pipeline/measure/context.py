"""The unit of a number whose own place does not tell it: from its list, its clause, or what was counted before."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.measure.join import lists
from pipeline.measure.numbers import Number
from pipeline.measure.text import Token
from pipeline.measure.units import Counted, plural, singular, unit_of
from pipeline.measure.vocabulary import Pack

_SUBJECT_REACH = 6
_COUNTED = frozenset({"count", "length", "area", "mass", "volume", "power", "energy"})


def units_of(
    toks: Sequence[Token],
    numbers: Sequence[Number],
    pack: Pack,
    country: str | None = None,
    earlier: Counted | None = None,
) -> list[Counted]:
    """The unit of each number; a member of a list without its own takes that of the next, and a number that stands
    alone that of the last thing counted ("of the 10 judges, six were"). ``earlier``: what was counted before."""
    found = [unit_of(toks, n, pack) for n in numbers]
    following = lists(toks, numbers, pack)
    for i in range(len(numbers) - 1, -1, -1):
        after = following[i]
        if found[i].unit is None and after is not None and numbers[i].sort in ("plain", "vague"):
            lender = found[after]
            if lender.unit is not None and lender.dimension != "multiple":
                found[i] = msgspec.structs.replace(lender, end=numbers[i].last)
    found = _arrived(numbers, found)
    last: Counted | None = None
    for i, counted in enumerate(found):
        if counted.unit is None and numbers[i].sort in ("plain", "vague"):
            context = (
                _of_them(toks, numbers[i], last or earlier, pack)
                or _money(toks, numbers, i, pack, country)
                or _from_context(toks, numbers[i], counted, last, pack)
            )
            if context is not None:
                found[i] = context
                last = context if context.dimension == "count" else last
        elif counted.dimension in _COUNTED:
            last = counted
    return _arrived(numbers, found)


def _arrived(numbers: Sequence[Number], found: list[Counted]) -> list[Counted]:
    """What something moved to has the unit of what it moved from."""
    for i in range(1, len(numbers)):
        if numbers[i].paired == "arrival" and found[i].unit is None and found[i - 1].unit is not None:
            found[i] = msgspec.structs.replace(found[i - 1], end=numbers[i].last)
    return found


def _of_them(toks: Sequence[Token], number: Number, last: Counted | None, pack: Pack) -> Counted | None:
    """ "3.5 million of them": of what was counted before."""
    after = toks[number.last : number.last + 2]
    of = len(after) == 2 and after[0].low in pack.grammar.of and after[1].low in pack.words.them
    return Counted(last.unit, last.dimension, number.last, last.nouns) if of and last is not None else None


def _money(toks: Sequence[Token], numbers: Sequence[Number], i: int, pack: Pack, country: str | None) -> Counted | None:
    """ "made $16 million and got half a million in raises", "money raised nor the tens of millions": a sum."""
    number = numbers[i]
    if number.scale < 1e5 and (number.low or 0.0) < 1e6:
        return None
    after = toks[number.last].low if number.last < len(toks) else "."
    if not (after in pack.words.function or after in ".,;)" or after.endswith(pack.words.participle_endings)):
        return None
    before = next((n.unit for n in reversed(numbers[:i]) if n.sort == "money"), None)
    said = any(t.low in pack.money.words for t in toks[: number.first])
    code = before or (pack.money.dollar_of.get(country or "", pack.money.signs["$"]) if said else None)
    return Counted(code, "money", number.last) if code else None


def _from_context(
    toks: Sequence[Token], number: Number, counted: Counted, last: Counted | None, pack: Pack
) -> Counted | None:
    if number.digits:
        for k in range(number.first - 1, max(-1, number.first - 13), -1):
            token = toks[k]
            if token.low in pack.words.measured:
                return _measured(toks, k, number, pack)
            if token.text in ",;":
                break
    near = [
        toks[k].low for k in (number.first - 1, number.last, number.first - 2, number.last + 1) if 0 <= k < len(toks)
    ]
    follows = toks[number.last].low if number.last < len(toks) else ""
    other = counted.end > number.last
    if (
        toks[number.first - 1].low in pack.grammar.of
        and number.first > 1
        and toks[number.first - 2].low in pack.words.parents
    ):
        return Counted("child", "count", number.last, ("children",))
    of_body = (
        toks[number.first - 1].low in pack.grammar.of
        and number.first > 1
        and toks[number.first - 2].low in pack.kinds.bodies
    )
    goes_on = follows in pack.words.further and number.last + 1 < len(toks)
    after_more = toks[number.last + 1].low if goes_on else ""
    more = number.amount >= 1000 and (after_more in pack.words.function or after_more in pack.words.deeds)
    if of_body or more:
        return Counted("person", "count", number.last, ("people",))
    reached = _subject(toks, number, pack)
    if reached is not None:
        return reached
    if number.sort == "vague" and not other:
        return None
    near = [
        w for k, w in enumerate(near) if not (k % 2 and w.endswith(pack.words.participle_endings))
    ]  # after a number these begin a clause
    if any(w in pack.words.casualties for w in near) or (number.digits and follows in pack.words.deeds):
        return Counted("person", "count", number.last)
    compared = other or any(t.low in pack.words.compared for t in toks[max(0, number.first - 3) : number.first])
    if last is not None and (compared or (number.scale == 1.0 and last.dimension == "count")):
        after = toks[number.last].low if number.last < len(toks) else "."
        if (
            other
            or after in pack.words.function
            or after in pack.words.verbs
            or after in pack.changes.comparatives
            or after in ".,;)"
            or after.endswith(pack.words.past_endings)
        ):
            return Counted(last.unit, last.dimension, number.last, last.nouns)
    return Counted("person", "count", number.last, ("people",)) if other else None


def _measured(toks: Sequence[Token], k: int, number: Number, pack: Pack) -> Counted:
    """ "attendance was 12,000" counts persons, "the registered voter sample is 834" voters, "life expectancy" years."""
    unit = pack.words.measured[toks[k].low]
    before = toks[k - 1].low if k else ""
    if unit == "year":
        return Counted(unit, "time" if before in pack.grammar.lasting else "age", number.last, ("age",))
    unit = pack.words.of_whom.get(before, before if before in pack.words.crowd_singular else unit)
    return Counted(unit, "count", number.last, (toks[k].low,))


def _subject(toks: Sequence[Token], number: Number, pack: Pack) -> Counted | None:
    """ "Gun prosecutions peaked at 10,937", "brings the total pardons to 148": the plural that reached the number."""
    if not number.digits:
        return None
    i = number.first - 1
    bounding = (pack.bounds.words | pack.bounds.fillers) - pack.words.arriving
    while i > 0 and toks[i].low in bounding:
        i -= 1
    if i < 1 or toks[i].low not in pack.words.arriving:
        return None
    for k in range(i, max(-1, i - _SUBJECT_REACH), -1):
        low = toks[k].low
        if toks[k].text in ",;:" or toks[k].kind == "n":
            return None
        if low in pack.words.came and k == i:
            continue
        if plural(low, pack.words) and k < i:
            between = {t.low for t in toks[k + 1 : number.first]}
            came = not between.isdisjoint(pack.words.came) or not between.isdisjoint(pack.changes.verbs)
            known = (pack.naming.quantities, pack.naming.empty, pack.changes.verbs, pack.speech.documents)
            own = came and not any(low in words for words in known)
            return Counted(singular(low, pack.words), "count", number.last, (low,)) if own else None
    return None
