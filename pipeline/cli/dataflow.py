"""A job on Google's Dataflow: start it, wait until it runs, end it. Google's own tools watch and stop it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.warehouse import shown
from pipeline.cli.errors import Failed, UserError

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dataflow.dataflow_runner import DataflowPipelineResult

START_SECONDS = 600.0
"""How long Google may take to begin with a job."""
LOOK = 5.0
RUNNING = "RUNNING"
WAITING = frozenset({"UNKNOWN", "STOPPED", "PENDING", RUNNING, "UNRECOGNIZED"})
"""States of a job that has not ended and was not told to."""
LOCAL = ("sqlite:", "duckdb:", "iceberg:///")


@dataclass(frozen=True)
class DataflowJob:
    """A job that its starter stays with (``pipeline.cli.cluster_backfill.RunningJob``)."""

    result: DataflowPipelineResult
    options: PipelineOptions

    @property
    def where(self) -> str:
        from pipeline.runners import dataflow

        return dataflow.page(self.options, self.result.job_id())

    def check(self, items: int) -> None:
        if self.result.state not in WAITING:
            raise Failed(f"the job is {self.result.state.lower()}: see {self.where}")

    def end(self) -> None:
        """What it has read is in the warehouse, or will be read again."""
        if self.result.state in WAITING:
            self.result.cancel()

    def at_work(self, seconds: float = START_SECONDS) -> None:
        """Wait until it runs. Raises ``Failed`` if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while self.result.state != RUNNING:
            self.check(0)
            if time.monotonic() > deadline:
                raise Failed(f"the job does not run after {seconds:.0f} s: see {self.where}")
            time.sleep(LOOK)


def start(build: Callable[[beam.Pipeline], None], given: Sequence[str], **settings: str) -> DataflowJob:
    """Submit what adds the steps, with Beam's options as the user gave them. Raises ``UserError`` and ``Failed``."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    from pipeline.runners import dataflow

    try:
        options = dataflow.options(given, **settings)
    except ValueError as e:
        raise UserError(str(e)) from e
    try:
        return DataflowJob(dataflow.submit(build, options), options)
    except ImportError as e:
        raise UserError(f"Google's clients are not here ({e}): pip install 'wiredesk[google]'") from e
    except (GoogleAPIError, GoogleAuthError, OSError, ValueError) as e:
        raise Failed(f"Dataflow did not take the job: {e}") from e


def must_be_reached(*places: str) -> None:
    """Raise ``UserError`` for a queue, a warehouse or an archive that only this machine has."""
    for place in places:
        if "://" not in place or place.startswith(LOCAL):
            raise UserError(f"{shown(place)} is on this machine, where Google's workers can't reach it: give another")
