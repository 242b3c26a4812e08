"""`wiredesk serve`, as a user runs it: it answers, tells hooks of what is new, and stops when asked."""

import contextlib
import http.server
import json
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from desk_world import NOW, key, world

from connectors.warehouse import open_warehouse
from pipeline.cli import main
from schemas.records import Receipt, Story, StoryEvent


@pytest.fixture
def warehouse(tmp_path) -> str:
    url = f"duckdb:///{tmp_path}/w.duckdb"
    open_warehouse(url).migrate()
    open_warehouse(url).apply(world())
    return url


@contextlib.contextmanager
def serving(tmp_path, *arguments: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """The running desk and its address."""
    command = [sys.executable, "-m", "pipeline", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://\S+(?=/)", line)
            assert found, line + process.stderr.read()
            yield process, found[0]
        finally:
            process.kill()


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_desk_answers_on_this_machine_only_and_stops_when_asked(number, tmp_path, warehouse):
    with serving(tmp_path, "--warehouse", warehouse) as (process, base):
        assert base.startswith("http://127.0.0.1:")
        status, text = get(base)
        assert (status, "Headline of herald" in text) == (200, True)
        process.send_signal(number)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()
    assert list((tmp_path / "var/desk").glob("*/replica-*")) == []


def test_the_desk_tells_prometheus_of_itself(tmp_path, warehouse):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(tmp_path, "--warehouse", warehouse, "--metrics", f"127.0.0.1:{port}") as (_, base):
        assert get(f"{base}/")[0] == 200
        assert get(f"{base}/nope")[0] == 404
        deadline = time.monotonic() + 60
        awaited = ["wiredesk_desk_request_seconds_count 2.0", "wiredesk_desk_followed_timestamp_seconds 1."]
        while time.monotonic() < deadline:  # what is counted once it was answered, and the first look
            told = get(f"http://127.0.0.1:{port}/metrics")[1]
            if all(line in told for line in awaited):
                break
            time.sleep(0.05)
        assert 'wiredesk_desk_requests_total{status="200"} 1.0' in told
        assert 'wiredesk_desk_requests_total{status="404"} 1.0' in told
        assert all(line in told for line in awaited)
        assert get(f"http://127.0.0.1:{port}/readyz") == (200, "ok\n")


def test_a_token_of_the_environment_locks_the_desk(tmp_path, warehouse, monkeypatch):
    monkeypatch.setenv("WIREDESK_DESK__TOKEN", "correct horse")
    with serving(tmp_path, "--warehouse", warehouse, "--host", "0.0.0.0") as (process, base):
        port = base.rpartition(":")[2]
        here = f"http://127.0.0.1:{port}/api/v1/front"
        assert get(here)[0] == 401
        assert get(here, Authorization="Bearer correct horse")[0] == 200
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert "correct horse" not in err


def test_a_port_that_is_taken_is_one_line(tmp_path, warehouse, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--warehouse", warehouse, "--port", port]) == 1
    err = capsys.readouterr().err
    assert "another --port" in err
    assert err.count("\n") == 1


def test_a_second_desk_in_the_same_folder_is_one_line(tmp_path, warehouse):
    with serving(tmp_path, "--warehouse", warehouse):
        command = [sys.executable, "-m", "pipeline", "serve", "--warehouse", warehouse, "--port", "0"]
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2
    assert "--folder" in second.stderr
    assert second.stderr.count("\n") == 1


def test_hooks_of_the_settings_are_told_of_what_comes(tmp_path, warehouse):
    got: queue.Queue = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.put((self.headers["webhook-id"], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    (tmp_path / "wiredesk.toml").write_text(
        f'[desk]\nrefresh_seconds = 0.2\nwebhooks_allowed = ["{address}"]\npublic_url = "https://desk.example"\n'
        f'[[desk.webhooks]]\nurl = "http://{address}/"\nsecret = "s3cret"\nevents = ["story"]\n'
    )
    with serving(tmp_path, "--warehouse", warehouse) as (process, base):
        deadline = time.monotonic() + 60
        while "Up to date as of" not in get(base)[1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        open_warehouse(warehouse).apply(
            [
                Story(story_id=key("tram"), title="Tram derailed", last_published_at=NOW, independent_count=3),
                StoryEvent(event_id=key("e"), story_id=key("tram"), event="created", article_id=key("tram"), at=NOW),
                Receipt(fetch_id=key("f"), outcome="article", article_id=key("tram"), at=NOW),
            ]
        )
        message_id, body = got.get(timeout=60)
        process.terminate()
        process.communicate(timeout=20)
    server.shutdown()
    server.server_close()
    assert message_id == f"story.{key('tram')}"
    assert body["type"] == "story.new"
    assert body["data"]["url"] == f"https://desk.example/story/{key('tram')}"
