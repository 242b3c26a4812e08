"""``wiredesk rejects``: what could not be used, by reason; the item itself; and trying it again."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec
import structlog
from rich.table import Table

from connectors.http.client import FetchError, HttpClient, HttpSettings
from connectors.sources import load_sources
from connectors.warehouse import OpenWarehouse, Warehouse
from pipeline.channel import Item
from pipeline.cli.batches import Batches
from pipeline.cli.doors import now, warehouse_opener, warehouse_reader
from pipeline.cli.errors import UserError
from pipeline.cli.screen import Console
from pipeline.cli.settings import Settings
from pipeline.cli.steps import steps
from pipeline.extraction.rights import LICENSED, OVERRIDE
from schemas import wire
from schemas.fetched import fetched
from schemas.reasons import reasons
from schemas.records import Fetched, Reject

if TYPE_CHECKING:
    from pipeline.graph import Steps

log = structlog.get_logger()

CHANNEL = "replay"
_warehouse = click.option(
    "--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...)."
)
_reason = click.option("--reason", metavar="NAME", help="Only those with this reason.")
_source = click.option("--source", metavar="NAME", help="Only those of this source.")


@click.group()
def rejects() -> None:
    """Look at what could not be used, and try it again."""


@rejects.command("list")
@_warehouse
@_reason
@_source
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, without the payloads.")
@click.pass_obj
def list_rejects(
    settings: Settings, warehouse_url: str | None, reason: str | None, source: str | None, limit: int, as_json: bool
) -> None:
    """Count the rejects by reason, and list the latest.

    \b
    Example:
      wiredesk rejects list --reason consent_wall
    """
    where, values = _filter(reason, source)
    with warehouse_reader(warehouse_url or settings.warehouse).hold() as warehouse:
        found = warehouse.rows(Reject, where, values, order="at DESC, reject_id", limit=limit)
        counts = warehouse.query(
            f"SELECT reason, count(*), count(replayed_at) FROM rejects {'WHERE ' + where if where else ''} "
            "GROUP BY reason ORDER BY count(*) DESC, reason",
            values,
        )
    if as_json:
        for r in found:
            click.echo(msgspec.json.encode(msgspec.structs.replace(r, payload=None)).decode())
        return
    console = Console()
    if not counts:
        console.print("no rejects")
        return
    table = Table("reason", "rejects", "replayed", "means", box=None)
    for name, count, replayed in counts:
        known = reasons().get(name)
        table.add_row(name, f"{count:,}", f"{replayed:,}", known.meaning if known else "")
    console.print(table, "")
    latest = Table("id", "reason", "detail", "url", box=None)
    for r in found:
        latest.add_row(r.reject_id[:12], r.reason, r.detail[:60], r.url or "")
    console.print(latest)


@rejects.command()
@click.argument("reject_id", metavar="ID")
@_warehouse
@click.pass_obj
def show(settings: Settings, reject_id: str, warehouse_url: str | None) -> None:
    """Show a reject with the item that came (ID: the first characters are enough).

    \b
    Example:
      wiredesk rejects show 3fa94c21
    """
    with warehouse_reader(warehouse_url or settings.warehouse).hold() as warehouse:
        reject = _one(warehouse, reject_id)
    console = Console()
    known = reasons().get(reject.reason)
    console.print(f"[bold]{reject.reason}[/bold] at {reject.stage}: {known.meaning if known else ''}", highlight=False)
    if known and known.advice:
        console.print(f"advice: {known.advice}", highlight=False)
    fields = msgspec.to_builtins(msgspec.structs.replace(reject, payload=None))
    item = wire.decode(reject.payload) if reject.payload else None
    if isinstance(item, Fetched):
        body = (item.body or b"").decode("utf-8", "replace")
        came = msgspec.to_builtins(msgspec.structs.replace(item, body=None))
        fields["item"] = came | ({"body": body[:2000] + (" ..." if len(body) > 2000 else "")} if body else {})
    console.print_json(json.dumps(fields, default=str))


@rejects.command()
@_warehouse
@_reason
@_source
@click.option("--id", "reject_id", metavar="ID", help="Only this one.")
@click.option("--refetch", is_flag=True, help="Fetch the page again even where there is one (walls, stubs).")
@click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses too.")
@click.pass_obj
def replay(
    settings: Settings,
    warehouse_url: str | None,
    reason: str | None,
    source: str | None,
    reject_id: str | None,
    refetch: bool,
    allow_private: bool,
) -> None:
    """Try rejects again, now: a page that could not be had is fetched again, other items are processed again.

    \b
    Example:
      wiredesk rejects replay --reason timeout
    """
    where, values = _filter(reason, source)
    opener = warehouse_opener(warehouse_url or settings.warehouse, must_exist=True)
    with opener().hold() as warehouse:
        chosen = [_one(warehouse, reject_id)] if reject_id else warehouse.rows(Reject, where, values, "reject_id")
    http = dataclasses.replace(settings.http, allow_private=allow_private or settings.http.allow_private)
    items = asyncio.run(_again(chosen, http, refetch))
    items = _with_rights(items, settings.sources)
    better = _process(opener, steps(settings), items, chosen)
    click.echo(f"{len(items)} of {len(chosen)} rejects tried again, {better} of them are articles now")


async def _again(rejects: Sequence[Reject], http: HttpSettings, refetch: bool) -> list[Fetched]:
    """The items to process: as they came, or with their pages fetched again. A failed feed is left to the poller, and
    a URL that was rejected several times is tried once, from the latest."""
    found: list[Fetched] = []
    latest = {reject.url: reject.reject_id for reject in sorted(rejects, key=lambda r: (r.at, r.reject_id))}
    async with HttpClient(http) as client:
        for reject in rejects:
            if reject.url is not None and latest[reject.url] != reject.reject_id:
                continue
            try:
                item = wire.decode_as(Fetched, reject.payload or b"")
            except wire.WireError as e:
                log.warning("left out: its payload can't be read", reject_id=reject.reject_id, error=str(e))
                continue
            if item.kind == "feed":
                log.info("left out: the poller tries feeds again by itself", reject_id=reject.reject_id, url=item.url)
                continue
            wanted = refetch or (item.body is None and item.failure is not None)
            found.append(await _fetch(client, item) if wanted and item.url else item)
    return found


def _with_rights(items: Sequence[Fetched], sources_file: str) -> list[Fetched]:
    """The items with what the sources file, if there is one, says of their sources' rights now. Each stays the same
    fetch."""
    if not pathlib.Path(sources_file).is_file():
        return list(items)
    licensed = {source.name for source in load_sources(sources_file) if source.rights == LICENSED}
    return [
        msgspec.structs.replace(item, provenance=item.provenance | {OVERRIDE: LICENSED})
        if item.source in licensed
        else item
        for item in items
    ]


async def _fetch(client: HttpClient, item: Fetched) -> Fetched:
    """The item with its page fetched now; if that fails, the item as it was: nothing new has come."""
    fields = {name: getattr(item, name) for name in item.__struct_fields__ if name != "fetch_id"}
    try:
        page = await client.get(item.url or "")
        page.raise_for_status()
    except FetchError as e:
        log.info("still fails", url=item.url, reason=e.reason, detail=e.detail)
        return item
    return fetched(
        **fields
        | {
            "fetched_at": now(),
            "failure": None,
            "body": page.body,
            "status": page.status,
            "final_url": page.final_url,
            "content_type": page.headers.get("content-type"),
        }
    )


def _process(opener: OpenWarehouse, options: Steps, items: Sequence[Fetched], rejects: Sequence[Reject]) -> int:
    """Run the items as one batch and mark the rejects; returns how many of the items are no rejects now."""
    with opener().hold() as warehouse:
        rows = warehouse.progress(CHANNEL)
        position = rows[0].position if rows else 0
        batch = [Item(item, position + n) for n, item in enumerate(items, 1)]
        Batches(opener, CHANNEL, options, now).run(batch)
        tried = {item.fetch_id for item in items} | {item.url for item in items}
        marked = [msgspec.structs.replace(r, replayed_at=now()) for r in rejects if _was_tried(r, tried)]
        warehouse.apply(marked)
        receipts = warehouse.receipts(fetch_ids=[item.fetch_id for item in items])
    return sum(receipt.outcome != "reject" for receipt in receipts)


def _was_tried(reject: Reject, tried: set[str | None]) -> bool:
    item = wire.decode(reject.payload) if reject.payload else None
    return isinstance(item, Fetched) and (item.fetch_id in tried or (item.url is not None and item.url in tried))


def _one(warehouse: Warehouse, reject_id: str) -> Reject:
    found = warehouse.rows(Reject, "starts_with(reject_id, ?)", [reject_id], limit=2)
    if not found:
        raise UserError(f"no reject with the id {reject_id} (see: wiredesk rejects list)")
    if len(found) > 1:
        raise UserError(f"more than one reject begins with {reject_id}: give more of the id")
    return found[0]


def _filter(reason: str | None, source: str | None) -> tuple[str, list[str]]:
    if reason and reason not in reasons():
        raise UserError(f"no such reason: {reason} (known: {', '.join(sorted(reasons()))})")
    parts = [(column, value) for column, value in (("reason", reason), ("source", source)) if value]
    return " AND ".join(f"{column} = ?" for column, _ in parts), [value for _, value in parts]
