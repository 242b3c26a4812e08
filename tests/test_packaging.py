"""The wheel, installed in a clean environment, does its work."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
UV = pathlib.Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> pathlib.Path:
    """The bin folder of an environment that holds the wheel and its locked dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    lock = ROOT / "requirements.lock"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "--constraint", lock, wheel], check=True)
    return folder / "env" / "bin"


def test_make_setup_has_all_that_an_editable_install_needs(tmp_path):
    build = "import hatchling.build, sys; hatchling.build.build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True, capture_output=True)
    assert list(tmp_path.glob("wiredesk-*.whl"))


@pytest.mark.slow
def test_the_installed_command_shows_its_help(installed, tmp_path):
    run = subprocess.run([installed / "wiredesk", "--help"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "backfill" in run.stdout
    assert "demo" in run.stdout


@pytest.mark.slow
def test_a_small_backfill_works_from_the_wheel(installed, tmp_path):
    lines = [
        {
            "url": f"https://herald.example/2026/03/0{n}/story-{n}",
            "title": f"Council story {n}",
            "published_at": f"2026-03-0{n}T08:00:00Z",
            "text": f"The council of Oldbridge said on day {n} that it would spend {n} million crowns on the harbour. "
            * 4,
        }
        for n in (1, 2, 3)
    ]
    archive = tmp_path / "archive.jsonl"
    archive.write_text("".join(json.dumps(line) + "\n" for line in lines) + "not json\n")
    url = f"duckdb:///{tmp_path}/w.duckdb"
    backfill = [installed / "wiredesk", "backfill", archive, "--warehouse", url]
    run = subprocess.run(backfill, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "4 items read: 4 new" in run.stdout
    assert "compiling for this machine" in run.stderr
    audit = subprocess.run([installed / "wiredesk", "audit", "--warehouse", url], capture_output=True, text=True)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    count = "import duckdb,sys; print(duckdb.connect(sys.argv[1]).execute('select count(*) from articles').fetchall())"
    rows = subprocess.run(
        [installed / "python", "-c", count, tmp_path / "w.duckdb"], capture_output=True, text=True, check=True
    )
    assert rows.stdout.strip() == "[(3,)]"


@pytest.mark.slow
def test_the_wheel_holds_every_data_file(installed):
    site = next((installed.parent / "lib").glob("python*/site-packages"))
    tracked = subprocess.run(
        ["git", "ls-files", "schemas", "connectors", "pipeline"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    missing = [name for name in tracked if not (site / name).exists()]
    assert not missing
