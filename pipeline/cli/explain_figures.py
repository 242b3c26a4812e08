"""The figures of a story in words, for ``wiredesk explain``: each value, its sentence, its speaker, its article, and
why the figure agrees, conflicts, is damaged or superseded."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from connectors.warehouse import Warehouse
from pipeline.measure.account import Account, Value, Voice, accounts
from schemas.records import Figure, Member, Metric

STYLES = {"conflict": "yellow", "damaged": "red", "superseded": "cyan", "agree": "green", "single": "dim"}
"""The statuses, in the order in which they are told."""
MOST_FIGURES = 40
MOST_VOICES = 5
EXCERPT = 160
"""Characters of a sentence around its number."""
_MANGLED = {
    "lost-scale": "a lost scale",
    "cut": "digits cut at a separator",
    "lost-point": "a lost decimal point",
    "lost-zero": "a lost zero",
    "glued": "digits of two numbers glued together",
}


def about_the_figures(figures: Sequence[Figure], asked: str, warehouse: Warehouse) -> list[str]:
    """Lines with rich's markup. Single figures are only counted, but for the one whose id, or whose metric's, begins
    with ``asked``."""
    if not figures:
        return []
    wanted = [f for f in figures if asked and any(key.startswith(asked) for key in (f.figure_id, *f.metric_ids))]
    order = list(STYLES)
    told = wanted or sorted((f for f in figures if f.status != "single"), key=lambda f: order.index(f.status))
    single = sum(f.status == "single" for f in figures)
    lines = ["", f"[bold]{len(figures)} figures of the story[/bold], {single} of them in one text only"]
    if not told:
        return lines
    members = _members(figures[0].story_id, warehouse)
    by_article: dict[str, list[Metric]] = {}
    for metric in warehouse.metrics([m.article_id for m in members]):
        by_article.setdefault(metric.article_id, []).append(metric)
    explained = accounts(told[:MOST_FIGURES], members, by_article)
    for figure in told[:MOST_FIGURES]:
        lines += _figure(figure, explained[figure.figure_id])
    if len(told) > MOST_FIGURES:
        lines.append(f"  and {len(told) - MOST_FIGURES} more")
    return lines


def _members(story_id: str, warehouse: Warehouse) -> list[Member]:
    return [
        Member(
            article_id=article_id,
            story_id=story_id,
            title=title,
            source=source,
            published_at=published,
            at=published or seen,
            copy_group=group,
        )
        for article_id, title, source, published, seen, group in warehouse.query(
            "SELECT article_id, title, source, published_at, first_seen_at, copy_group FROM articles "
            "WHERE story_id = ? ORDER BY article_id",
            [story_id],
        )
    ]


def _figure(figure: Figure, account: Account) -> list[str]:
    style = STYLES[figure.status]
    unit = f"{figure.unit or ''}{'/' + figure.per if figure.per else ''}"
    kind = figure.kind if figure.kind != "actual" else None
    shape = "; ".join(part for part in (unit, figure.form, kind, figure.period) if part)
    lines = [
        f"  [{style}]{figure.status}[/{style}] [bold]{escape(figure.measure or '(no name)')}[/bold] "
        f"[dim]({escape(shape)})[/dim]  [dim]{figure.figure_id[:12]}[/dim]"
    ]
    if figure.status in ("damaged", "superseded"):
        shown = next((v.surface for v in account.values if _has(v, figure)), None)
        lines.append(f"    stands: {escape(shown or str(figure.value))}")
    lines += [f"    why: {escape(reason)}" for reason in account.why]
    for value in account.values:
        mangled = f" [red]({_MANGLED[value.mangled]})[/red]" if value.mangled else ""
        lines.append(f"    [bold]{escape(value.surface)}[/bold]{mangled}")
        for voice in value.voices[:MOST_VOICES]:
            lines += _voice(voice)
        if len(value.voices) > MOST_VOICES:
            lines.append(f"      and {len(value.voices) - MOST_VOICES} more texts")
    return lines


def _has(value: Value, figure: Figure) -> bool:
    return any(voice.metric.value == figure.value for voice in value.voices)


def _voice(voice: Voice) -> list[str]:
    metric, member = voice.metric, voice.member
    when = f"{member.at:%Y-%m-%d %H:%M}" if member.at else "undated"
    copies = f", and {len(voice.copies)} copies of that text" if voice.copies else ""
    speaker = metric.attribution or "the article itself"
    return [
        f"      {escape(speaker)}, in {escape(member.source)}, {when}: "
        f"[italic]{escape(member.title or '(no title)')}[/italic] [dim]{member.article_id[:12]}[/dim]{escape(copies)}",
        f'        "{escape(_excerpt(metric))}"',
    ]


def _excerpt(metric: Metric) -> str:
    """The sentence, or what stands around its number in a long one."""
    sentence = " ".join(metric.sentence.split())
    if len(sentence) <= EXCERPT:
        return sentence
    at = max(0, sentence.find(metric.surface) - EXCERPT // 2)
    end = min(len(sentence), at + EXCERPT)
    return f"{'...' if at else ''}{sentence[at:end]}{'...' if end < len(sentence) else ''}"
