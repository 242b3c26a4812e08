"""Replaying rejects: a page that could not be had is fetched again, another item is processed again."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.http import HttpSettings
from connectors.warehouse import OpenWarehouse
from pipeline.cli.batches import Batches, Item
from pipeline.cli.rejects import _again, _process
from pipeline.graph import Steps
from schemas.fetched import fetched
from schemas.records import Entry, Failure, Reject

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
    assert _process(opener, items, rejects) == 1
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
    assert _process(opener, items, rejects) == 0
    with opener().hold() as warehouse:
        assert warehouse.count("rejects") == 1
        assert warehouse.count("receipts") == 1
        assert warehouse.rows(Reject)[0].replayed_at


def test_a_failed_feed_is_left_to_the_poller(opener):
    rejects = fill(
        opener, fetched(kind="feed", source="herald", url="https://h.example/", failure=Failure(reason="gone"))
    )
    assert asyncio.run(_again(rejects, HttpSettings(), False)) == []
