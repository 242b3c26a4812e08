"""What the warehouse holds after the demo, on a few screens: stories, figures, rejects, receipts.

``collect`` reads it through the warehouse's contract, ``render`` prints it; readable at 80 columns and in a pipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from connectors.warehouse import Warehouse
from pipeline.cli.screen import Console
from schemas.reasons import reasons

STYLES = {"agree": "green", "conflict": "yellow", "damaged": "red", "superseded": "cyan"}
"""The statuses that are shown, in this order; single figures are not."""
EXCERPT = 110
"""Characters of a sentence that are shown."""


@dataclass(frozen=True)
class Told:
    """An article, or a digest's section, as a line in its story's tree."""

    article_id: str
    title: str
    source: str
    published_at: datetime | None
    parent_id: str | None
    relation: str
    similarity: float | None


@dataclass(frozen=True)
class Voice:
    """One number of a figure, where it stands and who says it."""

    surface: str
    sentence: str
    speaker: str


@dataclass(frozen=True)
class FigureLines:
    status: str
    measure: str
    article_count: int
    independent_count: int
    voices: tuple[Voice, ...]


@dataclass(frozen=True)
class StoryLines:
    """A story with at least two articles; ``told`` begins with the first."""

    title: str
    article_count: int
    source_count: int
    told: tuple[Told, ...]
    figures: tuple[FigureLines, ...]


@dataclass(frozen=True)
class Summary:
    stories: tuple[StoryLines, ...]
    alone: int
    """Stories of one article."""
    rejects: tuple[tuple[str, int, str], ...]
    """Reason, how many, the URL or source of one."""
    receipts: tuple[tuple[str, int], ...]
    """Outcome, how many."""


def collect(warehouse: Warehouse, agreeing: int = 2) -> Summary:
    """Read the summary. Of the figures that agree, each story shows the ``agreeing`` best supported ones."""
    stories = warehouse.query(
        "SELECT story_id, title, article_count, source_count FROM stories WHERE superseded_by IS NULL "
        "ORDER BY source_count DESC, article_count DESC, first_published_at, story_id"
    )
    shared = [story for story in stories if story[2] > 1]
    told, figures = _told(warehouse), _figures(warehouse, agreeing)
    return Summary(
        stories=tuple(
            StoryLines(title or "", articles, sources, tuple(told.get(key, ())), tuple(figures.get(key, ())))
            for key, title, articles, sources in shared
        ),
        alone=len(stories) - len(shared),
        rejects=tuple(
            (reason, count, example)
            for reason, count, example in warehouse.query(
                "SELECT reason, count(*), min(coalesce(url, source, '')) FROM rejects "
                "GROUP BY reason ORDER BY 2 DESC, 1"
            )
        ),
        receipts=tuple(
            (outcome, count)
            for outcome, count in warehouse.query(
                "SELECT outcome, count(*) FROM receipts GROUP BY outcome ORDER BY 2 DESC"
            )
        ),
    )


def _told(warehouse: Warehouse) -> dict[str, list[Told]]:
    """Story -> its articles, earliest first, then the sections of digests that tell it."""
    found: dict[str, list[Told]] = {}
    for story, *fields in warehouse.query(
        "SELECT story_id, article_id, title, source, published_at, parent_id, relation, similarity FROM articles "
        "WHERE story_id IS NOT NULL ORDER BY coalesce(published_at, first_seen_at), article_id"
    ):
        found.setdefault(story, []).append(Told(*fields))
    for story, *fields in warehouse.query(
        "SELECT s.story_id, s.section_id, s.title, a.source, a.published_at, s.parent_id, 'section', s.similarity "
        "FROM article_sections s JOIN articles a ON a.article_id = s.article_id "
        "WHERE s.story_id IS NOT NULL ORDER BY a.published_at, s.span_start"
    ):
        found.setdefault(story, []).append(Told(*fields))
    return found


def _figures(warehouse: Warehouse, agreeing: int) -> dict[str, list[FigureLines]]:
    """Story -> its figures of several numbers, those that agree first."""
    voices = {
        key: (value, Voice(surface, sentence, f"{attribution}, in {source}" if attribution else source))
        for key, value, surface, sentence, attribution, source in warehouse.query(
            "SELECT m.metric_id, coalesce(m.value, m.low), m.surface, m.sentence, m.attribution, a.source "
            "FROM metrics m JOIN articles a ON a.article_id = m.article_id"
        )
    }
    found: dict[str, list[FigureLines]] = {}
    for story, status, measure, unit, articles, independent, metric_ids in warehouse.query(
        "SELECT story_id, status, measure, unit, article_count, independent_count, metric_ids FROM figures "
        "WHERE status <> 'single' ORDER BY independent_count DESC, article_count DESC, figure_id"
    ):
        said = [voices[key] for key in metric_ids if key in voices]
        if status == "agree":
            chosen: Sequence[Voice] = [voice for _, voice in said[:1]]
        else:
            # One voice for each value: the first that said it, as later entries of a dict replace earlier ones.
            chosen = list(dict(reversed(said)).values())[::-1]
        lines = FigureLines(status, measure or unit or "?", articles, independent, tuple(chosen))
        found.setdefault(story, []).append(lines)
    order = list(STYLES)
    for story, figures in found.items():
        agree = [f for f in figures if f.status == "agree"][:agreeing]
        others = [f for f in figures if f.status in STYLES and f.status != "agree"]
        found[story] = sorted(agree + others, key=lambda f: order.index(f.status))
    return found


def render(summary: Summary, console: Console, next_steps: Mapping[str, str]) -> None:
    """Print it; ``next_steps``: command -> what it shows."""
    console.rule("[bold]Stories")
    for story in summary.stories:
        console.print()
        console.print(_tree(story))
        for figure in story.figures:
            console.print(Padding(_figure(figure), (0, 0, 0, 2), expand=False))
    console.print(f"\nand {summary.alone} articles that nobody else has.\n")
    if summary.rejects:
        console.rule("[bold]What could not be used, and why")
        console.print(_rejects(summary))
    console.rule("[bold]Every item accounted for")
    counts = ", ".join(f"{outcome} {count}" for outcome, count in summary.receipts)
    console.print(f"{sum(count for _, count in summary.receipts)} receipts: {counts}\n")
    console.rule("[bold]What to type next")
    for command, shows in next_steps.items():
        console.print(f"[dim]# {escape(shows)}[/dim]")
        console.print(f"[bold]{escape(command)}[/bold]", soft_wrap=True)


def _tree(story: StoryLines) -> Tree:
    """The story's first article, and under each article what came from it."""
    root = Tree(f"[bold]{escape(story.title)}[/bold]  ({story.article_count} articles, {story.source_count} outlets)")
    nodes: dict[str, Tree] = {}
    for told in story.told:
        how = "first" if told.parent_id is None else told.relation
        if told.similarity is not None:
            how += f" {told.similarity:.2f}"
        when = f"{told.published_at:%a %H:%M}" if told.published_at else "undated"
        line = f"[dim]{when}[/dim] {escape(told.source)} [dim]({how})[/dim]"
        if told.parent_id is not None:
            line += f" [italic]{escape(told.title or '')}[/italic]"
        nodes[told.article_id] = nodes.get(told.parent_id or "", root).add(line)
    return root


