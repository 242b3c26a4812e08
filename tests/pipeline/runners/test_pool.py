"""The pool that starts Python workers beside a TaskManager, and what a worker is told."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from concurrent import futures

import grpc
import psutil
import pytest
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)
from spawned import spawned

from pipeline.runners.pool import LOGS_KEPT, WorkerPool, serve
from pipeline.runners.worker import ask, described


class Runner(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    """What tells workers what they need; it notes who asked."""

    def __init__(self):
        self.asked = []
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def GetProvisionInfo(self, request, context):
        self.asked.append(dict(context.invocation_metadata())["worker_id"])
        info = beam_provision_api_pb2.ProvisionInfo(runner_capabilities=["a", "b"])
        info.pipeline_options["beam:option:job_name:v1"] = "wiredesk"
        info.control_endpoint.url = "127.0.0.1:7"
        return beam_provision_api_pb2.GetProvisionInfoResponse(info=info)

    def close(self):
        self._server.stop(None)


@pytest.fixture
def runner():
    found = Runner()
    yield found
    found.close()


@pytest.fixture
def silent():
    """An address that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def pool(tmp_path):
    found = WorkerPool(tmp_path / "logs")
    server, port = serve(found, "127.0.0.1", 0)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
    server.stop(None)
    found.close()


def started(worker_id: str, address: str) -> beam_fn_api_pb2.StartWorkerRequest:
    request = beam_fn_api_pb2.StartWorkerRequest(worker_id=worker_id)
    for endpoint in (request.provision_endpoint, request.logging_endpoint, request.control_endpoint):
        endpoint.url = address
    return request


def workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "pipeline.runners.worker" in process.cmdline():
                found.append(process)
    return found


def the_worker() -> psutil.Process:
    """The only one. A process that has just begun may not show its command yet."""
    eventually(workers)
    (found,) = workers()
    return found


def eventually(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_is_a_process_that_asks_the_runner(pool, runner, tmp_path):
    assert pool.StartWorker(started("7-1", runner.address)).error == ""
    eventually(lambda: runner.asked == ["7-1"])
    assert (tmp_path / "logs" / "7-1.log").is_file()


def test_a_worker_is_stopped_when_the_runner_says_so(pool, silent):
    pool.StartWorker(started("7-1", silent))
    worker = the_worker()
    pool.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id="7-1"))
    assert not worker.is_running()


def test_stopping_a_worker_that_is_not_there_is_no_error(pool):
    assert pool.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id="7-1")).error == ""


def test_a_worker_that_can_not_start_is_told_of(pool, runner, tmp_path):
    (tmp_path / "logs").write_text("no folder")
    assert "File exists" in pool.StartWorker(started("7-1", runner.address)).error


def test_old_logs_make_room(pool, silent, tmp_path):
    (tmp_path / "logs").mkdir()
    for n in range(LOGS_KEPT + 5):
        path = tmp_path / "logs" / f"{n}.log"
        path.touch()
        os.utime(path, (n, n))
    pool.StartWorker(started("7-1", silent))
    kept = {path.stem for path in (tmp_path / "logs").iterdir()}
    assert kept == {"7-1", *(str(n) for n in range(5, LOGS_KEPT + 5))}


def test_workers_die_with_the_pool(silent, tmp_path):
    command = [sys.executable, "-m", "pipeline", "worker-pool", "--port", "0", "--logs", str(tmp_path)]
    with spawned(command, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().split(":")[1].split(",")[0]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
            stub.StartWorker(started("7-1", silent), wait_for_ready=True)
        worker = the_worker()
        process.kill()
    eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_the_pool_listens_on_one_address_only(tmp_path):
    server, port = serve(WorkerPool(tmp_path), "127.0.0.1", 0)
    listening = {
        c.laddr.ip.removeprefix("::ffff:")
        for c in psutil.Process().net_connections()
        if c.status == "LISTEN" and c.laddr.port == port
    }
    server.stop(None)
    assert listening == {"127.0.0.1"}


def test_a_port_that_is_taken_is_one_line(silent, tmp_path):
    with pytest.raises(OSError, match="is another pool there"):
        serve(WorkerPool(tmp_path), "127.0.0.1", int(silent.split(":")[1]))


def test_a_worker_gets_the_job_s_options(runner):
    found = described(ask(runner.address, "7-1"), "7-1", "127.0.0.1:1", "127.0.0.1:2")
    assert '"beam:option:job_name:v1": "wiredesk"' in found["PIPELINE_OPTIONS"]
    assert found["WORKER_ID"] == "7-1"
    assert found["RUNNER_CAPABILITIES"] == "a b"
    assert found["CONTROL_API_SERVICE_DESCRIPTOR"] == 'url: "127.0.0.1:7"'  # what the runner says goes first
    assert found["LOGGING_API_SERVICE_DESCRIPTOR"] == 'url: "127.0.0.1:1"'
