"""A Kafka broker on this machine, for tests and for trying wiredesk out: one KRaft node on 127.0.0.1, no container.

``fetch()`` gets the jars from Maven Central once (``mvn``, 44 MB, kept in the user's cache), ``start(folder)`` formats
the folder if it is new and starts a broker in it, ``stop(folder)`` ends that broker and no other. A folder keeps its
port, so that a broker that was killed comes back where its clients look for it. Needs Java 17 and Maven, and only the
standard library otherwise. From the command line::

    python deploy/engines/kafka.py up|down|status [FOLDER]
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

POM = pathlib.Path(__file__).with_name("kafka-pom.xml")
JAVA = 17
HEAP = ("-Xms128m", "-Xmx512m")
FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
READY_SECONDS = 90.0
STOP_SECONDS = 20.0
PORTS = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections: nobody takes the port while the broker is down."""

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=2
num.io.threads=4
"""


class EngineError(Exception):
    """The broker can't be had; one line that says what to do."""


def missing() -> str | None:
    """What this machine lacks to run a broker, in one line; None when it has all."""
    java = shutil.which("java")
    if java is None:
        return f"Kafka needs Java {JAVA} or newer (apt-get install openjdk-{JAVA}-jre-headless, or adoptium.net)"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < JAVA:
        return f"Kafka needs Java {JAVA} or newer, here is {told.splitlines()[0] if told else 'none that runs'}"
    if not _jars().is_dir() and shutil.which("mvn") is None:
        return "Kafka's jars are fetched with Maven, which is not here (apt-get install maven)"
    return None


def fetch() -> pathlib.Path:
    """The folder of the jars, fetched if they are not there. Safe to call from several processes at once."""
    jars = _jars()
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with _locked(jars.parent / "kafka.lock"):
        if jars.is_dir():
            return jars
        with tempfile.TemporaryDirectory(dir=jars.parent) as draft:
            shutil.copy(POM, pathlib.Path(draft, "pom.xml"))
            command = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory=libs"]
            try:
                done = subprocess.run(command, cwd=draft, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                raise EngineError(missing() or "mvn can't be run") from None
            if done.returncode:
                told = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
                raise EngineError(f"Maven could not fetch Kafka: {told[0] if told else 'no reason given'}")
            os.rename(pathlib.Path(draft, "libs"), jars)
    return jars


def start(folder: pathlib.Path | str, port: int | None = None) -> str:
    """Start a broker in ``folder`` (made if it is new) and wait until it answers; returns its ``host:port``.

    Without ``port``, the one that the folder had, or a free one. A broker that runs already is left alone. Raises
    ``EngineError``.
    """
    folder = pathlib.Path(folder).resolve()
    if (pid := _pid(folder)) is not None:
        return _wait(folder, pid)
    if why := missing():
        raise EngineError(why)
    java = ["java", *HEAP, *FLAGS, "-cp", f"{fetch()}/*"]
    _format(folder, port, java)
    with (folder / "kafka.log").open("ab") as log:
        process = subprocess.Popen(
            [*java, "kafka.Kafka", str(folder / "server.properties")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    (folder / "pid").write_text(str(process.pid))
    return _wait(folder, process.pid)


def stop(folder: pathlib.Path | str, *, kill: bool = False) -> bool:
    """Stop the broker of this folder and wait for its end; ``kill``: with SIGKILL. Returns whether there was one."""
    folder = pathlib.Path(folder).resolve()
    pid = _pid(folder)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if kill else signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _runs(pid, folder):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    (folder / "pid").unlink(missing_ok=True)
    return pid is not None


def address(folder: pathlib.Path | str) -> str | None:
    """``host:port`` of the folder's broker; None for a folder that is none."""
    with contextlib.suppress(FileNotFoundError):
        found = re.search(
            r"^advertised\.listeners=PLAINTEXT://(\S+)$", pathlib.Path(folder, "server.properties").read_text(), re.M
        )
        return found[1] if found else None
    return None


def status(folder: pathlib.Path | str) -> str:
    """One line for people."""
    pid = _pid(pathlib.Path(folder).resolve())
    return f"kafka: {address(folder)} (pid {pid})" if pid is not None else "kafka: not running"


# -- inside --


def _jars() -> pathlib.Path:
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return cache / "wiredesk" / "engines" / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _format(folder: pathlib.Path, port: int | None, java: list[str]) -> None:
    """Write the settings and format the log folder, unless that was done before."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "server.properties"
    known = settings.is_file()
    if known and port is not None and not (address(folder) or "").endswith(f":{port}"):
        raise EngineError(
            f"{folder} holds a broker of another port ({address(folder)}): give that one or another folder"
        )
    if known and (folder / "data" / "meta.properties").is_file():
        return
    chosen = port or free_port()
    settings.write_text(_SETTINGS.format(port=chosen, controller=free_port(besides=chosen), folder=folder))
    cluster = hashlib.sha256(str(folder).encode()).hexdigest()[:22]  # 22 letters of base64 are a UUID
    command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"{folder} can't be formatted: {' '.join((done.stdout + done.stderr).split())[-400:]}")


def free_port(besides: int | None = None) -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port != besides:
            return port
    raise EngineError("no free port between 20000 and 32000")


def _wait(folder: pathlib.Path, pid: int) -> str:
    """Wait until the broker takes connections. (It listens only when it is ready to serve.)"""
    where = address(folder)
    host, _, port = (where or "").partition(":")
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return f"{host}:{port}"
        if not _runs(pid, folder):
            told = (folder / "kafka.log").read_text("utf-8", "replace").splitlines()
            why = [line for line in told if "ERROR" in line or "Exception" in line] or told
            raise EngineError(f"the broker in {folder} ended: {why[-1] if why else 'it left no log'}")
        time.sleep(0.05)
    raise EngineError(f"the broker in {folder} does not answer after {READY_SECONDS:.0f} s: see its kafka.log")


def _pid(folder: pathlib.Path) -> int | None:
    """The process of the folder's broker, if it runs."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int((folder / "pid").read_text())
        return pid if _runs(pid, folder) else None
    return None


def _runs(pid: int, folder: pathlib.Path) -> bool:
    """Whether the process is there and is this broker: its number may be another's by now."""
    child = False
    with contextlib.suppress(ChildProcessError):
        child = os.waitpid(pid, os.WNOHANG) == (0, 0)  # a child of ours that ended is let go
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    # Java starts itself anew with other settings: in between a process has no command line.
    return str(folder / "server.properties").encode() in line or (child and not line)


def main(arguments: list[str]) -> int:
    action, folder = (*arguments, "var/engines/kafka")[:2] if arguments else ("", "")
    try:
        if action == "up":
            print(f"kafka: {start(folder)}")
        elif action == "down":
            print("kafka: stopped" if stop(folder) else "kafka: was not running")
        elif action == "status":
            print(status(folder))
        else:
            print("usage: kafka.py up|down|status [FOLDER]", file=sys.stderr)
            return 2
    except EngineError as e:
        print(f"kafka: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