def _figure(figure: FigureLines) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=10, style=STYLES[figure.status])
    grid.add_column()
    support = f"{figure.article_count} articles"
    if figure.independent_count != figure.article_count:
        support += f", {figure.independent_count} independent"
    grid.add_row(figure.status, Text(f"{figure.measure} ({support})", style="bold"))
    for voice in figure.voices:
        line = Text(voice.surface, style=STYLES[figure.status])
        line.append(f' "{excerpt(voice.sentence, voice.surface)}"', style="default")
        line.append(f" - {voice.speaker}", style="dim")
        grid.add_row("", line)
    return grid


def excerpt(sentence: str, surface: str, width: int = EXCERPT) -> str:
    """The part of the sentence around the surface, cut at words, at most about ``width`` characters."""
    sentence = " ".join(sentence.split()).strip('"“”')
    if len(sentence) <= width:
        return sentence
    start = max(0, min(sentence.find(surface) - width // 2, len(sentence) - width))
    end = start + width
    if start:
        start = sentence.find(" ", start) + 1
    if end < len(sentence):
        end = sentence.rfind(" ", start, end)
    return f"{'...' if start else ''}{sentence[start:end]}{'...' if end < len(sentence) else ''}"


def _rejects(summary: Summary) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    table.add_column()
    known: Mapping[str, Any] = reasons()
    for reason, count, example in summary.rejects:
        meaning = known[reason].meaning if reason in known else ""
        table.add_row(str(count), reason, Text(meaning).append(f"\n{example}", style="dim"))
    return table
