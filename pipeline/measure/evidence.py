"""Do two numbers of a story speak of the same thing? Evidence for and against, weighed.

No single sign decides: outlets name a thing differently, leave out "a week", report as a plan what others report as a
fact. So equal values need the less of other evidence the rarer the value is in news; different values need names and
sentences that are alike, and nothing that tells them apart: another place, day, player, a part of the whole. The
weights are set by hand on stories with known figures (see ``Weights``).
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.measure.compare import BARE, damage, digit_keys
from pipeline.measure.items import (
    PEOPLE,
    Item,
    as_names,
    beside,
    crowds,
    hedged,
    in_a_list,
    kinds_fit,
    known_by,
    middle,
    near_in_time,
    out_of_time,
    periods_fit,
    shared_rarity,
    telling_digits,
)
from pipeline.measure.pack import Naming
from pipeline.measure.scope import as_name, scopes

_SCALED = re.compile(r"[a-z]")


@dataclass(frozen=True)
class Weights:
    """What each sign is worth. ``agreement``, ``rivalry``, ``contested`` (different values in one article) and
    ``damaged``: the sums that it takes."""

    agreement: float = 2.0
    rivalry: float = 2.5
    contested: float = 2.5
    damaged: float = 2.0
    same_head: float = 1.5
    alike_head: float = 1.0
    other_head: float = -0.5
    shared_word: float = 0.5
    near_word: float = 0.6
    most_words: float = 2.0
    companion: float = 0.8
    other_names: float = -0.7
    shared_name: float = 0.3
    spoken_apart: float = 0.5
    far_apart: float = -1.5
    small: float = -0.4
    one_dated: float = -0.5
    one_fate: float = -0.5
    both_hedged: float = -0.5


class Evidence:
    """Weighs pairs of items of one story; a word that all its sentences have tells nothing."""

    def __init__(self, items: Sequence[Item], weights: Weights, naming: Naming):
        self.weights = weights
        self._naming = naming
        self._lists = scopes()
        self._items = items
        self._scenes = {(i.independent, i.metric.sentence): i.setting.scene for i in items}
        self._all = max(20, len(self._scenes))
        self._names: dict[str, frozenset[str]] = {}
        self._company: dict[str, frozenset[tuple[str, float]]] = {}

    # Of most stories no two numbers need to be weighed: what all sentences tell is read when two first do.

    @functools.cached_property
    def _count(self) -> Counter[str]:
        """In how many sentences each word stands."""
        return Counter(itertools.chain.from_iterable(scene.words for scene in self._scenes.values()))

    @functools.cached_property
    def _no_names(self) -> frozenset[str]:
        """What looks like a name, but is in nearly all sentences, or in one in lower case."""
        named = Counter(itertools.chain.from_iterable(scene.names for scene in self._scenes.values()))
        plain = frozenset().union(*(scene.plain for scene in self._scenes.values()))
        common = {name for name, n in named.items() if n > 0.4 * max(10, len(self._scenes))}
        return frozenset(common | (named.keys() & plain))

    @functools.cached_property
    def _crowd(self) -> Mapping[str, bool]:
        return crowds(self._items)

    def agreement(self, a: Item, b: Item) -> float | None:
        """How much speaks for the two, whose values agree, being of one thing; None if too little does."""
        w = self.weights
        score = self._compatible(a, b)
        if score is None:
            return None
        score += shared_rarity(a, b)
        words, company = a.words & b.words, w.companion * min(2, self.companions(a, b))
        # What is still to come can add so much at most: most pairs are small numbers that have nothing in common.
        most = score + min(w.most_words, w.shared_word * len(words)) + company + 1.0 + w.shared_name
        if most - (a.independent == b.independent) < w.agreement or self._counted_apart(a, b):
            return None
        score += min(w.most_words, w.shared_word * self._shared(words))
        score += company
        if a.metric.form != b.metric.form:
            if min(a.rarity, b.rarity) < 1.5:
                return None
            score -= 0.5 if a.metric.period and a.metric.period == b.metric.period else 1.0
        if a.metric.kind != b.metric.kind:
            score -= 0.25
        if not periods_fit(a, b):
            score -= 1.0
        elif a.metric.period and b.metric.period:
            score += 0.5
        if self.updated(a) and self.updated(b) and a.heads & b.heads:
            score += 0.5
        if a.metric.value != b.metric.value and hedged(a) and hedged(b):
            score += w.both_hedged
        if a.head == b.head == "person" and bool(a.setting.fate) != bool(b.setting.fate):
            score += w.one_fate
        if self._named_apart(a, b):
            score += w.other_names
        elif (a.setting.names & b.setting.names) - self._no_names:
            score += w.shared_name
        if a.independent == b.independent:
            score -= 1.0  # an article rarely says a thing twice, and often gives two things one value
        return score if score >= w.agreement else None

    def rivalry(self, a: Item, b: Item) -> float | None:
        """How much speaks for the two being different values of one thing; None if too little does."""
        w = self.weights
        if a.metric.value is None or b.metric.value is None:
            return None
        # The cheap signs first: most pairs are neither of one name nor one the other's number damaged.
        mangled = damage(a.metric, b.metric) or damage(b.metric, a.metric)
        if not mangled and not _of_one_name(a, b):
            return None
        if not periods_fit(a, b) or self._counted_apart(a, b):
            return None
        if (
            a.independent == b.independent
            and a.metric.sentence != b.metric.sentence
            and len(a.words & b.words) < 0.7 * len(a.words | b.words)
        ):
            return None  # copies of one text differ where one of them was changed
        score = self._compatible(a, b)
        if score is None or (not (a.heads or b.heads) and BARE in (a.dimension, b.dimension)):
            return None
        score += w.companion * min(2, self.companions(a, b))
        near = self._shared((a.setting.near & b.setting.near) - a.heads - b.heads - a.modifiers)
        if mangled:
            if not self._may_be_mangled(a, b):
                return None
            score -= 1.0 if a.metric.form != b.metric.form else 0.0
            score += self._by_digits(a, b, mangled) + (0.5 if near else 0.0)
            score += min(w.most_words, w.shared_word * self._shared(a.words & b.words))
            score += w.other_names if self._named_apart(a, b) else 0.0
            return score if score >= w.damaged else None
        score += min(w.most_words, w.near_word * near)
        score += min(1.0, 0.25 * self._shared(a.words & b.words))
        score += 0.5 if a.metric.per and a.metric.per == b.metric.per else 0.0
        if not self._may_differ(a, b, near):
            return None
        score += self._by_values(a, b)
        score -= 1.0 if bool(a.metric.per) != bool(b.metric.per) else 0.0
        score -= 0.5 if a.metric.kind != b.metric.kind else 0.0
        score += w.spoken_apart if self.spoken_apart([a], [b]) else 0.0
        if self.updated(a) and self.updated(b):
            score += 1.0
        else:
            score += w.small if max(middle(a.interval), middle(b.interval)) <= 12 else 0.0
        undated = a.member.at is None or b.member.at is None
        if undated and bool(a.setting.days) != bool(b.setting.days) and self._anew(a) and self._anew(b):
            score += w.one_dated
        return score if score >= w.rivalry else None

    def _may_differ(self, a: Item, b: Item, near: float) -> bool:
        """Whether two values of what has one name may be of one thing: neither in a table, of a part or of the past,
        said of nobody else, what stands near them is alike, and "more than 50" is not said of 75."""
        one, other = a.setting, b.setting
        if one.scene.listed or other.scene.listed or one.scene.past != other.scene.past:
            return False
        if one.partial or other.partial or self._named_apart(a, b) or self._placed_apart(a, b):
            return False
        if self.contested(a, b):
            return True
        if not self._stands_out(a, b):
            return False
        if one.joined != other.joined or not (self._is_a_thing(a) and self._is_a_thing(b)):
            return False
        stretches = one.scene.stretches, other.scene.stretches
        if all(stretches) and not stretches[0] & stretches[1] and a.dimension != "count":
            return False
        small, large = sorted((a, b), key=lambda i: middle(i.interval))
        ratio = middle(large.interval) / max(1e-9, middle(small.interval))
        if ratio > 5 and (small.metric.bound == "at_least" or not self.spoken_apart([a], [b])):
            return False
        if self.updated(a) and self.updated(b):
            told = (a.words & b.words) - self._lists.fates.keys() - PEOPLE
            return bool(self._shared(told) >= 0.5 or self.companions(a, b) or a.speaker or b.speaker)
        if one.moved or other.moved:
            return False  # the old value or the new one, of this thing or another
        if small.metric.bound == "at_least" or large.metric.bound == "at_most":
            return False
        if a.modifiers and b.modifiers and not a.modifiers & b.modifiers:
            return False
        # Things that are not counted anew differ little, or two speakers, a shared modifier or the same numbers beside
        # them show that they are one.
        listed_alike = a.dimension == "count" and ratio <= 1.5 and self.companions(a, b)
        if a.modifiers & b.modifiers or listed_alike:
            return True
        slight = ratio <= 1.15 and middle(small.interval) > 12
        if near >= 0.5 and (slight or self.spoken_apart([a], [b])):
            return True
        return near >= 2.0 and self._share_a_name(a, b)

    def _share_a_name(self, a: Item, b: Item) -> bool:
        return bool((a.setting.names & b.setting.names) - self._no_names)

    def _may_be_mangled(self, a: Item, b: Item) -> bool:
        """Whether one could be the other's number damaged: in copies at the same place, else of what has one name."""
        if a.member.article_id == b.member.article_id:
            return self.contested(a, b)
        if a.independent == b.independent:
            return beside(a) & beside(b) != frozenset()
        if a.setting.scene.listed or b.setting.scene.listed:
            return False
        return a.dimension != "count" or b.dimension != "count" or bool(a.heads & b.heads)

    def _by_digits(self, a: Item, b: Item, mangled: str) -> float:
        """What it tells that the digits of one are those of the other: nothing where there is one digit, much where
        there are three, more where the difference is a thousandfold or more, as no other mistake makes one."""
        small, large = sorted((a, b), key=lambda i: middle(i.interval))
        told = min(1.0, 0.5 * (telling_digits(a, b) - 1))
        if mangled == "lost-scale":
            # "7" of "7,000" has one digit to tell; "400" may be a number of its own.
            lost = not _SCALED.search(small.metric.surface)
            separated = "," in large.metric.surface
            told += (0.5 if telling_digits(a, b) > 1 or separated else 0.0) + (
                0.5 if lost and a.dimension != "count" else 0.0
            )
        elif telling_digits(a, b) == 1:
            told -= 1.0
        return told

    def _is_a_thing(self, item: Item) -> bool:
        """Whether the head names what is counted: not somebody or a place, and without a unit only a known quantity."""
        if item.setting.fate or item.head in self._naming.quantities:
            return True
        if item.dimension == "count":
            return True
        return item.dimension != BARE and as_name(item.head) not in item.setting.scene.names

    def _counted_apart(self, a: Item, b: Item) -> bool:
        """Whether they are counts of different nights, or one is of what came on top of the other."""
        one, other = a.setting, b.setting
        if one.fate and other.fate and one.fate != other.fate:
            return True
        if self._anew(a) and self._anew(b):
            if one.days and other.days and not one.days & other.days:
                return True
            if a.speaker & b.speaker and a.metric.value != b.metric.value and near_in_time(a, b):
                return True
            if out_of_time(a, b) or out_of_time(b, a):
                return True
        return one.increment != other.increment and self.updated(a) and self.updated(b)

    def _anew(self, item: Item) -> bool:
        return bool({item.head, *item.heads, *item.modifiers} & self._lists.anew) or item.setting.fate == "held"

    def _named_apart(self, a: Item, b: Item) -> bool:
        """Whether other names stand near them, and no name in both sentences; those of speakers aside."""
        one, other = self._names_near(a), self._names_near(b)
        if not one or not other or one & other:
            return False
        wide = a.setting.scene.names & b.setting.scene.names - self._no_names
        return not wide or not (self.updated(a) and self.updated(b))

    def _names_near(self, item: Item) -> frozenset[str]:
        """Names that stand near it; those of its speakers aside, unless they do the counting."""
        found = self._names.get(item.metric.metric_id)
        if found is None:
            speakers = frozenset() if item.setting.counted_by else as_names(item.speaker)
            found = self._names[item.metric.metric_id] = item.setting.names - self._no_names - speakers
        return found

    def _placed_apart(self, a: Item, b: Item) -> bool:
        """Whether small numbers, or counts of a night, stand in sentences with names, and none is in both."""
        one, other = (i.setting.scene.names - self._no_names - as_names(i.speaker) for i in (a, b))
        small = max(middle(a.interval), middle(b.interval)) <= 12 or (self._anew(a) and self._anew(b))
        return small and bool(one and other) and not one & other

    def _stands_out(self, a: Item, b: Item) -> bool:
        """Where an article has several values of what has one name, the name alone doesn't tell which is meant: the
        first and the largest of them stand for the whole; another must share a name or a modifier."""
        crowded = [i for i in (a, b) if not self._crowd.get(i.metric.metric_id, True) or in_a_list(i)]
        if not crowded:
            return True
        listed = any(in_a_list(i) and i.dimension == "count" for i in crowded)
        names = frozenset() if listed else (a.setting.names & b.setting.names) - self._no_names
        return bool(names or a.modifiers & b.modifiers or self.companions(a, b))

    def companions(self, a: Item, b: Item) -> int:
        """How many telling values stand in the sentences of both beside them: "82 Iranians, 57 Canadians"."""
        if not a.setting.others or not b.setting.others:
            return 0
        if len(a.setting.others) > 12 or len(b.setting.others) > 12:
            return 0
        here, there = self._beside(a), self._beside(b)
        values = {v for (one, v) in here for (other, w) in there if v == w and (one == other or BARE in (one, other))}
        own = [i for i in (a.interval, b.interval) if i]
        return sum(1 for v in values if not any(i.low <= v <= i.high for i in own))

    def _beside(self, item: Item) -> frozenset[tuple[str, float]]:
        """The telling values that stand in its sentence beside it."""
        found = self._company.get(item.metric.metric_id)
        if found is None:
            known = (known_by(metric) for metric in item.setting.others)
            found = self._company[item.metric.metric_id] = frozenset(value for value in known if value is not None)
        return found

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
        return len(between) < 120 and not self._naming.contrast.isdisjoint(between.lower().split())

    def updated(self, item: Item) -> bool:
        """Whether it is a count that news bring up to date: tolls, arrests, people missing."""
        moving = self._naming.moving
        return bool(self.grows(item) or item.setting.near & moving or item.modifiers & moving)

    def grows(self, item: Item) -> bool:
        told = {item.head, *item.modifiers} & self._naming.growing or item.setting.fate in ("dead", "hurt", "held")
        return bool(told) and item.dimension in ("count", BARE)

    def keys(self, item: Item, most: int) -> list[str]:
        """Words by which a rival of the item is looked for: its heads, the rarest that stand near, and its digits,
        whole and cut at a separator."""
        near = sorted(item.setting.near, key=lambda word: (self._count[word], word))
        digits = (f"digits {d}" for d in sorted(digit_keys(item.metric.surface)))
        return [*(f"head {h}" for h in sorted(item.heads)), *near[:most], *digits]

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
        w, one, other = self.weights, middle(a.interval), middle(b.interval)
        if min(one, other) <= 0:
            return -0.5
        ratio = max(one, other) / min(one, other)
        score = 0.3 if ratio <= 2 else 0.0 if ratio <= (3 if max(one, other) > 100 else 4) else w.far_apart
        return score + (w.small if max(one, other) <= 12 or a.dimension == "percent" else 0.0)

    def _shared(self, words: Iterable[str]) -> float:
        """How telling shared words are together: one that stands in no other sentence counts 1."""
        return sum(self.weight(word) for word in words)

    def weight(self, word: str) -> float:
        """How telling a shared word is, from 0 to 1."""
        return max(0.0, 1 - math.log(max(2, self._count[word]) / 2) / math.log(self._all / 2))


def _of_one_name(a: Item, b: Item) -> bool:
    """Whether they share a head, and are alike in form and kind."""
    return a.metric.form == b.metric.form and not a.heads.isdisjoint(b.heads) and kinds_fit(a, b)
