"""A job on a Flink cluster: start it, wait until it is at work, and replace it by one with other code."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.flink import Flink, FlinkError, Job
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.settings import FlinkSettings

if TYPE_CHECKING:
    import apache_beam as beam

START_SECONDS = 180.0
"""How long a job may take until it is at work."""
END_SECONDS = 60.0
"""How long a job that was told to end may take."""
STALLED_SECONDS = 60.0
"""A TaskManager that was lost may take so long to come back, with a restart in vain every few seconds."""
SOON_SECONDS = 3.0
"""How long one is waited for whose end changes nothing."""
CANCELLING = "CANCELLING"
TRIES = 3
"""Restarts after which a new job is not waited for any longer."""


@dataclass(frozen=True)
class Submission:
    """What is to run: ``build`` adds the steps to a pipeline, ``options`` are Beam's as the user gave them."""

    settings: FlinkSettings
    build: Callable[[beam.Pipeline], None]
    options: Sequence[str] = ()

    @contextmanager
    def packed(self) -> Iterator[Packed]:
        """The pipeline as a jar, while it is needed. Raises ``UserError``."""
        from apache_beam.options.pipeline_options import GoogleCloudOptions

        from pipeline.runners import flink

        server = self.settings.job_server
        if server is None or not server.is_file():
            raise UserError(
                f"there is no job server{f' at {server}' if server else ''}: set flink.job_server to the jar that "
                "mvn -f deploy/flink/job-server package makes (make engines makes one too)"
            )
        try:
            interval = int(self.settings.checkpoint_seconds * 1000)
            options = flink.options(self.options, checkpointing_interval=interval)
        except ValueError as e:
            raise UserError(str(e)) from e
        with tempfile.TemporaryDirectory() as folder:
            jar = Path(folder, "wiredesk.jar")
            flink.pack(self.build, options, self.settings.workers, server, jar)
            yield Packed(jar, options.view_as(GoogleCloudOptions).job_name)


@dataclass(frozen=True)
class Packed:
    """A pipeline that can be started, and the name of the job."""

    jar: Path
    name: str

    def start(self, cluster: Flink, savepoint: str | None = None) -> Job:
        """Start it, unless a job of its name runs, and wait until it is at work.

        Raises ``UserError`` and ``Failed``."""
        return at_work(cluster, self.submit(cluster, savepoint))

    def submit(self, cluster: Flink, savepoint: str | None = None) -> str:
        """Start it, unless a job of its name runs, and return its id. Raises ``UserError``."""
        other = next((job for job in cluster.jobs() if job.name == self.name and not job.ended), None)
        ends = other is not None and other.state == CANCELLING
        if other is not None and not (ends and cluster.wait(lambda: cluster.job(other.job_id).ended, END_SECONDS)):
            raise UserError(
                f"a job {self.name!r} is there already ({other.job_id}, {other.state}): stop it, upgrade it, or give "
                "this one another --job_name (see: wiredesk jobs --help)"
            )
        return cluster.submit(self.jar, savepoint)


@dataclass
class FlinkJob:
    """A job that its starter stays with (``pipeline.cli.cluster_backfill.RunningJob``)."""

    cluster: Flink
    job: Job
    items: int = 0
    restarts: int = 0
    """Until the last item that came."""
    began: float = field(default_factory=time.monotonic)
    moved: float = field(default_factory=time.monotonic)
    """When the last item came."""

    @property
    def where(self) -> str:
        return where(self.cluster, self.job)

    def check(self, items: int) -> None:
        job = self.cluster.job(self.job.job_id)
        if items > self.items:  # what restarts and then goes on has got over it
            self.items, self.restarts, self.moved = items, job.restarts, time.monotonic()
        if job.ended:
            raise Failed(f"the job has ended ({job.state}): {job.failure or 'somebody stopped it'}")
        if job.restarts - self.restarts >= TRIES and time.monotonic() - self.moved > STALLED_SECONDS:
            raise Failed(f"the job fails again and again: {job.failure}")
        waited = time.monotonic() - self.began
        if not items and waited > START_SECONDS and not self.cluster.tasks_running(job.job_id):
            raise not_at_work(self.cluster, job, waited)

    def end(self) -> None:
        """What it has read is in the warehouse, or will be read again."""
        if not self.cluster.job(self.job.job_id).ended:
            self.cluster.cancel(self.job.job_id)
            self.cluster.wait(lambda: self.cluster.job(self.job.job_id).ended, SOON_SECONDS)


