"""A Beam pipeline as a jar that Flink runs: the job server's jar with the pipeline in it.

Beam's own FlinkRunner makes such a jar too, but starts it at once and never from a savepoint. No Java is needed here.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.portability import common_urns
from apache_beam.runners.job.utils import dict_to_struct
from apache_beam.runners.portability.abstract_job_service import UberJarBeamJob
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.transforms.environments import ExternalEnvironment
from google.protobuf import json_format

NAME = UberJarBeamJob.PIPELINE_NAME


def pack(pipeline: beam.Pipeline, options: PipelineOptions, workers: str, job_server: Path, jar: Path) -> None:
    """Write ``jar``: the pipeline, to be run by the workers that the pool at ``workers`` (``host:port``, as each
    TaskManager reaches it) starts. ``job_server``: what ``mvn -f deploy/flink/job-server package`` made."""
    environment = ExternalEnvironment(workers)
    proto = pipeline.to_runner_api(default_environment=environment)
    for known in proto.components.environments.values():
        if known.urn == common_urns.environments.EXTERNAL.urn:
            del known.dependencies[:]  # the pool's Python has the packages
    shutil.copyfile(job_server, jar)
    with zipfile.ZipFile(jar, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(UberJarBeamJob.PIPELINE_PATH, json_format.MessageToJson(proto))
        archive.writestr(UberJarBeamJob.PIPELINE_OPTIONS_PATH, json_format.MessageToJson(_encoded(options)))
        archive.writestr(UberJarBeamJob.PIPELINE_MANIFEST, json.dumps({"defaultJobName": NAME}))


def _encoded(options: PipelineOptions) -> object:
    """The options as Java's runner reads them, those that Python does not know included."""
    options.view_as(StandardOptions).runner = None  # the name of a class that Java does not have
    given = options.get_all_options(drop_default=True, retain_unknown_options=True)
    given |= {"flink_master": "[auto]", "streaming": True}  # the cluster that runs the jar
    return JobServiceHandle.encode_pipeline_options(given)


__all__ = ["dict_to_struct", "pack"]
