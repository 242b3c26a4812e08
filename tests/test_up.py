"""`wiredesk up`: both parts run, come back after a kill, and stop cleanly."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

SOURCES = '[[source]]\nname = "nobody"\nurl = "http://127.0.0.1:9/feed"\n'


@pytest.fixture
def running(tmp_path):
    (tmp_path / "sources.toml").write_text(SOURCES)
    command = [sys.executable, "-m", "pipeline", "--log-format", "json", "up", "--no-serve"]
    command += ["--sources", "sources.toml", "--allow-private"]
    with (tmp_path / "told").open("wb") as told:
        process = subprocess.Popen(command, cwd=tmp_path, stderr=told, start_new_session=True)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def events(folder: pathlib.Path) -> list[dict[str, object]]:
    """What was logged, up to the last whole line."""
    whole, _, _ = (folder / "told").read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def parts(process: subprocess.Popen) -> dict[str, psutil.Process]:
    """The running parts by name."""
    found = {}
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie has no command line
            found |= {name: child for name in ("poll", "stream") if name in child.cmdline()}
    return found


def wait_for(condition, seconds=60):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_a_killed_part_comes_back_and_a_stop_ends_everything(running, tmp_path):
    first = wait_for(lambda: parts(running) if len(parts(running)) == 2 else None)
    wait_for(lambda: pathlib.Path(tmp_path / "var/wiredesk.duckdb").exists())
    wait_for(lambda: any(event["part"] == "poll" and event["event"] == "failing" for event in events(tmp_path)))
    first["stream"].kill()
    again = wait_for(lambda: parts(running).get("stream") if parts(running).get("stream") != first["stream"] else None)
    assert again.pid != first["stream"].pid
    children = list(parts(running).values())
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) == 0
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    ended = next(event for event in events(tmp_path) if event["event"] == "ended")
    assert (ended["part"], ended["exit"], ended["again_in_seconds"]) == ("stream", -signal.SIGKILL, 2)


def test_all_parts_are_ready_in_a_new_folder(tmp_path):
    """The desk too, which may be up before the stream has made a warehouse."""
    (tmp_path / "sources.toml").write_text(SOURCES)
    with socket.create_server(("127.0.0.1", 0)) as desk, socket.create_server(("127.0.0.1", 0)) as metrics:
        ports = desk.getsockname()[1], metrics.getsockname()[1]
    (tmp_path / "wiredesk.toml").write_text(f'metrics = "127.0.0.1:{ports[1]}"\n[desk]\nport = {ports[0]}\n')
    command = [sys.executable, "-m", "pipeline", "up", "--sources", "sources.toml", "--allow-private"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)

    def ready():
        assert process.poll() is None
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/readyz") as answer:
            return answer.status == 200

    try:
        wait_for(ready)
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/metrics") as answer:
            told = answer.read().decode()
        assert [f'wiredesk_part_up{{part="{part}"}} 1.0' in told for part in ("poll", "stream", "serve")] == [True] * 3
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_the_parts_end_when_their_supervisor_is_killed(running):
    children = wait_for(lambda: list(parts(running).values()) if len(parts(running)) == 2 else None)
    running.kill()
    wait_for(lambda: not any(child.is_running() for child in children))


def test_a_wrong_file_ends_it_with_the_mistake(tmp_path):
    command = [sys.executable, "-m", "pipeline", "up", "--sources", "missing.toml"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert "missing.toml" in run.stderr
    assert "Traceback" not in run.stderr
