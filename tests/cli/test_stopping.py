"""A stop is asked for once, and comes within seconds whatever the work is at."""

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from connectors.archives.open import open_archive
from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli.archive_run import run_archive
from pipeline.cli.batches import Batches
from pipeline.cli.settings import BackfillSettings
from pipeline.cli.stopping import stop_on_signals
from pipeline.graph import Steps
from schemas.fetched import fetched
from schemas.records import Entry

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Interrupted:
    """Options that are asked for as the user stops for the second time."""

    @property
    def default_language(self) -> str:
        raise KeyboardInterrupt


@pytest.fixture
def opener(tmp_path):
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    return opener


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_the_second_interrupts(number):
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        signal.raise_signal(number)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_work_that_does_not_end_after_the_first_signal_is_interrupted():
    with stop_on_signals(grace=0.01):
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait(60)


def test_an_interrupt_within_a_step_ends_the_batch_and_refuses_nothing(opener):
    entry = Entry(title="?", content="Zxq wvb kkj prt. " * 8, content_type="text/plain")
    items = [Item(fetched(source="s", url=f"https://s.example/{n}", fetched_at=NOW, entry=entry), n) for n in (1, 2)]
    with pytest.raises(KeyboardInterrupt):
        Batches(opener, "c", Steps(measuring=Interrupted()), lambda: NOW).run(items)
    with opener().hold() as warehouse:
        assert warehouse.count("receipts") == 0
        assert warehouse.progress("c") == []


def test_a_stop_before_the_first_batch_reads_nothing(opener, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"url": "https://s.example/1", "text": "A bridge was closed on Monday."}) + "\n")
    archive, stop = open_archive(path), threading.Event()
    stop.set()
    batches = Batches(opener, archive.channel, Steps(), lambda: NOW)
    done = run_archive(archive, opener, batches, BackfillSettings(), stop, lambda tally: None)
    assert done.counts.items == 0


def test_a_part_stops_when_the_process_that_started_it_is_gone():
    code = "import threading; from pipeline.cli.stopping import *; stop_with_parent(); threading.Event().wait(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    process.stdin.close()
    assert process.wait(timeout=30) == -signal.SIGTERM
