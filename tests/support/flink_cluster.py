"""A real Flink for tests: one cluster serves all workers of a run, a module at a time."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from engines import flink as engine
from filelock import FileLock

from connectors.flink import Flink
from pipeline.cli.settings import FlinkSettings

FOLDER = "flink-cluster"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the cluster that this run's tests shared, once all workers are done."""
    factory = getattr(config, "_tmp_path_factory", None)
    if "PYTEST_XDIST_WORKER" not in os.environ and factory is not None:
        folder = factory.getbasetemp() / FOLDER
        if folder.is_dir():
            engine.stop(folder)


@dataclass(frozen=True)
class Cluster:
    """What tests do with the cluster. Its parts: ``engines.flink.PARTS``."""

    folder: pathlib.Path
    settings: FlinkSettings

    @property
    def api(self) -> Flink:
        return Flink(self.settings.master)

    def kill(self, part: str) -> None:
        engine.stop(self.folder, [part], kill=True)

    def start(self, part: str) -> None:
        engine.start(self.folder, [part])


@pytest.fixture(scope="module")
def flink_cluster(tmp_path_factory) -> Iterator[Cluster]:
    """The cluster, for this module alone: its tests take all slots, and kill parts, which they start again. Not skipped
    in CI."""
    if (why := engine.missing()) is not None:
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(shared / "flink.lock"):
        started = engine.start(shared / FOLDER)
        settings = FlinkSettings(
            master=started.url, workers=started.pool, job_server=started.job_server, checkpoint_seconds=1
        )
        yield Cluster(shared / FOLDER, settings)


def stop_all(api: Flink) -> None:
    running = [job.job_id for job in api.jobs() if not job.ended]
    for job_id in running:
        api.cancel(job_id)
    api.wait(lambda: all(job.ended for job in api.jobs()), 60)


@pytest.fixture
def settings_file(flink_cluster, tmp_path):
    """A settings file for commands that use the cluster; jobs are stopped afterwards."""
    flink = flink_cluster.settings
    path = tmp_path / "cluster.toml"
    path.write_text(
        f'[flink]\nmaster = "{flink.master}"\nworkers = "{flink.workers}"\njob_server = "{flink.job_server}"\n'
        "checkpoint_seconds = 2\n"
    )
    yield str(path)
    stop_all(flink_cluster.api)
