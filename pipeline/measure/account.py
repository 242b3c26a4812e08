"""What a figure rests on: each of its values with those who give it, and why the figure has its status.

In: a figure, the metrics that it is of, the members of its story. Out: an ``Account``. It reads the signs again that
``Evidence`` weighed; nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.measure.compare import agree, damage
from pipeline.measure.evidence import Evidence, Weights
from pipeline.measure.items import Item, items_of
from pipeline.measure.pack import english
from schemas.records import Figure, Member, Metric

_STATUS = {
    "single": "no other independent text of the story gives it",
    "agree": "{texts} independent texts give values that one number fits (rounding, bounds, units considered)",
    "conflict": "no rounding, bound or damage explains the difference, and none is a later count than the others",
    "damaged": "the digits of one are those of another, mangled",
    "superseded": "it is counted anew as the event goes on, and the last count came later than the others",
}


class Voice(NamedTuple):
    """A metric and the article that has it; ``copies``: the other articles that print the same text."""

    metric: Metric
    member: Member
    copies: tuple[Member, ...]


class Value(NamedTuple):
    """Metrics that agree, the earliest first. ``mangled``: how it came from the value that the figure shows."""

    surface: str
    voices: tuple[Voice, ...]
    mangled: str | None


class Account(NamedTuple):
    values: tuple[Value, ...]
    why: tuple[str, ...]


def accounts(
    figures: Iterable[Figure], members: Iterable[Member], metrics_by_article: Mapping[str, Sequence[Metric]]
) -> dict[str, Account]:
    """The account of each figure of one story, by figure id."""
    pack = english()
    items = [i for m in members for i in items_of(metrics_by_article.get(m.article_id, ()), m, pack)]
    items.sort(key=lambda i: (i.member.at is None, i.member.at, i.member.article_id, i.metric.span_start))
    known = {i.metric.metric_id: n for n, i in enumerate(items)}
    evidence = Evidence(items, Weights(), pack.naming)
    told = {}
    for figure in figures:
        own = [items[n] for n in sorted(known[i] for i in figure.metric_ids if i in known)]
        values = _values(own)
        told[figure.figure_id] = Account(
            tuple(_value(group, figure, own) for group in values), tuple(_why(figure, values, evidence))
        )
    return told


def _values(items: Sequence[Item]) -> list[list[Item]]:
    """The items by value: those that agree with the first of a group are of it."""
    groups: list[list[Item]] = []
    for item in items:
        for group in groups:
            first = group[0].interval
            if first and item.interval and agree(first, item.interval):
                group.append(item)
                break
        else:
            groups.append([item])
    return groups


def _value(group: Sequence[Item], figure: Figure, own: Sequence[Item]) -> Value:
    texts: dict[str, list[Item]] = {}
    for item in group:
        texts.setdefault(item.independent, []).append(item)
    voices = []
    for same in texts.values():
        first = same[0]
        others = {i.member.article_id: i.member for i in same if i.member.article_id != first.member.article_id}
        voices.append(Voice(first.metric, first.member, tuple(others.values())))
    shown = next((i.metric for i in own if i.metric.value is not None and i.metric.value == figure.value), None)
    mangled = damage(group[0].metric, shown) if shown is not None and figure.status == "damaged" else None
    exact = next((i for i in group if i.metric.value == figure.value), group[0])
    return Value(exact.metric.surface, tuple(voices), mangled)


def _why(figure: Figure, values: Sequence[Sequence[Item]], evidence: Evidence) -> list[str]:
    """In words: what makes it one thing, and what makes it agree, conflict, damaged or superseded."""
    firsts = [group[0] for group in values]
    texts = list({i.independent: i for group in values for i in group}.values())
    pair = firsts[:2] if len(firsts) > 1 else texts[:2]
    lines = []
    if len(pair) > 1 and (signs := _signs(pair[0], pair[1], evidence)):
        lines.append(f"one thing, by {'; '.join(signs)}")
    lines.append(_STATUS[figure.status].format(texts=figure.independent_count))
    if figure.status == "conflict" and len(values) > 1 and evidence.spoken_apart(values[0], values[1]):
        lines.append("they have different speakers")
    return lines


def _signs(a: Item, b: Item, evidence: Evidence) -> list[str]:
    """What the two have in common that tells, in words."""
    one, other = a.metric, b.metric
    rows = sorted(h for h in a.heads & b.heads if " " not in h)
    near = sorted((a.setting.near & b.setting.near) - a.heads - b.heads)
    signs = []
    if a.head and a.head == b.head:
        signs.append(f'the same noun, "{a.head}"')
    elif rows:
        signs.append(f'nouns for one thing, "{one.measure}" and "{other.measure}"')
    elif a.setting.fate and a.setting.fate == b.setting.fate:
        signs.append(f"what befell those counted: {a.setting.fate}")
    if one.unit and other.unit and one.unit != other.unit and a.dimension == b.dimension != "count":
        signs.append(f"{one.unit} converted to {other.unit}")
    if one.per and one.per == other.per:
        signs.append(f"both per {one.per}")
    if one.period and one.period == other.period:
        signs.append(f"both of {one.period}")
    if near:
        signs.append(f"near both: {', '.join(near[:6])}")
    elif shared := sorted(a.words & b.words, key=lambda word: (-evidence.weight(word), word))[:4]:
        signs.append(f"in both sentences: {', '.join(sorted(shared))}")
    if evidence.companions(a, b):
        signs.append("the same numbers beside it")
    return signs
