"""The BigQuery warehouse's own, on an emulator: who may write, staging tables, migrations, URLs, the dialect."""

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import bigquery
from samples import SAMPLES
from whole import every_row

from connectors.warehouse import WarehouseBusy, WarehouseError, WarehouseFailed, ddl, open_warehouse
from connectors.warehouse.bigquery import BigQueryWarehouse, schema, sql
from connectors.warehouse.bigquery.location import Location, parse_url
from connectors.warehouse.bigquery.service import Service
from schemas.publish import column_texts
from schemas.records import Article, Link, Progress, Replaced
from schemas.tables import TABLE_OF, TABLES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = [
    *(SAMPLES[cls.__name__] for cls in TABLE_OF if cls is not Link),
    Link(article_id="a1", story_id="s"),
    Replaced(table="metrics", group="a1"),
]


def article(article_id: str, **fields) -> Article:
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text": "t", "text_hash": "h"}
    return Article(article_id=article_id, **{**rest, "word_count": 1, **fields})


@pytest.fixture
def warehouse(bigquery_url) -> BigQueryWarehouse:
    made = open_warehouse(bigquery_url)
    made.migrate()
    return made


def another_process(url: str) -> BigQueryWarehouse:
    other = BigQueryWarehouse(url)
    other._service = Service(parse_url(url))
    return other


def names_here(warehouse: BigQueryWarehouse) -> set[str]:
    return {item.table_id for item in warehouse._service.client.list_tables(warehouse._service.path)}


@pytest.mark.engines
def test_a_batch_that_builds_on_what_is_no_longer_the_last_is_refused(bigquery_url, warehouse):
    zombie, other = another_process(bigquery_url), another_process(bigquery_url)
    with zombie.hold():
        other.apply([article("a", title="newer"), Progress(channel="q", position=5, at=NOW)])
        with pytest.raises(WarehouseBusy, match="one writer at a time"):
            zombie.apply([article("a", title="older"), article("z"), Progress(channel="q", position=1, at=NOW)])
    assert [(a.article_id, a.title) for a in warehouse.articles(["a", "z"])] == [("a", "newer")]
    assert warehouse.progress("q")[0].position == 5


@pytest.mark.engines
def test_a_batch_that_builds_on_nothing_goes_on_top(bigquery_url, warehouse):
    one, other = another_process(bigquery_url), another_process(bigquery_url)
    with one.hold():
        pass
    other.apply([article("a")])
    one.apply([article("b")])
    assert warehouse.count("articles") == 2


@pytest.mark.engines
@pytest.mark.parametrize("step", ["load", "run"])
def test_a_batch_that_fails_leaves_nothing_and_comes_again(step, bigquery_url, warehouse, monkeypatch):
    warehouse.apply([article("a")])
    before = every_row(warehouse)

    def broken(*arguments):
        raise WarehouseFailed("the network is gone")

    with warehouse.hold():
        monkeypatch.setattr(warehouse._service, step, broken)
        with pytest.raises(WarehouseFailed, match="network"):
            warehouse.apply(BATCH)
        monkeypatch.undo()
    assert every_row(warehouse) == before
    warehouse.apply(BATCH)
    assert warehouse.count("articles") == 2


@pytest.mark.engines
def test_staging_tables_go_with_their_batch_and_those_of_the_killed_with_upkeep(warehouse):
    warehouse.apply(BATCH)
    assert names_here(warehouse) == {*TABLES, ddl.VERSION_TABLE, schema.BATCHES}
    left = f"{schema.STAGED}article_0123"
    warehouse._service.client.create_table(bigquery.Table(f"{warehouse._service.path}.{left}"))
    assert warehouse.maintain(datetime.now(UTC)) == {"staging_tables_dropped": 0}
    assert warehouse.maintain(datetime.now(UTC) + timedelta(days=2)) == {"staging_tables_dropped": 1}
    assert left not in names_here(warehouse)


@pytest.mark.engines
def test_every_column_has_its_type_and_description(warehouse):
    for name, table in TABLES.items():
        found = warehouse._service.client.get_table(f"{warehouse._service.path}.{name}")
        assert [f.name for f in found.schema] == list(table.columns)
        assert {f.name: f.description for f in found.schema} == {c: column_texts()[name][c] for c in table.columns}
        assert found.clustering_fields == list(table.key)
    assert warehouse.problems() == []


