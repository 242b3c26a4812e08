"""The pool of Python workers that stands beside a Flink TaskManager and starts one when a job asks for it.

Beam's EXTERNAL environment (``--environment_type=EXTERNAL --environment_config=127.0.0.1:PORT``): a TaskManager calls
``StartWorker`` with an id and the address at which it tells what the worker needs to know. Each worker is a process of
its own, of this Python with these packages. Beam brings a pool too (``worker_pool_main``): it listens on every address,
gives workers no state cache, and lets them write into a pipe that nobody reads, which in time stops them.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
import structlog
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

log = structlog.get_logger()

LOGS_KEPT = 20
"""Of workers that ended; the newest."""
STOP_SECONDS = 5.0
_KEEP_ALIVE = [("grpc.http2.max_pings_without_data", 0), ("grpc.http2.max_ping_strikes", 0)]


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers; what they print goes to a file each in ``logs``. Threads may share it."""

    def __init__(self, logs: Path):
        self._logs = logs
        self._workers: dict[str, subprocess.Popen] = {}
        self._lock = threading.Lock()

    def StartWorker(
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        """Start a worker; an answer with an error makes the job fail and try again."""
        try:
            with self._lock:
                self._reap()
                self._workers[request.worker_id] = self._start(request)
        except OSError as e:
            log.error("worker not started", worker=request.worker_id, error=str(e))
            return beam_fn_api_pb2.StartWorkerResponse(error=str(e))
        log.info("worker started", worker=request.worker_id, pid=self._workers[request.worker_id].pid)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(
        self, request: beam_fn_api_pb2.StopWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StopWorkerResponse:
        """Stop a worker; one that is not there is stopped."""
        with self._lock:
            worker = self._workers.pop(request.worker_id, None)
        if worker is not None:
            _end(worker)
            log.info("worker stopped", worker=request.worker_id)
        return beam_fn_api_pb2.StopWorkerResponse()

    def close(self) -> None:
        """Stop all workers."""
        with self._lock:
            for worker in self._workers.values():
                _end(worker)
            self._workers.clear()

    def _start(self, request: beam_fn_api_pb2.StartWorkerRequest) -> subprocess.Popen:
        self._logs.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "pipeline.runners.worker"),
            *("--id", request.worker_id),
            *("--provision", request.provision_endpoint.url),
            *("--logging", request.logging_endpoint.url),
            *("--control", request.control_endpoint.url),
        ]
        path = self._logs / f"{request.worker_id.replace('/', '_')}.log"
        with path.open("ab") as output:
            # Its standard input ends when this process is gone, however: then it ends too.
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)

    def _reap(self) -> None:
        """Forget workers that ended by themselves (their TaskManager was killed), and the oldest logs."""
        for worker_id, worker in list(self._workers.items()):
            if (code := worker.poll()) is not None:
                del self._workers[worker_id]
                log.info("worker ended", worker=worker_id, code=code)
        if self._logs.is_dir():
            by_age = sorted(self._logs.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in by_age[LOGS_KEPT:]:
                path.unlink(missing_ok=True)


def serve(pool: WorkerPool, host: str, port: int) -> tuple[grpc.Server, int]:
    """Start to listen; returns the server and its port. Raises ``OSError`` if the address can't be had."""
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[*_KEEP_ALIVE, ("grpc.so_reuseport", 0)])
    try:
        port = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as e:
        raise OSError(f"{host}:{port} can't be listened on: is another pool there?") from e
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.start()
    return server, port


def _end(worker: subprocess.Popen) -> None:
    worker.terminate()
    try:
        worker.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
