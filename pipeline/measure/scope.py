"""What a number is said of, as far as its sentence tells: names and days beside it, a part or a whole, a table.

In: the metrics of one article. Out: a ``Setting`` for each. What a sentence says of all its numbers is read once.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

from pipeline.measure.compare import content_words
from pipeline.measure.pack import Pack
from pipeline.measure.units import singular
from schemas.records import Metric

REACH = 50
"""Characters on each side of a number that count as near."""
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_CAPITAL = re.compile(r"(?<![\w.])(?:(?:[A-Z]\.){2,}|[A-Z][\w’'-]*)")
_ENDING = re.compile(r"(?:[’']s?)$")
_DEMONYM = re.compile(r"(?<=\w\w\w)(?:ians?|eans?|ans?|ese|ish|is?|s|y|ia|a)$")
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_CLAUSE = re.compile(r"[,;:.()—–]|\band\b")
_FROM = re.compile(r"\bfrom [^,;]{0,30}$")
_TO = re.compile(r"^[^,;.\d]{0,20}\bto \W?\d")
_JOINED = re.compile(r"^(?: [\w'-]+){1,3} and ([a-z][a-z-]+s)\b")
_BLANK = re.compile(r"\s")


@dataclass(frozen=True)
class Scopes:
    """The word lists of figures.toml; ``fates``: word -> its row."""

    fates: Mapping[str, str]
    anew: frozenset[str]
    increment: frozenset[str]
    increments: tuple[str, ...]
    some: frozenset[str]
    sport: frozenset[str]
    enough: int
    numbers: int
    words_each: float
    stretches: frozenset[str]
    counting: frozenset[str]
    captions: frozenset[str]
    written: Mapping[str, str]
    spellings: re.Pattern[str]
    ticker: re.Pattern[str]
    said_on: re.Pattern[str]


@functools.cache
def scopes(language: str = "en") -> Scopes:
    """The lists of a language pack."""
    text = resources.files("pipeline.measure").joinpath(language, "figures.toml").read_text("utf-8")
    table = tomllib.loads(text)
    verbs = "|".join(table["reporting"].split())
    return Scopes(
        fates={word: row for row, words in table["fates"].items() for word in words.split()},
        anew=frozenset(table["anew"]["words"].split()),
        increment=frozenset(table["increment"]["words"].split()),
        increments=tuple(table["increment"]["phrases"]),
        some=frozenset(table["some"]["words"].split()),
        sport=frozenset(table["sport"]["words"].split()),
        enough=table["sport"]["enough"],
        numbers=table["table"]["numbers"],
        words_each=table["table"]["words_each"],
        stretches=frozenset(table["stretches"].split()),
        counting=frozenset(table["counting"].split()),
        captions=frozenset(table["captions"].split()),
        written=table["written"],
        spellings=re.compile(rf"\b(?:{'|'.join(map(re.escape, table['written']))})(?!\w)", re.I),
        ticker=re.compile(table["table"]["ticker"]),
        said_on=re.compile(rf"\b(?:{verbs})(?: \w+)?(?: on| late| early| in)? $", re.I),
    )


class Scene(NamedTuple):
    """A sentence. ``plain``: its words in lower case, which are no names; ``past``: years and words that may place it
    in the past; ``listed``: it is a row of a table or tells of a game; ``contrast``: it sets something
    against something else; ``stretches``: of time, that it names."""

    words: frozenset[str]
    plain: frozenset[str]
    names: frozenset[str]
    topics: frozenset[str]
    past: frozenset[str]
    listed: bool
    contrast: bool
    stretches: frozenset[str]


class Setting(NamedTuple):
    """Where a number stands. ``others``: the metrics of its sentence beside it; ``fate``: what befell those counted;
    ``days``: the weekdays near it; ``partial``: it is of some of a whole; ``increment``: of what came on top;
    ``joined``: what is counted along ("25 drones and missiles"); ``counted_by``: who reports it is who has it;
    ``moved``: it is one end of a move from one value to another."""

    scene: Scene
    near: frozenset[str]
    names: frozenset[str]
    others: tuple[Metric, ...]
    fate: str | None
    days: frozenset[str]
    partial: bool
    increment: bool
    joined: frozenset[str]
    counted_by: bool
    moved: bool
    at: int
    """The number's offset in its sentence; -1 when it can't be told."""


def settings(metrics: Sequence[Metric], published: int | None, pack: Pack) -> list[Setting]:
    """The setting of each metric of one article, in their order; ``published``: the year of publication."""
    lists = scopes()
    scenes: dict[str, Scene] = {}
    starts = _starts(metrics)
    together: dict[tuple[str, int], list[Metric]] = {}
    for metric, start in zip(metrics, starts, strict=True):
        together.setdefault((metric.sentence, start), []).append(metric)
    found = []
    for metric, start in zip(metrics, starts, strict=True):
        beside = together[metric.sentence, start]
        scene = scenes.get(metric.sentence)
        if scene is None:
            scene = scenes[metric.sentence] = _scene(metric.sentence, len(beside), published, pack)
        at = metric.span_start - start if start >= 0 else -1
        found.append(_setting(metric, at, scene, beside, pack, lists))
    return found


def _starts(metrics: Sequence[Metric]) -> list[int]:
    """Where each metric's sentence starts in the text, told from where the numbers stand in both; -1 where it can't be.

    A surface may stand in its sentence more than once; the start that fits most of the sentence's numbers is right."""
    grouped: dict[str, list[Metric]] = {}
    for metric in metrics:
        grouped.setdefault(metric.sentence, []).append(metric)
    possible: dict[str, list[int]] = {}
    for sentence, group in grouped.items():
        fits: dict[int, int] = {}
        for metric in group[:200]:
            for at in _places(metric.surface, sentence):
                start = metric.span_start - at
                fits[start] = fits.get(start, 0) + 1
        possible[sentence] = sorted(fits, key=lambda s: (-fits[s], s))[:20]
    return [_start(m, possible[m.sentence]) for m in metrics]


