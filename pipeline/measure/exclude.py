"""Which numbers are no quantities: dates, years, clock times, ranks, names, references, phones, scores, idioms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.text import Token
from pipeline.measure.units import plural, plural_ahead
from pipeline.measure.vocabulary import Pack

_URLISH = re.compile(r"^[/@#_=&?\\]$")


def excluded(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """Whether the number, alone or by what stands around it, is no quantity."""
    return (
        _idiom(tokens, number, pack)
        or (number.bare and _bare(tokens, number, pack))
        or number.paired == "score"
        or (_word(tokens, number.first - 1) in pack.grammar.per and number.sort == "plain")
        or (number.paired == "range" and _date_range(tokens, number, pack))
        or (
            (number.scale == 1.0 or _letter(tokens, number))
            and number.sort == "plain"
            and _reference(tokens, number, pack)
        )
        or _hundred_percent(tokens, number, pack)
        or (number.sort == "money" and _glued_s(tokens, number))
        or (number.bare and _before_name(tokens, number, pack))
        or _proper(tokens, number, pack)
        or (number.sort == "vague" and _vague_name(tokens, number, pack))
        or (number.sort == "multiple" and number.paired is None and _no_multiple(tokens, number, pack))
    )


def _bare(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    return (
        _one(tokens, number, pack)
        or _year(tokens, number, pack)
        or _era(tokens, number, pack)
        or _date(tokens, number, pack)
        or _clock(tokens, number, pack)
        or _glued_name(tokens, number, pack)
        or _pronoun(tokens, number, pack)
    )


def _word(tokens: Sequence[Token], i: int) -> str:
    return tokens[i].low if 0 <= i < len(tokens) else ""


def _one(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "One" is mostly a pronoun: it counts before a plain noun of a short list, nowhere else."""
    if number.value != 1.0 or number.digits or number.last != number.first + 1:
        return False
    after = _word(tokens, number.last)
    if after == "-" and (_word(tokens, number.last + 1),) in pack.units.by_words and tokens[number.last].glued:
        return _word(tokens, number.last + 2) == "-" and _word(tokens, number.last + 3) not in pack.grammar.old
    if after in pack.exclusions.one:
        before = _word(tokens, number.first - 1)
        return before in pack.grammar.no_one or (
            after in pack.grammar.one_of_many
            and before not in pack.bounds.fillers
            and before not in pack.grammar.counts_one
        )
    return True


