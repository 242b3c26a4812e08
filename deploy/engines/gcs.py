"""Object storage that speaks Google Cloud Storage's API on this machine, for tests: gcp-storage-emulator, in memory, on
127.0.0.1. Google's clients find it by ``STORAGE_EMULATOR_HOST``.

``start(folder)`` starts it and returns its URL, ``stop(folder)`` ends it; what was stored is gone then. Needs what
``make setup`` installs.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sys
import urllib.request

from engines.processes import EngineError, Process, listens, ports

__all__ = ["EngineError", "make_bucket", "missing", "start", "status", "stop"]


def missing() -> str | None:
    """What this machine lacks to run it, in one line; None when it has all."""
    there = importlib.util.find_spec("gcp_storage_emulator")
    return None if there else "Google's storage is played by gcp-storage-emulator, which is not installed: make setup"


def start(folder: pathlib.Path | str, port: int | None = None) -> str:
    """Start it, unless it runs, and wait until it answers; returns its URL. Raises ``EngineError``."""
    process = _process(folder)
    port = port or ports(process.folder, ["gcs"])["gcs"]
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    process.start([*command, "--in-memory", "--quiet"])
    process.wait(lambda: listens(port))
    return f"http://127.0.0.1:{port}"


def make_bucket(url: str, name: str) -> None:
    """Make the bucket."""
    asked = json.dumps({"name": name}).encode()
    request = urllib.request.Request(f"{url}/storage/v1/b?project=test", asked, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()


def stop(folder: pathlib.Path | str, *, kill: bool = False) -> bool:
    """End it and wait for that; returns whether it ran."""
    return _process(folder).stop(kill=kill)


def status(folder: pathlib.Path | str) -> str:
    """One line for people."""
    process = _process(folder)
    pid = process.pid
    if pid is None:
        return "gcs: not running"
    return f"gcs: http://127.0.0.1:{ports(process.folder, ['gcs'])['gcs']} (pid {pid})"


def _process(folder: pathlib.Path | str) -> Process:
    return Process(pathlib.Path(folder).resolve(), "gcs")
