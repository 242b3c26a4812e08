"""``wiredesk doctor``: is everything here as wiredesk needs it, and what is to be done about what is not?"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

import click
import msgspec
from packaging.requirements import Requirement
from rich.markup import escape

import pipeline
from connectors.poller import PollSettings, read_feeds
from connectors.queue import open_queue
from connectors.sources import load_sources
from connectors.warehouse import OpenWarehouse, ddl, shown
from pipeline.cli.doors import now
from pipeline.cli.errors import Failed
from pipeline.cli.queue import look
from pipeline.cli.screen import Console
from pipeline.cli.settings import Settings
from schemas.errors import DoorError

Level = Literal["ok", "warning", "error"]
GB = 10**9
LITTLE_DISK, NO_DISK = 5 * GB, GB // 2
"""Bytes free: from which on it is told, and from which on it is an error."""
LITTLE_MEMORY = 2 * GB
"""A stream takes about 1 GB, an extractor up to as much more on a rare page."""
SPARE_DESCRIPTORS = 200
"""Beside the poller's connections: files, libraries, workers."""
SLOW_SECONDS = 5.0
SKEW_SECONDS = 5.0
TIME_ERROR = 5
"""What adjtimex(2) returns when the clock is not synchronised."""
SHARE_FAILING = 0.3
COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True)
class Finding:
    """What a check found. ``advice`` says what to do, unless all is well."""

    check: str
    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """What is looked at."""

    settings: Settings
    sources: str
    queue: str
    warehouse: str
    state: str
    now: datetime


@click.command()
@click.option("--sources", metavar="FILE", help="Sources file (TOML).")
@click.option("--queue", "queue_url", metavar="URL", help="Which queue (sqlite:///path, kafka://host:port/topic).")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.option("--state", metavar="FILE", help="Where the poller keeps its state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def doctor(
    settings: Settings,
    sources: str | None,
    queue_url: str | None,
    warehouse_url: str | None,
    state: str | None,
    as_json: bool,
) -> None:
    """Check versions, sources, queue, warehouse, clock, disk, memory and limits, with advice; exit 1 on errors.

    Nothing is made or changed, and nothing is fetched (wiredesk sources check asks the sources).

    \b
    Example:
      wiredesk doctor --sources sources.toml
    """
    patient = Patient(
        settings,
        sources or settings.sources,
        queue_url or settings.queue,
        warehouse_url or settings.warehouse,
        state or settings.state,
        now(),
    )
    findings = examine(patient)
    if as_json:
        click.echo(msgspec.json.encode(findings).decode())
    else:
        _print(findings)
    errors = sum(f.level == "error" for f in findings)
    if errors:
        raise Failed(f"{errors} of {len(findings)} findings are errors")


def examine(patient: Patient) -> list[Finding]:
    """All findings. A check that can't be made is a finding too."""
    found: list[Finding] = []
    for check in CHECKS:
        try:
            found += check(patient)
        except (DoorError, OSError) as e:
            said = f"{e.filename}: {e.strerror}" if isinstance(e, OSError) and e.filename else str(e)
            found.append(Finding(check.__name__.strip("_"), "error", " ".join(said.split()), "see docs/operate.md"))
    return found


def _print(findings: list[Finding]) -> None:
    console = Console()
    for f in findings:
        line = f"[{COLOURS[f.level]}]{f.level:7}[/] {f.check:11} {escape(f.found)}"
        console.print(line + (f": {escape(f.advice)}" if f.advice else ""), highlight=False, soft_wrap=True)


# -- the checks --


def _versions(patient: Patient) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("versions", "ok", f"wiredesk {pipeline.__version__}, Python {python}")
    for text in importlib.metadata.requires("wiredesk") or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate():
            continue
        try:
            has = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "versions", "error", f"{needed.name} is not installed", "make setup, or install wiredesk again"
            )
            continue
        if not needed.specifier.contains(has, prereleases=True):
            advice = "make setup, or install wiredesk again"
            yield Finding("versions", "error", f"{needed.name} is {has}, needed is {needed.specifier}", advice)


