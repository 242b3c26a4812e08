"""The units are ones that systemd accepts, and shut in as much as they can be."""

import pathlib
import shlex
import shutil
import subprocess

import pytest

from pipeline.cli import COMMANDS

ROOT = pathlib.Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
PROGRAM = "/opt/wiredesk/bin/wiredesk"
EXPOSURE = 45
"""Of 100, as `systemd-analyze security` counts; a service that is not shut in at all has 96."""

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here: apt-get install systemd"
)


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request, tmp_path) -> pathlib.Path:
    """The unit with a program that is there."""
    copy = tmp_path / request.param.name
    copy.write_text(request.param.read_text().replace(PROGRAM, shutil.which("true")))
    return copy


def test_there_are_units():
    assert {path.name for path in UNITS} == {
        "wiredesk-maintain.service",
        "wiredesk-workers.service",
        "wiredesk.service",
    }


@analyze
def test_systemd_accepts_the_timer(tmp_path):
    for name in ("wiredesk-maintain.timer", "wiredesk-maintain.service"):
        text = (ROOT / "deploy/systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace(PROGRAM, shutil.which("true")))
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / "wiredesk-maintain.timer"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_upkeep_is_the_same_user_as_the_desk():
    texts = [(ROOT / "deploy/systemd" / name).read_text() for name in ("wiredesk.service", "wiredesk-maintain.service")]
    for line in ("DynamicUser=yes", "User=wiredesk", "StateDirectory=wiredesk", "UMask=0027"):
        assert all(line in text.splitlines() for text in texts)


@analyze
def test_systemd_accepts_the_unit(unit):
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@analyze
def test_the_unit_is_shut_in(unit):
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-300:]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_unit_runs_a_command_that_there_is(path):
    (line,) = [line for line in path.read_text().splitlines() if line.startswith("ExecStart=")]
    program, *words = shlex.split(line.removeprefix("ExecStart="))
    assert program == PROGRAM
    assert words[2] in COMMANDS
    assert words[:1] in (["--config"], ["--log-format"])
