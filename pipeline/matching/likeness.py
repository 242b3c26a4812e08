"""Say in words why two articles are or are not one story: for ``wiredesk explain``.

In: two articles with their texts. Out: what matching saw of them, each piece as a person would check it. Nothing here
decides anything; the score is that of matching.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipeline.matching import lexicon, words
from pipeline.matching.copies import SAME, SHINGLE
from pipeline.matching.judge import Judge, Matching, pool_of
from pipeline.matching.mentions import Mentions, mentions
from pipeline.matching.outline import outline
from pipeline.matching.pool import order
from pipeline.matching.provenance import AGENCYS_OWN, SAME_CREDIT, credit_rank, kind
from pipeline.matching.sketch import subtag
from schemas.records import Article, Sketch

SHOWN = 12
"""So many words and names are shown."""


@dataclass(frozen=True)
class Likeness:
    """The evidence about a pair. ``later`` may have come from ``earlier``; ids of articles."""

    later: str
    earlier: str
    likeness: float | None
    """The probability that both tell one story, as far as the two alone say; None when they were never compared
    (``apart`` says why)."""
    containment: float
    """The share of the shorter text's word 5-shingles that the other has."""
    apart: str = ""
    copied: tuple[str, ...] = ()
    """Of a copy: what was done to the text, where, and what its credit says."""
    gap: timedelta | None = None
    shared_words: tuple[str, ...] = ()
    """The rarest first."""
    shared_names: tuple[str, ...] = ()
    numbers_agree: tuple[str, ...] = ()
    numbers_conflict: tuple[str, ...] = ()
    """Of one unit both give numbers, and none is the same: "7 / 12 people", the later article's first."""
    days_agree: tuple[str, ...] = ()
    days_conflict: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One line for each kind of evidence there is."""
        found = []
        if self.apart:
            found.append(f"never compared: {self.apart}")
        if self.likeness is not None:
            found.append(f"alike, as far as the two alone say: {self.likeness:.2f}")
        if self.containment:
            found.append(f"same words: {self.containment:.0%} of the shorter text")
        found.extend(self.copied)
        if self.gap is not None:
            found.append(f"published {_apart(self.gap)} apart")
        for label, values in (
            ("shared rare words", self.shared_words),
            ("shared names", self.shared_names),
            ("numbers that agree", self.numbers_agree),
            ("numbers that conflict", self.numbers_conflict),
            ("days that agree", self.days_agree),
            ("days that conflict", self.days_conflict),
        ):
            if values:
                found.append(f"{label}: {', '.join(values)}")
        return found


def explain(a: Article, b: Article, config: Matching) -> Likeness:
    """The evidence about two articles, in whichever order they are given."""
    sketches = [outline(x, config).sketches[0] for x in (a, b)]
    if order(sketches[0]) < order(sketches[1]):
        a, b = b, a
    judge = Judge(pool_of(sketches, config))
    apart = "" if len(judge.pool.candidates(1)) else _why_apart(a, b, config)
    pair = judge.compare(a.article_id, b.article_id)
    learned = config.rarities.of(subtag(a.language))
    mine, theirs = _said(a, config), _said(b, config)
    written, others = _written(a), _written(b)
    shared = [w for w in _rarest(written, subtag(a.language), learned) if w in others]
    names = _names(a) & _names(b)
    return Likeness(
        later=a.article_id,
        earlier=b.article_id,
        likeness=None if apart else pair.likeness,
        containment=0.0 if apart else pair.containment,
        apart=apart,
        copied=_copied(a, b, sketches) if not apart and pair.containment >= SAME else (),
        gap=abs(a.published_at - b.published_at) if a.published_at and b.published_at else None,
        shared_words=tuple(written[w] for w in shared if w not in names)[:SHOWN],
        shared_names=tuple(written[w] for w in shared if w in names)[:SHOWN],
        numbers_agree=tuple(_number(n, unit) for n, unit in mine.numbers if (n, unit) in theirs.numbers),
        numbers_conflict=_conflicts(mine, theirs),
        days_agree=tuple(_day(d) for d in mine.days if d in theirs.days),
        days_conflict=_days_conflict(mine, theirs),
    )


def _copied(later: Article, earlier: Article, sketches: Sequence[Sketch]) -> tuple[str, ...]:
    """What was done to the earlier text, and what the later one's credit says of it."""
    mine, theirs = sorted(sketches, key=order, reverse=True)
    own, missing = (_places(x, y) for x, y in ((later, earlier), (earlier, later)))
    found = [f"a copy, {kind(mine, theirs)}"]
    if own:
        found.append(f"words of its own: {own}")
    if missing:
        found.append(f"words of the earlier one that it lacks: {missing}")
    rank = credit_rank(mine, theirs)
    if rank == AGENCYS_OWN:
        found.append(f"credits {mine.wire_credit}, and the earlier one is of {mine.wire_credit} itself")
    elif rank == SAME_CREDIT:
        found.append(f"both credit {mine.wire_credit}")
    return tuple(found)


