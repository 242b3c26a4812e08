"""Do two numbers of a story speak of the same thing? Evidence for and against, weighed.

No single sign decides: outlets name a thing differently, leave out "a week", report as a plan what others report as a
fact. So equal values need the less of other evidence the rarer the value is in news; different values need names and
sentences that are alike. The weights are set by hand on stories with known figures (see ``Weights``).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pipeline.measure.compare import (
    BARE,
    Interval,
    content_words,
    damage,
    dimension_of,
    interval_of,
    is_partial,
    near_words,
    rarity,
)
from pipeline.measure.naming import head_of
from pipeline.measure.pack import Naming, Pack
from schemas.records import Member, Metric

_WORD = re.compile(r"[a-z]+")
_NAME = re.compile(r"(?<=[\w,] )[A-Z][a-z]+")
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_PEOPLE = frozenset("person people individual man woman civilian human resident adult other member".split())
_UNNAMED = frozenset({"", "age", "duration", "distance", "area", "weight", "volume", "temperature", "speed", "time"})


@dataclass(frozen=True)
class Weights:
    """What each sign is worth. ``agreement``, ``rivalry``, ``contested`` (different
    values in one article) and ``damaged``: the sums that it takes."""

    agreement: float = 2.0
    rivalry: float = 2.5
    contested: float = 2.8
    damaged: float = 2.5
    same_head: float = 1.5
    alike_head: float = 1.0
    other_head: float = -0.5
    shared_word: float = 0.5
    near_word: float = 0.6
    most_words: float = 2.0


class Item(NamedTuple):
    """A metric with what it is compared by. ``heads``: the rows of synonyms that its head noun is in, and itself."""

    metric: Metric
    member: Member
    dimension: str
    interval: Interval | None
    rarity: float
    head: str
    heads: frozenset[str]
    modifiers: frozenset[str]
    words: frozenset[str]
    near: frozenset[str]
    topics: frozenset[str]
    """The rows of synonyms that the sentence touches."""
    speaker: frozenset[str]
    past: frozenset[str]
    """What in its sentence may place it in the past: years other than that of publication, words like "ago"."""
    partial: bool
    names: frozenset[str]
    """Names that stand near the number."""

    @property
    def independent(self) -> str:
        return self.member.copy_group or self.member.article_id

    @property
    def key(self) -> tuple[str, int]:
        return self.independent, self.metric.span_start


def item_of(metric: Metric, member: Member, pack: Pack) -> Item:
    naming = pack.naming
    head = head_of(metric.measure, pack)
    dimension, _ = dimension_of(metric)
    if dimension == "count" and head in _PEOPLE:
        head = "person"
    named = head not in _UNNAMED and head not in naming.empty and len(head) > 1
    heads = (naming.alike.get(head, frozenset()) | {head}) if named else frozenset()
    modifiers = content_words(metric.measure or "", pack) - {head} - naming.empty - _PEOPLE
    published = member.published_at or member.at
    years = frozenset(_YEAR.findall(metric.sentence)) - {str(published.year) if published else ""}
    words, near = content_words(metric.sentence, pack), near_words(metric, pack)
    return Item(
        metric=metric,
        member=member,
        dimension=dimension,
        interval=interval_of(metric),
        rarity=rarity(metric),
        head=head if named else "",
        heads=heads,
        modifiers=modifiers,
        words=words,
        topics=frozenset(row for word in words for row in naming.alike.get(word, ())),
        near=near,
        speaker=content_words(metric.attribution or "", pack),
        past=years | (naming.past & set(_WORD.findall(metric.sentence.lower()))),
        partial=is_partial(metric, pack),
        names=_names(metric) & near,
    )


def _names(metric: Metric) -> frozenset[str]:
    """The capitalised words of the sentence, its first aside."""
    return frozenset(word.lower() for word in _NAME.findall(metric.sentence)[:64])


class Evidence:
    """Weighs pairs of items of one story; a word that all its sentences have tells nothing."""

    def __init__(self, items: Iterable[Item], weights: Weights, naming: Naming):
        self.weights = weights
        self._naming = naming
        sentences = {(i.independent, i.metric.sentence): i.words for i in items}
        self._count = Counter(word for words in sentences.values() for word in words)
        self._all = max(20, len(sentences))

    def agreement(self, a: Item, b: Item) -> float | None:
        """How much speaks for the two, whose values agree, being of one thing; None if they can't be."""
        w = self.weights
        score = self._compatible(a, b)
        if score is None:
            return None
        score += (a.rarity + b.rarity) / 2
        score += min(w.most_words, w.shared_word * self._shared(a.words & b.words))
        if a.metric.form != b.metric.form:
            if min(a.rarity, b.rarity) < 1.5:
                return None
            score -= 1.0
        if a.metric.kind != b.metric.kind:
            score -= 0.25
        if not _periods_fit(a, b):
            score -= 1.0
        elif a.metric.period and b.metric.period:
            score += 0.5
        if self.updated(a) and self.updated(b) and a.heads & b.heads:
            score += 0.5
        if a.independent == b.independent:
            score -= 1.0  # an article rarely says a thing twice, and often gives two things one value
        return score if score >= w.agreement else None

    def rivalry(self, a: Item, b: Item) -> float | None:
        """How much speaks for the two being different values of one thing; None if too little does."""
        w = self.weights
        mangled = damage(a.metric, b.metric) or damage(b.metric, a.metric)
        score = self._compatible(a, b)
        if (
            a.independent == b.independent
            and a.metric.sentence != b.metric.sentence
            and len(a.words & b.words) < 0.7 * len(a.words | b.words)
        ):
            return None  # copies of one text differ where one of them was changed
        if score is None or not _periods_fit(a, b) or a.metric.value is None or b.metric.value is None:
            return None
        if not (a.heads or b.heads) and BARE in (a.dimension, b.dimension):
            return None
        if not mangled and (a.metric.form != b.metric.form or not _kinds_fit(a, b) or not (a.heads & b.heads)):
            return None
        near = self._shared((a.near & b.near) - a.heads - b.heads - a.modifiers)
        if not mangled and not self._may_differ(a, b, near):
            return None
        score += min(w.most_words, w.near_word * near)
        score += min(1.0, 0.25 * self._shared(a.words & b.words))
        score += 0.5 if a.metric.per and a.metric.per == b.metric.per else 0.0
        score += 0.3 if a.speaker & b.speaker else 0.0
        if mangled:
            score += 1.0
            return score if score >= w.damaged else None
        score += self._by_values(a, b)
        if a.metric.kind != b.metric.kind:
            score -= 0.5
        if self.updated(a) and self.updated(b):
            score += 1.0
        return score if score >= w.rivalry else None

    def _may_differ(self, a: Item, b: Item, near: float) -> bool:
        """Whether two values of what has one name may be of one thing: neither is of a part or of the past, what
        stands near them is alike, and "more than 50" is not said of 75."""
        if a.partial or b.partial or a.past != b.past:
            return False
        if a.names and b.names and not (a.names & b.names) and not (a.names | b.names) & (a.speaker | b.speaker):
            return False
        if self.updated(a) and self.updated(b):
            return True
        small, large = sorted((a, b), key=lambda i: _middle(i.interval))
        if small.metric.bound == "at_least" or large.metric.bound == "at_most":
            return False
        return bool(near >= 0.5 or a.modifiers & b.modifiers or (a.metric.per and a.metric.per == b.metric.per))

    def spoken_apart(self, one: Iterable[Item], other: Iterable[Item]) -> bool:
        """Whether both counts have speakers, and none has both."""
        said = [frozenset(word for i in items for word in i.speaker) for items in (one, other)]
        return all(said) and not said[0] & said[1]

    def contested(self, a: Item, b: Item) -> bool:
        """Whether the article of both itself sets one against the other: by two speakers, or "not the 84"."""
        if a.member.article_id != b.member.article_id:
            return False
        if a.metric.sentence != b.metric.sentence:
            rare = min(a.rarity, b.rarity) >= 1.5 and a.dimension != "percent" and a.head != "person" != b.head
            return rare and bool(a.speaker and b.speaker) and not a.speaker & b.speaker
        first, last = sorted((a.metric, b.metric), key=lambda m: m.span_start)
        start = first.sentence.find(first.surface) + len(first.surface)
        between = first.sentence[start : start + last.span_start - first.span_end]
        return len(between) < 80 and not self._naming.contrast.isdisjoint(_WORD.findall(between.lower()))

    def updated(self, item: Item) -> bool:
        """Whether it is a count that news bring up to date: tolls, arrests, people missing."""
        return bool(self.grows(item) or item.near & self._naming.moving or item.modifiers & self._naming.moving)

    def grows(self, item: Item) -> bool:
        return bool({item.head, *item.modifiers} & self._naming.growing) and item.dimension in ("count", BARE)

    def keys(self, item: Item, most: int) -> list[str]:
        """Words by which a rival of the item is looked for: its heads, and the rarest that stand near."""
        near = sorted(item.near, key=lambda word: (self._count[word], word))
        return [*(f"head {h}" for h in sorted(item.heads)), *near[:most]]

    def _compatible(self, a: Item, b: Item) -> float | None:
        """What unit, rate, direction and name say, whatever the values; None if they rule it out."""
        w, one, other = self.weights, a.metric, b.metric
        if a.dimension != b.dimension and BARE not in (a.dimension, b.dimension):
            return None
        if one.per and other.per and one.per != other.per:
            return None
        if one.direction and other.direction and one.direction != other.direction:
            return None
        score = 0.0
        if a.dimension != b.dimension:
            score -= 0.5
        if bool(one.per) != bool(other.per):
            score -= 0.25
        if a.heads and a.head == b.head:
            score += w.same_head if a.head != "person" else w.alike_head / 2
        elif a.heads & b.heads:
            score += w.alike_head
        elif a.head in b.words or b.head in a.words:
            score += 0.0 if a.dimension != "count" else w.other_head / 2
        elif a.heads and b.heads:
            score += w.other_head if a.dimension in ("count", BARE) else w.other_head / 2
        if a.modifiers and b.modifiers:
            score += 0.5 if a.modifiers & b.modifiers else -1.0 if a.head == b.head else 0.0
        return score

    def _by_values(self, a: Item, b: Item) -> float:
        one, other = _middle(a.interval), _middle(b.interval)
        if min(one, other) <= 0:
            return -0.5
        ratio = max(one, other) / min(one, other)
        score = 0.3 if ratio <= 2 else 0.0 if ratio <= (3 if max(one, other) > 100 else 10) else -1.5
        return score - (0.5 if max(one, other) <= 12 or a.dimension == "percent" else 0.0)

    def _shared(self, words: Iterable[str]) -> float:
        """How telling shared words are together: one that stands in no other sentence counts 1."""
        return sum(self._weight(word) for word in words)

    def _weight(self, word: str) -> float:
        return max(0.0, 1 - math.log(max(2, self._count[word]) / 2) / math.log(self._all / 2))


def _middle(interval: Interval | None) -> float:
    return (interval.low + interval.high) / 2 if interval else 0.0


def _kinds_fit(a: Item, b: Item) -> bool:
    """A plan and a fact of different value are two things; a forecast and what would be may be one."""
    return a.metric.kind == b.metric.kind or "actual" not in (a.metric.kind, b.metric.kind)


def _periods_fit(a: Item, b: Item) -> bool:
    one, other = a.metric.period, b.metric.period
    return one is None or other is None or one == other or one.startswith(other) or other.startswith(one)


def spans(items: Iterable[Item]) -> tuple[datetime, datetime] | None:
    """The first and the last time that the items were published; None when one has no time."""
    times = [i.member.at for i in items]
    known = [t for t in times if t is not None]
    return (min(known), max(known)) if known and len(known) == len(times) else None
