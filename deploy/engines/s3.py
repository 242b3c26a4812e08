"""Object storage that speaks S3 on this machine, for tests and for trying out: moto's server, in memory, on 127.0.0.1.

``start(folder)`` starts it and returns its URL, ``stop(folder)`` ends it; what was stored is gone then. Any credentials
do. Needs what ``make setup`` installs.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import urllib.request

from engines.processes import EngineError, Server, listens

__all__ = ["EngineError", "missing", "start", "status", "stop"]
KEYS = {"s3.access-key-id": "wiredesk", "s3.secret-access-key": "wiredesk", "s3.region": "us-east-1"}
"""Credentials, as PyIceberg's properties; any others do too."""
_SERVER = Server("s3", "s3")
stop, status = _SERVER.stop, _SERVER.status


def missing() -> str | None:
    """What this machine lacks to run it, in one line; None when it has all."""
    return None if importlib.util.find_spec("moto") else "S3 is played by moto, which is not installed: make setup"


def start(folder: pathlib.Path | str, port: int | None = None) -> str:
    """Start it, unless it runs, and wait until it answers; returns its URL. Raises ``EngineError``."""
    process = _SERVER.process(folder)
    port = port or _SERVER.port(folder)
    process.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)])
    process.wait(lambda: listens(port))
    return f"http://127.0.0.1:{port}"


def make_bucket(url: str, name: str) -> None:
    """Make the bucket, if it is not there."""
    words = "AWS4-HMAC-SHA256 Credential=wiredesk/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(f"{url}/{name}", method="PUT", headers={"Authorization": words})
    urllib.request.urlopen(request, timeout=30).close()
