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


class Scene:
    """A sentence of an article. What it tells is read when it is asked for: most numbers meet no other like theirs."""

    def __init__(self, sentence: str, numbers: int, published: int | None, pack: Pack):
        """``numbers``: how many of them it has; ``published``: the article's year."""
        self._sentence, self._numbers, self._published, self._pack = sentence, numbers, published, pack

    @functools.cached_property
    def _tokens(self) -> list[str]:
        return _WORD.findall(self._sentence)

    @functools.cached_property
    def _low(self) -> frozenset[str]:
        return frozenset(t.lower() for t in self._tokens)

    @functools.cached_property
    def words(self) -> frozenset[str]:
        return content_words(self._sentence, self._pack)

    @functools.cached_property
    def plain(self) -> frozenset[str]:
        """Its words in lower case, which are no names."""
        return frozenset(t for t in self._tokens if t[0].islower())

    @functools.cached_property
    def names(self) -> frozenset[str]:
        return _names(self._sentence, self._pack)

    @functools.cached_property
    def topics(self) -> frozenset[str]:
        """The rows of synonyms that its words are in."""
        return frozenset(row for word in self.words for row in self._pack.naming.alike.get(word, ()))

    @functools.cached_property
    def past(self) -> frozenset[str]:
        """Years and words that may place it in the past."""
        return frozenset(_YEAR.findall(self._sentence)) - {str(self._published)} | (self._pack.naming.past & self._low)

    @functools.cached_property
    def listed(self) -> bool:
        """Whether it is a row of a table, or tells of a game."""
        lists, low = scopes(), self._low
        return (
            (self._numbers >= lists.numbers and len(self._tokens) <= lists.words_each * self._numbers)
            or len(lists.sport & low) >= lists.enough
            or not lists.captions.isdisjoint(low)
            or lists.ticker.search(self._sentence) is not None
        )

    @functools.cached_property
    def contrast(self) -> bool:
        """Whether it sets something against something else."""
        return not self._pack.naming.contrast.isdisjoint(self._low)

    @functools.cached_property
    def stretches(self) -> frozenset[str]:
        """The stretches of time that it names."""
        return scopes().stretches & {singular(word, self._pack.words) for word in self._low}


class Setting:
    """Where a number stands. What it tells is read when it is asked for, as with its ``scene``.

    ``at``: the number's offset in its sentence; -1 when it can't be told.
    """

    def __init__(self, metric: Metric, at: int, scene: Scene, beside: Sequence[Metric], pack: Pack):
        """``beside``: all metrics of its sentence."""
        self.at, self.scene = at, scene
        self._metric, self._beside, self._pack = metric, beside, pack

    @functools.cached_property
    def _window(self) -> tuple[str, str]:
        """What stands on each side of the number, cut at a full word."""
        sentence, at = self._metric.sentence, self.at
        start, end = (at, at + len(self._metric.surface)) if at >= 0 else (0, len(sentence[:400]))
        left, right = sentence[max(0, start - REACH) : start], sentence[end : end + REACH]
        if start > REACH and not sentence[start - REACH - 1].isspace():
            left = _BLANK.split(left, 1)[-1]
        if end + REACH < len(sentence) and not sentence[end + REACH].isspace():
            right = right.rpartition(" ")[0]
        return left, right

    @functools.cached_property
    def _words(self) -> tuple[list[str], list[str]]:
        """The words before and after it."""
        left, right = self._window
        return _WORD.findall(left.lower()), _WORD.findall(right.lower())

    @functools.cached_property
    def near(self) -> frozenset[str]:
        left, right = self._window
        return content_words(f"{left} {right}", self._pack)

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """Names near it."""
        left, right = self._window
        return (_names(left, self._pack) | _names(right, self._pack)) & self.scene.names

    @functools.cached_property
    def others(self) -> tuple[Metric, ...]:
        """The metrics of its sentence beside it."""
        return tuple(m for m in self._beside[:60] if m.metric_id != self._metric.metric_id)

    @functools.cached_property
    def fate(self) -> str | None:
        """What befell those counted: from the measure, else from the clause that the number stands in, first what
        follows it."""
        fates, metric = scopes().fates, self._metric
        named = [fates[w] for w in content_words(metric.measure or "", self._pack) if w in fates]
        if named or metric.measure is None or metric.unit not in (None, "person"):
            return min(named, default=None)
        left, right = self._window
        after, before = _CLAUSE.split(right, 1)[0], _CLAUSE.split(left)[-1]
        for words in (_WORD.findall(after.lower()), _WORD.findall(before.lower())[::-1]):
            for word in words:
                if word in fates:
                    return fates[word]
        return None

    @functools.cached_property
    def days(self) -> frozenset[str]:
        """The weekdays near it."""
        found = set()
        text = " ".join(self._window)
        said_on = scopes().said_on
        for match in _WORD.finditer(text):
            word = match[0].lower().removesuffix("'s").removesuffix("’s")
            if (
                word in self._pack.periods.weekdays
                and match[0][0].isupper()
                and not said_on.search(text[: match.start()])
            ):
                found.add(word)
        return frozenset(found)

    @functools.cached_property
    def partial(self) -> bool:
        """Whether it is of some of a whole."""
        before, after = self._words
        beside = [w for w in before[-1:] if w not in ("of", "more")] + after[:1]
        return not self._pack.naming.partial.isdisjoint(beside) or not scopes().some.isdisjoint((*before, *after))

    @functools.cached_property
    def increment(self) -> bool:
        """Whether it is of what came on top."""
        lists, (left, right), (before, after) = scopes(), self._window, self._words
        low = f"{left} | {right}".lower()
        return not lists.increment.isdisjoint(before[-1:] + after[:2]) or any(p in low for p in lists.increments)

    @functools.cached_property
    def joined(self) -> frozenset[str]:
        """What is counted along: "25 drones and missiles"."""
        return frozenset(_JOINED.findall(self._window[1])) - self._pack.gate

    @functools.cached_property
    def counted_by(self) -> bool:
        """Whether who reports it is who has it."""
        return not scopes().counting.isdisjoint(self._words[0][-1:])

    @functools.cached_property
    def moved(self) -> bool:
        """Whether it is one end of a move from one value to another."""
        left, right = self._window
        return _FROM.search(left) is not None or (_TO.match(right) is not None and "from" in self._words[0][-6:])


def settings(metrics: Sequence[Metric], published: int | None, pack: Pack) -> list[Setting]:
    """The setting of each metric of one article, in their order; ``published``: the year of publication."""
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
        found.append(Setting(metric, at, scene, beside, pack))
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
    return Scene(sentence, numbers, published, pack)


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
