"""Set the numbers of one story against each other: metrics of the same thing become one figure.

In: the metrics of this batch (article id, its metrics), all members of every affected story, and the stories that lost
all their members. Out: the figures of each affected story, the metrics with their story, and a ``Replaced`` for each.
Nothing is dropped: a metric that no other speaks of is a figure of its own, status "single".
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import apache_beam as beam
import msgspec

from pipeline.history import OpenHistory
from pipeline.measure.compare import Interval, Thing, agree, content_words, damage, interval_of, thing_of
from pipeline.measure.pack import english
from schemas.ids import figure_id
from schemas.records import Figure, Member, Metric, Record, Replaced


@dataclass(frozen=True)
class Reconciling:
    """``likeness``: how much of their words two sentences must share (Jaccard) for different values to be a conflict.
    ``later``: a value is superseded when the other was published at least so much after it."""

    likeness: float = 0.2
    later: timedelta = timedelta(minutes=30)


class _Item(NamedTuple):
    """A metric with what it is compared by."""

    metric: Metric
    member: Member
    thing: Thing
    interval: Interval | None
    words: frozenset[str]

    @property
    def independent(self) -> str:
        return self.member.copy_group or self.member.article_id


def reconcile(
    members: Iterable[Member], metrics_by_article: Mapping[str, Sequence[Metric]], config: Reconciling | None = None
) -> list[Figure]:
    """The figures of one story, sorted by id; the same for any order of members and metrics."""
    config = config or Reconciling()
    items = _items(members, metrics_by_article)
    buckets: dict[tuple[str, ...], list[_Item]] = {}
    for item in items:
        buckets.setdefault(item.thing.key, []).append(item)
    figures: list[Figure] = []
    for key in sorted(buckets):
        agreeing = _agreeing(buckets[key])
        figures.extend(_figure(group, config) for group in _disagreeing(agreeing, config))
    return _told_apart(figures)


def _items(members: Iterable[Member], metrics_by_article: Mapping[str, Sequence[Metric]]) -> list[_Item]:
    pack = english()
    found = []
    for member in {m.article_id: m for m in members}.values():
        for metric in metrics_by_article.get(member.article_id, ()):
            words = content_words(metric.sentence, pack)
            found.append(_Item(metric, member, thing_of(metric), interval_of(metric), words))
    return sorted(found, key=lambda i: i.metric.metric_id)


def _agreeing(items: Sequence[_Item]) -> list[list[_Item]]:
    """Groups whose values agree, the most exact wordings first, so that "more than 40,000" joins 41,870."""

    def exactness(item: _Item) -> tuple[float, float, str]:
        interval = item.interval
        width = (interval.high - interval.low) / (abs(interval.high) or 1.0) if interval else 9.0
        return width, interval.low if interval else 0.0, item.metric.metric_id

    groups: list[list[_Item]] = []
    for item in sorted(items, key=exactness):
        best: tuple[float, int] | None = None
        for n, group in enumerate(groups):
            if not _joins(item, group):
                continue
            likeness = max(_likeness(item, other) for other in group)
            if best is None or likeness > best[0]:
                best = (likeness, n)
        if best is None:
            groups.append([item])
        else:
            groups[best[1]].append(item)
    return groups


def _joins(item: _Item, group: Sequence[_Item]) -> bool:
    if item.interval is None:
        return False
    return all(
        other.interval is not None
        and agree(item.interval, other.interval)
        and _names_fit(item, other)
        and _periods_fit(item, other)
        for other in group
    )


def _names_fit(a: _Item, b: _Item) -> bool:
    """ "jobs" and "new jobs" are one thing, "Democratic donors" and "Republican donors" are two."""
    one, other = a.thing.names, b.thing.names
    if one <= other or other <= one:
        return bool(one and other) or _likeness(a, b) >= 0.1 or not (one or other)
    return len(one & other) * 2 >= len(one | other)


def _periods_fit(a: _Item, b: _Item) -> bool:
    one, other = a.metric.period, b.metric.period
    return one is None or other is None or one == other or one.startswith(other) or other.startswith(one)


def _likeness(a: _Item, b: _Item) -> float:
    union = len(a.words | b.words)
    return len(a.words & b.words) / union if union else 0.0


def _disagreeing(groups: list[list[_Item]], config: Reconciling) -> list[list[_Item]]:
    """Merge groups of different values that speak of the same thing: alike in name, sentence and time, and no article
    is in both (one that gives two values speaks of two things)."""
    pairs = []
    for i, one in enumerate(groups):
        for j in range(i + 1, len(groups)):
            likeness = _same_thing(one, groups[j], config)
            if likeness is not None:
                pairs.append((-likeness, i, j))
    home = list(range(len(groups)))
    merged: dict[int, list[_Item]] = {n: list(group) for n, group in enumerate(groups)}
    for _, i, j in sorted(pairs):
        a, b = home[i], home[j]
        if a == b or _articles(merged[a]) & _articles(merged[b]):
            continue
        merged[a].extend(merged.pop(b))
        home = [a if h == b else h for h in home]
    return list(merged.values())


def _same_thing(one: Sequence[_Item], other: Sequence[_Item], config: Reconciling) -> float | None:
    """How alike the two groups' sentences are; None when they are not of the same thing."""
    if _articles(one) & _articles(other):
        return None
    best = None
    for a in one:
        for b in other:
            if a.interval is None or b.interval is None or not _names_fit(a, b) or not _periods_fit(a, b):
                continue
            likeness = _likeness(a, b)
            mangled = damage(a.metric, b.metric) or damage(b.metric, a.metric)
            if likeness >= (config.likeness / 2 if mangled else config.likeness) and (best is None or likeness > best):
                best = likeness
    return best


