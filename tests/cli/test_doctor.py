"""The doctor finds what is wrong, says what to do, changes nothing, and its exit code counts errors only."""

import json
import resource
import shutil
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse
from pipeline.cli import doctor, main
from pipeline.cli.doctor import Patient, examine
from pipeline.cli.settings import load_settings
from schemas.records import Progress

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def healthy(tmp_path):
    """A patient with a queue and a warehouse."""
    (tmp_path / "sources.toml").write_text('[[source]]\nurl = "https://herald.example/feed"\n')
    open_queue(f"sqlite:///{tmp_path}/q.db").close()
    OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")().migrate()
    return Patient(
        load_settings(None, {"http": {"contact": "desk@example.org"}}),
        f"{tmp_path}/sources.toml",
        f"sqlite:///{tmp_path}/q.db",
        f"duckdb:///{tmp_path}/w.duckdb",
        f"{tmp_path}/s.db",
        NOW,
    )


def of(patient: Patient, check: str, level: str) -> list[doctor.Finding]:
    return [f for f in examine(patient) if (f.check, f.level) == (check, level)]


def change(patient: Patient, **values) -> Patient:
    return Patient(**{name: values.get(name, getattr(patient, name)) for name in Patient.__dataclass_fields__})


def test_a_healthy_machine_has_no_errors_and_every_check_says_something(healthy):
    findings = examine(healthy)
    assert not [f for f in findings if f.level == "error"]
    assert {f.check for f in findings} >= {"versions", "sources", "queue", "warehouse", "clock", "disk", "limits"}


def test_whatever_is_not_well_has_advice(healthy, tmp_path):
    broken = change(healthy, sources="missing.toml", queue=f"sqlite:///{tmp_path}/sources.toml")
    for finding in (*examine(healthy), *examine(broken)):
        assert finding.level == "ok" or finding.advice, finding


def test_what_is_not_there_yet_is_no_error_and_is_not_made(healthy, tmp_path):
    fresh = change(healthy, queue=f"sqlite:///{tmp_path}/new/q.db", warehouse=f"duckdb:///{tmp_path}/new/w.duckdb")
    assert of(fresh, "queue", "ok")
    assert of(fresh, "warehouse", "ok")
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_none_of_ours_is_an_error(healthy, tmp_path):
    shutil.copy(healthy.sources, tmp_path / "text.db")
    for door in ("queue", "warehouse"):
        url = {"queue": "sqlite", "warehouse": "duckdb"}[door] + f":///{tmp_path}/text.db"
        (finding,) = of(change(healthy, **{door: url}), door, "error")
        assert "text.db" in finding.found


def test_a_queue_that_nobody_reads_is_told_with_its_age(healthy):
    queue = open_queue(healthy.queue)
    queue.append([Outgoing("k", b"1")])
    queue.commit("stream", {0: 0})
    queue.close()
    late = change(healthy, now=datetime.now(UTC) + timedelta(hours=5))
    (finding,) = of(late, "queue", "warning")
    assert "1 wait for stream, the oldest for 5 h" in finding.found


def test_a_newer_schema_is_an_error_and_a_lost_column_a_warning(healthy, tmp_path):
    with duckdb.connect(f"{tmp_path}/w.duckdb") as connection:
        connection.execute("ALTER TABLE articles DROP COLUMN rights")
    (finding,) = of(healthy, "warehouse", "warning")
    assert "articles.rights" in finding.found
    with duckdb.connect(f"{tmp_path}/w.duckdb") as connection:
        connection.execute("INSERT INTO wiredesk_schema VALUES (99, 'from the future')")
    assert "99" in of(healthy, "warehouse", "error")[0].found


def test_a_clock_that_went_back_is_an_error(healthy):
    warehouse = OpenWarehouse(healthy.warehouse)()
    warehouse.apply([Progress(channel="c", position=1, at=datetime.now(UTC) + timedelta(days=1))])
    assert "last batch" in of(healthy, "clock", "error")[0].found


@pytest.mark.parametrize(("free", "level"), [(10**8, "error"), (10**9, "warning"), (10**11, "ok")])
def test_little_disk_is_told(healthy, monkeypatch, free, level):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, free))
    assert of(healthy, "disk", level)


def test_few_file_descriptors_are_told(healthy, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 256))
    (finding,) = of(healthy, "limits", "warning")
    assert "LimitNOFILE" in finding.advice


def test_a_version_that_does_not_suit_is_an_error(healthy, monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: ["click>=99", "no-such-package"])
    assert {f.found for f in of(healthy, "versions", "error")} == {
        f"click is {doctor.importlib.metadata.version('click')}, needed is >=99",
        "no-such-package is not installed",
    }


def test_the_exit_code_and_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    (missing,) = [f for f in json.loads(out) if f["level"] == "error"]
    assert missing["check"] == "sources"
    assert "1 of" in err
    (tmp_path / "sources.toml").write_text('[[source]]\nurl = "https://herald.example/feed"\n')
    assert main(["doctor"]) == 0
    assert "warning sources     nobody can see who is asking" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["sources.toml"]
