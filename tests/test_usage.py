"""A user's mistake is one line that says what to do, exit code 2, no traceback."""

import os
import subprocess
import sys

import pytest
from spawned import spawned

from connectors.poller import PollState
from connectors.queue import open_queue
from pipeline.cli import COMMANDS, cli, main

MISTAKES = [
    (["nonsense"], "No such command 'nonsense'"),
    (["--no-such-flag"], "No such option"),
    (["--config", "missing.toml", "audit"], "no settings file missing.toml"),
    (["--log-level", "loud", "audit"], "log_level"),
    (["poll", "--sources", "missing.toml"], "missing.toml"),
    (["poll", "--queue", "rabbit://x", "--sources", "good.toml"], "rabbit"),
    (["poll", "--sources", "pyproject.toml"], "no sources yet"),
    (["stream", "--queue", "rabbit://x"], "rabbit"),
    (["stream", "--warehouse", "mysql://x"], "mysql"),
    (["stream", "--wharehouse", "duckdb:///x"], "--wharehouse"),
    (["stream", "--runner", "SparkRunner"], "SparkRunner"),
    (["backfill"], "PATH"),
    (["backfill", "missing.jsonl"], "missing.jsonl"),
    (["backfill", "--nope", "x.jsonl"], "--nope"),
    (["backfill", "pyproject.toml", "--format", "tarball"], "tarball"),
    (["measure", "missing.jsonl"], "missing.jsonl"),
    (["explain"], "Missing argument"),
    (["explain", " "], "give a URL"),
    (["explain", "x", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["audit", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["rejects", "list", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["rejects", "replay", "--reason", "bad_luck"], "bad_luck"),
    (["rejects", "list", "--limit", "many"], "many"),
    (["rejects", "shuffle"], "No such command"),
    (["rejects", "replay", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["snapshot", "copy.duckdb", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["audit", "--warehouse", "duckdb:///good.toml"], "good.toml"),
    (["stream", "--warehouse", "duckdb:///good.toml"], "good.toml"),
    (["stream", "--queue", "sqlite:///good.toml"], "good.toml"),
    (["stream", "--queue", "sqlite:///folder"], "folder"),
    (["stream", "--queue", "sqlite:///good.toml/queue.db"], "good.toml"),
    (["queue", "status", "--queue", "sqlite:///folder"], "wiredesk poll"),
    (["poll", "--sources", "good.toml", "--state", "good.toml"], "good.toml"),
    (["poll", "--sources", "good.toml", "--state", "var/queue.db"], "var/queue.db"),
    (["sources", "list", "--sources", "good.toml", "--state", "good.toml"], "good.toml"),
    (["sources", "list", "--sources", "missing.toml"], "missing.toml"),
    (["sources", "import", "missing.opml"], "missing.opml"),
    (["sources", "import"], "--pack"),
    (["sources", "import", "--pack", "xx"], "there is no pack"),
    (["sources", "packs", "../uk"], "there is no pack"),
    (["sources", "discover"], "Missing argument"),
    (["sources", "discover", "ftp://x"], "http"),
    (["queue", "status", "--queue", "sqlite:///missing.db"], "missing.db"),
    (["queue", "status", "--queue", "kafka://a:9092"], "kafka://host:port/topic"),
    (["queue", "replay"], "--from"),
    (["queue", "replay", "--from", "start", "--queue", "sqlite:///missing.db"], "missing.db"),
    (["snapshot"], "FILE"),
    (["warehouse", "mend"], "No such command"),
    (["warehouse", "verify", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["warehouse", "migrate", "--warehouse", "duckdb:///good.toml"], "good.toml"),
    (["warehouse", "copy", "duckdb:///missing.duckdb", "duckdb:///x.duckdb"], "missing.duckdb"),
    (["warehouse", "copy", "duckdb:///x", "duckdb:///x"], "the same warehouse"),
    (["warehouse", "init", "--warehouse", "postgresql://h/d?schema="], "can't be a schema"),
    (["up", "--sources", "missing.toml"], "missing.toml"),
    (["up", "--sources", "good.toml", "--warehouse", "mysql://x"], "mysql"),
    (["up", "--sources", "good.toml", "--queue", "rabbit://x"], "rabbit"),
    (["up", "--sources", "good.toml", "--metrics", "9464"], "HOST:PORT"),
    (["stream", "--runner", "FlinkRunner", "--once"], "wiredesk jobs stop"),
    (["stream", "--runner", "FlinkRunner"], "make engines"),
    (["jobs", "list", "--flink-master", "http://"], "no Flink"),
    (["jobs", "upgrade"], "flink.job_server"),
    (["worker-pool", "--port", "100000"], "65535"),
    (["forget"], "URL|SOURCE"),
    (["forget", "https://herald.example/1", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["doctor", "--nope"], "--nope"),
    (["demo", "--nope"], "--nope"),
    (["serve", "--warehouse", "duckdb:///missing.duckdb"], "missing.duckdb"),
    (["serve", "--warehouse", "duckdb:///good.toml"], "good.toml"),
    (["serve", "--host", "0.0.0.0"], "desk.token"),
    (["serve", "--port", "100000"], "65535"),
]


@pytest.mark.parametrize(("arguments", "says"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_is_one_line_and_exit_2(arguments, says, capsys, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "good.toml").write_text('[[source]]\nurl = "https://herald.example/feed"\n')
    (tmp_path / "folder").mkdir()
    (tmp_path / "var").mkdir()
    open_queue(f"sqlite:///{tmp_path}/var/queue.db").close()
    monkeypatch.chdir(tmp_path)
    code = main(arguments)
    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    assert says in err
    assert "Traceback" not in err


def test_what_somebody_else_has_is_one_line_and_exit_1(capsys, tmp_path):
    sources = tmp_path / "sources.toml"
    sources.write_text('[[source]]\nurl = "https://herald.example/feed"\n')
    state = PollState(tmp_path / "poller.db")
    queue = f"sqlite:///{tmp_path}/queue.db"
    assert main(["poll", "--sources", str(sources), "--queue", queue, "--state", str(tmp_path / "poller.db")]) == 1
    state.close()
    err = capsys.readouterr().err
    assert "in use by another poller" in err
    assert err.count("\n") == 1


def test_what_the_system_refuses_is_one_line_and_exit_1(capsys, tmp_path):
    (tmp_path / "archive.jsonl").write_text('{"url": "https://herald.example/1", "text": "A bridge was closed."}\n')
    url = f"duckdb:///{tmp_path}/w.duckdb"
    assert main(["backfill", str(tmp_path / "archive.jsonl"), "--warehouse", url]) == 0
    capsys.readouterr()
    assert main(["snapshot", f"{tmp_path}/archive.jsonl/copy.duckdb", "--warehouse", url]) == 1
    assert capsys.readouterr().err == f"wiredesk: {tmp_path}/archive.jsonl: File exists\n"


def test_every_command_is_covered():
    assert {arguments[0] for arguments, _ in MISTAKES} >= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    found = cli.get_command(None, command)
    subcommands = getattr(found, "commands", {})
    for sub in subcommands:
        assert main([command, sub, "--help"]) == 0
        assert "Example:" in capsys.readouterr().out, sub
    assert subcommands or "Example:" in text


def test_a_wrong_setting_in_the_environment_is_named(capsys, monkeypatch):
    monkeypatch.setenv("WIREDESK_STREAM__BATCH_ITEMS", "zero")
    assert main(["audit"]) == 2
    err = capsys.readouterr().err
    assert "stream.batch_items" in err
    assert "zero" in err
    assert err.count("\n") == 1


def test_a_settings_file_with_a_wrong_key_is_named(capsys, monkeypatch, tmp_path):
    (tmp_path / "wiredesk.toml").write_text("[stream]\nbatch_size = 3\n")
    monkeypatch.chdir(tmp_path)
    assert main(["audit"]) == 2
    assert "stream.batch_size" in capsys.readouterr().err


def test_flags_go_before_environment_before_file(monkeypatch, tmp_path):
    from pipeline.cli.settings import load_settings

    (tmp_path / "wiredesk.toml").write_text('queue = "sqlite:///file.db"\nsources = "file.toml"\nstate = "file.db"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIREDESK_SOURCES", "environment.toml")
    monkeypatch.setenv("WIREDESK_STATE", "environment.db")
    settings = load_settings(None, {"state": "flag.db"})
    assert (settings.queue, settings.sources, settings.state) == ("sqlite:///file.db", "environment.toml", "flag.db")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_language_is_written_whatever_the_locale_is(encoding, tmp_path):
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nname = "東京 Žluť"\nurl = "https://herald.example/feed"\n', "utf-8"
    )
    command = [sys.executable, "-m", "pipeline", "sources", "list"]
    environment = os.environ | {
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C",
        "PYTHONIOENCODING": encoding,
    }
    run = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment)
    assert run.returncode == 0, run.stderr
    expected = b"\\u6771\\u4eac \\u017dlu\\u0165" if encoding == "latin-1" else "東京 Žluť".encode()
    assert expected in run.stdout


def test_a_reader_that_goes_away_is_no_error():
    command = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main(['--help']))"]
    with spawned(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert "Traceback" not in process.stderr.read().decode()
