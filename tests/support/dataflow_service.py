"""The part of Dataflow's REST API that submits and ends a job (https://cloud.google.com/dataflow/docs/reference/rest),
on 127.0.0.1. It runs nothing: Dataflow can't be had on this machine. What was asked is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.cloud import dataflow

JOB_ID = "2026-06-01_00_00_00-1"


class DataflowService:
    """``state``: of the job, as it is told; ``jobs``: those that were submitted, ``asked``: states asked for."""

    def __init__(self) -> None:
        self.state = "JOB_STATE_RUNNING"
        self.jobs: list[dataflow.Job] = []
        self.asked: list[str] = []
        self.refuse = ""

    def answer(self, method: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if method == "POST" and self.refuse:
            return 403, {"error": {"code": 403, "message": self.refuse, "status": "PERMISSION_DENIED"}}
        if method == "POST":
            self.jobs.append(dataflow.Job.from_json(body))
        if method == "PUT":
            self.state = dataflow.Job.from_json(body).requested_state.name
            self.asked.append(self.state)
        return 200, {"id": JOB_ID, "currentState": self.state, "projectId": "desk", "location": "europe-west1"}


@contextmanager
def serving(service: DataflowService) -> Iterator[str]:
    """The address of the service."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = service.answer(self.command, body)
            told = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = _any

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"  # Beam speaks REST to a localhost, else gRPC
    finally:
        server.shutdown()
        server.server_close()
