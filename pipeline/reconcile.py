"""Set the numbers of one story against each other: metrics of the same thing become one figure.

In: the metrics of this batch (article id, its metrics), all members of every affected story, and the stories that lost
all their members. Out: the figures of each affected story, the metrics with their story, and a ``Replaced`` for each.
Nothing is dropped: a metric that no other speaks of is a figure of its own, status "single".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import msgspec

from pipeline.history import History
from pipeline.matching.stories import by_story
from pipeline.measure.compare import BARE, Interval, agree, damage
from pipeline.measure.evidence import Evidence, Weights
from pipeline.measure.items import Item, items_of, spans
from pipeline.measure.pack import english
from schemas.ids import figure_id
from schemas.records import Figure, Member, Metric, Record, Replaced


@dataclass(frozen=True)
class Reconciling:
    """``weights``: of the evidence. ``later``: a count supersedes another that was published at least so much before.
    The rest bounds the work on a story with thousands of numbers: with how many that may have its value a metric is
    compared, with how many groups of other values that share a word, and how many values a figure has at most."""

    weights: Weights = field(default_factory=Weights)
    later: timedelta = timedelta(minutes=30)
    most_neighbours: int = 30
    most_rivals: int = 40
    most_units: int = 12
    most_values: int = 12


@dataclass(frozen=True)
class _Group:
    """Metrics that agree: ``items``, the most telling first."""

    items: tuple[Item, ...]

    @property
    def independent(self) -> frozenset[str]:
        return frozenset(i.independent for i in self.items)

    @property
    def articles(self) -> frozenset[str]:
        return frozenset(i.member.article_id for i in self.items)

    @property
    def order(self) -> tuple[float, str]:
        """The best supported first, then any fixed order."""
        return -len(self.independent), self.items[0].metric.metric_id


def reconcile(
    members: Iterable[Member],
    metrics_by_article: Mapping[str, Sequence[Metric]],
    config: Reconciling | None = None,
    evidence: type[Evidence] = Evidence,
) -> list[Figure]:
    """The figures of one story, sorted by id; the same for any order of members and metrics."""
    config = config or Reconciling()
    pack = english()
    by_id = {m.article_id: m for m in members}
    items = [i for m in by_id.values() for i in items_of(metrics_by_article.get(m.article_id, ()), m, pack)]
    items.sort(key=lambda i: i.metric.metric_id)
    weighed = evidence(items, config.weights, pack.naming)
    groups = _agreeing(items, weighed, config)
    return _told_apart([_figure(rivals, weighed, config) for rivals in _rivals(groups, weighed, config)])


def _agreeing(items: Sequence[Item], evidence: Evidence, config: Reconciling) -> list[_Group]:
    """Join the pairs with agreeing values that are of one thing, the surest first, as long as the group agrees."""
    index = {item.metric.metric_id: n for n, item in enumerate(items)}
    twins = _twins(items)
    pairs: dict[tuple[int, int], float] = {}
    for block in _blocks([items[n] for n in twins], config.most_units):
        for at, a in enumerate(block):
            for b in block[at + 1 : at + 1 + config.most_neighbours]:
                if a.interval is None or b.interval is None or not agree(a.interval, b.interval):
                    if b.interval is None or a.interval is None or b.interval.low > a.interval.high:
                        break
                    continue
                score = evidence.agreement(a, b)
                if score is not None:
                    n, m = sorted((index[a.metric.metric_id], index[b.metric.metric_id]))
                    pairs[n, m] = score
    home = list(range(len(items)))
    merged: dict[int, _Merged] = {n: _Merged.of(n, items[n]) for n in twins}
    for pair in sorted(pairs, key=lambda pair: (-pairs[pair], pair)):
        one, other = (home[n] for n in pair)
        joint = merged[one].joined(merged[other]) if one != other else None
        if joint is None:
            continue
        for k in merged.pop(other).items:
            home[k] = one
        merged[one] = joint
    return [_Group(tuple(items[k] for k in sorted(t for n in g.items for t in twins[n]))) for g in merged.values()]


def _twins(items: Sequence[Item]) -> dict[int, list[int]]:
    """The same number in the same sentence, said twice or in copies of one text: the first -> all with it."""
    found: dict[tuple[str, str, str, int], list[int]] = {}
    for n, item in enumerate(items):
        place = item.setting.at if item.setting.at >= 0 else -n - 1
        found.setdefault((item.independent, item.metric.sentence, item.metric.surface, place), []).append(n)
    return {same[0]: same for same in found.values()}


class _Merged(NamedTuple):
    """A group while it grows: the values that all its members allow, and what they may not differ in."""

    items: tuple[int, ...]
    interval: Interval | None
    unit: frozenset[str]
    per: frozenset[str]
    direction: frozenset[str]

    @classmethod
    def of(cls, n: int, item: Item) -> _Merged:
        def known(value: str | None) -> frozenset[str]:
            return frozenset({value}) if value else frozenset()

        metric = item.metric
        return cls((n,), item.interval, known(item.dimension), known(metric.per), known(metric.direction))

    def joined(self, other: _Merged) -> _Merged | None:
        """Both together; None when they contradict each other."""
        if self.interval is None or other.interval is None or not agree(self.interval, other.interval):
            return None
        sets = [a | b for a, b in zip(self[2:], other[2:], strict=True)]
        if any(len(s) > 1 for s in sets):
            return None
        low = max(self.interval.low, other.interval.low)
        high = max(low, min(self.interval.high, other.interval.high))
        return _Merged(self.items + other.items, Interval(low, high), *sets)


def _blocks(items: Sequence[Item], most_units: int) -> Iterator[list[Item]]:
    """The items of each dimension, numbers without a unit among them, by value."""
    sizes = Counter(i.dimension for i in items if i.dimension != BARE)
    common = sorted(sizes, key=lambda d: (-sizes[d], d))
    for n, dimension in enumerate([*common, BARE]):
        wanted = (dimension, BARE) if n < most_units else (dimension,)
        block = [i for i in items if i.dimension in wanted and i.interval is not None]
        yield sorted(block, key=lambda i: (i.interval or Interval(0, 0), i.head, i.metric.metric_id))


def _rivals(groups: Sequence[_Group], evidence: Evidence, config: Reconciling) -> list[list[_Group]]:
    """Put groups of different values together that speak of the same thing. An article that gives two values speaks
    of two things, unless it sets one against the other."""
    ordered = sorted(groups, key=lambda g: g.order)
    if len({i.member.article_id for g in groups for i in g.items}) < 2:
        return [[g] for g in ordered]  # nobody speaks against it: see _rivalry
    postings: dict[tuple[str, str], list[int]] = {}
    for n, group in enumerate(ordered):
        # A number without a unit may be a count: "the number of dead climbed to 14".
        for key in sorted({(i.dimension or "count", k) for i in _telling(group) for k in evidence.keys(i, 5)}):
            found = postings.setdefault(key, [])
            if len(found) < config.most_rivals:
                found.append(n)
    near = {(a, b) for found in postings.values() for at, a in enumerate(found) for b in found[at + 1 :]}
    scores = {pair: s for pair in near if (s := _rivalry(ordered[pair[0]], ordered[pair[1]], evidence)) is not None}
    home = list(range(len(ordered)))
    merged: dict[int, list[int]] = {n: [n] for n in home}
    for n, m in sorted(scores, key=lambda pair: (-scores[pair], pair)):
        a, b = home[n], home[m]
        if a == b or len(merged[a]) + len(merged[b]) > config.most_values:
            continue
        if not all(
            (min(x, y), max(x, y)) in scores or not ordered[x].articles & ordered[y].articles
            for x in merged[a]
            for y in merged[b]
        ):
            continue
        for k in merged[b]:
            home[k] = a
        merged[a] += merged.pop(b)
    return [[ordered[k] for k in sorted(found)] for found in merged.values()]


def _telling(group: _Group) -> Sequence[Item]:
    """A few items that stand for the group: the first of each independent article."""
    first: dict[str, Item] = {}
    for item in group.items:
        first.setdefault(item.independent, item)
    return list(first.values())[:4]


def _rivalry(one: _Group, other: _Group, evidence: Evidence) -> float | None:
    """How much speaks for the groups being values of one thing. An article that has both must set them against each
    other, and more is asked then."""
    both = one.articles & other.articles
    if both and len(one.independent | other.independent) < 2:
        return None
    if both and not any(evidence.contested(a, b) for a in _in(one, both) for b in _in(other, both)):
        return None
    scores = [s for a in _telling(one) for b in _telling(other) if (s := evidence.rivalry(a, b)) is not None]
    best = max(scores, default=None)
    return None if best is None or (both and best < evidence.weights.contested) else best


def _in(group: _Group, articles: frozenset[str]) -> list[Item]:
    return [i for i in group.items if i.member.article_id in articles][:8]


def _figure(values: list[_Group], evidence: Evidence, config: Reconciling) -> Figure:
    values = sorted(_by_value(values), key=lambda g: (-len(g.independent), -_middle(g), g.items[0].metric.metric_id))
    items = [i for g in values for i in g.items]
    status, chosen, note = _verdict(values, evidence, config)
    shown = _shown(chosen)
    metric, measure, period = shown.metric, _name(items), _common(i.metric.period for i in items)
    per = _common(i.metric.per for i in items)
    return Figure(
        figure_id=figure_id(shown.member.story_id, (measure, metric.unit, per, metric.kind, period, metric.form)),
        story_id=shown.member.story_id,
        measure=measure,
        unit=metric.unit or _common(i.metric.unit for i in items),
        per=per,
        kind=metric.kind,
        period=period,
        form=metric.form,
        value=metric.value,
        low=metric.low,
        high=metric.high,
        status=status,  # type: ignore[arg-type]
        article_count=len({i.member.article_id for i in items}),
        independent_count=len({i.independent for i in items}),
        metric_ids=tuple(sorted(i.metric.metric_id for i in items)),
        note=note,
    )


def _by_value(groups: Sequence[_Group]) -> list[_Group]:
    """Groups that turned out to be of one thing are one where their values agree."""
    if len(groups) < 2:
        return list(groups)
    joined: list[tuple[Interval, _Group]] = []
    for group in groups:
        shared = _shared_by_all(group)
        same = next((n for n, (interval, _) in enumerate(joined) if shared and agree(interval, shared)), None)
        if same is None or shared is None:
            joined.append((shared or Interval(math.nan, math.nan), group))
        else:
            interval, other = joined[same]
            both = Interval(max(interval.low, shared.low), min(interval.high, shared.high))
            joined[same] = both, _Group((*other.items, *group.items))
    return [group for _, group in joined]


def _shared_by_all(group: _Group) -> Interval | None:
    """The values that all wordings of the group allow: intervals that meet in pairs meet all together."""
    known = [i.interval for i in group.items if i.interval is not None]
    return Interval(max(i.low for i in known), min(i.high for i in known)) if known else None


def _common(values: Iterable[str | None]) -> str | None:
    """The value that most have; of those, the longest says most."""
    known = [v for v in values if v]
    if len(known) < 2:
        return known[0] if known else None  # most figures are of one metric
    counted = Counter(known)
    return min(counted, key=lambda v: (-counted[v], -len(v), v))


_MOST_NAMES = 40


def _name(items: Sequence[Item]) -> str | None:
    """The measure whose head most of the articles have in theirs or in their sentences; a short one of those."""
    said = [i.metric.measure for i in items if i.metric.measure]
    if len(said) < 2:
        return said[0] if said else None
    used = Counter(said)
    if len(used) < 2:
        return said[0]
    common = set(sorted(used, key=lambda name: (-used[name], name))[:_MOST_NAMES])
    names = {i.metric.measure: i for i in items if i.metric.measure in common}

    def support(name: str) -> tuple[int, int]:
        named = names[name]
        saying = {
            i.independent for i in items if named.heads & (i.heads | i.setting.scene.topics) or named.head in i.words
        }
        using = {i.independent for i in items if i.metric.measure == name}
        return -len(saying), -len(using)

    def telling(name: str) -> tuple[bool, bool]:
        known = {names[name].head, *name.split()[-1:]} & english().naming.quantities
        return not names[name].heads, names[name].dimension != "count" and not known

    return min(names, key=lambda n: (*telling(n), *support(n), len(n), n)) if names else None


def _middle(group: _Group) -> float:
    interval = group.items[0].interval
    return (interval.low + interval.high) / 2 if interval else 0.0


def _verdict(values: list[_Group], evidence: Evidence, config: Reconciling) -> tuple[str, _Group, str | None]:
    """(status, the group whose value the figure shows, note)."""
    if len(values) == 1:
        return "agree" if len(values[0].independent) > 1 else "single", values[0], None
    broken = {id(part): how for part in values if (how := _damaged(part, values))}
    whole = [g for g in values if id(g) not in broken]
    said = [f"{_said(g)} looks like it with {_HOW[broken[id(g)]]}" for g in values if id(g) in broken]
    if len(whole) == 1:
        return "damaged", whole[0], "; ".join([_said(whole[0]), *said])
    latest = _latest(whole, evidence, config)
    if latest is not None:
        old = "; ".join(_said(g) for g in whole if g is not latest)
        return "superseded", latest, "; ".join([f"{_said(latest)} is the latest; before: {old}", *said])
    return "conflict", values[0], "; against ".join(_said(g) for g in values)


_HOW = {
    "lost-scale": "its scale lost",
    "cut": "its digits cut at a separator",
    "lost-point": "its decimal point lost",
    "lost-zero": "a zero lost",
    "glued": "the digits of two numbers glued together",
}


def _damaged(part: _Group, values: list[_Group]) -> str | None:
    """How the group's value came from that of another that is at least as well supported; None when it did not."""
    found: set[str] = set()
    for whole in values:
        if whole is not part and len(whole.independent) >= len(part.independent):
            found |= {how for a in _telling(part) for b in _telling(whole) if (how := damage(a.metric, b.metric))}
    return min(found, default=None)


