"""What a number counts or measures: its unit, and how far the noun phrase that names it reaches."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec

from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.text import Token, reads
from pipeline.measure.vocabulary import Pack, Vocabulary

_WORDS_IN_RUN = 7
_QUOTES = frozenset("“‘\"'")
_CLOSED = frozenset("”’\"'")
_IN_QUOTES = 5
_FEET = frozenset("'′’")


class Counted(msgspec.Struct, frozen=True):
    """``unit`` as a metric gives it; ``dimension`` of a physical unit, else "money", "share", "age", "count" ...;
    ``end``: index after the noun phrase; ``nouns``: its words, for naming; ``factor`` multiplies the value.
    """

    unit: str | None
    dimension: str
    end: int
    nouns: tuple[str, ...] = ()
    factor: float = 1.0


def unit_of(tokens: Sequence[Token], number: Number, pack: Pack) -> Counted:
    """The unit of the number at its own place; ``unit`` None when nothing there tells it."""
    if number.paired == "decade" and number.sort == "percent":
        led = any(t.low in pack.changes.leads for t in tokens[max(0, number.first - 6) : number.first])
        return Counted("percentage_point" if led else "percent", "percent", number.last)
    if number.sort in ("money", "percent", "point"):
        return Counted(number.unit, number.sort, number.last)
    if number.paired == "votes":
        return Counted("vote", "count", number.last, ("votes",))
    if number.sort == "multiple":
        return Counted("ratio", "multiple", number.last)
    measured = _measure(tokens, number, pack)
    if measured is not None:
        return measured
    if number.sort == "fraction":
        return Counted("ratio", "share", number.last)
    if number.paired == "decade":
        return _decade(tokens, number, pack)
    age = _age(tokens, number, pack)
    return age if age is not None else _noun(tokens, number, pack)


def _measure(tokens: Sequence[Token], number: Number, pack: Pack) -> Counted | None:
    """A unit of time or a physical one: "35 miles", "5-km", "18-month-old", "half a century"."""
    n, j = len(tokens), number.last
    hyphen = j + 1 < n and tokens[j].text in DASHES and tokens[j].glued
    if hyphen:
        j += 1
    if number.sort in ("percent", "point", "money", "multiple"):
        return None
    if number.sort == "fraction" and not hyphen:
        while j < n and tokens[j].low in pack.grammar.a_of:
            j += 1
    elif number.sort == "vague" and j < n and tokens[j].low in pack.grammar.of:
        j += 1
    elif not hyphen:
        while j < n and tokens[j].low in pack.grammar.before_unit:
            j += 1
    if j >= n:
        return None
    if tokens[j].text == "°" and j + 1 < n and tokens[j + 1].text in ("C", "F"):
        name = {"C": "degree_celsius", "F": "degree_fahrenheit"}[tokens[j + 1].text]
        return Counted(name, "temperature", j + 2)
    for length in range(min(3, n - j), 0, -1):
        key = tuple(t.low for t in tokens[j : j + length])
        unit = pack.units.by_words.get(key)
        if unit is not None:
            return _as_unit(tokens, number, unit.name, unit.dimension, j + length, pack)
    token = tokens[j]
    if token.text in _FEET and token.glued and _dimensioned(tokens, number, pack):
        return Counted("foot", "length", j + 1)
    symbol = pack.units.by_symbol.get(token.text)
    if symbol is not None and (
        token.glued
        or hyphen
        or ((len(token.text) > 1 or token.text in "CFWV°") and number.digits and number.sort != "vague")
    ):
        return _as_unit(tokens, number, symbol.name, symbol.dimension, j + 1, pack)
    if token.low in pack.grammar.powers and number.digits:
        return _squared(tokens, number, j, pack)
    if token.low == "x" and token.glued and number.digits:
        return Counted("ratio", "multiple", j + 1)
    if token.low in pack.grammar.times_fold and number.sort == "plain":
        return _times(tokens, number, j, pack)
    return None


def _dimensioned(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "at an altitude of 30'"."""
    near = tokens[max(0, number.first - 4) : number.first]
    return number.digits and any(t.low in pack.naming.extents for t in near)


def _as_unit(tokens: Sequence[Token], number: Number, name: str, dimension: str, end: int, pack: Pack) -> Counted:
    if dimension != "time":
        return Counted(name, dimension, end)
    following = [t.low for t in tokens[end : end + 3]]
    hyphen = following[:1] == ["-"]
    old = reads(following[hyphen : hyphen + 1], pack.grammar.old)
    if old or reads(following[:2], pack.grammar.of, pack.grammar.age):
        return Counted(name, "age", end + (2 if hyphen else 1), ("age",))
    if number.sort == "fraction" and name == "century":
        return Counted("year", "time", end, factor=100.0)
    return Counted(name, dimension, end)


