"""`wiredesk forget` as a user meets it."""

import json
from datetime import UTC, datetime

import pytest

from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse
from pipeline.cli import main
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Entry

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEXT = "Fifty people were hurt when a bridge fell at Ashby on Monday, the council said. " * 6


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder in which two articles went from the queue into the warehouse."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    queue = open_queue("sqlite:///var/queue.db")
    entry = Entry(title="A bridge fell", content=TEXT, content_type="text/plain")
    for n in (1, 2):
        item = fetched(source="Herald", url=f"https://herald.example/{n}", fetched_at=NOW, entry=entry)
        queue.append([Outgoing("k", wire.encode(item))])
    queue.close()
    assert main(["stream", "--once"]) == 0
    return tmp_path


def test_an_article_goes_and_what_still_holds_it_is_told(desk, capsys):
    assert main(["snapshot", "var/wiredesk.duckdb.snapshot"]) == 0
    capsys.readouterr()
    assert main(["forget", "https://herald.example/1?utm_source=x", "--why", "asked for", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "1 articles and 0 rejects removed" in out
    assert "and of its snapshot" in out
    assert "the queue keeps 1 messages of it until their retention ends: 0:0" in out
    with OpenWarehouse("duckdb:///var/wiredesk.duckdb.snapshot", read_only=True)().hold() as snapshot:
        assert snapshot.query("SELECT url FROM articles") == [("https://herald.example/2",)]
    assert main(["audit"]) == 0
    capsys.readouterr()
    assert main(["explain", "https://herald.example/1"]) == 0
    assert "forgotten on" in capsys.readouterr().out


def test_it_asks_before_it_removes(desk, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    assert main(["forget", "Herald"]) == 130
    assert main(["explain", "https://herald.example/1"]) == 0


def test_what_was_kept_out_comes_in_again_after_undo(desk, capsys):
    assert main(["forget", "Herald", "--yes"]) == 0
    assert main(["queue", "replay", "--from", "start"]) == 0
    assert main(["stream", "--once"]) == 0
    assert main(["explain", "https://herald.example/1"]) == 1
    assert main(["forget", "Herald", "--undo"]) == 0
    assert main(["queue", "replay", "--from", "start"]) == 0
    assert main(["stream", "--once"]) == 0
    capsys.readouterr()
    assert main(["explain", "https://herald.example/1"]) == 0
    assert main(["audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outcomes"]["article"] == 2


@pytest.mark.parametrize("target", ["Nobody", "ab", "ftp://x/y", "deadbeef"])
def test_what_is_not_known_is_the_users_mistake(desk, target, capsys):
    capsys.readouterr()
    assert main(["forget", target, "--yes"]) == 2
    assert target in capsys.readouterr().err


def test_undo_of_what_is_not_kept_out_is_the_users_mistake(desk, capsys):
    assert main(["forget", "https://herald.example/1", "--undo"]) == 2
    assert "is not kept out" in capsys.readouterr().err
