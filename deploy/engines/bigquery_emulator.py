"""A BigQuery emulator on this machine, for tests: PyPI's bqemulator on 127.0.0.1, everything in memory.

``fetch()`` makes its environment once (it needs another DuckDB than wiredesk, with the spatial extension from its
wheel; 400 MB, kept in the user's cache), ``start(folder)`` starts it, ``stop(folder)`` ends it.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import sys
import urllib.request

from engines.processes import EngineError, Server, cache, listens, made_once, ports, run

__all__ = ["EngineError", "fetch", "missing", "start", "status", "stop"]
DUCKDB = "1.5.5"
PACKAGES = ("bqemulator==1.4.0", f"duckdb=={DUCKDB}", f"duckdb-extension-spatial=={DUCKDB}", "numpy<3")
PROJECT = "wiredesk"
_SERVER = Server("bigquery-emulator", "rest")
stop, status = _SERVER.stop, _SERVER.status


def missing() -> str | None:
    """What this machine lacks to run it, in one line; None when it has all."""
    if sys.platform != "linux":
        return "the BigQuery emulator is set up for Linux only"
    return None


def fetch() -> pathlib.Path:
    """The folder of the environment, made if it is not there. Safe to call from several processes at once."""
    with made_once(_home()) as draft:
        if draft is not None:
            packages = draft / "packages"
            uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
            run([*uv, "--target", str(packages), *PACKAGES], "the BigQuery emulator could not be installed", draft)
            (extension,) = packages.glob("duckdb_extension_spatial/extensions/*/spatial.duckdb_extension")
            place = draft / ".duckdb" / "extensions" / f"v{DUCKDB}" / _platform()
            place.mkdir(parents=True)
            shutil.copy(extension, place)
    return _home()


def start(folder: pathlib.Path | str, port: int | None = None) -> str:
    """Start it, unless it runs, and wait until it answers; returns its URL. Raises ``EngineError``."""
    process = _SERVER.process(folder)
    found = ports(process.folder, ["rest", "grpc"])
    port = port or found["rest"]
    if process.pid is None:
        if why := missing():
            raise EngineError(why)
        home = fetch()
        command = [sys.executable, "-m", "bqemulator", "start", "--project", PROJECT, "--log-level", "error"]
        command += ["--rest-port", str(port), "--grpc-port", str(found["grpc"])]
        # DuckDB looks for its extensions below HOME.
        process.start(command, {"HOME": str(home), "PYTHONPATH": str(home / "packages"), "PYTHONNOUSERSITE": "1"})
    process.wait(lambda: listens(port) and _answers(port))
    return f"http://127.0.0.1:{port}"


def _home() -> pathlib.Path:
    words = " ".join((*PACKAGES, f"{sys.version_info[:2]}"))
    return cache() / f"bqemulator-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _platform() -> str:
    import platform

    return "linux_arm64" if platform.machine() in ("aarch64", "arm64") else "linux_amd64"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/bigquery/v2/projects/{PROJECT}/datasets", timeout=10
        ) as response:
            return bool(response.status == 200)
    except OSError:
        return False