def _decade(tokens: Sequence[Token], number: Number, pack: Pack) -> Counted:
    """ "in his mid-30s" is an age, "in the mid-30s" of a rate a percentage."""
    before = {t.low for t in tokens[max(0, number.first - 2) : number.first]}
    if before & pack.grammar.possessive:
        return Counted("year", "age", number.last, ("age",))
    about = {t.low for t in tokens}
    if about & pack.grammar.rates:
        return Counted("percent", "percent", number.last)
    warm = about & pack.grammar.warmth
    return Counted("degree" if warm else "year", "temperature" if warm else "age", number.last)


def _squared(tokens: Sequence[Token], number: Number, j: int, pack: Pack) -> Counted | None:
    """ "500 sq m", "60 sq. ft."."""
    kind = f"{pack.grammar.powers[tokens[j].low]}_"
    k = j + 1
    if k < len(tokens) and tokens[k].text == ".":
        k += 1
    if k >= len(tokens):
        return None
    base = pack.units.by_symbol.get(tokens[k].text) or pack.units.by_words.get((tokens[k].low,))
    # Areas and volumes have their British names here, as most of the labelled sets do.
    names = [f"{kind}{base.name}", f"{kind}{base.name.replace('meter', 'metre')}"] if base else []
    unit = next((pack.units.by_name[name] for name in names if name in pack.units.by_name), None)
    return Counted(unit.name, unit.dimension, k + 1) if unit else None


def _times(tokens: Sequence[Token], number: Number, j: int, pack: Pack) -> Counted:
    """ "three times as many" is a multiple, "voted three times" a count."""
    after = [t.low for t in tokens[j + 1 : j + 6]]
    if (
        tokens[j].low not in pack.grammar.times
        or (after and after[0] in pack.grammar.compares)
        or (reads(after[:1], pack.grammar.the) and not (pack.naming.quantities | pack.grammar.sizes).isdisjoint(after))
    ):
        return Counted("ratio", "multiple", j + 1)
    return Counted("time", "count", j + 1, ("times",))


def _age(tokens: Sequence[Token], number: Number, pack: Pack) -> Counted | None:
    """ "aged 34", "Maddon, 66, has", "between the ages of 17 and 20"."""
    if number.sort != "plain" or number.scale != 1.0:
        return None
    top = number.value if number.value is not None else number.high
    if top is None or not 0 < top <= 120 or top != int(top):
        return None
    before = [t.low for t in tokens[max(0, number.first - 4) : number.first]]
    linked = next((w for w in reversed(before) if w not in pack.grammar.age_links), "")
    if linked in pack.grammar.aged:
        return Counted("year", "age", number.last, ("age",))  # "aged 34", "between the ages of 17 and 20"
    after = tokens[number.last].text if number.last < len(tokens) else "."
    if len(before) > 1 and before[-1] in pack.grammar.than and before[-2] in pack.words.aged:
        return Counted("year", "age", number.last, ("age",))
    limited = len(before) > 1 and before[-1] in pack.words.age_limits and before[-2] in pack.words.crowd
    after_limit = tokens[number.last].low if number.last < len(tokens) else "."
    if limited and number.digits and (after_limit in ".,;)" or after_limit in pack.words.function):
        return Counted("year", "age", number.last, ("age",))
    if _is_so_old(tokens, number, pack):
        return Counted("year", "age", number.last, ("age",))
    died = reads(before[-1:], pack.grammar.at) and before[-2:-1] and before[-2] in pack.words.aging and number.digits
    both = reads(before[-1:], pack.grammar.both) and number.digits and after in ",.;)"
    if died or both:
        return Counted("year", "age", number.last, ("age",))
    if (
        number.paired is None
        and 1 < top < 110
        and number.first >= 2
        and number.digits
        and tokens[number.first - 1].text == ","
        and after in ",.;)"
    ):
        return _apposition(tokens, number)
    named = number.digits and number.first >= 2 and 15 < top < 100 and number.paired is None
    if named and all(t.text[:1].isupper() and t.kind == "w" for t in tokens[number.first - 2 : number.first]):
        following = tokens[number.last].low if number.last < len(tokens) else ""
        return Counted("year", "age", number.last, ("age",)) if following in pack.words.function else None
    g = pack.grammar
    turning = reads(before[-1:], g.turning) or reads(before[-3:], pack.speech.persons, g.will, pack.speech.being)
    ends = after in ".,;" or after.lower() in pack.words.function
    return Counted("year", "age", number.last, ("age",)) if turning and ends else None


