"""An article's numbers as metrics: what is measured, how much, per what, for when, who said so, and where it stands.

The stages, a module each: sentences -> gate -> tokens -> numbers -> join -> exclude -> unit -> bound -> rate -> form
and direction -> kind -> period -> name -> source over the whole article.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from pipeline.measure.bounds import bound_of
from pipeline.measure.change import carried, form_of
from pipeline.measure.confidence import confidence_of
from pipeline.measure.context import units_of
from pipeline.measure.exclude import excluded
from pipeline.measure.find import find_numbers
from pipeline.measure.join import join, lend_sorts, said_again
from pipeline.measure.kind import kind_of
from pipeline.measure.naming import name_of
from pipeline.measure.numbers import DASHES, Number
from pipeline.measure.period import expressions, period_of
from pipeline.measure.rates import rate_of
from pipeline.measure.sources import Sources
from pipeline.measure.text import Sentence, Token, sentences, tokens
from pipeline.measure.units import Counted
from pipeline.measure.vocabulary import Pack
from schemas.ids import metric_id
from schemas.records import Metric

_REMEMBERED = 2
"""Sentences over which "of them" reaches back to what was counted."""
_RELATIVE = frozenset({"percent", "percentage_point", "ratio"})
_WORDS = re.compile(r"[^\W\d_]+")
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
    counted: tuple[int, Counted] | None = None
    for index, part in enumerate(parts):
        if not has_number(part.text, pack):
            continue
        earlier = counted[1] if counted and index - counted[0] <= _REMEMBERED else None
        for draft in measure_sentence(part, pack, published=published, country=country, earlier=earlier):
            if _counts(draft, pack):
                counted = index, Counted(draft.unit, "count", 0, tuple((draft.measure or "").split()))
            sources = sources or Sources(text, parts, pack)
            metric = msgspec.structs.replace(
                _sourced(draft, index, sources, text, published, pack),
                metric_id=metric_id(article_id, text_hash, draft.span_start, draft.span_end),
                article_id=article_id,
            )
            found.append(msgspec.structs.replace(metric, confidence=confidence_of(metric)))
    return found


def _counts(draft: Metric, pack: Pack) -> bool:
    """Whether the unit is a noun that is counted."""
    unit = draft.unit or ""
    return unit.islower() and unit not in _RELATIVE and unit not in pack.units.by_name


def _sourced(
    draft: Metric, index: int, sources: Sources, text: str, published: datetime.date | None, pack: Pack
) -> Metric:
    """The metric with its source, and with the time of a study that found it."""
    share = draft.unit in _RELATIVE or draft.form == "share"
    source = sources.source(index, draft.span_start, draft.span_end, share)
    if source is None:
        return draft
    cue, told = source
    if told != index and cue.document and _is_own(draft.measure, pack):
        return draft  # a poll's margin of error is nobody's finding
    period = draft.period
    if cue.document and told < index and period is None and draft.form != "level":
        times = expressions(sources.parts[told].text, published, pack)
        period = times[0].iso if len(times) == 1 else None
    return msgspec.structs.replace(
        draft,
        period=period,
        attribution=text[cue.start : cue.end],
        attribution_start=cue.start,
        attribution_end=cue.end,
    )


def _is_own(measure: str | None, pack: Pack) -> bool:
    return not pack.speech.unsourced.isdisjoint((measure or "").split())


def has_number(sentence: str, pack: Pack) -> bool:
    """The gate: seven sentences in ten stop here."""
    return bool(_DIGIT.search(sentence)) or not pack.gate.isdisjoint(_WORDS.findall(sentence.lower()))


def measure_sentence(
    part: Sentence,
    pack: Pack,
    *,
    published: datetime.date | None = None,
    country: str | None = None,
    earlier: Counted | None = None,
) -> Iterator[Metric]:
    """The metrics of one sentence, without ids and sources. ``earlier``: what the sentence before counted last, for
    "3.5 million of them"."""
    if part.text.lower().startswith(pack.exclusions.captions):
        return
    toks = tokens(part.text)
    numbers = find_numbers(toks, pack, country)
    if not numbers:
        return
    numbers = [n for n in lend_sorts(toks, join(toks, numbers, pack), pack) if not excluded(toks, n, pack)]
    units = units_of(toks, numbers, pack, country, earlier)
    readings = _readings(toks, numbers, units, pack)
    times = expressions(part.text, published, pack)
    starts = [toks[n.first].start for n in numbers]
    low = [t.low for t in toks]
    for i, (number, counted, reading) in enumerate(zip(numbers, units, readings, strict=True)):
        if _counts_nothing(toks, number, counted):
            continue
        start, end = toks[number.first].start, toks[number.last - 1].end
        voted = number.paired == "votes" and i + 1 < len(numbers) and numbers[i + 1].paired == "votes"
        near = toks[numbers[i + 1].last - 1].end if voted else end  # the votes of both sides were cast at one time
        timeless = counted.dimension in ("age", "time")
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
            bound=reading.bound,  # type: ignore[arg-type]
            approx=reading.approx,
            unit=counted.unit,
            per=rate_of(toks, number, counted.end, pack),
            measure=name_of(toks, number, counted, pack),
            form=reading.form,  # type: ignore[arg-type]
            direction=reading.direction,  # type: ignore[arg-type]
            kind=kind_of(low, number, counted, reading.bound, pack),  # type: ignore[arg-type]
            period=None if timeless else period_of(part.text, start, near, times, pack.periods, starts),
        )


class Reading(NamedTuple):
    """How exact a number is, and whether it is a level or a movement."""

    bound: str
    approx: bool
    form: str
    direction: str | None


def _readings(toks: Sequence[Token], numbers: Sequence[Number], units: Sequence[Counted], pack: Pack) -> list[Reading]:
    """The reading of each number; one that says another once more, or stands in a list with it, takes over its own."""
    found: list[Reading] = []
    said = said_again(toks, numbers, pack)
    for i, (number, counted) in enumerate(zip(numbers, units, strict=True)):
        bound, approx = bound_of(toks, number, counted.end, pack)
        form, direction = form_of(toks, number, counted, pack)
        if i:
            last = found[-1]
            gap = toks[max(numbers[i - 1].last, units[i - 1].end) : number.first]
            bounded = bound == "exact" and last.bound != "range"
            if said[i]:
                # "lost 190 points, or 0.6%", "lower than 8.9 ksi (61.4 MPa)": the same thing in other units.
                bound, approx = (last.bound, last.approx) if bounded else (bound, approx)
                form, direction = last[2:] if last.form == "change" and form != "multiple" else (form, direction)
            if form != "change" and last.form == "change" and carried(gap, number, counted, units[i - 1], pack):
                form, direction = last[2:]
            if bounded and last.bound != "exact" and _respectively(toks, number, gap, pack):
                bound, approx = last.bound, last.approx
        found.append(Reading(bound, approx, form, direction))
    return found


def _respectively(toks: Sequence[Token], number: Number, gap: Sequence[Token], pack: Pack) -> bool:
    """ "more than $38 million and $23 million, respectively": the bound is of both."""
    after = [t.low for t in toks[number.last : number.last + 4]]
    return not pack.grammar.respectively.isdisjoint(after) and any(t.low in pack.grammar.and_ for t in gap)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _counts_nothing(toks: Sequence[Token], number: Number, counted: Counted) -> bool:
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
        return number.last - number.first == 3 and toks[number.first + 1].text in DASHES  # "9-11"
    return not number.digits
