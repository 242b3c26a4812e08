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

from engines.processes import EngineError, Server, listens

__all__ = ["EngineError", "make_bucket", "missing", "start", "status", "stop"]
_SERVER = Server("gcs", "gcs")
stop, status = _SERVER.stop, _SERVER.status


def missing() -> str | None:
    """What this machine lacks to run it, in one line; None when it has all."""
    there = importlib.util.find_spec("gcp_storage_emulator")
    return None if there else "Google's storage is played by gcp-storage-emulator, which is not installed: make setup"


def start(folder: pathlib.Path | str, port: int | None = None) -> str:
    """Start it, unless it runs, and wait until it answers; returns its URL. Raises ``EngineError``."""
    process = _SERVER.process(folder)
    port = port or _SERVER.port(folder)
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    process.start([*command, "--in-memory", "--quiet"])
    process.wait(lambda: listens(port))
    return f"http://127.0.0.1:{port}"


def make_bucket(url: str, name: str) -> None:
    """Make the bucket."""
    asked = json.dumps({"name": name}).encode()
    request = urllib.request.Request(f"{url}/storage/v1/b?project=test", asked, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()
