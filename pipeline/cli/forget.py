"""``wiredesk forget``: remove an article, or all of a source, from every table, and keep it out."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from connectors.queue import Queue, QueueError, open_queue, read_fetched
from connectors.warehouse import Warehouse, shown
from pipeline.cli.doors import now, warehouse_opener
from pipeline.cli.errors import UserError
from pipeline.cli.settings import Settings
from pipeline.cli.steps import steps
from pipeline.extraction import urls
from schemas.errors import Unavailable
from schemas.records import Denial, Receipt, Record, Reject, Replaced

if TYPE_CHECKING:
    from pipeline.settle import Settling

AT_ONCE = 100
"""So many articles go in one transaction."""
READ_MESSAGES, READ_BYTES = 2000, 64 * 10**6


@dataclass(frozen=True)
class Target:
    """What is to go. ``denials``: what is kept out from now on; ``fetches``: those that have a receipt."""

    denials: tuple[tuple[str, str], ...]
    articles: tuple[str, ...]
    rejects: tuple[str, ...]
    fetches: frozenset[str]


@click.command("forget")
@click.argument("target", metavar="URL|SOURCE")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.option("--queue", "queue_url", metavar="URL", help="See whether this queue still holds it, too.")
@click.option("--why", default="", metavar="TEXT", help="Kept with the denial.")
@click.option("--undo", is_flag=True, help="Let it in again when it comes; what was removed stays removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(
    settings: Settings,
    target: str,
    warehouse_url: str | None,
    queue_url: str | None,
    why: str,
    undo: bool,
    yes: bool,
) -> None:
    """Remove an article (by its URL or id), or all of a source (by its name), from every table: texts, wordings,
    numbers, links, rejects with their payloads. Its stories are made anew without it. What comes of it later ends as a
    reject that keeps nothing.

    \b
    Example:
      wiredesk forget https://herald.example/2026/11/harbour-deal --why "request of 3 November"
      wiredesk forget "Example Herald" --yes
    """
    opener = warehouse_opener(warehouse_url or settings.warehouse, must_exist=True)
    with opener().hold() as warehouse:
        found = find(warehouse, target)
        if undo:
            _undo(warehouse, found, target)
            return
        if not yes:
            told = f"Remove {len(found.articles):,} articles and {len(found.rejects):,} rejects of {target} for good?"
            click.confirm(told, abort=True)
        settling = steps(settings).settling
        remove(warehouse, found, settling, why, now())
        where = _publish_again(warehouse, now())
    click.echo(
        f"{len(found.articles):,} articles and {len(found.rejects):,} rejects removed; {target} is kept out of "
        f"{shown(warehouse_url or settings.warehouse)}{where}"
    )
    for line in _in_queue(settings, queue_url, found):
        click.echo(line)


def find(warehouse: Warehouse, target: str) -> Target:
    """What the user means. Raises ``UserError`` for what is neither a URL nor known."""
    if "://" in target:
        return _of_url(warehouse, target)
    rows = warehouse.query(
        "SELECT article_id FROM articles WHERE source = ? UNION SELECT reject_id FROM rejects WHERE source = ? LIMIT 1",
        [target, target],
    )
    if rows or any(d.what == "source" for d in warehouse.denials([target])):
        return _of_source(warehouse, target)
    found = warehouse.query("SELECT article_id FROM articles WHERE starts_with(article_id, ?) LIMIT 2", [target])
    if len(found) > 1:
        raise UserError(f"more than one article's id begins with {target}: give more of it")
    if found and len(target) >= 8:
        return _of_articles(warehouse, [found[0][0]], [])
    raise UserError(f"{target} is no URL, and no source or article of this warehouse has that name or id")


def _of_url(warehouse: Warehouse, url: str) -> Target:
    if urls.normalise(url) is None:
        raise UserError(f"{url} is no address of an article: give it as https://host/path")
    rows = warehouse.query(
        "SELECT article_id FROM articles WHERE url = ? OR canonical_url = ? "
        "UNION SELECT article_id FROM receipts WHERE url = ? AND article_id IS NOT NULL",
        [url, url, url],
    )
    return _of_articles(warehouse, [*urls.ids_of(url), *(row[0] for row in rows)], [url])


def _of_articles(warehouse: Warehouse, article_ids: Sequence[str], addresses: Sequence[str]) -> Target:
    articles = warehouse.articles(sorted(set(article_ids)))
    receipts = warehouse.receipts(article_ids=[a.article_id for a in articles])
    named = {*addresses, *(a.url for a in articles), *(a.canonical_url for a in articles)}
    named |= {r.url for r in receipts if r.url}
    rejects = [r for url in sorted(named) for r in warehouse.rows(Reject, "url = ?", [url])]
    denied = {*article_ids, *urls.ids_of(*named)}
    return Target(
        tuple(("article", name) for name in sorted(denied)),
        tuple(a.article_id for a in articles),
        tuple(r.reject_id for r in rejects),
        frozenset({r.fetch_id for r in receipts} | _fetches(warehouse, [r.reject_id for r in rejects])),
    )


def _of_source(warehouse: Warehouse, source: str) -> Target:
    articles = [row[0] for row in warehouse.query("SELECT article_id FROM articles WHERE source = ?", [source])]
    condition = "SELECT reject_id FROM rejects WHERE source = ? AND reason <> 'forgotten'"
    rejects = [row[0] for row in warehouse.query(condition, [source])]
    fetches = {r.fetch_id for r in warehouse.receipts(article_ids=articles)} | _fetches(warehouse, rejects)
    return Target((("source", source),), tuple(sorted(articles)), tuple(sorted(rejects)), frozenset(fetches))


def _fetches(warehouse: Warehouse, reject_ids: Sequence[str]) -> set[str]:
    return {r.fetch_id for r in _receipts_of(warehouse, reject_ids)}


def _receipts_of(warehouse: Warehouse, reject_ids: Sequence[str]) -> Iterator[Receipt]:
    for part in _parts(reject_ids):
        marks = ", ".join("?" * len(part))
        yield from warehouse.rows(Receipt, f"reject_id IN ({marks})", list(part))


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[n : n + AT_ONCE] for n in range(0, len(names), AT_ONCE))


def remove(warehouse: Warehouse, target: Target, settling: Settling, why: str, at: datetime) -> None:
    """Deny it, then take it out, some articles a transaction: what was stopped half-way is gone on with when the same
    is asked again."""
    from pipeline.forget import forget as without
    from pipeline.keep_out import without_trace

    denials = [Denial(what=what, name=name, why=why, at=at) for what, name in target.denials]  # type: ignore[arg-type]
    warehouse.apply(denials)
    for part in _parts(target.articles):
        warehouse.apply(without(part, warehouse, settling, at))
    for part in _parts(target.rejects):
        records: list[Record] = []
        for receipt in _receipts_of(warehouse, part):
            records += without_trace(receipt, at)
        warehouse.apply(records)


def _undo(warehouse: Warehouse, target: Target, name: str) -> None:
    known = warehouse.denials([name for _, name in target.denials])
    if not known:
        raise UserError(f"{name} is not kept out")
    warehouse.apply(Replaced(table="denials", group=d.name) for d in known)
    click.echo(f"{name} is let in again when it comes")


def _publish_again(warehouse: Warehouse, at: datetime) -> str:
    """Make the snapshot anew that readers of a DuckDB file have, if there is one."""
    path = warehouse.url.split("?")[0].removeprefix("duckdb:///") + ".snapshot"
    if not warehouse.url.startswith("duckdb:") or not pathlib.Path(path).exists():
        return ""
    warehouse.snapshot(path, at)
    return ", and of its snapshot"


def _in_queue(settings: Settings, queue_url: str | None, target: Target) -> Iterator[str]:
    """What of it the queue still keeps. It can't be taken out of there: a message is dropped when its time has come,
    and read again before that it ends as a reject."""
    url = queue_url or settings.queue
    if queue_url is None and (not url.startswith("sqlite:///") or not pathlib.Path(url[10:].split("?")[0]).exists()):
        return
    try:
        door = open_queue(url, settings.kafka.credentials, create=False)
    except (QueueError, Unavailable) as e:
        yield f"the queue was not looked at: {e}"
        return
    try:
        kept = list(_kept(door, target))
    finally:
        door.close()
    if kept:
        shown_ = ", ".join(kept[:5]) + (" ..." if len(kept) > 5 else "")
        yield f"the queue keeps {len(kept)} messages of it until their retention ends: {shown_}"


def _kept(door: Queue, target: Target) -> Iterator[str]:
    """Where the queue holds messages of it: partition and offset."""
    at = dict(door.start())
    sources = {name for what, name in target.denials if what == "source"}
    articles = {name for what, name in target.denials if what == "article"}
    while messages := door.read(at, READ_MESSAGES, READ_BYTES, 0):
        for m in messages:
            at[m.partition] = m.offset + 1
            item = read_fetched(m, door.channel)
            named = item.source in sources or urls.ids_of(item.url, item.final_url) & articles
            if named or item.fetch_id in target.fetches:
                yield f"{m.partition}:{m.offset}"