def _sources(patient: Patient) -> Iterator[Finding]:
    sources = [s for s in load_sources(patient.sources) if s.enabled]
    if not sources:
        advice = "add [[source]] tables, or: wiredesk sources import --pack uk"
        yield Finding("sources", "error", f"{patient.sources} has no enabled source", advice)
        return
    yield Finding("sources", "ok", f"{len(sources)} enabled in {patient.sources}")
    if not patient.settings.http.contact:
        advice = "set http.contact to a URL or address where the owner of a site reaches you"
        yield Finding("sources", "warning", "nobody can see who is asking", advice)
    failing = [s for s in read_feeds(patient.state) if s.status in ("failing", "throttled", "retired")]
    if len(failing) > SHARE_FAILING * len(sources):
        found = f"{len(failing)} fail ({', '.join(sorted({s.reason or '?' for s in failing}))})"
        yield Finding("sources", "warning", found, "wiredesk sources list, wiredesk sources check; is the network up?")


def _queue(patient: Patient) -> Iterator[Finding]:
    if _file_missing(patient.queue):
        yield Finding("queue", "ok", f"{patient.queue} is not there yet; wiredesk poll makes it")
        return
    door = open_queue(patient.queue, patient.settings.kafka.credentials, create=False)
    try:
        for line in door.warnings:
            yield Finding("queue", "warning", line, "set it with Kafka's own tools")
        status = look(door)
    finally:
        door.close()
    group = patient.settings.stream.group
    mine = [r for r in status.readers if r.name == group]
    waiting = sum(r.waiting for r in mine)
    since = min((r.waiting_since for r in mine if r.waiting_since), default=None)
    age = (patient.now - since).total_seconds() if since else 0.0
    found = f"{sum(p.end - p.start for p in status.partitions):,} messages, {waiting:,} wait for {group}"
    if age > 3600:
        advice = "is wiredesk stream running, and fast enough? wiredesk queue status"
        yield Finding("queue", "warning", f"{found}, the oldest for {age / 3600:.0f} h", advice)
    else:
        yield Finding("queue", "ok", found)


def _warehouse(patient: Patient) -> Iterator[Finding]:
    where = shown(patient.warehouse)
    if _file_missing(patient.warehouse):
        yield Finding("warehouse", "ok", f"{where} is not there yet; wiredesk stream makes it")
        return
    began = time.monotonic()
    door = OpenWarehouse(patient.warehouse)()
    version, newest = door.version(), ddl.MIGRATIONS[-1].version
    if version is None:
        yield Finding("warehouse", "warning", f"{where} holds no tables yet", "wiredesk warehouse init")
        return
    took = time.monotonic() - began
    problems = door.problems()
    if version > newest:
        advice = "upgrade wiredesk here"
        yield Finding("warehouse", "error", f"schema {version} is newer than this wiredesk's {newest}", advice)
    elif version < newest or problems:
        what = "; ".join(problems[:3]) or f"schema {version}, this wiredesk's is {newest}"
        yield Finding("warehouse", "warning", what, "wiredesk warehouse migrate (any command that writes does it too)")
    else:
        yield Finding("warehouse", "ok", f"{where} answers, schema {version} as it should be")
    if took > SLOW_SECONDS:
        advice = "another process holds it long, or the server is slow: see wiredesk_warehouse_seconds"
        yield Finding("warehouse", "warning", f"it took {took:.1f} s to answer", advice)
    if not problems:
        yield from _its_clock(patient)


