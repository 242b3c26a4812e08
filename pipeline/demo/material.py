"""The demo's articles with their known answers: what the outlets publish, which story each article tells, what it was
made from, and what the numbers should come to.

``load_material(now)`` reads stories/*.toml, outlets.toml and troubles.toml. The outlets are polled at three times,
``POLLS``; a poll's number, from 1, is the stage. What is published after a poll is out at the next.

A file in stories/ is a family: a ``story`` (the key of most of its articles), ``[[article]]`` and ``[[figure]]``
tables. A copy names the article it was taken from (``copy_of``), which paragraphs, and its own ``head``, ``tail`` and
``replace``; a rewrite names its ``parent``. ``or_story``: both answers are fine. ``stage`` on an article: it is found
only then, though published earlier. See the records below for the rest.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal

from pipeline.demo.almanac import dated, moment

POLLS = ("day-2 12:00", "day-1 08:00", "day-1 20:00")


@dataclass(frozen=True)
class Outlet:
    """A fictional outlet. ``feed``: the form its news come in; ``article_path``: str.format with year, month, day and
    slug; ``zone``: hours ahead of UTC; ``page``: its template in pages/; ``charset``: of feed and pages."""

    key: str
    name: str
    feed: Literal["rss", "rdf", "atom", "json", "sitemap", "section", "malformed"]
    feed_path: str
    article_path: str
    page: str
    zone: int = 0
    language: str = "en"
    charset: str = "utf-8"
    amp: bool = False
    """Feed links lead to AMP twins and carry tracking parameters."""
    full_text: bool = False
    """The feed carries the whole articles."""
    moved_from: str | None = None
    """Where The Daily Snag served the feed before it moved here for good."""


@dataclass(frozen=True)
class Section:
    """A part of a digest; ``story`` None: it tells of nothing that others tell."""

    title: str
    paragraphs: tuple[str, ...]
    story: str | None = None


@dataclass(frozen=True)
class Wording:
    """An article as it reads from ``stage`` on; ``at``: published, or last modified."""

    stage: int
    at: datetime
    title: str
    paragraphs: tuple[str, ...]
    sections: tuple[Section, ...] = ()

    @property
    def text(self) -> str:
        parts = list(self.paragraphs)
        for section in self.sections:
            parts += [section.title, *section.paragraphs]
        return "\n\n".join(parts)


@dataclass(frozen=True)
class Article:
    """An article and its known answers. ``copy_group``: the slug of the first of the copies; ``digest``: its sections
    have the answers, not the article; ``locked``: the page is for subscribers, the feed carries the text."""

    slug: str
    outlet: str
    by: tuple[str, ...]
    wordings: tuple[Wording, ...]
    story: str
    or_story: str | None = None
    parent: str | None = None
    relation: Literal["original", "copy", "rewrite"] = "original"
    copy_group: str | None = None
    digest: bool = False
    locked: bool = False

    @property
    def published(self) -> datetime:
        return self.wordings[0].at

    def at_stage(self, stage: int) -> Wording | None:
        """How it reads at this stage; None while it is not out."""
        return next((w for w in reversed(self.wordings) if w.stage <= stage), None)


@dataclass(frozen=True)
class FigureAnswer:
    """What the numbers of a story should come to: a figure whose measure has one of ``words`` in it, to which metrics
    of all these ``values`` belong, with this status."""

    story: str
    words: tuple[str, ...]
    values: tuple[float, ...]
    status: Literal["single", "agree", "conflict", "damaged", "superseded"]
    or_status: tuple[str, ...] = ()
    per: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something that can't be had: an entry of the badly behaved site's feed, or a source of its own; ``reason`` is the
    reject's that it should come to. ``answer`` names what the server does (see trouble.py)."""

    path: str
    title: str
    answer: str
    reason: str
    source: bool = False


@dataclass(frozen=True)
class Material:
    outlets: Mapping[str, Outlet]
    articles: tuple[Article, ...]
    figures: tuple[FigureAnswer, ...]
    troubles: tuple[Trouble, ...]

    def article(self, slug: str) -> Article:
        return next(a for a in self.articles if a.slug == slug)

    def of(self, outlet: str, stage: int) -> list[tuple[Article, Wording]]:
        """What the outlet has out at this stage, the latest first."""
        out = [(a, w) for a in self.articles if a.outlet == outlet and (w := a.at_stage(stage))]
        return sorted(out, key=lambda pair: pair[0].published, reverse=True)

    def article_at(self, url: str) -> Article | None:
        """The article that an outlet's URL, in any of its forms, leads to."""
        words = set(re.split(r"[^a-z0-9-]+", url.lower()))
        return next((a for a in self.articles if a.slug in words), None)

    def stories(self) -> dict[str, list[Article]]:
        """Story key -> its articles, the first published first; digests stand aside."""
        found: dict[str, list[Article]] = {}
        for article in sorted(self.articles, key=lambda a: (a.published, a.slug)):
            if not article.digest:
                found.setdefault(article.story, []).append(article)
        return found


