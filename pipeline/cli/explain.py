"""``wiredesk explain``: what happened to an item, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from connectors.warehouse import Warehouse
from pipeline.cli.doors import warehouse_reader
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.explain_figures import about_the_figures
from pipeline.cli.screen import Console
from pipeline.cli.settings import Settings
from pipeline.cli.steps import matching
from pipeline.extraction import urls
from schemas.reasons import reasons
from schemas.records import Article, ArticleSection, ArticleVersion, Figure, Link, Metric, Receipt, Reject, Story

if TYPE_CHECKING:
    from pipeline.matching.judge import Matching
    from pipeline.matching.likeness import Likeness

LOOKED_AT = 20
"""Of the articles that are alike so many are looked at."""
SHOWN = 1
"""Of these so many of the same story, the runners-up, and so many of others, the look-alikes, are told of."""


@click.command()
@click.argument("item", metavar="URL|ID")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.pass_obj
def explain(settings: Settings, item: str, warehouse_url: str | None) -> None:
    """Say what happened to an item and why: receipts, extraction, dates, parent and its evidence, story, metrics,
    and the story's figures, each value with its sentence and speaker.

    The item is a URL, or the id of an article, story, fetch, reject, metric or figure (its first characters are
    enough).

    \b
    Example:
      wiredesk explain https://herald.example/2026/11/harbour-deal
    """
    if not item.strip():
        raise UserError("give a URL, or the id of an article, fetch, reject, metric or figure")
    console = Console()
    with warehouse_reader(warehouse_url or settings.warehouse).hold() as warehouse:
        facts = collect(warehouse, item)
        if facts is None and (kept_out := _kept_out(warehouse, item)):
            console.print(kept_out, highlight=False, soft_wrap=True)
            return
        if facts is None:
            raise Failed(f"nothing is known of {item}: no receipt, no article, no reject (still in the queue?)")
        for line in tell(facts, warehouse, matching(settings)):
            console.print(line, highlight=False, soft_wrap=True)


def _kept_out(warehouse: Warehouse, item: str) -> str | None:
    """That the URL, id or source is kept out, in words; None if it is not."""
    denials = warehouse.denials(sorted({item, *urls.ids_of(item)}))
    if not denials:
        return None
    why = f" ({escape(denials[0].why)})" if denials[0].why else ""
    return (
        f"forgotten on {denials[0].at:%Y-%m-%d %H:%M} UTC{why}, and kept out since: wiredesk forget --undo lets it in"
    )


@dataclass(frozen=True)
class Facts:
    """What the warehouse has on one item."""

    article: Article | None = None
    link: Link | None = None
    receipts: Sequence[Receipt] = ()
    rejects: Sequence[Reject] = ()
    versions: Sequence[ArticleVersion] = ()
    sections: Sequence[ArticleSection] = ()
    metrics: Sequence[Metric] = ()
    figures: Sequence[Figure] = field(default=())
    asked: str = ""
    """The id that was asked for, where it is no article's."""


def collect(warehouse: Warehouse, item: str) -> Facts | None:
    """The facts on a URL or (the beginning of) an id; None when there are none."""
    article_id = _article_of(warehouse, item)
    if article_id is None:
        rejects = _rejects_of(warehouse, item)
        receipts = warehouse.receipts(fetch_ids=[r.fetch_id for r in _receipts_of(warehouse, item)])
        return Facts(rejects=rejects, receipts=receipts) if rejects or receipts else None
    (article,) = warehouse.articles([article_id])
    links = warehouse.links(article_ids=[article_id])
    return Facts(
        article=article,
        link=links[0] if links else None,
        receipts=warehouse.receipts(article_ids=[article_id]),
        rejects=_rejects_of(warehouse, article.url),
        versions=warehouse.rows(ArticleVersion, "article_id = ?", [article_id], "fetched_at NULLS FIRST"),
        sections=warehouse.sections(article_ids=[article_id]),
        metrics=sorted(warehouse.metrics([article_id]), key=lambda m: m.span_start),
        figures=warehouse.rows(Figure, "story_id = ?", [links[0].story_id], "measure, figure_id") if links else (),
        asked="" if article_id.startswith(item) else item,
    )


