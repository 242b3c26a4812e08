"""``wiredesk jobs``: what runs on a Flink cluster; stop it, or put new code in its place."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from connectors.flink import Flink, Job
from pipeline.cli.cluster_stream import the_stream
from pipeline.cli.doors import now
from pipeline.cli.flink import chosen, on_flink, replace, told
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
    """Show the jobs: state, restarts, the last checkpoint, and the last failure.

    \b
    Example:
      wiredesk jobs list --flink-master http://127.0.0.1:8081
    """
    cluster = Flink(master or settings.flink.master)
    found = [cluster.job(job.job_id) for job in cluster.jobs()]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for job in found:
        click.echo("\n".join(_lines(job, now())))
    if not found:
        click.echo("no jobs")


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


@jobs.command(context_settings={"ignore_unknown_options": True})
@click.option("--job", metavar="ID", help="Which one (the beginning of its id; without: the one that runs).")
@click.option("--queue", "queue_url", metavar="URL", help="As for wiredesk stream.")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="As for wiredesk stream.")
@_master
@click.option("--replay", is_flag=True, help="If the new code can't take the state: start where the warehouse is.")
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
@click.pass_obj
def upgrade(
    settings: Settings,
    job: str | None,
    queue_url: str | None,
    warehouse_url: str | None,
    master: str | None,
    replay: bool,
    beam_options: tuple[str, ...],
) -> None:
    """Put the stream as it is installed here in the place of one that runs: stop that with a savepoint, and go on from
    there.

    \b
    Example:
      wiredesk jobs upgrade --flink-master http://127.0.0.1:8081 --parallelism=4
    """
    build = the_stream(settings, queue_url, warehouse_url)
    cluster, submission = on_flink(settings.flink, master, build, beam_options)
    with submission.packed() as packed:
        new, savepoint, kept = replace(cluster, chosen(cluster, job), packed, replay=replay)
    click.echo(f"stopped with {savepoint}")
    click.echo("went on from there" if kept else "the new code can't take that state: started where the warehouse is")
    click.echo(told(cluster, new))


def _lines(job: Job, at: datetime) -> list[str]:
    """The job for people; the second line says from when it could go on."""
    first = f"{job.job_id}  {job.name}  {job.state} since {job.since:%Y-%m-%d %H:%M:%S} UTC, {job.restarts} restarts"
    saved = "no checkpoint yet"
    if (last := job.checkpoint) is not None:
        age = max((at - last.at).total_seconds(), 0)
        saved = f"checkpoint {_size(last.size)}, {age:.0f} s ago, taken in {last.took.total_seconds():.1f} s"
    lines = [first, f"    {saved}, {job.failed_checkpoints} failed"]
    return [*lines, f"    last failure: {job.failure}"] if job.failure else lines


def _size(size: int) -> str:
    number = float(size)
    for unit in _SIZES:
        if number < 1000 or unit == _SIZES[-1]:
            break
        number /= 1000
    return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
