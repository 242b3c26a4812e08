"""A Flink cluster on this machine, for tests and for trying wiredesk out: loopback only, no container.

Four processes: ZooKeeper (for high availability, as in production), JobManager, TaskManager, and the pool of Python
workers beside it. Settings are deploy/flink/config.yaml, with this machine's ports, folders and memory on top.

``fetch()`` gets Flink from PyPI (its Java libraries are a package there, 230 MB) and builds the job server with Maven,
once; ``start(folder)`` starts what does not run, ``stop(folder)`` ends just that. A folder keeps its ports, so what was
killed comes back where it was. Needs Java 17 and Maven.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from engines.processes import EngineError, Process, cache, listens, made_once, ports, run

FLINK = "apache-flink-libraries==1.19.3"
CONFIGURATION = pathlib.Path(__file__).parents[1] / "flink"
JOB_SERVER = CONFIGURATION / "job-server"
JAVA = 17
PARTS = ("zookeeper", "jobmanager", "taskmanager", "pool")
"""In the order they are started; each can be stopped and started alone."""
SLOTS = 4

_NEEDED = re.compile(
    r".*/deps/(lib/(flink-dist|log4j)[^/]*\.jar|bin/.*\.jar|plugins/metrics-prometheus/.*|opt/README.*)"
)
"""Of the sdist's 235 MB: not Flink's SQL."""
_MAIN = "org.apache.flink.runtime."
_OPENS = [
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in (
        "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
        "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
    )),
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
]  # fmt: skip
"""As Flink's own config.sh has them for Java 17."""
_THRIFTY = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


@dataclass(frozen=True)
class Packages:
    """What ``fetch()`` got."""

    flink: pathlib.Path
    job_server: pathlib.Path


@dataclass(frozen=True)
class Cluster:
    """What a client needs: Flink's REST API and dashboard, where the pool listens, and the jar to submit with."""

    url: str
    pool: str
    job_server: pathlib.Path


def missing() -> str | None:
    """What this machine lacks to run a cluster, in one line; None when it has all."""
    java = shutil.which("java")
    if java is None:
        return f"Flink needs Java {JAVA} (apt-get install openjdk-{JAVA}-jdk-headless, or adoptium.net)"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < JAVA:
        return f"Flink needs Java {JAVA}, here is {told.splitlines()[0] if told else 'none that runs'}"
    if not _job_server().is_dir() and (shutil.which("mvn") is None or shutil.which("javac") is None):
        return f"Beam's job server is built with Maven and a JDK (apt-get install maven openjdk-{JAVA}-jdk-headless)"
    return None


def fetch() -> Packages:
    """Flink's libraries and the job server, fetched and built if they are not there."""
    flink = cache() / FLINK.replace("==", "-")
    with made_once(flink) as draft:
        if draft:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
            run([*pip, "--no-deps", "--no-binary", ":all:", "--dest", ".", FLINK], "Flink can't be fetched", draft)
            (sdist,) = draft.glob("*.tar.gz")
            with tarfile.open(sdist) as archive:
                for member in archive:
                    if member.isfile() and _NEEDED.fullmatch(member.name):
                        member.name = member.name.partition("/deps/")[2]
                        archive.extract(member, draft, filter="data")
            sdist.unlink()
    with made_once(_job_server()) as draft:
        if draft:
            shutil.copytree(JOB_SERVER, draft / "source", ignore=shutil.ignore_patterns("target"))
            run(["mvn", "--batch-mode", "--quiet", "package"], "the job server can't be built", draft / "source")
            shutil.move(draft / "source" / "target" / "job-server.jar", draft / "job-server.jar")
            shutil.rmtree(draft / "source")
    return Packages(flink, _job_server() / "job-server.jar")


def start(folder: pathlib.Path | str, parts: Sequence[str] = PARTS) -> Cluster:
    """Start those of ``parts`` that don't run and wait until they are ready. Raises ``EngineError``."""
    folder = pathlib.Path(folder).resolve()
    if why := missing():
        raise EngineError(why)
    packages = fetch()
    port = _ports(folder)
    for part in (part for part in PARTS if part in parts):
        process = Process(folder, part)
        if process.pid is None:
            process.start(*_command(part, folder, port, packages))
    for part in parts:
        Process(folder, part).wait(lambda part=part: _ready(part, port))  # type: ignore[misc]
    return Cluster(address(folder), f"127.0.0.1:{port['pool']}", packages.job_server)


def stop(folder: pathlib.Path | str, parts: Sequence[str] = PARTS, *, kill: bool = False) -> bool:
    """Stop these parts and wait for their end; ``kill``: with SIGKILL. Returns whether one ran."""
    folder = pathlib.Path(folder).resolve()
    ran = [Process(folder, part).stop(kill=kill) for part in reversed(PARTS) if part in parts]
    return any(ran)


def address(folder: pathlib.Path | str) -> str:
    """Of Flink's dashboard."""
    return f"http://127.0.0.1:{_ports(pathlib.Path(folder).resolve())['rest']}"