@pytest.mark.engines
def test_a_table_of_an_older_wiredesk_gets_what_it_lacks_and_keeps_its_rows(bigquery_url, warehouse):
    client, path = warehouse._service.client, warehouse._service.path
    client.delete_table(f"{path}.articles")
    older = [f for f in schema.fields(TABLES["articles"].columns) if f.name != "wire_credit"]
    client.create_table(bigquery.Table(f"{path}.articles", schema=older))
    client.query("INSERT INTO articles (article_id, url, text) VALUES ('old', 'u', 't')").result()
    with pytest.raises(WarehouseError, match="tables of an older wiredesk"):
        another_process(bigquery_url).check()
    newer = another_process(bigquery_url)
    assert newer.migrate() == ["column articles.wire_credit"]
    newer.apply([article("new", wire_credit="AFP")])
    assert newer.query("SELECT article_id, wire_credit FROM articles ORDER BY 1") == [("new", "AFP"), ("old", None)]


@pytest.mark.engines
def test_what_is_newer_or_not_there_is_refused(bigquery_url, warehouse):
    with pytest.raises(WarehouseError, match="fill one first"):
        open_warehouse(bigquery_url.replace("/test_", "/missing_"), read_only=True)
    warehouse._service.run(f"INSERT INTO {ddl.VERSION_TABLE} VALUES (99, 'the future')")
    for attempt in (another_process(bigquery_url).migrate, another_process(bigquery_url).check):
        with pytest.raises(WarehouseError, match="upgrade wiredesk"):
            attempt()


def test_a_service_that_is_not_there_is_told_in_time():
    away = open_warehouse("bigquery://p/d?endpoint=http://127.0.0.1:9&patience=0.3")
    with pytest.raises(WarehouseFailed):
        away.count("articles")


# -- the URL and the dialect --


def test_the_url_names_project_dataset_and_options():
    assert parse_url("bigquery://p/d") == Location("p", "d")
    assert parse_url("bigquery://p/d?location=EU&patience=2.5") == Location("p", "d", "EU", None, 2.5)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("bigquery://", "names no dataset"),
        ("bigquery://project", "names no dataset"),
        ("bigquery://project/data-set", "names no dataset"),
        ("bigquery://project/d?colour=red", "colour"),
        ("bigquery://project/d?patience=long", "patience"),
    ],
)
def test_a_wrong_url_is_told(url, says):
    with pytest.raises(WarehouseError, match=says):
        parse_url(url)


def test_the_common_dialect_becomes_bigquerys():
    text = 'SELECT "at", CAST(x AS INT) FROM articles WHERE "partition" = ? AND title = \'?\''
    assert sql.translated(text) == (
        "SELECT `at`, CAST(`x` AS INT64) FROM `articles` WHERE `partition` = @p1 AND `title` = '?'",
        ["p1"],
    )


def test_an_unnested_list_gets_a_name_that_no_column_has():
    text = "SELECT m.surface FROM figures f CROSS JOIN unnest(f.metric_ids) AS u(metric_id) JOIN metrics m USING (x)"
    found, _ = sql.translated(f"{text} WHERE m.metric_id = u.metric_id")
    assert "CROSS JOIN UNNEST(`f`.`metric_ids`) AS `u_metric_id_item` JOIN" in found
    assert found.endswith("`m`.`metric_id` = `u_metric_id_item`")


def test_a_moment_is_asked_of_our_tables_only():
    found, _ = sql.translated("WITH w AS (SELECT 1 AS n) SELECT * FROM w, articles AS a", NOW)
    assert "FROM `w`" in found
    assert "`articles` AS `a` FOR SYSTEM_TIME AS OF CAST('2026-03-01T00:00:00+00:00' AS TIMESTAMP)" in found


def test_a_transaction_first_looks_whether_it_is_the_next_batch():
    script = sql.transaction({Article: "staged"}, None, {}, 7)
    assert script.startswith("BEGIN TRANSACTION;\nSELECT IF((SELECT max(batches) FROM wiredesk_batches) = 7")
    assert script.endswith("UPDATE wiredesk_batches SET batches = 8 WHERE true;\nCOMMIT TRANSACTION")
