"""Put together what is one quantity in two numbers: ranges, "one in five", ratios, votes; lists, repetitions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.text import Token, reads
from pipeline.measure.units import plural, plural_ahead
from pipeline.measure.vocabulary import Pack

_replace = msgspec.structs.replace
ROUND = frozenset({10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0})


def join(tokens: Sequence[Token], numbers: Sequence[Number], pack: Pack) -> list[Number]:
    """The numbers with pairs merged into one, or marked (``paired``) where they stay two values.

    What a dash joins goes first: "from 24 to 33-35 billion".
    """
    return _join(tokens, _join(tokens, numbers, pack, dashes=True), pack, dashes=False)


def _join(tokens: Sequence[Token], numbers: Sequence[Number], pack: Pack, *, dashes: bool) -> list[Number]:
    joined: list[Number] = []
    i = 0
    while i < len(numbers):
        pair = None
        if i + 1 < len(numbers) and _dashes(tokens, numbers[i], numbers[i + 1]) == dashes:
            pair = _pair(tokens, numbers[i], numbers[i + 1], pack)
        if pair is not None and len(pair) == 1 and pair[0].bare:
            numbers = [*numbers[: i + 1], pair[0], *numbers[i + 2 :]]  # "24 hours, 39 minutes and 35 seconds"
            i += 1
        elif pair is None:
            joined.append(numbers[i])
            i += 1
        else:
            joined.extend(pair)
            i += 2
    return joined


def _dashes(tokens: Sequence[Token], a: Number, b: Number) -> bool:
    """Whether nothing but a dash without spaces stands between the two."""
    return (
        b.first == a.last + 1 and tokens[a.last].text in DASHES and tokens[a.last].glued and bool(tokens[b.first].glued)
    )


def _pair(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> list[Number] | None:
    """One number in place of the two, or the two with a mark, or None when they have nothing to do with each other."""
    if a.value is None or a.paired or b.first - a.last > 6:
        return None
    gap = [t.low for t in tokens[a.last : b.first]]
    if not gap or b.value is None:
        arrives = reads(gap, pack.grammar.to) and b.paired == "range" and moved(tokens, a.first, pack)
        return [_lend_sort(_lend_scale(a, b) or a, b), b] if arrives else None
    if _dashes(tokens, a, b):
        return _dashed(tokens, a, b, pack)
    words = [w for w in gap if w not in DASHES and w != ","]
    if reads(words, pack.grammar.to) and len(gap) == 3 and _votes(tokens, a, b, pack):
        return [_replace(n, paired="votes", unit="vote") for n in (a, b)]  # "a 2-to-1 vote"
    if reads(words, pack.grammar.to) and _year_like(tokens, a) and _year_like(tokens, b):
        return _range(tokens, a, b)
    if words and words[-1] in pack.grammar.to and _year_like(tokens, a):
        return None  # "rose 60% in 2018 to 3.9 million"
    if reads(words, pack.grammar.to) and len(gap) == 3 and a.bare and b.sort == "percent" and a.amount > b.amount:
        return [_lend_sort(a, b), b]  # "62-to-34 percent"
    if reads(words[:1], pack.grammar.to) and _only_bounds(words[1:], pack):
        return _to(tokens, a, b, pack)
    if reads(words[:1], pack.grammar.to_and) and _between(tokens, a.first, pack) and _only_bounds(words[1:], pack):
        return _range(tokens, a, b)
    compound = _compound(tokens, a, b, pack)
    if compound is not None:
        return [compound]
    if 2 <= len(words) <= 5 and _unit_between(tokens, a, b, pack):
        # "from 252 miles to 287 miles", "450 sq ft up to 900 sq ft"
        if words[-1] in pack.grammar.to and moved(tokens, a.first, pack):
            return [a, _replace(b, paired="arrival")]
        return _range(tokens, a, b) if words[-1] in pack.grammar.to or _between(tokens, a.first, pack) else None
    if tuple(words) in pack.grammar.in_every:
        return _share(tokens, a, b, pack)
    if a.amount == 1.0 and 2 <= len(words) <= 3 and words[-1] in pack.grammar.in_ and _one_in(tokens, a, b, pack):
        return _share(tokens, a, b, pack)  # "one pupil in six"
    if reads(words, pack.grammar.of) and b.amount == 10.0 and _word(tokens, b.last) in pack.words.crowd:
        return _share(tokens, a, b, pack)  # "eight of 10 voters"
    if reads(words, pack.grammar.or_) and a.bare and (b.value == a.value + 1 or a.value < b.value <= 2 * a.value):
        return _range(tokens, a, b)
    return None


def _dashed(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> list[Number] | None:
    if a.bare and b.sort in ("percent", "point") and a.amount > b.amount:
        return [_lend_sort(a, b), b]  # "leads 43-22 percent"
    whole = a.amount == int(a.amount) and b.amount == int(b.amount)
    if a.bare and b.bare and whole and max(a.amount, b.amount) < 1000:
        if _votes(tokens, a, b, pack):
            return [_replace(n, paired="votes", unit="vote") for n in (a, b)]
        if _played(tokens, a, b, pack) or a.amount >= b.amount:
            return [_replace(n, paired="score") for n in (a, b)]
    return _range(tokens, a, b)


def _near(tokens: Sequence[Token], a: Number, b: Number) -> set[str]:
    return {t.low for t in tokens[max(0, a.first - 6) : b.last + 4]}


def _played(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> bool:
    near = _near(tokens, a, b)
    return bool(near & pack.exclusions.scores) and not near & pack.exclusions.voting


def _votes(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> bool:
    """Whether the two count the votes on either side."""
    near = _near(tokens, a, b)
    after = _word(tokens, b.last)
    counted = (after,) in pack.units.by_words or (plural(after, pack.words) and after not in pack.exclusions.voting)
    if counted:
        return False  # "the trial could last 6-8 weeks"
    voted = near & (pack.exclusions.votes | pack.exclusions.voting) and a.bare and b.bare
    return bool(voted) and not _played(tokens, a, b, pack) and not near & pack.grammar.rated


def _year_like(tokens: Sequence[Token], number: Number) -> bool:
    text = tokens[number.first].text
    return number.bare and number.digits and len(text) == 4 and text.isdigit() and 1500 <= number.amount <= 2100


def _unit_between(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> bool:
    """Whether only a unit and "to" or "and" stand between two numbers."""
    gap = [t for t in tokens[a.last : b.first] if t.text not in ".,"]
    if not gap or gap[-1].low not in pack.grammar.to_and:
        return False
    head = gap[: -2 if len(gap) > 1 and gap[-2].low in pack.grammar.up else -1]
    return bool(head) and (
        tuple(t.low for t in head) in pack.units.by_words
        or all(t.text in pack.units.by_symbol or t.low in pack.grammar.powers for t in head)
    )


def _compound(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> Number | None:
    """ "17 minutes and 21 seconds", "6 feet 2 inches": one quantity, in the smaller unit."""
    gap = [t.low for t in tokens[a.last : b.first] if t.text != ","]
    larger = pack.units.by_words.get(tuple(gap[:1]))
    smaller = pack.units.by_words.get((_word(tokens, b.last),))
    if larger is None or smaller is None or not (len(gap) == 1 or (len(gap) == 2 and gap[1] in pack.grammar.and_)):
        return None
    times = larger.factor / smaller.factor
    whole = abs(times - round(times)) < 1e-6 * times
    if larger.dimension != smaller.dimension or not whole or not (a.bare and b.bare) or not 0 < b.amount < times:
        return None
    return _replace(b, first=a.first, value=a.amount * round(times) + b.amount)


def _to(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> list[Number] | None:
    """ "X to Y": a ratio, the two ends of a movement, or a range."""
    after = {t.low for t in tokens[b.last : b.last + 2]}
    before = {t.low for t in tokens[max(0, a.first - 5) : a.first]}
    if a.bare and b.bare and (after | before) & pack.grammar.ratio_nouns and b.amount:
        return [
            _replace(
                a, last=b.last, value=a.amount / b.amount, sort="multiple", unit="ratio", direction="up", paired="ratio"
            )
        ]
    if b.amount == 1.0 and a.bare and b.bare and not a.digits and a.amount > 1.0:
        return [
            _replace(a, last=b.last, sort="multiple", unit="ratio", direction="up", paired="ratio")
        ]  # "three to one"
    if moved(tokens, a.first, pack):
        a = _lend_scale(a, b) or a
        return [_lend_sort(a, b), _replace(b, paired="arrival")]
    if a.sort != "plain" and a.sort != "percent" and b.amount >= 3 * a.amount and _changed(tokens, a.first, pack):
        return None
    return _range(tokens, a, b)


def _between(tokens: Sequence[Token], first: int, pack: Pack) -> bool:
    """ "between 5 and 6", "between the ages of 17 and 20"."""
    before = [t.low for t in tokens[max(0, first - 4) : first]]
    between = pack.grammar.between
    return reads(before[-1:], between) or (reads(before[:1], between) and reads(before[-1:], pack.grammar.of))


def _changed(tokens: Sequence[Token], first: int, pack: Pack) -> bool:
    """Whether the number says how far something moved: "up 19 cents to $58"."""
    for token in reversed(tokens[max(0, first - 4) : first]):
        if token.low in pack.changes.verbs:
            return True
        if token.low not in pack.changes.fillers:
            return False
    return False


def moved(tokens: Sequence[Token], first: int, pack: Pack) -> bool:
    """Whether "from" before the number belongs to a verb of change ("fell from 410 to 380")."""
    if _word(tokens, first - 1) not in pack.grammar.from_:
        return False
    for token in reversed(tokens[max(0, first - 9) : first - 1]):
        if token.low in pack.changes.verbs:
            return True
        if token.low.startswith("rang") or token.text in ",;—":
            return False
    return False


def _range(tokens: Sequence[Token], a: Number, b: Number) -> list[Number] | None:
    scaled = _lend_scale(a, b) or a
    if scaled.amount >= b.amount and a.sort == "money":
        scaled = a  # "$200 to $4 million"
    if scaled.amount >= b.amount or not _same_sort(scaled, b):
        return None
    sort, unit = (b.sort, b.unit) if b.sort != "plain" else (scaled.sort, scaled.unit)
    return [
        _replace(
            b,
            first=a.first,
            value=None,
            low=scaled.value,
            high=b.value,
            bound="range",
            paired="range",
            sort=sort,
            unit=unit,
        )
    ]


def _same_sort(a: Number, b: Number) -> bool:
    if a.sort == "multiple" or b.sort == "multiple" or "fraction" in (a.sort, b.sort):
        return False
    return (a.sort == b.sort and a.unit == b.unit) or a.sort == "plain" or (b.sort == "plain" and a.sort == "money")


def _lend_scale(a: Number, b: Number) -> Number | None:
    """ "10 to 15 billion" means ten billion."""
    if a.scale == 1.0 and b.scale > 1.0 and a.amount < 1000:
        return _replace(a, value=a.amount * b.scale, scale=b.scale)
    return None


def _lend_sort(a: Number, b: Number) -> Number:
    if a.sort == "plain" and b.sort in ("percent", "point", "money"):
        return _replace(a, sort=b.sort, unit=b.unit)
    return a


def _share(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> list[Number] | None:
    """ "one in five", "six out of 10"."""
    if not (a.bare and b.bare and 0 < a.amount < b.amount) or (a.amount > 10 and b.amount not in ROUND):
        return None
    if not (b.amount <= 20 or b.amount in ROUND):
        return None
    after = _word(tokens, b.last)
    if (after,) in pack.units.by_words and tokens[a.last].low in pack.grammar.in_:
        return None
    return [_replace(a, last=b.last, value=a.amount / b.amount, sort="fraction", unit="ratio", paired="ratio")]


def _one_in(tokens: Sequence[Token], a: Number, b: Number, pack: Pack) -> bool:
    """Whether a noun stands between the two, and none after them: "one officer in three cars" is no share."""
    words = [t.low for t in tokens[a.last : b.first - 1]]
    plain = all(w.isalpha() and w not in pack.words.function and w not in pack.words.verbs for w in words)
    return plain and not plural_ahead(tokens, b.last, pack.words)


def _only_bounds(words: list[str], pack: Pack) -> bool:
    return not words or tuple(words) in pack.bounds.before


def _word(tokens: Sequence[Token], i: int) -> str:
    return tokens[i].low if 0 <= i < len(tokens) else ""


def lend_sorts(tokens: Sequence[Token], numbers: Sequence[Number], pack: Pack) -> list[Number]:
    """ "5 and 8 percent" are two percentages: the members of a list take the sign that stands after the last."""
    lent = list(numbers)
    following = lists(tokens, numbers, pack)
    for i in range(len(lent) - 1, -1, -1):
        after = following[i]
        if (
            after is None
            or not lent[i].bare
            or _year_like(tokens, lent[i])
            or tokens[lent[i].last].low in pack.grammar.of_to
        ):
            continue
        lender = lent[after]
        named = lender.sort == "money" and tokens[lender.first].kind != ""
        if lender.sort in ("percent", "point") or (named and tokens[lender.last - 1].kind == "w"):
            scale = lender.scale if lender.scale > 1.0 and lent[i].amount < 1000 else 1.0
            lent[i] = _replace(lent[i], sort=lender.sort, unit=lender.unit, value=lent[i].amount * scale)
    return lent


def lists(tokens: Sequence[Token], numbers: Sequence[Number], pack: Pack) -> list[int | None]:
    """For each number the index of the next one when the two are members of a list ("12, 15 and 18 people")."""
    following: list[int | None] = []
    for i, number in enumerate(numbers):
        follows = None
        if i + 1 < len(numbers):
            gap = [t.low for t in tokens[number.last : numbers[i + 1].first]]
            if gap and len(gap) <= 2 and all(w in pack.grammar.listing for w in gap):
                follows = i + 1
            elif reads(gap, pack.grammar.of) and number.sort == "plain" and numbers[i + 1].sort == "plain":
                follows = i + 1  # "21 of 24 economists"
            elif reads(gap[:1], pack.grammar.of) and 1 < len(gap) <= 5 and all(w[:1].isalpha() for w in gap):
                follows = i + 1  # "12 of the district's 15 clinics"
        following.append(follows)
    return following


def _again(gap: Sequence[str], pack: Pack) -> bool:
    or_ = pack.grammar.or_
    return (gap[-1] in or_ or reads(gap[-2:-1], or_) or gap[-1] == "(") and pack.grammar.and_.isdisjoint(gap)


def said_again(tokens: Sequence[Token], numbers: Sequence[Number], pack: Pack) -> list[bool]:
    """For each number whether it says the one before it once more: "190 points, or 0.6%", "8 miles (13 kilometers)"."""
    said = [False] * len(numbers)
    for i in range(1, len(numbers)):
        gap = [t.low for t in tokens[numbers[i - 1].last : numbers[i].first]]
        said[i] = 0 < len(gap) <= 4 and _again(gap, pack)
    return said