def status(folder: pathlib.Path | str) -> str:
    """One line for people."""
    folder = pathlib.Path(folder).resolve()
    running = {part: Process(folder, part).pid for part in PARTS}
    if not any(running.values()):
        return "flink: not running"
    told = ", ".join(f"{part} {'pid ' + str(pid) if pid else 'not running'}" for part, pid in running.items())
    return f"flink: {address(folder)} ({told})"


# -- inside --


def _job_server() -> pathlib.Path:
    sources = [JOB_SERVER / "pom.xml", *sorted((JOB_SERVER / "src").rglob("*.java"))]
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    return cache() / f"job-server-{mark}"


def _ports(folder: pathlib.Path) -> dict[str, int]:
    names = ("zookeeper", "rest", "jobmanager", "blobs", "taskmanager", "data", "pool", "metrics", "metrics2")
    return ports(folder, names)


def _ready(part: str, port: dict[str, int]) -> bool:
    if part in ("zookeeper", "pool"):
        return listens(port[part])
    with contextlib.suppress(OSError, ValueError):
        with urllib.request.urlopen(f"http://127.0.0.1:{port['rest']}/overview", timeout=5) as answer:
            found = json.load(answer)
        return part == "jobmanager" or found["slots-total"] > 0
    return False


def _command(
    part: str, folder: pathlib.Path, port: dict[str, int], packages: Packages
) -> tuple[list[str], dict[str, str]]:
    """The command of a part and what it needs in its environment."""
    if part == "pool":
        python = [sys.executable, "-m", "pipeline", "--log-format", "json", "worker-pool"]
        return [*python, "--port", str(port["pool"]), "--logs", str(folder / "workers")], {}
    libraries = f"{packages.flink}/lib/*"
    java = ["java", *_THRIFTY, f"-Dlog4j.configurationFile=file:{CONFIGURATION}/log4j.properties"]
    if part == "zookeeper":
        settings = folder / "zookeeper.properties"
        settings.write_text(
            f"dataDir={folder}/zookeeper\nclientPort={port['zookeeper']}\nclientPortAddress=127.0.0.1\n"
            "tickTime=2000\nserver.1=127.0.0.1:1:2\n"
        )
        (folder / "zookeeper").mkdir(exist_ok=True)
        java += ["-Xmx64m", "-Dzookeeper.admin.enableServer=false", "-cp", libraries]
        return [
            *java,
            f"{_MAIN}zookeeper.FlinkZooKeeperQuorumPeer",
            "--zkConfigFile",
            str(settings),
            "--peerId",
            "1",
        ], {}
    main, which = {
        "jobmanager": (f"{_MAIN}entrypoint.StandaloneSessionClusterEntrypoint", "GET_JM_RESOURCE_PARAMS"),
        "taskmanager": (f"{_MAIN}taskexecutor.TaskManagerRunner", "GET_TM_RESOURCE_PARAMS"),
    }[part]
    here = [word for name, value in _settings(part, folder, port).items() for word in ("-D", f"{name}={value}")]
    heap, pools = _memory(which, packages, here)
    where = {"FLINK_CONF_DIR": str(CONFIGURATION), "FLINK_PLUGINS_DIR": f"{packages.flink}/plugins"}
    return [*java, *heap, *_OPENS, "-cp", libraries, main, "--configDir", str(CONFIGURATION), *here, *pools], where


def _settings(part: str, folder: pathlib.Path, port: dict[str, int]) -> dict[str, str]:
    """What differs from deploy/flink/config.yaml."""
    state = f"file://{folder}/state"
    return {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": str(port["jobmanager"]),
        "high-availability.jobmanager.port": str(port["jobmanager"]),
        "high-availability.zookeeper.quorum": f"127.0.0.1:{port['zookeeper']}",
        "high-availability.storageDir": f"{state}/ha",
        "blob.server.port": str(port["blobs"]),
        "rest.port": str(port["rest"]),
        "rest.bind-port": str(port["rest"]),
        "web.upload.dir": f"{folder}/upload",
        "io.tmp.dirs": f"{folder}/scratch",
        "taskmanager.host": "127.0.0.1",
        "taskmanager.rpc.port": str(port["taskmanager"]),
        "taskmanager.data.port": str(port["data"]),
        "taskmanager.numberOfTaskSlots": str(SLOTS),
        "metrics.reporter.prom.port": str(port["metrics" if part == "jobmanager" else "metrics2"]),
        "state.checkpoints.dir": f"{state}/checkpoints",
        "state.savepoints.dir": f"{state}/savepoints",
        "execution.checkpointing.interval": "5s",
    }


def _memory(which: str, packages: Packages, here: list[str]) -> tuple[list[str], list[str]]:
    """The JVM's options and Flink's that divide the process's memory, as Flink's own scripts ask for them."""
    classes = f"{packages.flink}/bin/bash-java-utils.jar:{packages.flink}/lib/*"
    command = [
        "java",
        "-cp",
        classes,
        f"{_MAIN}util.bash.BashJavaUtils",
        which,
        "--configDir",
        str(CONFIGURATION),
        *here,
    ]
    told = run(command, "Flink's memory can't be divided", CONFIGURATION)
    heap, pools = re.findall(r"^BASH_JAVA_UTILS_EXEC_RESULT:(.*)$", told, re.M)
    return heap.split(), pools.split()
