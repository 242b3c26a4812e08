"""A metric with what it is compared by, and what two of them tell without regard to the rest of their story."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from pipeline.measure.compare import BARE, Interval, agree, content_words, dimension_of, interval_of, rarity
from pipeline.measure.naming import head_of
from pipeline.measure.pack import Pack
from pipeline.measure.scope import Setting, as_name, settings
from schemas.records import Member, Metric

PEOPLE = frozenset("person people individual man woman civilian human resident adult other member".split())
_UNNAMED = frozenset({"", "age", "duration", "distance", "area", "weight", "volume", "temperature", "speed", "time"})


class Item(NamedTuple):
    """A metric with what it is compared by. ``heads``: the rows of synonyms that its head noun is in, itself, and what
    befell those who are counted."""

    metric: Metric
    member: Member
    dimension: str
    interval: Interval | None
    rarity: float
    head: str
    heads: frozenset[str]
    modifiers: frozenset[str]
    speaker: frozenset[str]
    setting: Setting

    @property
    def words(self) -> frozenset[str]:
        return self.setting.scene.words

    @property
    def independent(self) -> str:
        return self.member.copy_group or self.member.article_id


def items_of(metrics: Sequence[Metric], member: Member, pack: Pack) -> list[Item]:
    """The items of one article."""
    published = member.published_at or member.at
    found = settings(metrics, published.year if published else None, pack)
    return [_item(m, member, setting, pack) for m, setting in zip(metrics, found, strict=True)]


def _item(metric: Metric, member: Member, setting: Setting, pack: Pack) -> Item:
    naming = pack.naming
    head = head_of(metric.measure, pack)
    dimension, _ = dimension_of(metric)
    if dimension == "count" and head in PEOPLE:
        head = "person"
    named = head not in _UNNAMED and head not in naming.empty and len(head) > 1
    heads = (naming.alike.get(head, frozenset()) | {head}) if named else frozenset()
    if setting.fate and dimension in ("count", BARE):
        heads |= {f"fate {setting.fate}"}
    return Item(
        metric=metric,
        member=member,
        dimension=dimension,
        interval=interval_of(metric),
        rarity=rarity(metric),
        head=head if named else "",
        heads=heads,
        modifiers=content_words(metric.measure or "", pack) - {head} - naming.empty - PEOPLE,
        speaker=content_words(metric.attribution or "", pack),
        setting=setting,
    )


def crowds(items: Sequence[Item]) -> Mapping[str, bool]:
    """Metric id -> whether its value is the first or the largest, for the items of articles with several values of
    what has one name."""
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        for head in item.heads:
            if item.interval is not None:
                groups.setdefault((item.member.article_id, item.dimension, head), []).append(item)
    found: dict[str, bool] = {}
    for group in groups.values():
        if len(group) == 1:
            continue
        first = min(group, key=lambda i: i.metric.span_start)
        largest = max(group, key=lambda i: (middle(i.interval), i.metric.metric_id))
        for item in group:
            leads = any(
                lead.interval and item.interval and agree(lead.interval, item.interval) for lead in (first, largest)
            )
            found[item.metric.metric_id] = leads and found.get(item.metric.metric_id, True)
    return found


def shared_rarity(a: Item, b: Item) -> float:
    """What it tells that two values agree: little where one is a range or vague, which agrees with much."""
    one, other = a.metric, b.metric
    if (one.value, one.low, one.high) != (other.value, other.low, other.high) and None in (one.value, other.value):
        return min(0.25, a.rarity, b.rarity)
    return (a.rarity + b.rarity) / 2


def hedged(item: Item) -> bool:
    return item.metric.approx or item.metric.bound != "exact"


def beside(item: Item) -> frozenset[tuple[str, str]]:
    """The few characters before the number and those after it."""
    at, sentence = item.setting.at, item.metric.sentence
    end = at + len(item.metric.surface)
    return (
        frozenset({("before", sentence[max(0, at - 10) : at]), ("after", sentence[end : end + 10])})
        if at >= 0
        else frozenset()
    )


def in_a_list(item: Item) -> bool:
    """Whether its sentence gives several values of what has its name: "five counts of fraud, two counts of theft"."""
    metric = item.metric
    alike = [m for m in item.setting.others if m.unit == metric.unit and m.form == metric.form]
    named = [m for m in alike if (m.measure or "").split()[-1:] == (metric.measure or "").split()[-1:]]
    if item.setting.scene.contrast and len(named) == 1:
        return False  # "4,000 or 10,000"
    return bool(named) or (metric.unit == "percent" and len(alike) >= 2)


def near_in_time(a: Item, b: Item) -> bool:
    """Whether nothing says that one was published hours after the other."""
    one, other = a.member.at, b.member.at
    return one is None or other is None or abs((one - other).total_seconds()) < 3600


def out_of_time(dated: Item, other: Item) -> bool:
    """Whether the day of one is later than the other was published, or days before that."""
    period, at = dated.metric.period, other.member.at
    if period is None or len(period) != 10 or at is None:
        return False
    try:
        ahead = (date.fromisoformat(period) - at.date()).days
    except ValueError:
        return False
    return ahead > 0 or ahead < -2


def as_names(words: Iterable[str]) -> frozenset[str]:
    """Words as names are kept."""
    return frozenset(as_name(word) for word in words)


def known_by(metric: Metric) -> tuple[str, float] | None:
    """What a companion is known by; small numbers are everywhere."""
    dimension, factor = dimension_of(metric)
    return (dimension, metric.value * factor) if metric.value is not None and metric.value > 3 else None


def telling_digits(a: Item, b: Item) -> int:
    """The significant digits of the two: one alone, as in 4 and 4 million, may be chance."""
    return min(len(f"{abs(i.metric.value or 0):.6e}".partition("e")[0].replace(".", "").rstrip("0")) for i in (a, b))


def middle(interval: Interval | None) -> float:
    return (interval.low + interval.high) / 2 if interval else 0.0


def kinds_fit(a: Item, b: Item) -> bool:
    """A plan and a fact of different value are two things; a forecast and what would be may be one."""
    return a.metric.kind == b.metric.kind or "actual" not in (a.metric.kind, b.metric.kind)


def periods_fit(a: Item, b: Item) -> bool:
    one, other = a.metric.period, b.metric.period
    return one is None or other is None or one == other or one.startswith(other) or other.startswith(one)


def spans(items: Iterable[Item]) -> tuple[datetime, datetime] | None:
    """When the first and the last of the independent texts came out: a copy is as old as the first of its kind. None
    when one has no time."""
    first: dict[str, datetime] = {}
    for item in items:
        at = item.member.at
        if at is None:
            return None
        first[item.independent] = min(at, first.get(item.independent, at))
    return (min(first.values()), max(first.values())) if first else None