def _latest(values: list[_Group], evidence: Evidence, config: Reconciling) -> _Group | None:
    """The last of several counts of a thing that is counted anew, published one after the other; else None."""
    if any(i.metric.form != "level" or not evidence.updated(i) for g in values for i in g.items[:1]):
        return None
    times = [spans(g.items) for g in values]
    if None in times:
        return None
    growing = any(evidence.grows(g.items[0]) for g in values)
    known = [(t, g) for t, g in zip(times, values, strict=True) if t is not None]
    # An article may have been revised since it was published: its count is then of a later time, never of an earlier.
    (_, last), latest = max(known, key=lambda k: (_middle(k[1]) if growing else 0.0, k[0][1], k[1].order))
    before = [t for t, g in known if g is not latest]
    first = next(t[0] for t, g in known if g is latest)
    if any(t[1] >= first and evidence.spoken_apart(g.items, latest.items) for t, g in known if g is not latest):
        return None  # one side holds to its count after the other gave its own
    if any(last - (t[0] if growing else t[1]) < config.later or (t[1] > last) for t in before):
        return None
    return latest


def _shown(group: _Group) -> Item:
    """The item whose wording the figure shows: exact before hedged and bounded, then the earliest."""
    return min(
        group.items,
        key=lambda i: (
            i.metric.value is None,
            i.metric.bound != "exact",
            i.metric.approx,
            i.metric.unit is None,
            i.member.at is None,
            str(i.member.at),
            i.metric.metric_id,
        ),
    )