def _article_of(warehouse: Warehouse, item: str) -> str | None:
    canonical = urls.normalise(item)
    known = warehouse.articles([urls.article_id(canonical)]) if canonical else []
    if known:
        return known[0].article_id
    for table, where in (("articles", "url = $1 OR canonical_url = $1"), ("receipts", "url = $1")):
        found = _article_ids(warehouse, table, "article_id", where, item)
        if found:
            return found[0]
    for table, key, column in (
        ("articles", "article_id", "article_id"),
        ("receipts", "fetch_id", "article_id"),
        ("metrics", "metric_id", "article_id"),
        ("figures", "figure_id", "story_id"),
    ):
        found = _article_ids(warehouse, table, column, f"starts_with({key}, $1)", item)
        if len(found) > 1:
            raise UserError(f"more than one id in {table} begins with {item}: give more of it")
        if found:
            return found[0]
    return None


def _article_ids(warehouse: Warehouse, table: str, column: str, where: str, item: str) -> list[str]:
    """Up to two different ones."""
    sql = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL AND ({where}) ORDER BY {column} LIMIT 2"
    return [str(row[0]) for row in warehouse.query(sql, [item])]


def _receipts_of(warehouse: Warehouse, item: str) -> list[Receipt]:
    return warehouse.rows(Receipt, "url = ? OR starts_with(fetch_id, ?)", [item, item], "at")


def _rejects_of(warehouse: Warehouse, item: str) -> list[Reject]:
    return warehouse.rows(Reject, "url = ? OR starts_with(reject_id, ?)", [item, item], "at")


def tell(facts: Facts, warehouse: Warehouse, options: Matching) -> list[str]:
    """The facts in words, a line each, with rich's markup."""
    lines: list[str] = []
    if facts.article:
        lines += _about_the_article(facts, facts.article)
        lines += _about_the_link(facts.article, facts.link, warehouse, options)
        lines += _about_the_numbers(facts)
        lines += about_the_figures(facts.figures, facts.asked, warehouse)
    lines += ["", "[bold]Deliveries[/bold]"]
    lines += [
        f"  {r.outcome:9}  fetched {_time(r.fetched_at)}  from {escape(r.source or '?')}  {escape(r.position)}  "
        f"[dim]{r.fetch_id[:12]}[/dim]"
        for r in facts.receipts
    ]
    for r in facts.rejects:
        known = reasons().get(r.reason)
        lines.append(
            f"  rejected at {r.stage}: [bold]{r.reason}[/bold] {escape(r.detail)}  [dim]{r.reject_id[:12]}[/dim]"
        )
        if known:
            lines.append(f"    {known.meaning}" + (f"; {known.advice}" if known.advice else ""))
    return lines


def _about_the_article(facts: Facts, article: Article) -> list[str]:
    lines = [
        f"[bold]{escape(article.title or '(no title)')}[/bold]",
        f"  {escape(article.canonical_url)}  [dim]{article.article_id}[/dim]",
        f"  source {escape(article.source)}, language {article.language or 'unknown'}, {article.word_count:,} words"
        + (f", by {escape(', '.join(article.authors))}" if article.authors else "")
        + (f", credits {escape(article.wire_credit)}" if article.wire_credit else ""),
        f"  published {_time(article.published_at)}"
        + (
            f', from {article.published_from}: "{escape(article.published_raw or "")}"'
            if article.published_from
            else ""
        ),
        f"  first seen {_time(article.first_seen_at)}, this revision fetched {_time(article.fetched_at)}",
    ]
    if article.rights:
        lines.append(f"  rights: {escape(article.rights)}")
    if len(facts.versions) > 1:
        lines += ["", f"[bold]{len(facts.versions)} wordings[/bold]"]
        lines += [
            f"  {_time(v.fetched_at)}  {len(v.text):,} characters  {escape(v.title or '')}" for v in facts.versions
        ]
    return lines


