"""An Iceberg REST catalog on this machine, for tests and for trying out: Iceberg's own (JDBC behind its REST servlet)
on Jetty, on 127.0.0.1; tables in a bucket of an S3 (``s3.py``).

``fetch()`` gets the jars from Maven Central once (100 MB, kept in the user's cache), ``start(folder, s3=URL)`` starts
a catalog whose database is in the folder, ``stop(folder)`` ends it. Needs Java 17 (a JDK) and Maven.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import shutil
import subprocess
import urllib.request

from engines import s3 as objects
from engines.processes import EngineError, Server, cache, listens, made_once, run

__all__ = ["EngineError", "fetch", "missing", "start", "status", "stop"]
POM = pathlib.Path(__file__).with_name("iceberg-rest-pom.xml")
MAIN = pathlib.Path(__file__).with_name("IcebergRest.java")
JAVA = 17
BUCKET = "wiredesk"
_FLAGS = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_SERVER = Server("iceberg-rest", "rest")
stop, status = _SERVER.stop, _SERVER.status


def missing() -> str | None:
    """What this machine lacks to run it, in one line; None when it has all."""
    if shutil.which("javac") is None or shutil.which("java") is None:
        return f"the Iceberg REST catalog needs a JDK, {JAVA} or newer (apt-get install openjdk-{JAVA}-jdk-headless)"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < JAVA:
        return f"the Iceberg REST catalog needs Java {JAVA} or newer"
    if not _jars().is_dir() and shutil.which("mvn") is None:
        return "the Iceberg REST catalog is fetched with Maven, which is not here (apt-get install maven)"
    return objects.missing()


def fetch() -> pathlib.Path:
    """The folder of the jars, fetched if they are not there. Safe to call from several processes at once."""
    with made_once(_jars()) as draft:
        if draft is not None:
            shutil.copy(POM, draft / "pom.xml")
            command = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory=."]
            run(command, "Maven could not fetch the Iceberg REST catalog", draft)
    return _jars()


def start(folder: pathlib.Path | str, port: int | None = None, *, s3: str) -> str:
    """Start it, unless it runs, with tables in a bucket of the S3 at that URL, and wait until it answers; returns its
    URL. Raises ``EngineError``."""
    process = _SERVER.process(folder)
    port = port or _SERVER.port(folder)
    if process.pid is None:
        if why := missing():
            raise EngineError(why)
        objects.make_bucket(s3, BUCKET)
        properties = {
            "uri": f"jdbc:sqlite:{process.folder}/catalog.db",
            "jdbc.schema-version": "V1",
            "warehouse": f"s3://{BUCKET}/lake",
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "s3.endpoint": s3,
            "s3.path-style-access": "true",
            "client.region": objects.KEYS["s3.region"],
            **{name: value for name, value in objects.KEYS.items() if "key" in name},
        }
        settings = [f"{name}={value}" for name, value in properties.items()]
        process.start(["java", *_FLAGS, "-cp", f"{fetch()}/*", str(MAIN), str(port), *settings])
    process.wait(lambda: listens(port) and _answers(port))
    return f"http://127.0.0.1:{port}"


def _jars() -> pathlib.Path:
    return cache() / f"iceberg-rest-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/config", timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False
