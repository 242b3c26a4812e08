"""One Python worker of a Beam job: asks the runner what it needs to know, then serves it until either is gone.

This is what the ``boot`` program of Beam's container does, without a container: nothing is downloaded or installed, the
packages are those of this Python. Run by ``pipeline.runners.pool``.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence

import grpc
import structlog
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.worker import sdk_worker_main
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from google.protobuf import json_format, text_format

from pipeline.garbage import look_seldom

PROVISION_SECONDS = 60
_PROCESSORS = (
    structlog.stdlib.filter_by_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.add_log_level,
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(ensure_ascii=False),
)
"""What wiredesk logs goes the way of Beam's own logs, into the TaskManager's: one event a line."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("id", "provision", "logging", "control"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args(arguments)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    structlog.configure(processors=[*_PROCESSORS], logger_factory=structlog.stdlib.LoggerFactory())
    answer = ask(given.provision, given.id)
    handler, harness, _ = sdk_worker_main.create_harness(described(answer, given.id, given.logging, given.control))
    look_seldom()
    try:
        harness.run()
        return 0
    except grpc.RpcError as e:  # the runner is gone; it will ask for another worker when it is back
        logging.getLogger(__name__).warning("the runner is gone: %s", e)
        return 1
    finally:
        if handler:
            handler.close()


def ask(address: str, worker_id: str) -> beam_provision_api_pb2.ProvisionInfo:
    """What the runner tells a worker: the pipeline's options and where its services are."""
    with grpc.insecure_channel(address) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(
            grpc.intercept_channel(channel, WorkerIdInterceptor(worker_id))
        )
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        return service.GetProvisionInfo(request, timeout=PROVISION_SECONDS).info


def described(
    info: beam_provision_api_pb2.ProvisionInfo, worker_id: str, log_address: str, control_address: str
) -> Mapping[str, str]:
    """The same in the form in which Beam's worker wants it: what its container has in the environment."""
    return {
        "WORKER_ID": worker_id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": _descriptor(info.logging_endpoint.url or log_address),
        "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(info.control_endpoint.url or control_address),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _descriptor(url: str) -> str:
    return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url), as_one_line=True)


def _end_with_parent() -> None:
    """The pool holds the other end of our standard input and writes nothing."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    code = main()
    # Threads of a bundle that will never be asked for again must not keep the process.
    os._exit(code)
