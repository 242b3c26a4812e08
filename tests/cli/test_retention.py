"""What is too old goes, the audit balances, and what is left is what there would be without."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from whole import demo_items, differences, every_row, whole_tables

from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli import main
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.cli.retention import expire
from pipeline.cli.settings import KeepSettings
from pipeline.graph import Steps
from schemas.records import ArticleVersion, Reject

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ITEMS = demo_items(NOW)
numbers = itertools.count()


@pytest.fixture
def warehouse():
    opener = OpenWarehouse(f"duckdb:///:memory:retention{next(numbers)}")
    with opener().hold() as held:
        held.migrate()
        Batches(opener, "test", Steps(), lambda: NOW).run([Item(item, n) for n, item in enumerate(ITEMS, 1)])
        yield held


def keep(warehouse, now=NOW, **days):
    done = expire(warehouse, KeepSettings(**days), Steps().settling, now)
    report = check(warehouse)
    assert report.balances, report.wrong
    return done


def test_without_settings_everything_stays(warehouse):
    before = every_row(warehouse)
    assert keep(warehouse) == {}
    assert every_row(warehouse) == before


def test_stories_that_are_over_go_whole_and_the_others_stay(warehouse):
    ((middle,),) = warehouse.query("SELECT median(last_published_at) FROM stories WHERE superseded_by IS NULL")
    before = dict(warehouse.query("SELECT article_id, story_id FROM articles"))
    stories = dict(warehouse.query("SELECT story_id, last_published_at FROM stories WHERE superseded_by IS NULL"))
    done = keep(warehouse, now=middle + timedelta(days=1), article_days=1)
    left = {row[0] for row in warehouse.query("SELECT story_id FROM stories WHERE superseded_by IS NULL")}
    assert left == {story for story, last in stories.items() if last is None or last >= middle}
    after = dict(warehouse.query("SELECT article_id, story_id FROM articles"))
    assert after == {article: story for article, story in before.items() if story in left}
    assert done["articles_expired"] == len(before) - len(after) > 0
    expired = warehouse.rows(Reject, "reason = 'expired'")
    assert len(expired) >= done["articles_expired"]
    assert all(r.url is None for r in expired)
    assert keep(warehouse, now=middle + timedelta(days=1), article_days=1) == {"articles_expired": 0}


def test_old_wordings_lose_their_texts_but_not_their_rows(warehouse):
    before = warehouse.rows(ArticleVersion)
    shown = {row[0] for row in warehouse.query("SELECT text_hash FROM articles")}
    done = keep(warehouse, now=NOW + timedelta(days=60), version_text_days=30)
    after = warehouse.rows(ArticleVersion)
    assert len(after) == len(before)
    assert {v.text_hash for v in after if not v.text} == {v.text_hash for v in before} - shown
    assert done["old_wordings_emptied"] == sum(not v.text for v in after) > 0


def test_old_payloads_go_and_a_second_delivery_does_not_bring_them_back(warehouse):
    assert keep(warehouse, reject_payload_days=5) == {"reject_payloads_dropped": 0}
    (last,) = warehouse.query('SELECT max("at") FROM rejects')[0]
    done = keep(warehouse, now=last + timedelta(days=6), reject_payload_days=5)
    assert done["reject_payloads_dropped"] == warehouse.count("rejects") > 0
    opener = OpenWarehouse(warehouse.url)
    Batches(opener, "test", Steps(), lambda: NOW).run([Item(item, 1000 + n) for n, item in enumerate(ITEMS)])
    assert all(r.payload is None for r in warehouse.rows(Reject))
    assert check(warehouse).balances


def test_an_expired_article_that_comes_again_is_one_again(warehouse):
    before = whole_tables(warehouse)
    keep(warehouse, now=NOW + timedelta(days=400), article_days=30)
    opener = OpenWarehouse(warehouse.url)
    Batches(opener, "test", Steps(), lambda: NOW).run([Item(item, 1000 + n) for n, item in enumerate(ITEMS)])
    again = whole_tables(warehouse)
    for tables in (before, again):
        del tables["rejects"]  # those of the expiry stay
    assert not differences(before, again)
    assert check(warehouse).balances


def test_maintain_applies_the_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wiredesk.toml").write_text("[keep]\nreject_payload_days = 1\n")
    (tmp_path / "a.jsonl").write_text("not json\n")
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 0
    capsys.readouterr()
    assert main(["warehouse", "maintain", "--warehouse", "duckdb:///w.duckdb"]) == 0
    assert capsys.readouterr().out == "0 reject payloads dropped, 1 checkpoints\n"
