"""A Beam pipeline as a jar that Flink runs: the job server's jar with the pipeline in it.

Beam's own FlinkRunner makes such a jar too, but starts it at once and never from a savepoint. No Java is needed here.
"""

from __future__ import annotations

import json
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.portability import common_urns
from apache_beam.runners.portability.abstract_job_service import UberJarBeamJob
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.transforms.environments import ExternalEnvironment
from google.protobuf import json_format

from pipeline.runners.beam_options import name_of, unknown


def options(given: Sequence[str], **settings: Any) -> PipelineOptions:
    """Beam's options: our defaults < ``settings`` < ``given`` (``--name=value``). Raises ``ValueError`` for one that
    does not exist, or is not the caller's to set."""
    runner = _data()["runner"]
    if wrong := unknown(given, runner["known"]):
        raise ValueError(f"no such option: {wrong[0]} (neither of this command, of Beam nor of its Flink runner)")
    for name in map(name_of, given):
        if name in runner["ours"]:
            raise ValueError(f"--{name} is set by wiredesk: leave it out")
    defaults = {**_data()["defaults"], **settings}
    ours = [f"--{name}={str(value).lower() if value in (True, False) else value}" for name, value in defaults.items()]
    return PipelineOptions([*ours, *given])


def pack(
    build: Callable[[beam.Pipeline], None], options: PipelineOptions, workers: str, job_server: Path, jar: Path
) -> None:
    """Write ``jar``: the pipeline that ``build`` makes, to be run by the workers that the pool at ``workers``
    (``host:port``, as each TaskManager reaches it) starts. ``job_server``: what ``mvn -f deploy/flink/job-server
    package`` made."""
    pipeline = beam.Pipeline(options=options)
    build(pipeline)
    proto = pipeline.to_runner_api(default_environment=ExternalEnvironment(workers))
    for environment in proto.components.environments.values():
        if environment.urn == common_urns.environments.EXTERNAL.urn:
            del environment.dependencies[:]  # the pool's Python has the packages
    shutil.copyfile(job_server, jar)
    with zipfile.ZipFile(jar, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(UberJarBeamJob.PIPELINE_PATH, json_format.MessageToJson(proto))
        archive.writestr(UberJarBeamJob.PIPELINE_OPTIONS_PATH, json_format.MessageToJson(_encoded(options)))
        archive.writestr(UberJarBeamJob.PIPELINE_MANIFEST, json.dumps({"defaultJobName": UberJarBeamJob.PIPELINE_NAME}))


def _encoded(options: PipelineOptions) -> Any:
    """The options as Java's runner reads them, those that Python does not know included."""
    options.view_as(StandardOptions).runner = None  # the name of a class that Java does not have
    given = options.get_all_options(drop_default=True, retain_unknown_options=True)
    given |= {"flink_master": "[auto]", "streaming": True}  # the cluster that runs the jar
    return JobServiceHandle.encode_pipeline_options(given)


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("flink.toml").read_text("utf-8"))