def _places(text: Article, other: Article) -> str:
    """Where and how many words of a text stand in no run of five that the other has."""
    mine, theirs = (words.tokens(words.readable(x.text).lower()) for x in (text, other))
    runs = {tuple(theirs[i : i + SHINGLE]) for i in range(len(theirs) - SHINGLE + 1)}
    shared = [i for i in range(len(mine) - SHINGLE + 1) if tuple(mine[i : i + SHINGLE]) in runs]
    if not shared:
        return f"all {len(mine)}"
    covered = {i + n for i in shared for n in range(SHINGLE)}
    head, tail = shared[0], len(mine) - shared[-1] - SHINGLE
    within = len(mine) - len(covered) - head - tail
    places = ((head, "at the start"), (within, "within"), (tail, "at the end"))
    return ", ".join(f"{count} {where}" for count, where in places if count)


def _why_apart(a: Article, b: Article, config: Matching) -> str:
    languages = subtag(a.language), subtag(b.language)
    if languages[0] != languages[1]:
        return f"their languages differ ({languages[0]}, {languages[1]})"
    if a.published_at and b.published_at and abs(a.published_at - b.published_at) > config.horizon:
        return f"they are more than {_apart(config.horizon)} apart"
    return "they share no rare word and no run of words"


def _written(article: Article) -> dict[str, str]:
    """Folded word -> as the article first writes it."""
    found: dict[str, str] = {}
    for word in words.tokens(f"{words.readable(article.text)}\n{article.title or ''}"):
        found.setdefault(words.fold(word, subtag(article.language)), word)
    return found


def _rarest(folded: Iterable[str], language: str, learned: bytes | None) -> list[str]:
    rare = sorted((-words.rarity(w, language, learned), w) for w in folded)
    return [w for level, w in rare if -level > words.COMMON]


def _names(article: Article) -> set[str]:
    """Folded words that the text writes with a capital only."""
    language, body = subtag(article.language), words.tokens(words.readable(article.text))
    lower = {words.fold(w, language) for w in body if w[0].islower()}
    return {words.fold(w, language) for w in body if w[0].isupper()} - lower


def _said(article: Article, config: Matching) -> Mentions:
    day = article.published_at.date() if article.published_at else None
    language = subtag(article.language)
    learned = config.rarities.of(language)
    found, _ = lexicon.lexicon(language, learned).read(words.readable(article.text))
    return mentions(found, range(len(found)), language, day, learned)


def _conflicts(mine: Mentions, theirs: Mentions) -> tuple[str, ...]:
    found = []
    for unit in dict.fromkeys(unit for _, unit in mine.numbers if unit):
        a = {n for n, u in mine.numbers if u == unit}
        b = {n for n, u in theirs.numbers if u == unit}
        if b and not a & b:
            sides = [", ".join(f"{n:,g}" for n in sorted(side)) for side in (a, b)]
            found.append(f"{sides[0]} / {sides[1]} {unit}")
    return tuple(found)


def _days_conflict(mine: Mentions, theirs: Mentions) -> tuple[str, ...]:
    if not mine.days or not theirs.days or set(mine.days) & set(theirs.days):
        return ()
    return (f"{', '.join(map(_day, mine.days))} / {', '.join(map(_day, theirs.days))}",)


def _number(value: float, unit: str) -> str:
    return f"{value:,g} {unit}".strip()


def _day(day: tuple[int, int]) -> str:
    return f"{day[0]:02d}-{day[1]:02d}"


def _apart(gap: timedelta) -> str:
    hours = gap // timedelta(hours=1)
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