def on_flink(
    settings: FlinkSettings, master: str | None, build: Callable[[beam.Pipeline], None], options: Sequence[str]
) -> tuple[Flink, Submission]:
    """The cluster and what to submit. ``master``: in the place of that of the settings."""
    cluster = Flink(master or settings.master)
    return cluster, Submission(settings.model_copy(update={"master": cluster.url}), build, options)


def start(
    settings: FlinkSettings, master: str | None, build: Callable[[beam.Pipeline], None], options: Sequence[str]
) -> FlinkJob:
    """Submit a job to stay with. Raises ``UserError``."""
    cluster, submission = on_flink(settings, master, build, options)
    with submission.packed() as packed:
        return FlinkJob(cluster, cluster.job(packed.submit(cluster)))


def at_work(cluster: Flink, job_id: str, seconds: float = START_SECONDS) -> Job:
    """Wait until all tasks of a job run and a checkpoint shows that they do their work.

    Raises ``Failed`` with the cause if it ends, fails again and again, or takes longer."""

    def settled(job: Job) -> bool:
        return job.ended or job.restarts >= TRIES or (job.checkpoint is not None and cluster.tasks_running(job_id))

    cluster.wait(lambda: settled(cluster.job(job_id)), seconds)
    job = cluster.job(job_id)
    if job.ended:
        raise Failed(f"the job ended at once ({job.state}): {job.failure or 'no cause given'}")
    if job.restarts >= TRIES:
        raise Failed(
            f"the job {job_id} fails again and again, and goes on trying: {job.failure}; see {where(cluster, job)}"
        )
    if not settled(job):
        raise not_at_work(cluster, job, seconds)
    return job


def not_at_work(cluster: Flink, job: Job, seconds: float) -> Failed:
    """What to tell of a job that is not at work after so long."""
    free, slots = cluster.slots()
    return Failed(
        f"the job {job.job_id} is {job.state} and not at work after {seconds:.0f} s: "
        f"{job.failure or f'{free} of {slots} slots are free'}; see {where(cluster, job)}"
    )


def where(cluster: Flink, job: Job) -> str:
    """The job's page in Flink's dashboard."""
    return f"{cluster.url}/#/job/{'completed' if job.ended else 'running'}/{job.job_id}/overview"


def told(cluster: Flink, job: Job) -> str:
    """Where to look, for people."""
    return (
        f"{job.name} is at work as {job.job_id}\n"
        f"  its tasks, checkpoints and exceptions: {where(cluster, job)}\n"
        f"  the same in short: wiredesk jobs list --flink-master {cluster.url}\n"
        "  how far it is: wiredesk queue status; what it finds: the warehouse"
    )


def chosen(cluster: Flink, job_id: str | None) -> Job:
    """The job that the user means; without an id, the only one that has not ended. Raises ``UserError``."""
    jobs = cluster.jobs()
    if job_id is not None:
        found = [job for job in jobs if job.job_id.startswith(job_id)]
        if len(found) != 1:
            raise UserError(f"{'no' if not found else 'more than one'} job {job_id} (see: wiredesk jobs list)")
        return found[0]
    running = [job for job in jobs if not job.ended]
    if len(running) != 1:
        raise UserError(f"{len(running) or 'no'} jobs run: say which one (see: wiredesk jobs list)")
    return running[0]


def replace(cluster: Flink, job: Job, packed: Packed, *, replay: bool) -> tuple[Job, str, bool]:
    """Stop ``job`` with a savepoint and start ``packed`` from it. Returns the new job, the savepoint, and whether the
    job went on from there.

    If it can't: with ``replay`` it starts from what the warehouse has, else ``Failed`` says so and nothing runs.
    """
    savepoint = cluster.stop(job.job_id)
    cluster.wait(lambda: cluster.job(job.job_id).ended, START_SECONDS)
    try:
        return packed.start(cluster, savepoint), savepoint, True
    except (Failed, FlinkError) as e:
        why = e.message if isinstance(e, Failed) else str(e)
        if any(other.name == packed.name and not other.ended for other in cluster.jobs()):
            raise Failed(f"{why}. It goes on trying; the savepoint is {savepoint}") from e
        if not replay:
            raise Failed(
                f"the new code can't go on from {savepoint}: {why}. Nothing runs now; "
                "wiredesk stream --runner FlinkRunner starts it where the warehouse is, with the same rows"
            ) from e
    return packed.start(cluster), savepoint, False
