"""``wiredesk poll``: what is new at the sources goes into the queue."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime

import click
import structlog

from connectors.poller import Event, Poller, PollSettings, PollState, Summary
from connectors.queue import Queue, open_queue
from connectors.scraper.rules import load_rules
from connectors.sources import load_sources
from pipeline.cli.doors import now, the_queue
from pipeline.cli.errors import UserError
from pipeline.cli.metrics import Metrics, count_event, show_sources
from pipeline.cli.settings import Settings
from pipeline.cli.watching import Health, Watch, queue_watched, served

log = structlog.get_logger()

# How much an operator wants to hear of each outcome.
LEVELS = {"unchanged": "debug", "same": "debug", "new": "info", "fetched": "info", "moved": "info", "room": "info"}
BEAT_SECONDS = 5.0


@click.command()
@click.option("--sources", "sources_file", metavar="FILE", help="Sources file (TOML).")
@click.option("--queue", "queue_url", metavar="URL", help="Where items go (sqlite:///path, kafka://host:port/topic).")
@click.option("--state", "state_file", metavar="FILE", help="Where is kept what is known of each source.")
@click.option("--once", is_flag=True, help="Poll what is due, fetch the pages, and end.")
@click.option("--all", "everything", is_flag=True, help="Take every source as due now.")
@click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses too.")
@click.option("--metrics", metavar="HOST:PORT", help="Serve metrics for Prometheus, /healthz and /readyz there.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%dT%H:%MZ"]), help="The UTC time to start from, for rehearsals.")
@click.pass_obj
def poll(
    settings: Settings,
    sources_file: str | None,
    queue_url: str | None,
    state_file: str | None,
    once: bool,
    everything: bool,
    allow_private: bool,
    metrics: str | None,
    as_of: datetime | None,
) -> None:
    """Fetch what is new at the sources into the queue, each at its own rhythm, until stopped (or --once).

    \b
    Example:
      wiredesk poll --sources sources.toml --queue sqlite:///var/queue.db --once
    """
    sources = load_sources(sources_file or settings.sources)
    if not sources:
        raise UserError(f"{sources_file or settings.sources}: no sources yet: add [[source]] tables, or sources import")
    http = dataclasses.replace(settings.http, allow_private=allow_private or settings.http.allow_private)
    url, clock = queue_url or settings.queue, _clock(as_of)
    address = metrics or settings.metrics
    watched, health = Metrics("poll"), Health()

    def another() -> Queue:
        return open_queue(url, settings.kafka.credentials, create=False)

    with (
        closing(the_queue(url, settings.kafka.credentials)) as queue,
        closing(PollState(state_file or settings.state)) as state,
    ):
        poller = Poller(
            sources,
            queue,
            state,
            PollSettings(http=http),
            rules=load_rules(settings.rules),
            now=clock,
            on_event=lambda event: _tell(event, watched),
        )
        watch = Watch(watched, health, lambda: show_sources(watched, poller.feeds(), clock()))
        with served(watch, address), queue_watched(watched, another, address is not None):
            summary = asyncio.run(_poll(poller, health, once, everything))
    click.echo(_in_words(summary))


async def _poll(poller: Poller, health: Health, once: bool, everything: bool) -> Summary:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, poller.stop)
    beat = asyncio.create_task(_beat(health))
    try:
        return await poller.run(once=once, everything=everything)
    finally:
        beat.cancel()


async def _beat(health: Health) -> None:
    """Show that the event loop turns."""
    health.started()
    while True:
        health.beat()
        await asyncio.sleep(BEAT_SECONDS)


def _clock(start: datetime | None) -> Callable[[], datetime]:
    """The commands' clock, or one that started at ``start`` just now."""
    if start is None:
        return now
    shift = start.replace(tzinfo=UTC) - now()
    return lambda: now() + shift


def _tell(event: Event, metrics: Metrics) -> None:
    count_event(metrics, event)
    told = {name: getattr(event, name) for name in ("source", "url", "reason", "detail", "items")}
    fields = {name: value for name, value in told.items() if value}
    getattr(log, LEVELS.get(event.outcome, "warning"))(event.outcome, what=event.kind, **fields)


def _in_words(summary: Summary) -> str:
    lines = [f"sources: {_counts(summary.sources)}" + (f", {summary.not_due} not due" if summary.not_due else "")]
    if summary.pages:
        lines.append(f"pages: {_counts(summary.pages)}")
    if summary.reasons:
        lines.append(f"failures: {_counts(summary.reasons)}")
    lines.append(f"{summary.messages} items queued in {summary.seconds:.1f} s" + _left(summary.waiting))
    return "\n".join(lines)


def _left(waiting: int) -> str:
    return f"; {waiting} pages wait for a later try" if waiting else ""


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))) or "none"
