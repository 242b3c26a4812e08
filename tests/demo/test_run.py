import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipeline.cli import COMMANDS, cli
from pipeline.demo.material import POLLS
from pipeline.demo.run import WHAT_HAPPENS, DemoFailed, DemoPaths, commands, make_fresh, show_and_run

NOW = datetime(2024, 2, 28, 12, 0, tzinfo=UTC)


def test_every_poll_is_explained():
    assert len(WHAT_HAPPENS) == len(POLLS)


def test_the_commands_are_those_of_the_product(tmp_path):
    shown = [words for stage in (1, 2, 3) for words in commands(DemoPaths(tmp_path), stage, NOW)]
    assert {tuple(words[:2]) for words in shown} == {("--log-level", "error")}
    shown = [words[2:] for words in shown]
    assert [words[0] for words in shown] == ["poll", "stream"] * 3 + ["audit"]
    for name, *words in shown:
        known = {option for parameter in cli.get_command(None, name).params for option in parameter.opts}
        assert name in COMMANDS
        assert {word for word in words if word.startswith("--")} <= known


def test_each_poll_happens_at_its_time(tmp_path):
    times = [next(commands(DemoPaths(tmp_path), stage, NOW))[-1] for stage in (1, 2, 3)]
    assert times == ["2024-02-26T12:00Z", "2024-02-27T08:00Z", "2024-02-27T20:00Z"]


def test_a_command_is_shown_before_its_output():
    out = io.StringIO()
    show_and_run(["--version"], Console(file=out, width=80))
    first, second, *_ = out.getvalue().splitlines()
    assert first == "$ wiredesk --version"
    assert second.startswith("wiredesk")


def test_a_command_that_fails_ends_the_demo():
    with pytest.raises(DemoFailed, match="poll --sources nowhere"):
        show_and_run(["poll", "--sources", "nowhere.toml"], Console(file=io.StringIO()))


def test_only_the_demos_own_files_are_made_anew(tmp_path):
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal", "queue.sqlite-shm", "notes.txt"):
        (tmp_path / name).touch()
    make_fresh(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