def _its_clock(patient: Patient) -> Iterator[Finding]:
    with OpenWarehouse(patient.warehouse, read_only=True)().hold() as reader:
        ((there,),) = reader.query("SELECT CURRENT_TIMESTAMP")
        ((last,),) = reader.query('SELECT max("at") FROM progress')
    if isinstance(there, datetime) and there.tzinfo is not None:
        skew = (there - now()).total_seconds()
        if abs(skew) > SKEW_SECONDS:
            found = f"the warehouse's server is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
            yield Finding("clock", "warning", found, "let both follow the same time servers (NTP)")
    if isinstance(last, datetime) and last.tzinfo is not None and last > now():
        advice = "set this machine's clock: dates in the future are not believed, and ages are wrong"
        yield Finding("clock", "error", f"the last batch is of {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC", advice)


def _clock(patient: Patient) -> Iterator[Finding]:
    synchronised = _synchronised()
    if synchronised is False:
        advice = "run a time service (systemd-timesyncd, chrony): dates of articles are judged by this clock"
        yield Finding("clock", "warning", "the kernel says that its clock is not synchronised", advice)
    else:
        told = "synchronised" if synchronised else "the kernel does not tell whether it is synchronised"
        yield Finding("clock", "ok", f"{patient.now:%Y-%m-%d %H:%M:%S} UTC, {told}")


def _synchronised() -> bool | None:
    """What the kernel says of its clock (adjtimex(2), asking only); None where it does not."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR


def _disk(patient: Patient) -> Iterator[Finding]:
    seen: set[int] = set()
    places = [p for p in map(_file, (patient.queue, patient.warehouse)) if p is not None]
    for path in (*places, pathlib.Path(patient.state), pathlib.Path(tempfile.gettempdir(), "x")):
        folder = next(p for p in path.absolute().parents if p.is_dir())
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(folder).free
        found = f"{free / GB:.1f} GB free at {folder}"
        if not os.access(folder, os.W_OK):
            yield Finding("disk", "error", f"{folder} can't be written to", "give this user write permission there")
        elif free < NO_DISK:
            yield Finding("disk", "error", found, "make room now: nothing can be queued or written")
        elif free < LITTLE_DISK:
            yield Finding(
                "disk", "warning", found, "make room, or bound the queue (?max_bytes=) and keep less ([keep])"
            )
        else:
            yield Finding("disk", "ok", found)
    size = sum(p.stat().st_size for p in places if p.is_file())
    if patient.settings.stream.snapshot_seconds and places:
        room = shutil.disk_usage(next(p for p in places[-1].absolute().parents if p.is_dir())).free
        if room < size:
            advice = "make room, or set stream.snapshot_seconds = 0"
            yield Finding(
                "disk", "warning", "a snapshot takes as much room as the warehouse, which is not free", advice
            )


def _limits(patient: Patient) -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    poll = PollSettings()
    needed = max(patient.settings.http.concurrency, poll.lanes.open + poll.pages.lanes.open) + SPARE_DESCRIPTORS
    if soft < needed:
        advice = f"ulimit -n {needed}, LimitNOFILE={needed} in the unit, or fewer connections (http.concurrency)"
        yield Finding("limits", "warning", f"{soft:,} file descriptors, a poller may need {needed:,}", advice)
    else:
        yield Finding("limits", "ok", f"{soft:,} file descriptors, a poller needs {needed:,}")
    available = _memory()
    if available is not None and available < LITTLE_MEMORY:
        found = f"{available / GB:.1f} GB of memory available"
        yield Finding("limits", "warning", found, "a stream takes about 1 GB, and a rare page as much again")
    elif available is not None:
        yield Finding("limits", "ok", f"{available / GB:.1f} GB of memory available")


def _memory() -> int | None:
    """Bytes that the kernel could give; None where it does not tell."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _file(url: str) -> pathlib.Path | None:
    """The file that a URL is of; None for what is elsewhere."""
    if not url.startswith(("sqlite:", "duckdb:")):
        return None
    path = urlsplit(url).path[1:]
    return None if path.startswith(":memory:") else pathlib.Path(path)


def _file_missing(url: str) -> bool:
    path = _file(url)
    return path is not None and not path.is_file()


CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    _versions,
    _sources,
    _queue,
    _warehouse,
    _clock,
    _disk,
    _limits,
)
