"""``wiredesk up``: poll, stream and serve under one supervisor."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
import time

import click

from connectors.queue import open_queue
from connectors.sources import load_sources
from pipeline.cli.doors import make_folder, warehouse_opener
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.metrics import Metrics
from pipeline.cli.settings import Settings
from pipeline.cli.stopping import stop_on_signals
from pipeline.cli.supervision import GaveUp, Part, Patience, as_json, as_text, supervise, wiredesk
from pipeline.cli.watched_parts import WatchedParts, address_of
from pipeline.cli.watching import Health, parsed, served
from schemas.errors import Unavailable


@click.command()
@click.option("--sources", metavar="FILE", help="Sources file (TOML).")
@click.option(
    "--queue", "queue_url", metavar="URL", help="The queue between them (sqlite:///path, kafka://host:port/topic)."
)
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Where rows go (duckdb:///path, postgresql://...).")
@click.option("--state", metavar="FILE", help="Where the poller keeps its state.")
@click.option("--no-serve", is_flag=True, help="Without the web page.")
@click.option("--metrics", metavar="HOST:PORT", help="Serve all parts' metrics, /healthz and /readyz there.")
@click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses too.")
@click.pass_context
def up(
    ctx: click.Context,
    sources: str | None,
    queue_url: str | None,
    warehouse_url: str | None,
    state: str | None,
    no_serve: bool,
    metrics: str | None,
    allow_private: bool,
) -> None:
    """Poll, stream and serve on this machine until stopped (Ctrl-C or SIGTERM; stopped within 10 seconds).

    Each is a process of its own and is started again when it ends. Without further ado the queue is an SQLite file and
    the warehouse a DuckDB file, both below var/.

    \b
    Example:
      wiredesk up --sources sources.toml
    """
    settings: Settings = ctx.obj
    queue, sources = queue_url or settings.queue, sources or settings.sources
    _check(settings, sources, queue, warehouse_url or settings.warehouse)
    common = _common_flags(ctx)
    poll = ["poll", "--sources", sources, "--queue", queue, "--state", state or settings.state]
    if allow_private:
        poll.append("--allow-private")
    # The settings' own warehouse stays out of the list of processes: it may hold a password.
    warehouse = ["--warehouse", warehouse_url] if warehouse_url else []
    commands = {"poll": poll, "stream": ["stream", "--queue", queue, *warehouse]}
    if not no_serve:
        commands["serve"] = ["serve", *warehouse]
    address = metrics or settings.metrics
    if address is not None:
        parsed(address)
    with tempfile.TemporaryDirectory(prefix="wiredesk-") as folder, stop_on_signals(Patience.stop + 1) as stop:
        sockets = pathlib.Path(folder)
        if address is not None:
            commands = {name: [*rest, "--metrics", address_of(sockets, name)] for name, rest in commands.items()}
        parts = [Part(name, wiredesk(*common, *rest)) for name, rest in commands.items()]
        watched = WatchedParts(parts, sockets, Metrics("up"), health := Health())
        write = as_json if settings.log_format == "json" else as_text(max(len(part.name) for part in parts))
        with served(watched, address):
            found = supervise(parts, stop, time.monotonic, write, beat=health.beat)
    if isinstance(found, GaveUp):
        raise Failed(str(found))
    ctx.exit(found)


def _check(settings: Settings, sources: str, queue: str, warehouse: str) -> None:
    """Find the user's mistakes here, so that they are told once, by one line. What only can't be had now is waited
    for by the parts."""
    if not load_sources(sources):
        raise UserError(f"{sources}: no sources yet: add [[source]] tables, or wiredesk sources import")
    make_folder(queue, "queue")
    with contextlib.suppress(Unavailable):
        # Made here: the desk may be up before the stream, and ends where there is no warehouse.
        warehouse_opener(warehouse)
    with contextlib.suppress(Unavailable):
        open_queue(queue, settings.kafka.credentials).close()


def _common_flags(ctx: click.Context) -> list[str]:
    """The flags given before the command, for the parts."""
    parent = ctx.parent.params if ctx.parent else {}
    return [
        part
        for flag, value in (
            ("--config", parent.get("config")),
            ("--log-level", parent.get("log_level")),
            ("--log-format", parent.get("log_format")),
        )
        if value
        for part in (flag, value)
    ]