def _articles(group: Iterable[_Item]) -> set[str]:
    return {item.member.article_id for item in group}


def _figure(group: list[_Item], config: Reconciling) -> Figure:
    values = _by_value(group)
    status, chosen, note = _verdict(values, config)
    shown = _shown(chosen)
    names = Counter(i.metric.measure for i in group if i.metric.measure)
    measure = min(names, key=lambda n: (-names[n], len(n), n)) if names else None
    periods = Counter(i.metric.period for i in group if i.metric.period)
    period = min(periods, key=lambda p: (-periods[p], -len(p), p)) if periods else None
    metric = shown.metric
    parts = (measure, metric.unit, metric.per, metric.kind, period, metric.form)
    return Figure(
        figure_id=figure_id(shown.member.story_id, parts),
        story_id=shown.member.story_id,
        measure=measure,
        unit=metric.unit,
        per=metric.per,
        kind=metric.kind,
        period=period,
        form=metric.form,
        value=metric.value,
        low=metric.low,
        high=metric.high,
        status=status,  # type: ignore[arg-type]
        article_count=len(_articles(group)),
        independent_count=len({i.independent for i in group}),
        metric_ids=tuple(sorted(i.metric.metric_id for i in group)),
        note=note,
    )


def _by_value(group: Iterable[_Item]) -> list[list[_Item]]:
    """The items of a figure by agreeing value, the best supported first, then the larger."""
    found = _agreeing(list(group))
    return sorted(found, key=lambda g: (-len({i.independent for i in g}), -_middle(g), g[0].metric.metric_id))


def _middle(group: Sequence[_Item]) -> float:
    interval = group[0].interval
    return (interval.low + interval.high) / 2 if interval else 0.0


def _verdict(values: list[list[_Item]], config: Reconciling) -> tuple[str, list[_Item], str | None]:
    """(status, the items whose value the figure shows, note)."""
    if len(values) == 1:
        status = "agree" if len({i.independent for i in values[0]}) > 1 else "single"
        return status, values[0], None
    whole = _undamaged(values)
    if whole is not None:
        return "damaged", whole[0], whole[1]
    latest = _latest(values, config)
    if latest is not None:
        old = "; ".join(_said(g) for g in values if g is not latest)
        return "superseded", latest, f"{_said(latest)} is the latest; before: {old}"
    return "conflict", values[0], "; against ".join(_said(g) for g in values)


def _undamaged(values: list[list[_Item]]) -> tuple[list[_Item], str] | None:
    """The value of which all the others are damaged forms, and how; None when there is none such."""
    for whole in values:
        how = [_damage_between(other, whole) for other in values if other is not whole]
        support = len({i.independent for i in whole})
        others = [g for g in values if g is not whole]
        if all(how) and all(len({i.independent for i in g}) <= support for g in others):
            said = "; ".join(f"{_said(g)} looks like it with {_HOW[h]}" for g, h in zip(others, how, strict=True) if h)
            return whole, f"{_said(whole)}; {said}"
    return None


_HOW = {
    "lost-scale": "its scale lost",
    "cut": "its digits cut at a separator",
    "lost-point": "its decimal point lost",
    "glued": "the digits of two numbers glued together",
}


def _damage_between(part: Sequence[_Item], whole: Sequence[_Item]) -> str | None:
    found = {damage(a.metric, b.metric) for a in part for b in whole} - {None}
    return min(f for f in found if f) if found else None


def _latest(values: list[list[_Item]], config: Reconciling) -> list[_Item] | None:
    """The last of several counts that were published one after the other and only grew, else None."""
    if any(i.member.at is None or i.thing.key[0] != "count" or i.metric.form != "level" for g in values for i in g):
        return None
    ordered = sorted(values, key=lambda g: (_times(g)[0], g[0].metric.metric_id))
    for earlier, later in itertools.pairwise(ordered):
        if _times(later)[0] - _times(earlier)[1] < config.later or _middle(later) <= _middle(earlier):
            return None
    return ordered[-1]