_MOST_VOICES = 8


def _said(group: _Group) -> str:
    """ "7,000 (the ministry, in Harbor Post; Coast Wire)": the value as written and who gives it."""
    who = sorted(
        {
            f"{i.metric.attribution}, in {i.member.source}" if i.metric.attribution else i.member.source
            for i in group.items
        }
    )
    if len(who) > _MOST_VOICES:
        who = [*who[:_MOST_VOICES], f"{len(who) - _MOST_VOICES} more"]
    return f"{_shown(group).metric.surface} ({'; '.join(who)})"


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


def reconcile_batch(
    metrics: Mapping[str, Sequence[Metric]],
    members: Sequence[Member],
    emptied: Iterable[str],
    history: History,
    config: Reconciling,
) -> Iterator[Record]:
    """Figures, metrics with their story, and what both replace.

    ``metrics``: of every article measured in this batch; those of other members come from the past. ``members``: all
    members of each affected story. ``emptied``: stories that have no members any more.
    """
    story_of = {member.article_id: member.story_id for member in members}
    placed = {
        article: [msgspec.structs.replace(m, story_id=story_of.get(article)) for m in own]
        for article, own in metrics.items()
    }
    for article, own in placed.items():
        yield Replaced(table="metrics", group=article)
        yield from own
    stored: dict[str, list[Metric]] = {}
    for metric in history.metrics(sorted(story_of.keys() - metrics.keys())):
        stored.setdefault(metric.article_id, []).append(metric)
    for story, of_story in sorted(by_story(members).items()):
        yield Replaced(table="figures", group=story)
        yield from reconcile(of_story, {**_of(of_story, stored), **_of(of_story, placed)}, config)
    for story in emptied:
        yield Replaced(table="figures", group=story)


def _of(members: Iterable[Member], metrics: Mapping[str, list[Metric]]) -> dict[str, list[Metric]]:
    return {m.article_id: metrics[m.article_id] for m in members if m.article_id in metrics}
