"""``wiredesk backfill``: archives become the same rows that live would have written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from connectors.archives import Archive
from connectors.archives.files import beam_storage, everywhere
from connectors.archives.open import FORMATS, Found, open_archives
from connectors.archives.records import Fields, Item
from pipeline.channel import Counts
from pipeline.cli.archive_report import COUNTED, Bar, print_json, print_table, report
from pipeline.cli.archive_run import Tally, channel_of, run_archive
from pipeline.cli.batches import Batches
from pipeline.cli.dataflow import must_be_reached
from pipeline.cli.doors import now, warehouse_opener
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.runners import DATAFLOW, DIRECT, checked_beam_options, runner_option
from pipeline.cli.settings import Settings
from pipeline.cli.steps import steps
from pipeline.cli.stopping import stop_on_signals
from pipeline.selection import Selection

if TYPE_CHECKING:
    from pipeline.cli.cluster_backfill import Backfill, RunningJob

GO_ON = "stopped before the end: run the same command again to go on"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Where rows go (duckdb:///path, postgresql://...).")
@click.option("--format", "archive_format", default="auto", metavar="NAME", help=f"auto, {', '.join(FORMATS)}.")
@click.option("--field", "fields", multiple=True, metavar="NAME=KEY", help="Where your dump keeps a field: text=body.")
@click.option("--since", metavar="DATE", help="Only articles of this date (UTC) or later.")
@click.option("--until", metavar="DATE", help="Only articles up to this date; a day is meant with all of it.")
@click.option("--site", "sites", multiple=True, metavar="NAME", help="Only this site (example.org); may be repeated.")
@click.option("--language", "languages", multiple=True, metavar="TAG", help="Only this language; may be repeated.")
@click.option("--sample", metavar="SHARE", help="Only this share of the URLs, always the same: 1% or 0.01.")
@click.option("--dry-run", is_flag=True, help="Say what is inside and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end, no bar.")
@runner_option
@click.option("--flink-master", "--flink_master", metavar="URL", help="Flink's dashboard, for FlinkRunner.")
@click.option("--beam", "beam_options", multiple=True, metavar="--OPTION=VALUE", help="A Beam option; may be repeated.")
@click.pass_obj
def backfill(
    settings: Settings,
    paths: tuple[str, ...],
    warehouse_url: str | None,
    archive_format: str,
    fields: tuple[str, ...],
    since: str | None,
    until: str | None,
    sites: tuple[str, ...],
    languages: tuple[str, ...],
    sample: str | None,
    dry_run: bool,
    as_json: bool,
    runner: str,
    flink_master: str | None,
    beam_options: tuple[str, ...],
) -> None:
    """Bring archives into the warehouse: WARC and CC-NEWS, JSON lines, Parquet, folders of HTML, compressed or not.

    A PATH is a file, a folder, a glob, a list of paths (warc.paths.gz), or any of these on s3://, gs:// or hdfs://. A
    backfill that was stopped, by whatever, goes on where it was when the same command is run again. With --runner
    FlinkRunner or DataflowRunner a cluster does it, whose workers must find the archives under the same paths; this
    command stays until all is done.

    \b
    Example:
      wiredesk backfill archive/2026-*.jsonl.gz --warehouse duckdb:///var/wiredesk.duckdb
      wiredesk backfill CC-NEWS-20260301*.warc.gz --language en --since 2026-02-15
      wiredesk backfill dump.parquet --dry-run
      wiredesk backfill s3://news/2026/ --runner FlinkRunner --flink-master http://127.0.0.1:8081 --beam=--parallelism=8
    """
    here = runner == DIRECT
    options = checked_beam_options(beam_options) if here else beam_options
    if runner == DATAFLOW:
        must_be_reached(warehouse_url or settings.warehouse, *paths)
    selection = _selection(since, until, sites, languages, sample)
    beam_storage(options)
    found = open_archives(paths if here else [everywhere(p) for p in paths], archive_format, _fields(fields))
    if dry_run:
        _dry_run(settings, found, selection, as_json)
        return
    opener = warehouse_opener(warehouse_url or settings.warehouse)
    chosen = steps(settings, selection)
    began, tallies = time.monotonic(), []
    if not here:
        from pipeline.cli.cluster_backfill import KNOWN, Backfill, ClusterBackfill

        named = tuple((channel_of(archive, selection), archive) for archive in found.archives)
        work = ClusterBackfill(Backfill(named, opener, chosen), _starter(settings, runner, flink_master, options))
        with stop_on_signals() as stop, _bar(found, as_json) as bar:
            tallies = work.run(stop, bar.advance)
        _tell(tallies, found, time.monotonic() - began, as_json, KNOWN)
        return
    with stop_on_signals() as stop, _bar(found, as_json) as bar:
        for archive in found.archives:
            bar.begin(archive.name)
            batches = Batches(opener, channel_of(archive, selection), chosen, now, options)
            tally = run_archive(archive, opener, batches, settings.backfill, stop, bar.advance)
            bar.end(tally)
            tallies.append(tally)
    _tell(tallies, found, time.monotonic() - began, as_json)


def _starter(
    settings: Settings, runner: str, flink_master: str | None, options: Sequence[str]
) -> Callable[[Backfill, str], RunningJob]:
    """What starts a job of a name on the cluster that is meant."""
    from pipeline.cli import dataflow, flink

    if runner == DATAFLOW:
        return lambda build, name: dataflow.start(build, options, job_name=name)
    return lambda build, name: flink.start(settings.flink, flink_master, build, [f"--job_name={name}", *options])


def _tell(tallies: list[Tally], found: Found, seconds: float, as_json: bool, counted: Sequence[str] = COUNTED) -> None:
    outcome = report(tallies, found.passed_over, seconds, counted)
    if as_json:
        print_json(outcome)
    else:
        print_table(outcome)
        left_out = f", {outcome['left_out']} left out" if outcome.get("left_out") else ""
        told = f"{outcome['new']} new, {outcome['seen_before']} seen before{left_out}"
        click.echo(f"{outcome['items']} items read: {told}")
    if not outcome["done"]:
        raise Failed(GO_ON)


def _dry_run(settings: Settings, found: Found, selection: Selection, as_json: bool) -> None:
    from pipeline.cli.survey import Survey, plain, print_survey, survey

    total, shown = Survey(), None
    with stop_on_signals() as stop, _bar(found, as_json) as bar:
        tally = Tally("", 0)
        extraction = steps(settings, selection).extraction
        for archive, read in survey(found.archives, extraction, selection, stop, total):
            if archive is not shown:
                if shown is not None:
                    bar.end(Tally(shown.name, shown.size))
                shown = archive
                bar.begin(archive.name)
            tally.read, tally.counts = read, Counts(items=total.records, rejects=total.rejects)
            bar.advance(tally)
    outcome = plain(total) | {"archives": len(found.archives), "passed_over": list(found.passed_over)}
    if as_json:
        print_json(outcome)
    else:
        print_survey(outcome)
    if stop.is_set():
        raise Failed("stopped before the end: this is what was read until then")


def _bar(found: Found, as_json: bool) -> Bar:
    sizes: list[Archive] = list(found.archives)
    return Bar(sum(archive.size for archive in sizes), len(sizes), shown=not as_json)


# -- what the user gives -----------------------------------------------------------------------------------------------


def _selection(
    since: str | None, until: str | None, sites: tuple[str, ...], languages: tuple[str, ...], sample: str | None
) -> Selection:
    """Raises ``UserError``."""
    first = _date("--since", since)[0] if since else None
    last, lasts = _date("--until", until) if until else (None, timedelta())
    found = Selection(
        since=first,
        until=last + lasts if last else None,
        sites=tuple(sorted({site.strip().lower().rstrip(".") for site in sites})),
        languages=tuple(sorted(set(languages))),
        sample=_share(sample) if sample else 1.0,
    )
    if any("/" in site or not site for site in found.sites):
        raise UserError("--site takes a name such as example.org, not a URL")
    if found.since and found.until and found.since >= found.until:
        raise UserError("--since must come before --until")
    return found


def _date(option: str, text: str) -> tuple[datetime, timedelta]:
    """The time that is meant and how long what was named lasts: a day, or no time. Raises ``UserError``."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise UserError(f"{option} {text}: give a date such as 2026-03-01, or a time such as 2026-03-01T06:00Z") from e
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at, timedelta(days=1 if len(text) <= 10 else 0)


def _share(text: str) -> float:
    """1% or 0.01. Raises ``UserError``."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UserError(f"--sample {text}: give a share such as 1% or 0.01")
    return share


def _fields(given: tuple[str, ...]) -> Fields:
    """Raises ``UserError``."""
    pairs = []
    for pair in given:
        name, equals, key = pair.partition("=")
        if not equals or not key or name not in Item.__struct_fields__:
            raise UserError(f"--field {pair}: give NAME=KEY, with a NAME of {', '.join(Item.__struct_fields__)}")
        pairs.append((name, key))
    return tuple(pairs)
