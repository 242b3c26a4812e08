"""An article's numbers as metrics: what is measured, how much, per what, for when, who said so, and where it stands.

The stages, a module each: sentences -> gate -> tokens -> numbers -> join -> exclude -> unit -> bound -> rate -> form
and direction -> kind -> period -> name -> source over the whole article.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.measure.bounds import bound_of
from pipeline.measure.change import carried, form_of
from pipeline.measure.confidence import confidence_of
from pipeline.measure.exclude import excluded
from pipeline.measure.find import find_numbers
from pipeline.measure.join import join, lend_sorts, lists, said_again
from pipeline.measure.kind import kind_of
from pipeline.measure.naming import name_of
from pipeline.measure.numbers import Number
from pipeline.measure.pack import Pack
from pipeline.measure.period import expressions, period_of
from pipeline.measure.rates import rate_of
from pipeline.measure.sources import Sources
from pipeline.measure.text import Sentence, Token, sentences, tokens
from pipeline.measure.units import Counted, unit_of
from schemas.ids import metric_id
from schemas.records import Metric

_WORDS = re.compile(r"[a-z]+")
_DIGIT = re.compile(r"[0-9½⅓⅔¼¾]")


def measure_text(
    text: str,
    pack: Pack,
    *,
    published: datetime.date | None = None,
    country: str | None = None,
    article_id: str = "",
    text_hash: str = "",
) -> list[Metric]:
    """The metrics of a text, in its order, spans as offsets into it.

    ``published`` resolves "last month"; ``country`` (ISO 3166) decides what "$" is; the ids go into ``metric_id``.
    """
    parts = list(sentences(text))
    sources: Sources | None = None
    found: list[Metric] = []
    for index, part in enumerate(parts):
        if not has_number(part.text, pack):
            continue
        for draft in measure_sentence(part, pack, published=published, country=country):
            sources = sources or Sources(text, parts, pack)
            share = draft.unit in ("percent", "percentage_point", "ratio") or draft.form == "share"
            source = sources.source(index, draft.span_start, draft.span_end, share)
            cue, told = source if source else (None, index)
            if told != index and cue and cue.document and _is_own(draft.measure, pack):
                cue = None  # a poll's margin of error is nobody's finding
            period = draft.period
            if (
                cue
                and cue.document
                and told < index
                and period is None
                and draft.form in ("share", "change", "multiple")
            ):
                # What a study found is of the study's time.
                times = expressions(parts[told].text, published, pack)
                period = times[0].iso if times else None
            start, end = (cue.start, cue.end) if cue else (None, None)
            found.append(
                msgspec.structs.replace(
                    draft,
                    metric_id=metric_id(article_id, text_hash, draft.span_start, draft.span_end),
                    article_id=article_id,
                    period=period,
                    attribution=text[start:end] if cue else None,
                    attribution_start=start,
                    attribution_end=end,
                )
            )
    return found


def _is_own(measure: str | None, pack: Pack) -> bool:
    return not pack.speech.unsourced.isdisjoint((measure or "").split())


def has_number(sentence: str, pack: Pack) -> bool:
    """The gate: seven sentences in ten stop here."""
    return bool(_DIGIT.search(sentence)) or not pack.gate.isdisjoint(_WORDS.findall(sentence.lower()))


def measure_sentence(
    part: Sentence, pack: Pack, *, published: datetime.date | None = None, country: str | None = None
) -> Iterator[Metric]:
    """The metrics of one sentence, without ids and sources."""
    if part.text.lower().startswith(pack.exclusions.captions):
        return
    toks = tokens(part.text)
    numbers = find_numbers(toks, pack, country)
    if not numbers:
        return
    numbers = [n for n in lend_sorts(toks, join(toks, numbers, pack)) if not excluded(toks, n, pack)]
    units = _units(toks, numbers, pack)
    said = said_again(toks, numbers)
    forms: list[tuple[str, str | None]] = []
    bounds: list[tuple[str, bool]] = []
    times = expressions(part.text, published, pack)
    starts = [toks[n.first].start for n in numbers]
    for i, (number, (counted, borrowed)) in enumerate(zip(numbers, units, strict=True)):
        bound, approx = bound_of(toks, number, counted.end, pack)
        form, direction = form_of(toks, number, counted, pack)
        if said[i]:
            # "lost 190 points, or 0.6%", "lower than 8.9 ksi (61.4 MPa)": the same thing in other units.
            bound, approx = bounds[-1] if bound == "exact" and bounds[-1][0] != "range" else (bound, approx)
            form, direction = forms[-1] if forms[-1][0] == "change" and form != "multiple" else (form, direction)
        gap = toks[max(numbers[i - 1].last, units[i - 1][0].end) : number.first] if i else []
        if form != "change" and i and forms[-1][0] == "change" and carried(gap, number, counted, units[i - 1][0], pack):
            form, direction = forms[-1]
        if bound == "exact" and i and bounds[-1][0] in ("at_least", "at_most") and _respectively(toks, number, gap):
            bound, approx = bounds[-1]
        bounds.append((bound, approx))
        forms.append((form, direction))
        if _counts_nothing(toks, number, counted, pack):
            continue
        start, end = toks[number.first].start, toks[number.last - 1].end
        yield Metric(
            metric_id="",
            article_id="",
            span_start=part.start + start,
            span_end=part.start + end,
            surface=part.text[start:end],
            sentence=part.text,
            value=_times(number.value, counted.factor),
            low=_times(number.low, counted.factor),
            high=_times(number.high, counted.factor),
            bound=bound,  # type: ignore[arg-type]
            approx=approx,
            unit=counted.unit,
            per=rate_of(toks, number, counted.end, pack),
            measure=name_of(toks, number, counted, pack),
            form=form,  # type: ignore[arg-type]
            direction=direction,  # type: ignore[arg-type]
            kind=kind_of(toks, number, counted, bound, pack),  # type: ignore[arg-type]
            period=None if counted.dimension in ("age", "time") else period_of(part.text, start, end, times, starts),
            confidence=confidence_of(number, counted, borrowed),
        )


def _respectively(toks: Sequence[Token], number: Number, gap: Sequence[Token]) -> bool:
    """ "more than $38 million and $23 million, respectively": the bound is of both."""
    after = [t.low for t in toks[number.last : number.last + 4]]
    return "respectively" in after and any(t.low == "and" for t in gap)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _units(toks: Sequence[Token], numbers: Sequence[Number], pack: Pack) -> list[tuple[Counted, bool]]:
    """The unit of each number; a member of a list without its own takes that of the next, and a number that stands
    alone that of the last thing counted ("of the 10 judges, six were"). The flag says that it was taken over."""
    own = [unit_of(toks, n, pack) for n in numbers]
    following = lists(toks, numbers)
    found: list[tuple[Counted, bool]] = [(c, False) for c in own]
    for i in range(len(numbers) - 1, -1, -1):
        counted, after = own[i], following[i]
        if counted.unit is None and after is not None and numbers[i].sort in ("plain", "vague"):
            lender = found[after][0]
            if lender.unit is not None and lender.dimension not in ("multiple",):
                found[i] = (msgspec.structs.replace(lender, end=numbers[i].last), True)
    for i in range(1, len(numbers)):
        if numbers[i].paired == "arrival" and found[i][0].unit is None and found[i - 1][0].unit is not None:
            found[i] = (msgspec.structs.replace(found[i - 1][0], end=numbers[i].last), True)
    last: Counted | None = None
    for i, (counted, _) in enumerate(found):
        if counted.unit is None and numbers[i].sort in ("plain", "vague"):
            context = _from_context(toks, numbers[i], counted, last, pack)
            if context is not None:
                found[i] = (context, True)
        elif counted.dimension == "count":
            last = counted
    return found


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
    if toks[number.first - 1].low == "of" and number.first > 1 and toks[number.first - 2].low in pack.words.parents:
        return Counted("child", "count", number.last, ("children",))
    of_body = (
        toks[number.first - 1].low == "of" and number.first > 1 and toks[number.first - 2].low in pack.kinds.bodies
    )
    goes_on = follows in pack.words.further and number.last + 1 < len(toks)
    after_more = toks[number.last + 1].low if goes_on else ""
    more = number.amount >= 1000 and (after_more in pack.words.function or after_more in pack.words.deeds)
    if of_body or more:
        return Counted("person", "count", number.last, ("people",))
    if number.sort == "vague" and not other:
        return None
    if any(w in pack.words.casualties for w in near) or (number.digits and follows in pack.words.deeds):
        return Counted("person", "count", number.last)
    compared = other or any(t.low in pack.words.compared for t in toks[max(0, number.first - 3) : number.first])
    if last is not None and (number.scale == 1.0 or compared):
        after = toks[number.last].low if number.last < len(toks) else "."
        if (
            other
            or after in pack.words.function
            or after in pack.words.verbs
            or after in ".,;)"
            or after.endswith("ed")
        ):
            return Counted(last.unit, "count", number.last, last.nouns)
    return Counted("person", "count", number.last, ("people",)) if other else None


def _measured(toks: Sequence[Token], k: int, number: Number, pack: Pack) -> Counted:
    """ "attendance was 12,000" counts persons, "the registered voter sample is 834" voters, "life expectancy" years."""
    unit = pack.words.measured[toks[k].low]
    before = toks[k - 1].low if k else ""
    if unit == "year":
        return Counted(unit, "age" if before != "expectancy" else "time", number.last, ("age",))
    unit = pack.words.of_whom.get(before, before if f"{before}s" in pack.words.crowd else unit)
    return Counted(unit, "count", number.last, (toks[k].low,))


def _counts_nothing(toks: Sequence[Token], number: Number, counted: Counted, pack: Pack) -> bool:
    """A small spelled number without anything counted is a pronoun; digits may still be a quantity."""
    if counted.unit is not None or number.sort != "plain":
        return False
    letter = toks[number.last - 1]
    if (
        letter.text in ("B", "M", "T")
        and letter.glued
        and number.amount == int(number.amount / number.scale) * number.scale
    ):
        return True  # "the argument over 2B"
    if number.scale != 1.0:
        return False
    if number.paired == "range":
        return False
    return not number.digits