def _start(metric: Metric, possible: Sequence[int]) -> int:
    """One of the starts that others of its sentence have, else (a sentence that is repeated) the first that fits."""
    for start in possible:
        if metric.sentence.startswith(metric.surface, metric.span_start - start) and start <= metric.span_start:
            return start
    return next((metric.span_start - at for at in _places(metric.surface, metric.sentence, 1)), -1)


def _places(surface: str, sentence: str, most: int = 20) -> list[int]:
    """Where a number stands in a sentence as a word of its own."""
    found: list[int] = []
    at = sentence.find(surface) if surface else -1
    while at >= 0 and len(found) < most:
        before, after = sentence[at - 1 : at] if at else "", sentence[at + len(surface) : at + len(surface) + 1]
        if not (before.isalnum() or before in tuple(".,_")) and not (after.isalnum() or after == "_"):
            found.append(at)
        at = sentence.find(surface, at + 1)
    return found


@functools.lru_cache(maxsize=1 << 13)  # A story's sentences come again with each new member.
def _scene(sentence: str, numbers: int, published: int | None, pack: Pack) -> Scene:
    lists = scopes()
    tokens = _WORD.findall(sentence)
    low = [t.lower() for t in tokens]
    words = content_words(sentence, pack)
    games = lists.sport.intersection(low)
    row = numbers >= lists.numbers and len(tokens) <= lists.words_each * numbers
    return Scene(
        words=words,
        plain=frozenset(t for t in tokens if t[0].islower()),
        names=_names(sentence, pack),
        topics=frozenset(row for word in words for row in pack.naming.alike.get(word, ())),
        past=frozenset(_YEAR.findall(sentence)) - {str(published)} | (pack.naming.past & set(low)),
        listed=row
        or len(games) >= lists.enough
        or not lists.captions.isdisjoint(low)
        or lists.ticker.search(sentence) is not None,
        contrast=not pack.naming.contrast.isdisjoint(low),
        stretches=lists.stretches & {singular(word, pack.words) for word in low},
    )


