"""Replaying rejects: a page that could not be had is fetched again, another item is processed again."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.http import HttpSettings
from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli.batches import Batches
from pipeline.cli.rejects import _again, _process, _with_rights
from pipeline.graph import Steps
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Article, Entry, Failure, Reject

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PAGE = "<html lang=en><title>Cranes</title><body><article><h1>Cranes for Oldport</h1>{}</article></body></html>"
TEXT = "<p>The harbour of Oldport will get three new cranes in 2027, its master told the council on Monday evening.</p>"


@pytest.fixture
def opener(tmp_path):
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    return opener


def fill(opener, *items):
    Batches(opener, "test", Steps(), lambda: NOW).run([Item(item, n) for n, item in enumerate(items, 1)])
    with opener().hold() as warehouse:
        return warehouse.rows(Reject, order="reject_id")


def test_a_page_that_can_be_had_now_becomes_an_article(opener):
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE.format(TEXT * 4), content_type="text/html")

    async def fetch_again() -> tuple[str, list, list]:
        app = web.Application()
        app.router.add_get("/cranes", page)
        async with TestServer(app, host="127.0.0.1") as server:
            failed = fetched(
                source="herald",
                url=str(server.make_url("/cranes")),
                fetched_at=NOW,
                entry=Entry(title="Cranes for Oldport"),
                failure=Failure(reason="timeout"),
            )
            rejects = fill(opener, failed)
            return failed.fetch_id, rejects, await _again(rejects, HttpSettings(allow_private=True), False)

    failed_id, rejects, items = asyncio.run(fetch_again())
    assert items[0].body
    assert _process(opener, Steps(), items, rejects) == 1
    with opener().hold() as warehouse:
        assert warehouse.count("articles") == 1
        (reject,) = warehouse.rows(Reject)
        assert reject.replayed_at
        assert {r.outcome for r in warehouse.receipts(fetch_ids=[failed_id, items[0].fetch_id])} == {
            "reject",
            "article",
        }


def test_an_item_that_still_fails_stays_one_reject(opener):
    rejects = fill(opener, fetched(source="archive", body=b"{broken", failure=Failure(reason="bad_line")))
    items = asyncio.run(_again(rejects, HttpSettings(), False))
    assert _process(opener, Steps(), items, rejects) == 0
    with opener().hold() as warehouse:
        assert warehouse.count("rejects") == 1
        assert warehouse.count("receipts") == 1
        assert warehouse.rows(Reject)[0].replayed_at


def test_a_failed_feed_is_left_to_the_poller(opener):
    rejects = fill(
        opener, fetched(kind="feed", source="herald", url="https://h.example/", failure=Failure(reason="gone"))
    )
    assert asyncio.run(_again(rejects, HttpSettings(), False)) == []


def test_a_page_that_still_can_not_be_had_stays_one_reject_however_often_it_is_tried(opener):
    url = "http://127.0.0.1:9/cranes"
    rejects = fill(opener, fetched(source="herald", url=url, fetched_at=NOW, failure=Failure(reason="timeout")))
    for _ in range(3):
        items = asyncio.run(_again(rejects, HttpSettings(allow_private=True), False))
        assert _process(opener, Steps(), items, rejects) == 0
        with opener().hold() as warehouse:
            rejects = warehouse.rows(Reject)
            assert len(rejects) == warehouse.count("receipts") == 1
            assert rejects[0].replayed_at


def test_of_a_url_that_was_rejected_several_times_the_latest_is_tried(opener):
    url = "https://herald.example/cranes"
    failed = [
        fetched(source="herald", url=url, body=body, content_type="text/html", fetched_at=NOW, status=200)
        for body in (b"<html><body>1</body></html>", b"<html><body>2</body></html>")
    ]
    first, second = fill(opener, *failed)
    later = msgspec.structs.replace(second, at=second.at + timedelta(hours=1))
    (item,) = asyncio.run(_again([later, first], HttpSettings(), False))
    assert item == wire.decode(second.payload)


def test_of_a_reserved_page_only_the_address_is_kept(opener, tmp_path):
    """And with a licence for its source it is an article."""
    page = b"<html><meta name='tdm-reservation' content='1'><p>" + b"Nobody may mine this sentence. " * 40
    item = fetched(source="Herald", url="https://herald.example/1", fetched_at=NOW, body=page, content_type="text/html")
    (reject,) = fill(opener, item)
    assert (reject.reason, reject.url, reject.detail) == ("rights_reserved", item.url, "tdm-reservation=1")
    kept = wire.decode(reject.payload)
    assert (kept.fetch_id, kept.body, kept.entry) == (item.fetch_id, None, None)
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nname = "Herald"\nurl = "https://herald.example/feed"\nrights = "licensed"\n'
    )
    (licensed,) = _with_rights([item], f"{tmp_path}/sources.toml")
    fill(opener, licensed)
    with opener().hold() as warehouse:
        assert [a.rights for a in warehouse.rows(Article)] == ["tdm-reservation=1"]
