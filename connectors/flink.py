"""Flink's REST API: its jobs, and how to start and stop them.

https://nightlies.apache.org/flink/flink-docs-release-1.19/docs/ops/rest_api/ has the paths and fields used here. Calls
are made again for a while when the JobManager does not answer: it may be changing its leader.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from schemas.errors import Unavailable, Unusable

RUNNER = "org.apache.beam.runners.flink.FlinkPipelineRunner"
ENDED = ("FINISHED", "CANCELED", "FAILED")
TIMEOUT = 30.0
"""Seconds of one call; submitting takes longer, see ``SUBMIT``."""
SUBMIT = 300.0
PATIENCE = 60.0
"""Seconds during which a JobManager that does not answer is asked again."""
STEP = 0.5


class FlinkError(Unusable):
    """Flink refuses; its reason in one line."""


class FlinkUnavailable(Unavailable):
    """No JobManager answers."""


@dataclass(frozen=True)
class Checkpoint:
    """The last one that was completed."""

    at: datetime
    took: timedelta
    size: int
    """Bytes."""
    path: str


@dataclass(frozen=True)
class Job:
    """A job as Flink sees it. ``state``: CREATED, RUNNING, RESTARTING, FINISHED, CANCELED, FAILED, ..."""

    job_id: str
    name: str
    state: str
    since: datetime
    restarts: int = 0
    checkpoint: Checkpoint | None = None
    failed_checkpoints: int = 0
    failure: str = ""
    """The cause of the last restart or of the end, in one line."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Flink:
    """A cluster, at the address of its dashboard (``http://host:8081``)."""

    def __init__(self, url: str, patience: float = PATIENCE):
        self.url = url.rstrip("/") if "://" in url else f"http://{url.rstrip('/')}"
        self._patience = patience
        self._session = requests.Session()

    def jobs(self) -> list[Job]:
        """All jobs that it still knows, the newest first, without details."""
        found = self._get("/jobs/overview")["jobs"]
        jobs = [Job(j["jid"], j["name"], j["state"], _time(j["start-time"])) for j in found]
        return sorted(jobs, key=lambda job: job.since, reverse=True)

    def job(self, job_id: str) -> Job:
        """One job with its details."""
        found = self._get(f"/jobs/{job_id}")
        checkpoints = self._get(f"/jobs/{job_id}/checkpoints")
        last = (checkpoints.get("latest") or {}).get("completed")
        failures = self._get(f"/jobs/{job_id}/exceptions?maxExceptions=1")
        entries = (failures.get("exceptionHistory") or {}).get("entries") or []
        return Job(
            job_id=job_id,
            name=found["name"],
            state=found["state"],
            since=_time(found["start-time"]),
            restarts=self._restarts(job_id),
            checkpoint=_checkpoint(last) if last else None,
            failed_checkpoints=(checkpoints.get("counts") or {}).get("failed", 0),
            failure=cause(entries[0]["stacktrace"] if entries else failures.get("root-exception") or ""),
        )

    def tasks_running(self, job_id: str) -> bool:
        """Whether all of the job's tasks run: it is at work, not only accepted."""
        found = self._get(f"/jobs/{job_id}")
        states = [vertex["status"] for vertex in found["vertices"]]
        return found["state"] == "RUNNING" and bool(states) and all(s in ("RUNNING", "FINISHED") for s in states)

    def checkpoint_sizes(self, job_id: str) -> list[int]:
        """Bytes of the last checkpoints that Flink remembers, the oldest first."""
        found = self._get(f"/jobs/{job_id}/checkpoints")["history"]
        return [c["state_size"] for c in reversed(found) if c["status"] == "COMPLETED"]

    def slots(self) -> tuple[int, int]:
        """Free ones, and all."""
        found = self._get("/overview")
        return found["slots-available"], found["slots-total"]

    def submit(self, jar: Path, savepoint: str | None = None) -> str:
        """Run the Beam pipeline in a jar, from a savepoint or checkpoint if given; returns the job's id.

        Raises ``FlinkError`` when the job can't be made of the jar, or can't go on from the savepoint."""
        with jar.open("rb") as file:
            answer = self._call("POST", "/jars/upload", SUBMIT, files={"jarfile": ("wiredesk.jar", file)})
        uploaded = answer["filename"].rsplit("/", 1)[-1]
        try:
            asked: dict[str, Any] = {"entryClass": RUNNER}
            if savepoint:
                asked |= {"savepointPath": savepoint, "allowNonRestoredState": False}
            return self._call("POST", f"/jars/{uploaded}/run", SUBMIT, json=asked)["jobid"]
        finally:
            self._call("DELETE", f"/jars/{uploaded}", TIMEOUT)  # the job keeps what it needs

    def stop(self, job_id: str, seconds: float = SUBMIT) -> str:
        """Stop a job with a savepoint; returns its path. What it has read is in the warehouse then."""
        asked = self._call("POST", f"/jobs/{job_id}/stop", TIMEOUT, json={"drain": False})
        return self._finished(f"/jobs/{job_id}/savepoints/{asked['request-id']}", seconds)

    def savepoint(self, job_id: str, seconds: float = SUBMIT) -> str:
        """Take a savepoint of a job that goes on; returns its path."""
        asked = self._call("POST", f"/jobs/{job_id}/savepoints", TIMEOUT, json={"cancel-job": False})
        return self._finished(f"/jobs/{job_id}/savepoints/{asked['request-id']}", seconds)

    def cancel(self, job_id: str) -> None:
        """End a job as it is; its last checkpoint is kept."""
        self._call("PATCH", f"/jobs/{job_id}", TIMEOUT)

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Ask until it is so; whether it was within the time."""
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() > deadline:
                return False
            time.sleep(STEP)
        return True

    # -- inside --

    def _restarts(self, job_id: str) -> int:
        found = self._get(f"/jobs/{job_id}/metrics?get=numRestarts")
        return int(float(found[0]["value"])) if found else 0

    def _finished(self, path: str, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while (answer := self._get(path))["status"]["id"] != "COMPLETED":
            if time.monotonic() > deadline:
                raise FlinkUnavailable(f"the savepoint is not complete after {seconds:.0f} s: see {self.url}")
            time.sleep(STEP)
        done = answer["operation"]
        if "failure-cause" in done:
            raise FlinkError(f"no savepoint: {cause(done['failure-cause']['stack-trace'])}")
        return done["location"]

    def _get(self, path: str) -> Any:
        return self._call("GET", path, TIMEOUT)

    def _call(self, method: str, path: str, timeout: float, **given: Any) -> Any:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._session.request(method, f"{self.url}/v1{path}", timeout=timeout, **given)
                if answer.status_code != 503:  # "the leader is being elected"
                    break
                why = "it has no leader"
            except requests.ConnectionError as e:
                why = type(e).__name__
                if method == "POST":  # it may have been done
                    deadline = 0.0
            except requests.Timeout:
                raise FlinkUnavailable(f"Flink at {self.url} does not answer within {timeout:.0f} s") from None
            except requests.RequestException as e:  # no such URL
                raise FlinkError(f"{self.url} is no Flink: {e}") from None
            if time.monotonic() > deadline:
                raise FlinkUnavailable(f"no Flink answers at {self.url} ({why}): is the JobManager running?")
            time.sleep(STEP)
        if answer.ok:
            return answer.json() if answer.content else {}
        try:
            told = "\n".join(answer.json()["errors"])
        except (ValueError, KeyError):
            told = answer.text
        raise FlinkError(f"Flink refuses: {cause(told)}")


def _checkpoint(found: dict[str, Any]) -> Checkpoint:
    took = timedelta(milliseconds=found["end_to_end_duration"])
    return Checkpoint(_time(found["trigger_timestamp"]), took, found["state_size"], found["external_path"])


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def cause(trace: str) -> str:
    """The innermost cause of a Java stack trace, or of a Python one inside it, in one line."""
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    python = [n for n, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    if python:
        last = list(
            itertools.takewhile(lambda line: not line.startswith(("at ", "Caused by")), lines[python[-1] + 1 :])
        )
        if last:
            return last[-1][:500]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes[-1:] or lines or [""])[0][:500]