def _year(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    token = tokens[number.first]
    if not number.digits or len(token.text) != 4 or not token.text.isdigit():
        return bool(
            number.digits and len(token.text) == 4 and _word(tokens, number.last) == "s" and tokens[number.last].glued
        )
    value = int(token.text)
    before = _word(tokens, number.first - 1)
    if not 1500 <= value <= (2300 if before in pack.grammar.by_year else 2100):
        return False
    if before in pack.grammar.of and _word(tokens, number.first - 2) in pack.exclusions.counted_before:
        return False  # "an average of 1500"
    after = tokens[number.last] if number.last < len(tokens) else None
    if after is None or after.kind != "w":
        return True
    if after.glued:
        return True
    if before in pack.grammar.before_year or before in pack.periods.months or 1900 <= value <= 2060:
        counted = (
            after.low in pack.words.crowd or (after.low,) in pack.units.by_words or after.text in pack.units.by_symbol
        )
        return not (counted and before not in pack.grammar.years_only)
    return after.low in pack.words.function


def _era(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "A.D. 1000 and 1260", "300 BC": years with their era."""
    eras = pack.exclusions.eras
    if _word(tokens, number.first - 1) in eras or _word(tokens, number.last) in eras:
        return True
    return (
        _word(tokens, number.first - 1) in (*pack.grammar.to_and, *DASHES) and _word(tokens, number.first - 3) in eras
    )


def _date(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    value = number.value or 0.0
    months = pack.periods.months
    if value != int(value) or not 1 <= value <= 31:
        return False
    i = number.first - 1
    if _word(tokens, i) == ".":
        i -= 1
    if i >= 0 and tokens[i].low in months and (tokens[i].text[0].isupper()):
        return not (tokens[i].low in pack.grammar.spring and i == 0 and _word(tokens, number.last) not in (",", "."))
    j = number.last
    if _word(tokens, j) in pack.grammar.of:
        j += 1
    if j < len(tokens) and tokens[j].low in months and tokens[j].text[0].isupper():
        return True
    # The second day of "Jan. 5-7" and "July 3 and 4".
    k = number.first - 1
    if _word(tokens, k) in DASHES or _word(tokens, k) in pack.grammar.joining:
        k -= 1
        if k >= 1 and tokens[k].kind == "n" and len(tokens[k].text) <= 2:
            k -= 2 if _word(tokens, k - 1) == "." else 1
            return k >= 0 and tokens[k].low in months and tokens[k].text[0].isupper()
    # The second of two weekday dates is rare; a weekday directly before a small number is one.
    before = _word(tokens, number.first - 1)
    return before in pack.periods.weekdays and _word(tokens, number.last) in ("", ".", ",", ")")


def _date_range(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "Jan. 5-7", "2015-16", "2010 to 2014", "9 to 5", "between 9 a.m. and 5 p.m."."""
    if number.unit is not None or number.scale != 1.0:
        return False
    low, high = number.low or 0.0, number.high or 0.0
    i = number.first - 1
    if _word(tokens, i) == ".":
        i -= 1
    if high <= 31 and i >= 0 and tokens[i].low in pack.periods.months and tokens[i].text[0].isupper():
        return True
    first = tokens[number.first].text
    if len(first) == 4 and first.isdigit() and 1500 <= low <= 2100 and 1500 <= high <= 2100:
        after = _word(tokens, number.last)
        return not (after in pack.words.crowd or (after,) in pack.units.by_words)
    return _word(tokens, number.last) in pack.grammar.clock or _word(tokens, number.last) in pack.periods.months


def _clock(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    after = _word(tokens, number.last)
    if after in pack.grammar.clock:
        return True
    if after == ":" and tokens[number.last].glued and number.last + 1 < len(tokens):
        return tokens[number.last + 1].kind == "n" and tokens[number.last + 1].glued
    i = number.first - 1
    if _word(tokens, i) == ":" and tokens[i].glued and i and tokens[i - 1].kind == "n" and tokens[number.first].glued:
        return True
    # "9 a. m."
    parts = [_word(tokens, number.last + k) for k in range(3)]
    return parts[1] == "." and f"{parts[0]}{parts[2]}" in pack.grammar.clock


def _glued_name(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """Part of a name by its look: "EB-5", "COVID-19", "A380", "49ers", "501(c)"; an ordinal: "3rd"."""
    first, n = tokens[number.first], len(tokens)
    i = number.first - 1
    if i >= 0 and first.glued:
        previous = tokens[i]
        if previous.kind == "w":
            return True
        if previous.text in DASHES and previous.glued and i:
            stem = tokens[i - 1]
            if stem.kind == "w" and stem.low not in pack.exclusions.prefixes and stem.low not in pack.grammar.to_from:
                return True
        if previous.text in ("'", "’", "‘") and len(first.text) == 2:
            return True  # "the '97 model"
        if previous.text == "+" and previous.glued and i and tokens[i - 1].kind:
            return True  # "the P5+1"
        if previous.text == "(" and previous.glued and i and tokens[i - 1].text == ")":
            return True  # "501(c)(4)"
        if previous.text == "." and previous.glued and i and tokens[i - 1].kind in ("n", "w"):
            return True  # "ID.4"
    if number.last < n and tokens[number.last].glued:
        after = tokens[number.last]
        if after.kind == "w":
            known = after.text in pack.units.by_symbol or after.low in ("x", "bn") or after.text in pack.money.codes
            follows = tokens[number.last + 1] if number.last + 1 < n else None
            return not known or bool(follows and follows.glued and follows.kind == "n")
        if after.text == "(":
            return True
    return False


def _pronoun(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "the two raised", "those three": a spelled number that stands for persons already named."""
    if number.digits:
        return False
    before, after = _word(tokens, number.first - 1), _word(tokens, number.last)
    bare_after = after in pack.words.function or after in pack.words.verbs or not after or not after[0].isalpha()
    return (
        before in pack.grammar.the_these
        and (bare_after or after.endswith(pack.words.past_endings))
        and after not in pack.grammar.counted_after_the
    )


def _reference(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """After "Section", "No.", a product's or a road's name; a phone number; part of an address or a URL."""
    i = number.first - 1
    first = tokens[number.first]
    dot = _word(tokens, i) == "."
    if dot:
        i -= 1
    if i < 0 or (i == 0 and tokens[0].text in '“"('):
        return (
            number.digits
            and _word(tokens, number.last) in (".", ")")
            and number.last < len(tokens)
            and tokens[number.last].glued
        )
    before = tokens[i]
    after = _word(tokens, number.last)
    exclusions = pack.exclusions
    if before.low in pack.grammar.of and i > 1 and tokens[i - 1].kind == "n" and tokens[i - 2].low in exclusions.before:
        return True  # "caption 3 of 12"
    named = before.low in exclusions.before and (not dot or before.low in pack.grammar.dotted)
    if named and (number.digits or before.text[0].isupper()):
        measured = (
            (after,) in pack.units.by_words
            or after in pack.words.crowd
            or (before.text.islower() and plural(after, pack.words))
        )
        return not measured or before.low in pack.grammar.references
    if before.text[0].isupper() and before.low in exclusions.capitalised:
        return True
    if not dot and _URLISH.match(before.text) and first.glued:
        return True
    quoted = before.text in '“‘"' and first.glued and number.bare and number.last + 1 < len(tokens)
    if quoted and (tokens[number.last].text in '”’"' or tokens[number.last + 1].text in '”’"') and not after.isalpha():
        return True  # "known as a “1332,”"
    if before.text == '"' and i and tokens[i - 1].text == "=" and first.glued:
        return True  # an attribute of markup that stayed in the text
    if number.last < len(tokens) and _URLISH.match(tokens[number.last].text) and tokens[number.last].glued:
        # "9/11", "24/7", and path segments; "km/h" is after a unit, not a number.
        return True
    if _phone(tokens, number):
        return True
    return number.bare and _capital_name(tokens, number, before, after, pack)


def _capital_name(tokens: Sequence[Token], number: Number, before: Token, after: str, pack: Pack) -> bool:
    """ "Model 3", "iPhone 14", "Boeing 737": digits after a capitalised word and before no noun."""
    if not number.digits or not before.text[:2].strip("i")[:1].isupper() or before.kind != "w":
        return False
    if before.low in pack.words.function or before.low in pack.words.verbs or "," in tokens[number.first].text:
        return False
    if (before.low,) in pack.bounds.before or before.low in pack.periods.months or before.low in pack.changes.verbs:
        return False
    if "." in tokens[number.first].text or (number.first == 1 and before.text.istitle() and not after[:1].isupper()):
        return False
    if (after,) in pack.units.by_words or after in pack.words.crowd or after in pack.units.by_symbol:
        return False
    # "Nick Hague, 44, has" is an age, with or without its commas.
    full_name = number.first >= 2 and tokens[number.first - 2].text[:1].isupper() and 16 <= (number.value or 0) <= 99
    if full_name and (after in pack.words.function or after in pack.words.verbs):
        return False
    return not (plural(after, pack.words) and tokens[number.last].text.islower())


def _letter(tokens: Sequence[Token], number: Number) -> bool:
    """Whether the scale is one letter: "2B" may be two billion or a section."""
    last = tokens[number.last - 1]
    return len(last.text) == 1 and last.kind == "w" and bool(last.glued)


def _glued_s(tokens: Sequence[Token], number: Number) -> bool:
    """ "a handful of $20s": a kind of note, no sum."""
    return number.last < len(tokens) and tokens[number.last].glued and tokens[number.last].text == "s"


def _before_name(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "11 Pro Max", "10 Downing Street": digits before capitalised words of which none is a plural."""
    n = len(tokens)
    if not number.digits or number.last >= n or number.amount >= 1000:
        return False
    after = tokens[number.last]
    if after.kind != "w" or not after.text.istitle() or after.glued or plural_ahead(tokens, number.last, pack.words):
        return False
    words = (pack.words.function, pack.periods.months, pack.periods.weekdays, pack.words.crowd, pack.words.casualties)
    if any(after.low in known for known in words) or (after.low,) in pack.units.by_words:
        return False
    titled = number.last + 1 < n and tokens[number.last + 1].text.istitle()
    named = any(
        t.text == tokens[number.first].text and k and tokens[k - 1].text[:1].isupper()
        for k, t in enumerate(tokens[: number.first])
    )  # "the Tarn 12 and 12 Mini"
    return (titled or named) and after.text not in pack.units.by_symbol and after.low not in pack.numbers.scales


def _phone(tokens: Sequence[Token], number: Number) -> bool:
    """A chain of digits joined by hyphens, or digits after an area code in brackets."""
    j, groups = number.last, 1
    k = number.first
    while (
        j + 1 < len(tokens)
        and tokens[j].text in DASHES
        and tokens[j].glued
        and tokens[j + 1].kind == "n"
        and tokens[j + 1].glued
    ):
        groups, j = groups + 1, j + 2
    while (
        k >= 2
        and tokens[k - 1].text in DASHES
        and tokens[k - 1].glued
        and tokens[k - 2].kind == "n"
        and tokens[k].glued
    ):
        groups, k = groups + 1, k - 2
    if groups >= 3 or (number.paired == "range" and groups >= 2):
        return True
    run = [t.text for t in tokens[number.first : number.last] if t.kind == "n"]
    if number.paired == "range" and len(run) == 2 and len(run[0]) == 3 and len(run[1]) == 4:
        return True
    return (
        number.first >= 1
        and tokens[number.first - 1].text == "+"
        and number.value is not None
        and len(run) == 1
        and len(run[0]) >= 4
    )


def _vague_name(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "scores" as a noun or a verb, "the hundreds place"."""
    word = tokens[number.first].low
    if word not in pack.grammar.scores:
        return False
    before = _word(tokens, number.first - 1)
    plain = not before or not before[0].isalpha() or before in pack.grammar.before_scores
    return _word(tokens, number.last) not in pack.grammar.of or not plain


def _no_multiple(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "double" and "triple" as adjectives, "twice" as "on two occasions"."""
    word, after = tokens[number.first].low, _word(tokens, number.last)
    before = _word(tokens, number.first - 1)
    if word in pack.grammar.double:
        if after == "-" or before == "-":
            return True
        if before in pack.grammar.before_double:
            return after in pack.grammar.no_double
        return after not in pack.grammar.after_double
    if word in pack.grammar.twice:
        return after not in pack.grammar.after_twice or before in pack.grammar.once
    if word in pack.grammar.doubles:
        return after not in pack.grammar.after_doubles
    if word in pack.grammar.doubling:
        return after in pack.grammar.up_down
    return after in pack.grammar.up_down


def _hundred_percent(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """ "100 percent wrong" means "quite wrong"."""
    if number.sort != "percent" or number.value not in (100.0, 110.0, 1000.0) or number.last >= len(tokens):
        return False
    after = tokens[number.last]
    return (
        after.kind == "w"
        and after.low not in pack.words.function
        and after.low not in pack.changes.nouns
        and after.text.islower()
    )


def _proper(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    """A spelled number inside a name: "Zero Hedge", "the Big Four", "Five Star Movement"."""
    if number.digits or number.sort != "plain" or number.scale != 1.0 or not tokens[number.first].text[:1].isupper():
        return False
    after = tokens[number.last] if number.last < len(tokens) else None
    capital_after = after is not None and after.text[:1].isupper() and after.kind == "w"
    if number.first == 0 or tokens[number.first - 1].text in ("“", '"', "‘"):
        return number.value == 0.0 and capital_after
    previous = tokens[number.first - 1]
    # "the Group of Seven"; in a headline other words have capitals too.
    if previous.low in pack.grammar.of and number.first > 1 and tokens[number.first - 2].text[:1].isupper():
        return True
    titled = sum(t.text[:1].isupper() for t in tokens) > len(tokens) / 2
    opens = previous.text in ":.—–-"
    return capital_after or previous.text[:1].isupper() or not (titled or opens)


def _idiom(tokens: Sequence[Token], number: Number, pack: Pack) -> bool:
    if not number.bare and number.sort != "vague":
        return False
    before = tuple(t.low for t in tokens[max(0, number.first - 4) : number.first])
    after = tuple(t.low for t in tokens[number.last : number.last + 4])
    by_word = pack.exclusions.idioms_by_word
    beside = (*by_word.get(before[-1:], ()), *by_word.get(after[:1], ()))
    return any(before[len(before) - len(head) :] == head and after[: len(tail)] == tail for head, tail in beside)
