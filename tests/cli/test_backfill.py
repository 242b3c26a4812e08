"""Backfill: archives become rows, resumable, bad lines to rejects with file and line."""

import gzip
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime

import duckdb

from connectors.archives.open import open_archive
from connectors.warehouse import OpenWarehouse
from pipeline.cli import main
from pipeline.cli.archive_run import run_archive
from pipeline.cli.batches import Batches
from pipeline.cli.settings import BackfillSettings
from pipeline.graph import Steps

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def line(n: int) -> str:
    text = f"Harbour number {n} of Port {n * 7} will get {n + 2} new cranes, its master said. Ship {n * 13} was first. "
    record = {"url": f"https://herald.example/{n}", "title": f"Harbour {n}", "text": text * 3}
    return json.dumps(record | {"published_at": f"2026-05-{n % 28 + 1:02d}T08:00:00Z"})


def rows(path, sql):
    with duckdb.connect(str(path), read_only=True) as db:
        return db.execute(sql).fetchall()


def backfill(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline", "backfill", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_bad_lines_become_rejects_with_file_and_offset(tmp_path, capsys):
    archive = tmp_path / "a.jsonl.gz"
    lines = [line(1), "{broken", json.dumps({"url": "https://herald.example/x"}), "", line(2)]
    archive.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert main(["backfill", str(archive), "--warehouse", f"duckdb:///{tmp_path}/w.duckdb"]) == 0
    assert "4 items read: 4 new" in capsys.readouterr().out
    assert rows(tmp_path / "w.duckdb", "SELECT count(*) FROM articles") == [(2,)]
    found = rows(tmp_path / "w.duckdb", "SELECT position FROM receipts WHERE outcome = 'reject' ORDER BY position")
    at = len(lines[0]) + 1
    assert found == [(f"a.jsonl.gz:{at}",), (f"a.jsonl.gz:{at + len(lines[1]) + 1}",)]


def test_the_same_archive_again_changes_nothing(tmp_path, capsys):
    archive = tmp_path / "a.jsonl"
    archive.write_text(line(1) + "\n" + line(2) + "\n")
    url = f"duckdb:///{tmp_path}/w.duckdb"
    assert main(["backfill", str(archive), "--warehouse", url]) == 0
    before = rows(tmp_path / "w.duckdb", "SELECT * FROM articles ORDER BY article_id")
    assert main(["backfill", str(archive), "--warehouse", url]) == 0
    assert "0 items read" in capsys.readouterr().out
    assert rows(tmp_path / "w.duckdb", "SELECT * FROM articles ORDER BY article_id") == before


def test_a_stop_is_resumed_where_it_was(tmp_path):
    archive = tmp_path / "a.jsonl"
    archive.write_text("".join(line(n) + "\n" for n in range(30)))
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    source, settings, stop = open_archive(archive), BackfillSettings(batch_items=8), threading.Event()
    batches = Batches(opener, source.channel, Steps(), lambda: NOW)
    first = run_archive(source, opener, batches, settings, stop, lambda tally: stop.set())
    assert (first.counts.items, first.done) == (8, False)
    stop.clear()
    second = run_archive(source, opener, batches, settings, stop, lambda tally: None)
    assert (second.counts.items, second.done) == (22, True)
    assert rows(tmp_path / "w.duckdb", "SELECT count(*) FROM articles") == [(30,)]


def test_a_damaged_archive_gives_what_can_be_read(tmp_path):
    archive = tmp_path / "a.jsonl.gz"
    packed = gzip.compress(("".join(line(n) + "\n" for n in range(200))).encode())
    archive.write_bytes(packed[: len(packed) // 2])
    run = backfill(archive, "--warehouse", f"duckdb:///{tmp_path}/w.duckdb")
    assert run.returncode == 0, run.stderr
    assert rows(tmp_path / "w.duckdb", "SELECT reason FROM rejects WHERE reason = 'bad_archive'") == [("bad_archive",)]
    assert rows(tmp_path / "w.duckdb", "SELECT count(*) > 20 FROM articles") == [(True,)]
