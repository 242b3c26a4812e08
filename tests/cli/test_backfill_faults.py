"""Faults while a backfill runs: the disk is full, the warehouse goes and comes back (kills: tests/test_kills.py)."""

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from archived import DOORS
from engines import postgresql
from whole import differences, whole_tables

from connectors.archives.open import open_archive
from connectors.warehouse import OpenWarehouse, WarehouseBusy
from pipeline.cli.archive_run import run_archive
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.cli.settings import BackfillSettings
from pipeline.graph import Steps

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def item(n: int) -> dict:
    text = f"Harbour number {n} of Port {n * 7} will get {n + 2} new cranes, its master said. Ship {n * 13} was first. "
    return {"url": f"https://herald.example/{n}", "title": f"Harbour {n}", "text": text * 3}


ITEMS = [item(n) for n in range(60)]


def run(archive, opener, settings, advance=lambda tally: None):
    opener().migrate()
    batches = Batches(opener, archive.channel, Steps(), lambda: NOW)
    return run_archive(archive, opener, batches, settings, threading.Event(), advance)


@pytest.fixture
def archive(tmp_path):
    return open_archive(DOORS["parquet"](tmp_path, ITEMS))


@pytest.fixture
def calm(archive, tmp_path):
    """The tables of a run that nothing disturbed."""
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/calm.duckdb")
    run(archive, opener, BackfillSettings())
    with opener().hold() as warehouse:
        return whole_tables(warehouse)


HOLDS = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_warehouse_that_another_has_is_waited_for(archive, calm, tmp_path):
    """Another process writes while the second batch wants to."""
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb?patience=0.2")
    held = []

    def advance(tally):
        if tally.counts.items == 20:
            command = [sys.executable, "-c", HOLDS, f"{tmp_path}/w.duckdb"]
            other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert other.stdout.readline() == b"held\n"
            held.append(other)
            threading.Timer(1.5, other.stdin.close).start()

    tally = run(archive, opener, BackfillSettings(batch_items=20, patience_seconds=60), advance)
    held[0].wait()
    assert (tally.done, tally.counts.items) == (True, 60)
    with opener().hold() as warehouse:
        assert not differences(whole_tables(warehouse), calm)
        assert check(warehouse).balances


@pytest.mark.slow
@pytest.mark.skipif(postgresql.missing() is not None, reason="no PostgreSQL")
def test_a_server_that_goes_and_comes_back_costs_time_only(archive, calm, own_postgresql):
    folder, url = own_postgresql
    opener = OpenWarehouse(f"{url}?schema=backfilled")

    def advance(tally):
        if tally.counts.items == 20:
            postgresql.stop(folder, kill=True)
            threading.Timer(3.0, postgresql.start, [folder]).start()

    tally = run(archive, opener, BackfillSettings(batch_items=20, patience_seconds=120), advance)
    assert tally.done
    assert tally.counts.items == 60
    with opener().hold() as warehouse:
        assert not differences(whole_tables(warehouse), calm)
        assert check(warehouse).balances


def test_one_that_does_not_come_back_ends_the_run_which_goes_on_later(archive, calm, tmp_path):
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb?patience=0.2")
    settings = BackfillSettings(batch_items=20, patience_seconds=0)

    def advance(tally):
        held.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert held[0].stdout.readline() == b"held\n"

    held, command = [], [sys.executable, "-c", HOLDS, f"{tmp_path}/w.duckdb"]
    with pytest.raises(WarehouseBusy):
        run(archive, opener, settings, advance)
    held[0].communicate()
    with opener().hold() as warehouse:
        assert warehouse.progress(archive.channel)[0].position == 20
    tally = run(archive, opener, settings)
    assert (tally.done, tally.counts.items) == (True, 40)
    with opener().hold() as warehouse:
        assert not differences(whole_tables(warehouse), calm)


FULL = """
import resource, sys
from pipeline.cli import main
from pipeline.extraction.languages import language_of
language_of("What unpacks itself into a temporary file does it before there is no room. " * 3, ())
room = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_full_disk_ends_the_run_in_one_line_and_it_goes_on_when_there_is_room(tmp_path, calm):
    """The end of the disk is a limit on the size of files here, which the warehouse's log meets."""
    (tmp_path / "wiredesk.toml").write_text("[backfill]\nbatch_items = 10\npatience_seconds = 0\n")
    arguments = ["-c", str(tmp_path / "wiredesk.toml"), "backfill", str(tmp_path / "news.parquet"), "--json"]
    arguments += ["--warehouse", f"duckdb:///{tmp_path}/w.duckdb"]
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    room = 2**18
    full = subprocess.run(
        [sys.executable, "-c", FULL, str(room), *arguments], capture_output=True, text=True, timeout=300
    )
    assert full.returncode == 1, full.stdout + full.stderr
    assert full.stderr.strip().count("\n") == 0, full.stderr
    assert "w.duckdb" in full.stderr
    with opener().hold() as warehouse:
        assert check(warehouse).balances
    more = subprocess.run([sys.executable, "-m", "pipeline", *arguments], capture_output=True, text=True, timeout=300)
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["done"]
    with opener().hold() as warehouse:
        assert not differences(whole_tables(warehouse), calm)
        assert check(warehouse).balances
