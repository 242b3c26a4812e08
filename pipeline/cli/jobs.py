"""``wiredesk jobs``: what runs on a Flink cluster; stop it, or put new code in its place."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.flink import Flink, Job
from pipeline.cli.cluster import chosen
from pipeline.cli.doors import now
from pipeline.cli.settings import Settings

_master = click.option("--flink-master", "--flink_master", "master", metavar="URL", help="Flink's dashboard.")
_SIZES = ("B", "kB", "MB", "GB")


@click.group()
def jobs() -> None:
    """What runs on a Flink cluster; stop it, or put new code in its place."""


@jobs.command("list")
@_master
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_jobs(settings: Settings, master: str | None, as_json: bool) -> None:
    """Show the jobs: state, restarts, the last checkpoint, and what went wrong last.

    \b
    Example:
      wiredesk jobs list --flink-master http://127.0.0.1:8081
    """
    cluster = Flink(master or settings.flink.master)
    found = [cluster.job(job.job_id) for job in cluster.jobs()]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    table = Table(
        "job", "name", "state", "since", "restarts", "checkpoint", "age", "took", "failed", "last failure", box=None
    )
    for job in found:
        table.add_row(*(escape(cell) for cell in _row(job, now())))
    Console().print(table if found else "no jobs")


@jobs.command()
@click.argument("job", required=False)
@_master
@click.option("--savepoint", is_flag=True, help="Write one first, to go on from; it is named.")
@click.pass_obj
def stop(settings: Settings, job: str | None, master: str | None, savepoint: bool) -> None:
    """Stop a job (by the beginning of its id; without: the one that runs). What it has read is in the warehouse.

    \b
    Example:
      wiredesk jobs stop --savepoint --flink-master http://127.0.0.1:8081
    """
    cluster = Flink(master or settings.flink.master)
    found = chosen(cluster, job)
    if savepoint:
        click.echo(f"{found.name} ({found.job_id}) is stopped; savepoint: {cluster.stop(found.job_id)}")
        return
    last = cluster.job(found.job_id).checkpoint
    cluster.cancel(found.job_id)
    cluster.wait(lambda: cluster.job(found.job_id).ended, 60)
    click.echo(f"{found.name} ({found.job_id}) is stopped; last checkpoint: {last.path if last else 'none'}")


def _row(job: Job, at: datetime) -> list[str]:
    checkpoint = job.checkpoint
    return [
        job.job_id[:12],
        job.name,
        job.state,
        f"{job.since:%Y-%m-%d %H:%M:%S}",
        str(job.restarts),
        _size(checkpoint.size) if checkpoint else "none",
        _age(at - checkpoint.at) if checkpoint else "",
        f"{checkpoint.took.total_seconds():.1f} s" if checkpoint else "",
        str(job.failed_checkpoints),
        job.failure[:120],
    ]


def _size(size: int) -> str:
    number = float(size)
    for unit in _SIZES:
        if number < 1000 or unit == _SIZES[-1]:
            break
        number /= 1000
    return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"


def _age(age: timedelta) -> str:
    return f"{max(age, timedelta()).total_seconds():.0f} s"
