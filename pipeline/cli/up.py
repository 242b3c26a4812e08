"""``wiredesk up``: poll and stream under one supervisor."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click
import structlog

from connectors.sources import load_sources
from pipeline.cli.settings import Settings
from pipeline.cli.stopping import stop_on_signals

log = structlog.get_logger()

STOP_SECONDS = 8.0
"""How long a part may take to stop when asked; then it is killed, which is safe (nothing is lost or doubled)."""
STEADY_SECONDS = 60.0
"""A part that ran this long starts again at once when it ends; one that keeps failing waits longer and longer."""
MAX_BACKOFF_SECONDS = 60.0


@click.command()
@click.option("--sources", metavar="FILE", help="Sources file (TOML).")
@click.option(
    "--queue", "queue_url", metavar="URL", help="The queue between them (sqlite:///path, kafka://host:port/topic)."
)
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Where rows go (duckdb:///path, postgresql://...).")
@click.option("--state", metavar="FILE", help="Where the poller keeps its state.")
@click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses too.")
@click.pass_context
def up(
    ctx: click.Context,
    sources: str | None,
    queue_url: str | None,
    warehouse_url: str | None,
    state: str | None,
    allow_private: bool,
) -> None:
    """Poll and stream on this machine until stopped (Ctrl-C or SIGTERM; stopped within 10 seconds).

    \b
    Example:
      wiredesk up --sources sources.toml
    """
    settings: Settings = ctx.obj
    load_sources(sources or settings.sources)
    common = _common_flags(ctx)
    queue_flag = ("--queue", queue_url or settings.queue)
    poll = [*common, "poll", "--sources", sources or settings.sources, *queue_flag, "--state", state or settings.state]
    if allow_private:
        poll.append("--allow-private")
    stream = [*common, "stream", *queue_flag]
    if warehouse_url:  # the settings' own stays out of the list of processes: it may hold a password
        stream += ["--warehouse", warehouse_url]
    with stop_on_signals(grace=STOP_SECONDS + 1) as stop:
        code = supervise([Part("poll", poll), Part("stream", stream)], stop, time.monotonic)
    ctx.exit(code)


@dataclass
class Part:
    """A command kept running."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = field(default=0)

    def start(self, at: float) -> None:
        """Start it as a process of its own, which ends with this one whatever ends this one.

        It is in a process group of its own: Ctrl-C is for the supervisor, which then asks each part once."""
        command = [sys.executable, "-m", "pipeline", "--stop-with-parent", *self.arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0)
        self.started = at
        log.info("started", part=self.name, pid=self.process.pid)


def supervise(parts: Sequence[Part], stop: threading.Event, clock: Callable[[], float]) -> int:
    """Keep the parts running until ``stop``; returns the exit code: 2 when a part says that the user was mistaken."""
    code = 0
    resume = dict.fromkeys([part.name for part in parts], 0.0)
    while not stop.wait(0.2):
        for part in parts:
            if part.process is None:
                if clock() >= resume[part.name]:
                    part.start(clock())
                continue
            ended = part.process.poll()
            if ended is None:
                continue
            part.process = None
            if ended == 2:  # a wrong file or flag does not mend itself
                code = 2
                stop.set()
                break
            part.failures = 0 if clock() - part.started >= STEADY_SECONDS else part.failures + 1
            wait = backoff(part.failures)
            resume[part.name] = clock() + wait
            log.warning("ended", part=part.name, exit=ended, again_in_seconds=wait)
    _end(parts, clock)
    return code


def backoff(failures: int) -> float:
    """Seconds to wait before the start after this many short-lived ones in a row."""
    return min(MAX_BACKOFF_SECONDS, 2.0**failures) if failures else 0.0


def _end(parts: Sequence[Part], clock: Callable[[], float]) -> None:
    running = [(part.name, part.process) for part in parts if part.process and part.process.poll() is None]
    for _, process in running:
        process.terminate()
    deadline = clock() + STOP_SECONDS
    for name, process in running:
        try:
            process.wait(timeout=max(0.1, deadline - clock()))
        except subprocess.TimeoutExpired:
            log.warning("killed: it did not stop in time", part=name)
            process.kill()
            process.wait()


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