def _about_the_link(article: Article, link: Link | None, warehouse: Warehouse, options: Matching) -> list[str]:
    from pipeline.matching.likeness import explain as likeness_of

    if link is None:
        return []
    lines = ["", "[bold]Story[/bold]"]
    story = warehouse.rows(Story, "story_id = ?", [link.story_id])
    for s in story:
        lines.append(
            f"  {escape(s.title or '')}: {s.article_count} articles of {s.source_count} sources, "
            f"{s.independent_count} independent texts  [dim]{s.story_id[:12]}[/dim]"
        )
    if link.parent_id is None:
        lines.append("  this is its first article")
    parents = warehouse.articles([link.parent_id]) if link.parent_id else []
    for parent in parents:
        lines.append(
            f'  {link.relation}{_kind(link)} of "{escape(parent.title or "")}" ({escape(parent.source)}, '
            f"{_time(parent.published_at)}), similarity {link.similarity or 0:.2f}"
        )
        lines += [f"    {escape(line)}" for line in likeness_of(article, parent, options).lines()]
    for other, likeness in _others(article, link, warehouse, options):
        of_it = _story_of(other, warehouse)
        where = "the same story" if of_it == link.story_id else "another story"
        lines.append(f'  beside that, "{escape(other.title or "")}" ({escape(other.source)}), of {where}')
        lines += [f"    {escape(line)}" for line in likeness.lines()]
        if of_it != link.story_id and likeness.likeness is not None:
            lines.append(f"    kept apart: {_why_apart(article, other, likeness.likeness, warehouse, options)}")
    skipped = options.boilerplate.found(article.source, article.text)
    if skipped:
        lines.append(f"  {len(skipped)} lines are boilerplate of {escape(article.source)} and were not read:")
        lines += [f"    {escape(line[:100])}" for line in skipped]
    if link.copy_group:
        group = warehouse.links(copy_groups=[link.copy_group])
        lines.append(f"  one of {len(group)} copies of one text  [dim]{link.copy_group[:12]}[/dim]")
    return lines


def _kind(link: Link) -> str:
    return f" ({link.copy_kind})" if link.copy_kind else ""


def _others(article: Article, link: Link, warehouse: Warehouse, options: Matching) -> list[tuple[Article, Likeness]]:
    """The articles most like this one but its parent: the runner-up, and the look-alike that was kept apart."""
    from pipeline.matching.likeness import explain as likeness_of

    known = (article.article_id, link.parent_id)
    pairs = sorted(warehouse.pairs([article.article_id]), key=lambda p: (-p.likeness, p.article_id, p.earlier_id))
    partners = [p.earlier_id if p.article_id == article.article_id else p.article_id for p in pairs]
    nearest = [partner for partner in partners if partner not in known][:LOOKED_AT]
    if not nearest:  # Nothing is alike: say at least why the one that shares most is not.
        own = warehouse.sketches([article.article_id])
        keys = {key for sketch in own for key in sketch.keys}
        related = [s for s in warehouse.related(own, options.horizon) if s.article_id not in known]
        ranked = sorted(related, key=lambda s: (-len(keys.intersection(s.keys)), s.article_id))
        nearest = [s.article_id for s in ranked[:LOOKED_AT]]
    story = {found.article_id: found.story_id for found in warehouse.links(article_ids=nearest)}  # not of sections
    same = [name for name in nearest if story.get(name) == link.story_id][:SHOWN]
    apart = [name for name in nearest if story.get(name, link.story_id) != link.story_id][:SHOWN]
    others = {other.article_id: other for other in warehouse.articles([*same, *apart])}
    return [(others[name], likeness_of(article, others[name], options)) for name in (*same, *apart)]


def _why_apart(article: Article, other: Article, likeness: float, warehouse: Warehouse, options: Matching) -> str:
    """Why two articles that were compared are of different stories."""
    if likeness < options.threshold:
        return "they have too little in common"
    names = (article.article_id, other.article_id)
    partners = [{end for p in warehouse.pairs([n]) for end in (p.article_id, p.earlier_id)} - {*names} for n in names]
    common = len(partners[0] & partners[1])
    return (
        f"judged with their neighbours; {common} articles are like both, "
        f"{len(partners[0]) - common} like this one only, {len(partners[1]) - common} like that one only"
    )


def _story_of(article: Article, warehouse: Warehouse) -> str | None:
    links = warehouse.links(article_ids=[article.article_id])
    return links[0].story_id if links else None


def _about_the_numbers(facts: Facts) -> list[str]:
    lines: list[str] = []
    if facts.sections:
        lines += ["", "[bold]Sections[/bold]"]
        for s in facts.sections:
            copied = f", a copy ({s.copy_kind})" if s.copy_kind else ""
            lines.append(f"  {escape(s.title or '')}  story {(s.story_id or 'none')[:12]}{copied}")
    if facts.metrics:
        lines += ["", f"[bold]{len(facts.metrics)} metrics[/bold]"]
        for m in facts.metrics:
            said = f", says {escape(m.attribution)}" if m.attribution else ""
            shape = " ".join(p for p in (m.form, m.direction, m.kind if m.kind != "actual" else None, m.period) if p)
            unit = f"{m.unit or ''}{'/' + m.per if m.per else ''}"
            lines.append(
                f"  [bold]{escape(m.surface)}[/bold] {escape(m.measure or '')} [dim]({unit}; {shape})[/dim]{said}"
            )
    return lines


def _time(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else "unknown"