def load_material(now: datetime) -> Material:
    """Return all the material, dated as of ``now``. Raises ValueError or KeyError where it contradicts itself."""
    here = resources.files("pipeline.demo")
    articles: dict[str, Article] = {}
    figures: list[FigureAnswer] = []
    families = [_toml(file) for file in sorted(here.joinpath("stories").iterdir(), key=lambda f: f.name)]
    # Copies and digests are made from articles of other files: those with a text of their own come first.
    for made_of_others in (False, True):
        for family, table in _articles(families):
            if _is_made_of_others(table) == made_of_others:
                articles[table["slug"]] = _article(table, family["story"], articles, now)
    for family in families:
        figures += [_figure(table, family["story"]) for table in family.get("figure", ())]
    outlets = {key: Outlet(key=key, **row) for key, row in _toml(here.joinpath("outlets.toml")).items()}
    troubles = [Trouble(**row) for row in _toml(here.joinpath("troubles.toml"))["trouble"]]
    ordered = [articles[table["slug"]] for _, table in _articles(families)]
    return Material(outlets, tuple(ordered), tuple(figures), tuple(troubles))


def _toml(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8"))


def _articles(families: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for family in families:
        for table in family["article"]:
            yield family, table


def _is_made_of_others(table: Mapping[str, Any]) -> bool:
    return "copy_of" in table or any("copy_of" in section for section in table.get("section", ()))


def _article(table: Mapping[str, Any], story: str, known: Mapping[str, Article], now: datetime) -> Article:
    original = known[table["copy_of"]] if "copy_of" in table else None
    first = Wording(
        stage=table.get("stage", _stage(table["at"], now)),
        at=moment(table["at"], now),
        title=table["title"],
        paragraphs=_edited(_paragraphs(table, known, now), table.get("replace", ())),
        sections=tuple(_section(section, known, now) for section in table.get("section", ())),
    )
    parent = table.get("copy_of", table.get("parent"))
    return Article(
        slug=table["slug"],
        outlet=table["outlet"],
        by=tuple(table["by"]),
        wordings=tuple(_wordings(first, table.get("revision", ()), now)),
        story=table.get("story", story),
        or_story=table.get("or_story"),
        parent=parent,
        relation="copy" if original else "rewrite" if parent else "original",
        copy_group=original.slug if original else None,
        digest=table.get("digest", False),
        locked=table.get("locked", False),
    )


def _wordings(first: Wording, revisions: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[Wording]:
    current = first
    yield current
    for table in revisions:
        current = replace(
            current,
            stage=_stage(table["at"], now),
            at=moment(table["at"], now),
            title=table.get("title", current.title),
            paragraphs=_edited(current.paragraphs, table.get("replace", ())) + _split(table.get("append", ""), now),
        )
        yield current


def _stage(at: str, now: datetime) -> int:
    """The first poll that finds what is published at this time."""
    for stage, poll in enumerate(POLLS, 1):
        if moment(at, now) <= moment(poll, now):
            return stage
    raise ValueError(f"{at!r} is after the last poll")


def _section(table: Mapping[str, Any], known: Mapping[str, Article], now: datetime) -> Section:
    story = known[table["copy_of"]].story if "copy_of" in table else table.get("story")
    return Section(table["title"], _paragraphs(table, known, now), story)


def _paragraphs(table: Mapping[str, Any], known: Mapping[str, Article], now: datetime) -> tuple[str, ...]:
    if "copy_of" not in table:
        return _split(table["text"], now)
    first, last = table["paragraphs"]
    taken = known[table["copy_of"]].wordings[0].paragraphs[first - 1 : last]
    if len(taken) != last - first + 1:
        raise ValueError(f"{table['copy_of']} has no paragraphs {first} to {last}")
    return _split(table.get("head", ""), now) + taken + _split(table.get("tail", ""), now)


def _split(text: str, now: datetime) -> tuple[str, ...]:
    return tuple(part.strip() for part in dated(text, now).split("\n\n") if part.strip())


def _edited(paragraphs: tuple[str, ...], edits: Sequence[Sequence[str]]) -> tuple[str, ...]:
    for old, new in edits:
        if sum(p.count(old) for p in paragraphs) != 1:
            raise ValueError(f"{old!r} is not in the text exactly once")
        paragraphs = tuple(p.replace(old, new) for p in paragraphs)
    return paragraphs


def _figure(table: Mapping[str, Any], story: str) -> FigureAnswer:
    fields = {**table, "story": table.get("story", story)}
    for name in ("words", "values", "or_status"):
        fields[name] = tuple(fields.get(name, ()))
    return FigureAnswer(**fields)
