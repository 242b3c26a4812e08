"""A Beam pipeline as a job on Google's Dataflow.

Beam's own runner does it, with its options (https://cloud.google.com/dataflow/docs/reference/pipeline-options). Workers
are containers of ``deploy/dataflow/Dockerfile``, which have wiredesk: nothing of this Python is sent to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.dataflow import dataflow_runner

from pipeline.runners.beam_options import name_of, unknown

NEEDED = ("project", "region", "temp_location", "sdk_container_image")
OURS = (
    *("runner", "streaming", "sdk_location", "template_location"),
    *("save_main_session", "setup_file", "requirements_file", "extra_package"),
)
"""What wiredesk sets itself, or what a container that has all needs not."""
DEFAULTS = {
    "runner": "DataflowRunner",
    "job_name": "wiredesk",
    "sdk_location": "container",
}
ONE_PROCESS = "--experiments=no_use_multiple_sdk_containers"
"""Of a machine: it drafts in processes of its own. Stands beside the caller's experiments."""


def options(given: Sequence[str], **settings: str) -> PipelineOptions:
    """Beam's options: our defaults < ``settings`` < ``given``. Raises ``ValueError`` for one that does not exist, is
    missing, or is not the caller's to set."""
    if wrong := unknown(given):
        raise ValueError(f"no such option: {wrong[0]} (neither of this command nor of Beam)")
    names = {name_of(word) for word in given}
    for name in OURS:
        if name in names:
            raise ValueError(f"--{name} is not for you to set here: leave it out")
    if missing := [name for name in NEEDED if name not in names]:
        raise ValueError(f"Dataflow needs {', '.join(f'--{name}' for name in missing)}")
    defaults = {name: value for name, value in (DEFAULTS | settings).items() if name not in names}
    return PipelineOptions(
        ["--streaming", ONE_PROCESS, *(f"--{name}={value}" for name, value in defaults.items()), *given]
    )


def submit(build: Callable[[beam.Pipeline], None], options: PipelineOptions) -> dataflow_runner.DataflowPipelineResult:
    """Start the pipeline that ``build`` makes. Raises ``ImportError`` without Google's clients, and what they raise."""
    pipeline = beam.Pipeline(options=options)
    build(pipeline)
    return dataflow_runner.DataflowRunner().run_pipeline(pipeline, options)


def page(options: PipelineOptions, job_id: str) -> str:
    """The job in Google's console."""
    cloud = options.view_as(GoogleCloudOptions)
    return f"https://console.cloud.google.com/dataflow/jobs/{cloud.region}/{job_id}?project={cloud.project}"
