"""What is measured, in one to four words, so that the same thing in two articles gets a comparable name.

What is counted names itself. Else, in this order: the noun before "of" ("a reward of"), the noun after the number
("percent of the investors", "a 25% duty"), the nearest noun of quantity in the clause ("inflation, at"), what the verb
says ("saved": savings), the subject. Verbs, times and adverbs are never names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.text import Token
from pipeline.measure.units import Counted, plural, singular
from pipeline.measure.vocabulary import Pack

_MOST = 4
_REACH = 24
_ENDS = frozenset(';“”":()—–')


def name_of(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """The measure, lower case; None when nothing near the number names it."""
    if counted.dimension == "age":
        return "age"
    if counted.unit == "person":
        casualties = _casualties(tokens, number, counted, pack)
        if casualties:
            return casualties
    if counted.dimension == "count" and counted.nouns and counted.unit != "point":
        nouns = counted.nouns[-_MOST:]
        return " ".join([*(n for n in nouns[:-1] if n not in pack.changes.comparatives), nouns[-1]])
    if counted.dimension in pack.naming.dimensions:
        return _of_rest(tokens, number, counted, pack) or pack.naming.dimensions[counted.dimension]
    rated = number.sort in ("percent", "point", "fraction")
    return (
        _before_of(tokens, number.first, pack)
        or (_after(tokens, max(number.last, counted.end), pack, rated) if number.sort != "plain" else None)
        or _quantity(tokens, number.first, pack)
        or (None if rated else _deed(tokens, number, pack))
        or _subject(tokens, number, pack)
    )


def _casualties(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """ "12 people were killed", "killing at least 12", "58 wounded": what befell those who are counted."""
    nouns = pack.words.casualty_nouns
    end = max(number.last, counted.end)
    for k in range(end, min(len(tokens), end + 4)):
        if tokens[k].low in nouns:
            return nouns[tokens[k].low]
        if tokens[k].text in ",;." or tokens[k].low in pack.grammar.ends_casualties:
            break
    for k in range(number.first - 1, max(-1, number.first - 5), -1):
        if tokens[k].low in nouns:
            return nouns[tokens[k].low]
        if tokens[k].text in ",;." or tokens[k].low in pack.grammar.ends_casualties_before:
            break
    return None


def _of_rest(tokens: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> str | None:
    """ "12 hours of rest", "a delay of two hours"; what is farther from a time or a length is of something else."""
    j = max(number.last, counted.end)
    after = None
    if j < len(tokens) and tokens[j].low in pack.grammar.of:
        after = _after(tokens, j, pack, True)
    return after or _before_of(tokens, number.first, pack)


def _before_of(tokens: Sequence[Token], first: int, pack: Pack) -> str | None:
    """The noun in "a revenue of about", "the goal of"."""
    i = first - 1
    while i > 0 and (
        tokens[i].low in pack.bounds.fillers
        or (tokens[i].low,) in pack.bounds.before
        or tokens[i].low in pack.grammar.plus_minus
    ):
        if tokens[i].low in pack.grammar.of:
            break
        i -= 1
    if i < 1 or tokens[i].low not in pack.grammar.of:
        return None
    return _phrase(tokens, i - 1, pack)


def _after(tokens: Sequence[Token], j: int, pack: Pack, rated: bool) -> str | None:
    """The noun phrase after the number: "80 percent of the investors", "a 25% duty", "$5 million in damages"."""
    if j < len(tokens) and tokens[j].low in pack.grammar.in_ and rated:
        return None  # "5 percent in early trading" is of no trading
    words: list[str] = []
    started = False
    for token in tokens[j : j + 9]:
        low = token.low
        if not started and (low in pack.grammar.name_leads or token.text in DASHES):
            if low in pack.grammar.a and not words:
                return None  # "$5 a share", "$3 million a year"
            continue
        if token.text in DASHES and token.glued:
            continue
        if not _nounish(token, pack) or (low in pack.naming.empty and not words):
            break
        if not started and low in pack.kinds.poll_answers and rated:
            break  # "46 percent support Ms. Ruiz"
        words.append(low.removesuffix("'s"))
        started = True
        if plural(low, pack.words):
            break
    return _joined(words, pack)


def _quantity(tokens: Sequence[Token], first: int, pack: Pack) -> str | None:
    """The nearest noun of quantity before the number in its clause, with what stands before it."""
    carried = False
    for i in range(first - 1, max(-1, first - _REACH), -1):
        token = tokens[i]
        if token.text in _ENDS:
            return None
        if token.kind == "n" and not (1900 <= _year(token.text) < 2100):
            if carried or not any(t.low in pack.grammar.carries for t in tokens[i + 1 : first]):
                return None
            carried = True  # "cost $410, up from $95": both are of the cost
        named = i and token.text[:1].isupper()
        if token.low in pack.naming.quantities and not named and not _is_verb(tokens, i, pack):
            of = i + 1 < first and tokens[i + 1].low in pack.grammar.of
            counted = _counted(tokens, i + 1, first, pack) if of and token.low in pack.grammar.counting else None
            phrase = counted or _phrase(tokens, i, pack)
            if phrase:
                return phrase
    return None


def _counted(tokens: Sequence[Token], of: int, first: int, pack: Pack) -> str | None:
    """What is counted in "the number of people known to have died", "the count of the dead", "a total of votes"."""
    for token in tokens[of + 1 : min(first, of + 8)]:
        if token.low in pack.words.casualty_nouns:
            return pack.words.casualty_nouns[token.low]
    return _after(tokens, of, pack, True)


def _is_verb(tokens: Sequence[Token], i: int, pack: Pack) -> bool:
    """ "tickets cost", "will offer", "to target": a noun of quantity that is a verb here."""
    low = tokens[i].low
    if low not in pack.naming.deeds and low not in pack.words.verbs and low not in pack.changes.verbs:
        return False
    before = tokens[i - 1] if i else None
    return before is None or not (
        before.low in pack.speech.articles
        or before.low in pack.speech.determiners
        or before.low.endswith("'s")
        or before.low.endswith(pack.naming.adjective_endings)
    )


def _year(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else 0


def _deed(tokens: Sequence[Token], number: Number, pack: Pack) -> str | None:
    """What the verb nearest before the number, in its clause, says that it is."""
    for i in range(number.first - 1, max(-1, number.first - 12), -1):
        token = tokens[i]
        if token.text in _ENDS or token.kind == "n" or (token.text == "," and number.sort != "money"):
            return None
        if token.low in pack.naming.deeds:
            return pack.naming.deeds[token.low]
    return None


def _phrase(tokens: Sequence[Token], head: int, pack: Pack) -> str | None:
    """The noun at ``head`` with the words before it that belong to it: "key interest rate"."""
    words: list[str] = []
    for i in range(head, max(-1, head - _MOST), -1):
        token = tokens[i]
        if token.text in DASHES and token.glued:
            continue
        noun = i == head and token.low in pack.naming.quantities  # though it may be a verb elsewhere: "the pay of"
        if not (noun or _nounish(token, pack)) or (words and token.low.endswith("'s")):
            break
        words.append(token.low.removesuffix("'s"))
    return _joined(words[::-1], pack)


def _subject(tokens: Sequence[Token], number: Number, pack: Pack) -> str | None:
    """The noun phrase that stands before the verb or the preposition in front of the number; common nouns go before
    names, the nearest phrase else."""
    name: list[str] = []
    words: list[str] = []
    proper = True
    for i in range(number.first - 1, max(-1, number.first - 15), -1):
        token = tokens[i]
        ends = token.text in _ENDS or token.kind == "n"
        if not ends and _nounish(token, pack):
            words.append(token.low.removesuffix("'s"))
            proper = proper and token.text[:1].isupper()
            if len(words) < _MOST:
                continue
        joined = _joined(words[::-1], pack)
        if joined and token.low in pack.grammar.inside_name and _nounish(tokens[i - 1], pack) and i:
            # "admissions for bronchitis": of the phrases that hang together the first is what is measured.
            words = []
            proper = True
            name = name or joined.split()
            continue
        if joined and not proper:
            return joined
        if joined and not name:
            name = joined.split()
        words, proper = [], True
        if ends:
            break
    joined = _joined(words[::-1], pack)
    return joined if joined and (not proper or not name) else " ".join(name) or None


def _nounish(token: Token, pack: Pack) -> bool:
    low = token.low
    if (
        token.kind != "w"
        or len(low) < 2
        or ("'" in low and not low.endswith("'s"))
        or low in pack.naming.contracted
        or low in pack.words.function
        or low in pack.words.verbs
    ):
        return False
    if low in pack.naming.quantities:
        return True
    return not (
        low in pack.naming.verbs
        or low in pack.changes.verbs
        or low in pack.changes.comparatives
        or low in pack.speech.verbs
        or low in pack.periods.months
        or low in pack.periods.weekdays
        or low in pack.numbers.units
        or (low,) in pack.bounds.before
        or low.endswith(pack.words.no_noun_endings)
    )


def _joined(words: Iterable[str], pack: Pack) -> str | None:
    """The name, without words that say only which or when at its ends; None when nothing else is there."""
    kept = [w for w in words if len(w) > 1 and w not in pack.changes.comparatives]
    while kept and kept[-1] in pack.naming.empty:
        kept.pop()
    while kept and kept[0] in pack.naming.empty:
        kept.pop(0)
    return " ".join(kept[-_MOST:]) or None


def head_of(measure: str | None, pack: Pack) -> str:
    """The last word of a measure in the singular; empty when it has none."""
    words = (measure or "").split()
    return singular(words[-1], pack.words) if words else ""