@functools.lru_cache(maxsize=1 << 14)
def _names(text: str, pack: Pack) -> frozenset[str]:
    """The capitalised words of a text that are no common ones, a people's name as that of its country."""
    found = set()
    lists = scopes()
    text = lists.spellings.sub(
        lambda m: lists.written[m[0].lower()].upper() if m[0][0].isupper() else m[0], text[:4000]
    )
    for match in _CAPITAL.findall(text):
        word = _ENDING.sub("", match).replace(".", "").lower()
        if len(word) > 1 and word not in pack.words.function and word not in pack.naming.empty:
            found.add(as_name(word))
    return frozenset(found - _calendar(pack) - pack.gate)


def as_name(word: str) -> str:
    """A word as names are compared: "iranian" as "iran"."""
    return _DEMONYM.sub("", word)


@functools.lru_cache(maxsize=64)
def _calendar(pack: Pack) -> frozenset[str]:
    """The names of days and months."""
    return frozenset(as_name(str(word)) for word in (*pack.periods.weekdays, *pack.periods.months))


def _setting(metric: Metric, at: int, scene: Scene, beside: Sequence[Metric], pack: Pack, lists: Scopes) -> Setting:
    sentence = metric.sentence
    start, end = (at, at + len(metric.surface)) if at >= 0 else (0, len(sentence[:400]))
    left, right = _window(sentence, start, end)
    low = f"{left} | {right}".lower()
    before, after = _WORD.findall(left.lower()), _WORD.findall(right.lower())
    partial = not pack.naming.partial.isdisjoint([w for w in before[-1:] if w not in ("of", "more")] + after[:1])
    around = frozenset(before) | frozenset(after)
    return Setting(
        scene=scene,
        near=content_words(f"{left} {right}", pack),
        names=(_names(left, pack) | _names(right, pack)) & scene.names,
        others=tuple(m for m in beside[:60] if m.metric_id != metric.metric_id),
        fate=_fate(metric, left, right, pack, lists),
        days=_days(left, right, pack, lists),
        partial=partial or not lists.some.isdisjoint(around),
        increment=not lists.increment.isdisjoint(before[-1:] + after[:2]) or any(p in low for p in lists.increments),
        joined=frozenset(_JOINED.findall(right)) - pack.gate,
        counted_by=not lists.counting.isdisjoint(before[-1:]),
        moved=_FROM.search(left) is not None or (_TO.match(right) is not None and "from" in before[-6:]),
        at=at,
    )


def _window(sentence: str, start: int, end: int) -> tuple[str, str]:
    """What stands on each side of a number, cut at a full word."""
    left, right = sentence[max(0, start - REACH) : start], sentence[end : end + REACH]
    if start > REACH and not sentence[start - REACH - 1].isspace():
        left = _BLANK.split(left, 1)[-1]
    if end + REACH < len(sentence) and not sentence[end + REACH].isspace():
        right = right.rpartition(" ")[0]
    return left, right


def _fate(metric: Metric, left: str, right: str, pack: Pack, lists: Scopes) -> str | None:
    """From the measure, else from the clause that the number stands in, first what follows it."""
    named = [lists.fates[w] for w in content_words(metric.measure or "", pack) if w in lists.fates]
    if named or metric.measure is None or metric.unit not in (None, "person"):
        return min(named, default=None)
    after, before = _CLAUSE.split(right, 1)[0], _CLAUSE.split(left)[-1]
    for words in (_WORD.findall(after.lower()), _WORD.findall(before.lower())[::-1]):
        for word in words:
            if word in lists.fates:
                return lists.fates[word]
    return None


def _days(left: str, right: str, pack: Pack, lists: Scopes) -> frozenset[str]:
    found = set()
    text = f"{left} {right}"
    for match in _WORD.finditer(text):
        word = match[0].lower().removesuffix("'s").removesuffix("’s")
        if word in pack.periods.weekdays and match[0][0].isupper() and not lists.said_on.search(text[: match.start()]):
            found.add(word)
    return frozenset(found)