def _is_so_old(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "Jim Holt is 69)", "she would still be 71 on election day"."""
    after = tokens[number.last].low if number.last < len(tokens) else "."
    if not number.digits or not 15 < number.amount < 110 or not (after in ".,;)" or after in pack.words.function):
        return False
    i = number.first - 1
    if i < 1 or tokens[i].low not in pack.speech.being or after in pack.grammar.not_so_old:
        return False
    while i > 0 and (tokens[i].low in pack.words.function or tokens[i].low in pack.speech.being):
        if tokens[i].low in pack.speech.persons:
            return True
        i -= 1
    name = tokens[i]
    return i > 0 and name.kind == "w" and name.text.istitle() and tokens[i - 1].text[:1].isupper()


def _apposition(tokens: Sequence[Token], number: Number) -> Counted | None:
    name = tokens[number.first - 2]
    if (name.kind == "w" and name.text[:1].isupper()) or name.text in ".\"”'":
        return Counted("year", "age", number.last, ("age",))
    return None


def _noun(tokens: Sequence[Token], number: Number, pack: Pack) -> Counted:
    """The noun counted: the first plural in the run of words after the number, else the last word that is no verb."""
    words, n, j = pack.words, len(tokens), number.last
    hyphen = (
        j + 1 < n and tokens[j].text in DASHES and tokens[j].glued and tokens[j + 1].glued and tokens[j + 1].kind == "w"
    )
    if hyphen:
        end = _compound_end(tokens, j + 1)
        noun = tokens[end - 1].low
        return Counted(
            singular(tokens[j + 1].low if noun.endswith(words.past_endings) else noun, words),
            "count",
            end,
            (tokens[j + 1].low,),
        )
    if j < n and tokens[j].text in ("%",):
        return Counted(None, "", j)
    j = _skip(tokens, j, pack)
    run: list[tuple[str, int]] = []
    while j < n and len(run) < _WORDS_IN_RUN:
        token = tokens[j]
        if token.kind != "w":
            if not run and token.text in _QUOTES and (closing := _closing(tokens, j)) is not None:
                j = closing + 1  # "two “religious freedom” amendments"
                continue
            if token.text in DASHES and token.glued and j + 1 < n and run:
                j += 1
                if tokens[j].low in pack.grammar.joining and plural_ahead(tokens, j + 1, words):
                    run.pop()
                    j += 1
                    continue
                if tokens[j].kind == "n" and tokens[j].glued:
                    run[-1] = (f"{run[-1][0]}-{tokens[j].low}", j + 1)  # "COVID-19 cases"
                    j += 1
                    continue
                if tokens[j].kind == "w" and tokens[j].glued:
                    run[-1] = (f"{run[-1][0]}-{tokens[j].low}", j + 1)
                    if plural(run[-1][0], words):
                        break
                    j += 1
                continue
            break
        if (
            token.low in pack.grammar.and_or
            and run
            and not plural(run[-1][0], words)
            and plural_ahead(tokens, j + 1, words)
        ):
            j += 1
            continue
        described = not run and token.low.endswith(words.past_endings) and plural_ahead(tokens, j + 1, words)
        if described:
            j += 1  # "401 reported deaths"
            continue
        if token.low in words.function or token.low in words.verbs or token.low in pack.numbers.units:
            break
        bare = token.low in pack.changes.comparatives or token.low in pack.grammar.bare_adjectives
        if bare and not plural_ahead(tokens, j + 1, words):
            break  # "25k cheaper", "75 short of the magic number"
        if token.low in pack.grammar.last_next and not plural_ahead(tokens, j + 1, words):
            break  # "19 last night"
        if run and token.low.endswith(words.participle_endings) and not plural_ahead(tokens, j + 1, words):
            break
        run.append((token.low, j + 1))
        if _is_plural(token, words) and not _plural_noun_at(tokens, j + 1, words):
            break
        j += 1
    return _from_run(tokens, number, run, words)


def _from_run(tokens: Sequence[Token], number: Number, run: list[tuple[str, int]], words: Vocabulary) -> Counted:
    nouns = tuple(w for w, _ in run)
    if len(nouns) == 1 and nouns[0] in words.further:
        return Counted(None, "", run[-1][1])  # "55,000 others"
    if run and plural(run[-1][0], words):
        return Counted(singular(run[-1][0], words), "count", run[-1][1], nouns)
    kept = [(w, end) for w, end in run if not w.endswith(words.no_noun_endings) and not w.endswith("'s")]
    if kept:
        return Counted(kept[-1][0], "count", kept[-1][1], tuple(w for w, _ in kept))
    return Counted(None, "", number.last)


def _closing(tokens: Sequence[Token], j: int) -> int | None:
    """Where the short quotation that opens at ``j`` closes, if words follow it."""
    for k in range(j + 2, min(len(tokens) - 1, j + 2 + _IN_QUOTES)):
        if tokens[k].text in _CLOSED:
            return k if tokens[k + 1].kind == "w" else None
    return None


def _plural_noun_at(tokens: Sequence[Token], j: int, words: Vocabulary) -> bool:
    """Whether a plural goes on to another: "police officers", "sports cars", "women drivers"."""
    if tokens[j - 1].low not in words.attributive:
        return False
    return j < len(tokens) and tokens[j].kind == "w" and tokens[j].text.islower() and plural(tokens[j].low, words)


def _compound_end(tokens: Sequence[Token], j: int) -> int:
    """The end of the hyphenated word that starts at ``j``."""
    while j + 2 < len(tokens) and tokens[j + 1].text in DASHES and tokens[j + 1].glued and tokens[j + 2].glued:
        j += 2
    return j + 1


def _skip(tokens: Sequence[Token], j: int, pack: Pack) -> int:
    """Past what stands between number and noun: "of the", "more", "of Johnson's"."""
    words, grammar, first = pack.words, pack.grammar, j
    if j < len(tokens) and tokens[j].low in grammar.most and plural_ahead(tokens, j + 1, words):
        j += 1  # "the five most recent polls"
    j = _past_price(tokens, j, pack)
    while j < len(tokens) and (
        tokens[j].low in words.skip or (tokens[j].low.endswith("'s") and j and tokens[j - 1].low in grammar.of)
    ):
        if tokens[j].low in grammar.or_ and not (j + 1 < len(tokens) and tokens[j + 1].low in grammar.or_so):
            coordinated = j > first and plural_ahead(tokens, j + 1, words)
            if not (
                coordinated and tokens[j + 1].low.endswith(words.comparative_endings)
            ):  # "420 new or larger kitchens"
                break
        j += 1
    return j


def _past_price(tokens: Sequence[Token], j: int, pack: Pack) -> int:
    """Past "of $12-an-hour": what the things cost stands between them and their number."""
    k = j + 1 if j < len(tokens) and tokens[j].low in pack.grammar.of else j
    if k + 2 < len(tokens) and tokens[k].text in "$£€" and tokens[k + 1].kind == "n" and tokens[k + 2].text in DASHES:
        end = _compound_end(tokens, k + 1)
        return end + 1 if end < len(tokens) and tokens[end].text in '”"' else end
    return j


def plural_ahead(tokens: Sequence[Token], j: int, words: Vocabulary) -> bool:
    for k, token in enumerate(tokens[j : j + 6], start=j):
        if token.kind != "w" and token.text not in DASHES:
            return False
        joined = k > j and token.glued and tokens[k - 1].text in DASHES
        if (token.low in words.function or token.low in words.verbs) and not joined:
            return False
        if _is_plural(token, words):
            return True
    return False


def _is_plural(token: Token, words: Vocabulary) -> bool:
    """Whether the token is a plural; "IRS" is none."""
    return plural(token.low, words) and not (token.text.isupper() and len(token.text) < 5)


@functools.lru_cache(maxsize=1 << 16)
def plural(word: str, words: Vocabulary) -> bool:
    """Whether the word looks like a plural noun."""
    if word in words.irregular:
        return True
    if len(word) < 3 or not word.endswith(words.plural_endings) or word.endswith(words.no_plural_endings):
        return False
    return not (word in words.singular_s or word in words.function or word in words.verbs)


@functools.lru_cache(maxsize=1 << 16)
def singular(word: str, words: Vocabulary) -> str:
    """ "judges" -> "judge", "deputies" -> "deputy", "people" -> "person"."""
    head, dash, last = word.rpartition("-")
    if last in words.irregular:
        return head + dash + words.irregular[last]
    if not plural(last, words):
        return word
    for ending, one in words.singular_endings:
        if last.endswith(ending) and len(last) > len(ending) + 1:
            return head + dash + last[: len(last) - len(ending)] + one
    return word
