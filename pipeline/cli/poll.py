"""``wiredesk poll``: what is new at the sources goes into the queue."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import click
import structlog

from connectors.poller import Event, Poller, PollSettings, PollState, Summary
from connectors.queue import Queue
from connectors.scraper.rules import Rules, load_rules
from connectors.sources import Source, load_sources
from pipeline.cli.doors import now, the_queue
from pipeline.cli.errors import UserError
from pipeline.cli.settings import Settings

log = structlog.get_logger()

# How much an operator wants to hear of each outcome.
LEVELS = {"unchanged": "debug", "same": "debug", "new": "info", "fetched": "info", "moved": "info", "room": "info"}


@click.command()
@click.option("--sources", "sources_file", metavar="FILE", help="Sources file (TOML).")
@click.option("--queue", "queue_url", metavar="URL", help="Where items go (sqlite:///path, kafka://host:port/topic).")
@click.option("--state", "state_file", metavar="FILE", help="Where is kept what is known of each source.")
@click.option("--once", is_flag=True, help="Poll what is due, fetch the pages, and end.")
@click.option("--all", "everything", is_flag=True, help="Take every source as due now.")
@click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses too.")
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
    queue = the_queue(queue_url or settings.queue, settings.kafka.credentials)
    try:
        summary = asyncio.run(
            _poll(
                sources,
                queue,
                state_file or settings.state,
                PollSettings(http=http),
                load_rules(settings.rules),
                once,
                everything,
                _clock(as_of),
            )
        )
    finally:
        queue.close()
    click.echo(_in_words(summary))


async def _poll(
    sources: Sequence[Source],
    queue: Queue,
    state_file: str,
    settings: PollSettings,
    rules: Rules,
    once: bool,
    everything: bool,
    clock: Callable[[], datetime],
) -> Summary:
    state = PollState(state_file)
    try:
        poller = Poller(sources, queue, state, settings, rules=rules, now=clock, on_event=_tell)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, poller.stop)
        return await poller.run(once=once, everything=everything)
    finally:
        state.close()


def _clock(start: datetime | None) -> Callable[[], datetime]:
    """The commands' clock, or one that started at ``start`` just now."""
    if start is None:
        return now
    shift = start.replace(tzinfo=UTC) - now()
    return lambda: now() + shift


def _tell(event: Event) -> None:
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