def _times(group: Sequence[_Item]) -> tuple[datetime, datetime]:
    times = [i.member.at for i in group if i.member.at is not None]
    return min(times), max(times)


def _shown(group: Sequence[_Item]) -> _Item:
    """The item whose wording the figure shows: exact before hedged and bounded, then the earliest."""
    return min(
        group,
        key=lambda i: (
            i.metric.value is None,
            i.metric.bound != "exact",
            i.metric.approx,
            i.member.at is None,
            str(i.member.at),
            i.metric.metric_id,
        ),
    )


def _said(group: Sequence[_Item]) -> str:
    """ "7,000 (the ministry, in Harbor Post; Coast Wire)": the value as written and who gives it."""
    shown = _shown(group)
    who = sorted(
        {f"{i.metric.attribution}, in {i.member.source}" if i.metric.attribution else i.member.source for i in group}
    )
    return f"{shown.metric.surface} ({'; '.join(who)})"


def _told_apart(figures: list[Figure]) -> list[Figure]:
    """Give figures with the same description ids of their own: by value, then by their first metric."""
    taken = Counter(f.figure_id for f in figures)
    apart = []
    for f in figures:
        if taken[f.figure_id] > 1:
            parts = (
                f.measure,
                f.unit,
                f.per,
                f.kind,
                f.period,
                f.form,
                repr((f.value, f.low, f.high)),
                f.metric_ids[0],
            )
            f = msgspec.structs.replace(f, figure_id=figure_id(f.story_id, parts))
        apart.append(f)
    return sorted(apart, key=lambda f: f.figure_id)


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class ReconcileFigures(beam.PTransform):
    """(metrics, members, emptied) -> records: Figure, Metric with its story, and Replaced for both tables.

    ``metrics``: (article id, list of Metric) of every article measured in this batch. ``members``: all members of each
    affected story. ``emptied``: ids of stories that have no members any more.
    """

    config: Reconciling
    open_history: OpenHistory

    def expand(
        self,
        inputs: tuple[beam.PCollection[tuple[str, list[Metric]]], beam.PCollection[Member], beam.PCollection[str]],
    ) -> beam.PCollection[Record]:
        metrics, members, emptied = inputs
        by_article = members | "KeyByArticle" >> beam.Map(lambda m: (m.article_id, m))
        joined = {"metrics": metrics, "members": by_article} | "JoinArticles" >> beam.CoGroupByKey()
        placed = joined | "PlaceMetrics" >> beam.ParDo(_Place()).with_outputs("stories", main="records")
        gone = emptied | "KeyEmptied" >> beam.Map(lambda story: (story, None))
        figures = (
            (placed.stories, gone)
            | "WithEmptied" >> beam.Flatten()
            | "GroupStories" >> beam.GroupByKey()
            | "Reconcile" >> beam.ParDo(_Reconcile(self.config, self.open_history))
        )
        return (placed.records, figures) | "Records" >> beam.Flatten()


class _Place(beam.DoFn):
    """Gives an article's metrics their story, and hands member and metrics on to it."""

    def process(self, element: tuple[str, dict[str, list[object]]]) -> Iterator[object]:
        article, joined = element
        measured = [list(m) for m in joined["metrics"]]  # type: ignore[call-overload]
        members = list(joined["members"])
        story = members[0].story_id if members else None  # type: ignore[attr-defined]
        metrics = measured[-1] if measured else None
        if metrics is not None:
            metrics = [msgspec.structs.replace(m, story_id=story) for m in metrics]
            yield Replaced(table="metrics", group=article)
            yield from metrics
        for member in members[:1]:
            yield beam.pvalue.TaggedOutput("stories", (story, (member, metrics)))


class _Reconcile(beam.DoFn):
    """One story: its figures, with the metrics of members outside this batch from the history."""

    def __init__(self, config: Reconciling, open_history: OpenHistory):
        self._config = config
        self._open_history = open_history

    def setup(self) -> None:
        self._history = self._open_history()

    def process(self, element: tuple[str, Iterable[tuple[Member, list[Metric] | None] | None]]) -> Iterator[Record]:
        story, arrived = element
        parts = [part for part in arrived if part is not None]
        metrics: dict[str, list[Metric]] = {member.article_id: own for member, own in parts if own is not None}
        missing = sorted(member.article_id for member, own in parts if own is None)
        for metric in self._history.metrics(missing) if missing else ():
            metrics.setdefault(metric.article_id, []).append(metric)
        yield Replaced(table="figures", group=story)
        yield from reconcile((member for member, _ in parts), metrics, self._config)
