"""The Iceberg warehouse's own: what a killed or outrun writer leaves, who may write, upkeep, migrations, URLs."""

import dataclasses
import pathlib
import sqlite3
import urllib.parse
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from engines import iceberg_rest, s3
from samples import SAMPLES
from whole import every_row

from connectors.warehouse import WarehouseBusy, WarehouseError, open_warehouse
from connectors.warehouse.iceberg import IcebergWarehouse, commits, ledger, writer
from connectors.warehouse.iceberg.lake import VERSION, Lake
from connectors.warehouse.iceberg.location import parse_url
from connectors.warehouse.iceberg.turns import Turns
from schemas.publish import column_texts
from schemas.records import Article, Link, Metric, Progress, Receipt, Replaced, Story
from schemas.tables import TABLE_OF, TABLES, to_row

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def article(article_id: str, **fields) -> Article:
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text": "t", "text_hash": "h"}
    return Article(article_id=article_id, **{**rest, "word_count": 1, **fields})


@pytest.fixture
def url(tmp_path) -> str:
    return f"iceberg:///{tmp_path}/lake?patience=0.2"


@pytest.fixture
def warehouse(url) -> IcebergWarehouse:
    made = open_warehouse(url)
    made.migrate()
    return made


def another_process(url: str, *, same_machine: bool = False) -> IcebergWarehouse:
    """The warehouse as another process has it: nothing shared but catalog and files."""
    other = IcebergWarehouse(url)
    other._lake = Lake(parse_url(url))
    if not same_machine:
        other._lake._turns = Turns(None, 0)
    return other


# -- killed writers --

NUMBER = Metric(metric_id="m1", article_id="a", span_start=0, span_end=1, surface="", sentence="")
FIRST = [article("a", title="1"), article("b"), NUMBER]
SECOND = [
    *(SAMPLES[cls.__name__] for cls in TABLE_OF if cls is not Link),
    article("a", title="2"),
    Link(article_id="a", story_id="s"),
    Replaced(table="metrics", group="a"),
    Progress(channel="q", position=2, at=NOW),
]
"""Writes every table."""


class Killed(BaseException):
    pass


@pytest.mark.parametrize("commits_before", [0, 1, 6, len(TABLES) - 1, len(TABLES)])
def test_a_writer_killed_between_two_tables_leaves_what_was_and_its_batch_comes_again(
    commits_before, url, warehouse, tmp_path, monkeypatch
):
    warehouse.apply(FIRST)
    before = every_row(warehouse)
    real, done = commits.commit, []

    def killed_after(*arguments, **options):
        if len(done) == commits_before:
            raise Killed
        done.append(arguments[0].name()[-1])
        return real(*arguments, **options)

    monkeypatch.setattr(commits, "commit", killed_after)
    if commits_before < len(TABLES):
        with pytest.raises(Killed):
            another_process(url).apply(SECOND)
        monkeypatch.undo()
        assert every_row(another_process(url)) == before
        assert every_row(warehouse) == before
    else:
        another_process(url).apply(SECOND)
        monkeypatch.undo()
    next_one = another_process(url)
    next_one.apply(SECOND)
    undisturbed = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    undisturbed.migrate()
    undisturbed.apply(FIRST)
    undisturbed.apply(SECOND)
    assert every_row(next_one) == every_row(undisturbed)


def test_the_ledger_is_committed_last(warehouse, monkeypatch):
    real, done = commits.commit, []

    def noted(table, *arguments, **options):
        done.append(table.name()[-1])
        return real(table, *arguments, **options)

    monkeypatch.setattr(commits, "commit", noted)
    warehouse.apply(SECOND)
    assert sorted(done) == sorted(TABLES)
    assert done[-1] == ledger.LEDGER
    done.clear()
    warehouse.apply([Story(story_id="s")])
    assert done == ["stories", ledger.LEDGER]
    done.clear()
    warehouse.apply([Story(story_id="s")])
    assert done == []


# -- who may write --


def test_another_process_of_this_machine_waits_for_its_turn(url, warehouse):
    with warehouse.hold(), pytest.raises(WarehouseBusy, match="stop it"):
        another_process(url, same_machine=True).apply([article("a")])
    another_process(url, same_machine=True).apply([article("a")])


def test_a_batch_that_builds_on_what_is_no_longer_the_last_is_refused(url, warehouse):
    zombie, other = another_process(url), another_process(url)
    with zombie.hold():
        assert zombie.count("articles") == 0
        other.apply([article("a", title="newer"), Progress(channel="q", position=5, at=NOW)])
        with pytest.raises(WarehouseBusy, match="one writer at a time"):
            zombie.apply([article("a", title="older"), article("z"), Progress(channel="q", position=1, at=NOW)])
    assert [(a.article_id, a.title) for a in other.articles(["a", "z"])] == [("a", "newer")]
    assert other.progress("q")[0].position == 5
    assert every_row(another_process(url)) == every_row(other)


def test_a_batch_that_builds_on_nothing_goes_on_top(url, warehouse):
    one, other = another_process(url), another_process(url)
    with one.hold():
        pass
    other.apply([article("a")])
    one.apply([article("b")])
    assert one.count("articles") == another_process(url).count("articles") == 2


def test_what_a_zombie_commits_after_another_took_over_never_shows(url, warehouse, monkeypatch):
    """It has committed one table when the other one writes a whole batch, of other tables too, and then goes on."""
    zombie, other = another_process(url), another_process(url)
    real = commits.commit

    def outrun(table, *arguments, **options):
        if table.name()[-1] == "receipts" and monkeypatch is not None:
            monkeypatch.undo()
            other.apply([article("b"), Story(story_id="b")])
        return real(table, *arguments, **options)

    monkeypatch.setattr(commits, "commit", outrun)
    with zombie.hold(), pytest.raises(WarehouseBusy):
        zombie.apply([article("z"), Receipt(fetch_id="z", outcome="article", at=NOW), Story(story_id="z")])
    third = another_process(url)
    assert [row[0] for row in third.query("SELECT article_id FROM articles")] == ["b"]
    assert third.count("receipts") == 0
    third.apply([Receipt(fetch_id="b", outcome="article", at=NOW)])
    assert [r.fetch_id for r in third.rows(Receipt)] == ["b"]
    # By then the tables themselves are right, for whoever reads them without wiredesk.
    assert third._lake.load("receipts").scan().to_arrow().column("fetch_id").to_pylist() == ["b"]


def test_a_reader_keeps_its_state_while_others_write(url, warehouse):
    warehouse.apply([article("a")])
    reader = open_warehouse(url, read_only=True)
    reader._lake = Lake(parse_url(url))
    with reader.hold():
        assert reader.count("articles") == 1
        warehouse.apply([article("b"), Story(story_id="s")])
        assert (reader.count("articles"), reader.count("stories")) == (1, 0)
    assert (reader.count("articles"), reader.count("stories")) == (2, 1)


def test_what_another_engine_compacts_is_kept(url, warehouse):
    for n in range(3):
        warehouse.apply([article(str(n))])
    lake = another_process(url)._lake
    lake.refresh()
    base, stored = lake.base(lake.pin, "articles"), lake.read(lake.pin, "articles")
    new = commits.rewritten(lake.table("articles"), stored, commits.Change(stored.schema.empty_table()), range(3))
    compacted = commits.commit(lake.table("articles"), base, new, {}, logical=False)
    warehouse.apply([article("3")])
    assert warehouse.count("articles") == 4
    table = lake.load("articles")
    assert compacted in {s.snapshot_id for s in ledger.ancestors(table.metadata, table.metadata.current_snapshot_id)}


# -- upkeep --


def files_below(folder: pathlib.Path) -> set[str]:
    return {str(p) for p in folder.rglob("*") if p.is_file() and p.suffix in (".parquet", ".avro", ".json")}


def test_many_batches_leave_few_files_and_upkeep_takes_away_what_nobody_needs(url, warehouse, tmp_path):
    with warehouse.hold():
        for n in range(40):
            batch = [article(f"a{n}"), article("again", title=str(n)), Progress(channel="q", position=n, at=NOW)]
            warehouse.apply(batch)
    before, rows = len(files_below(tmp_path)), every_row(warehouse)
    table = warehouse._lake.load("articles")
    assert len(list(table.scan().plan_files())) <= writer.FOLD_FILES
    assert len(table.current_snapshot().manifests(table.io)) <= commits.MANIFESTS
    later = datetime.now(UTC) + timedelta(hours=2)
    done = warehouse.maintain(later, timedelta(hours=1))
    assert done["snapshots_expired"] > 70
    assert done["files_deleted"] > 0.75 * before  # each of the tables keeps what it began with
    assert len(list(warehouse._lake.load("articles").scan().plan_files())) == 1
    assert every_row(warehouse) == every_row(another_process(url)) == rows
    warehouse.apply([article("after")])
    assert another_process(url).count("articles") == 42


def test_upkeep_leaves_what_a_reader_may_still_read(url, warehouse):
    warehouse.apply([article("a")])
    reader = another_process(url)
    with reader.hold():
        for n in range(5):
            warehouse.apply([article("a", title=str(n))])
        warehouse.maintain(datetime.now(UTC), timedelta(hours=1))
        assert reader.articles(["a"]) == [article("a")]


def test_upkeep_runs_by_itself(warehouse, monkeypatch):
    monkeypatch.setattr("connectors.warehouse.iceberg.maintenance.EVERY", 4)
    monkeypatch.setattr("connectors.warehouse.iceberg.maintenance.KEEP", timedelta(0))
    with warehouse.hold():
        for n in range(10):
            warehouse.apply([article(f"a{n}")])
    metadata = warehouse._lake.load("articles").metadata
    assert len(metadata.snapshots) < 6
    assert warehouse.count("articles") == 10


def test_a_torn_table_is_mended_by_upkeep(url, warehouse, monkeypatch):
    warehouse.apply([article("a")])
    real = commits.commit

    def killed(table, *arguments, **options):
        if table.name()[-1] == ledger.LEDGER:
            raise Killed
        return real(table, *arguments, **options)

    monkeypatch.setattr(commits, "commit", killed)
    with pytest.raises(Killed):
        another_process(url).apply([article("torn"), Story(story_id="torn")])
    monkeypatch.undo()
    mending = another_process(url)
    mending.maintain(datetime.now(UTC), timedelta(hours=1))
    for name, key, found in (("articles", "article_id", ["a"]), ("stories", "story_id", [])):
        assert mending._lake.load(name).scan().to_arrow().column(key).to_pylist() == found


# -- the schema --


def test_every_column_has_its_type_key_and_comment(warehouse):
    types = {"article_id": "string", "authors": "list<string>", "published_at": "timestamptz", "word_count": "long"}
    schema = warehouse._lake.load("articles").schema()
    assert {name: str(schema.find_field(name).field_type) for name in types} == types
    for name, table in TABLES.items():
        found = warehouse._lake.load(name)
        assert {f.name: f.doc for f in found.schema().fields} == {c: column_texts()[name][c] for c in table.columns}
        assert found.schema().identifier_field_names() == set(table.key)
        assert found.properties["comment"] == column_texts()[name]["_"]


def test_a_table_of_an_older_wiredesk_gets_what_it_lacks_and_keeps_its_rows(url, warehouse):
    lake = another_process(url)._lake
    lake.refresh()
    with lake.load("articles").update_schema() as update:
        update.delete_column("wire_credit")
    stored = lake.read(lake.pin, "articles")
    before = dataclasses.replace(stored, schema=stored.schema.remove(stored.schema.get_field_index("wire_credit")))
    rows = pa.Table.from_pylist([to_row(article("old", title="An old title"))], before.schema)
    new = commits.rewritten(lake.load("articles"), before, commits.Change(rows))
    pin = ledger.Pin(1, {"articles": commits.commit(lake.table("articles"), None, new, {})})
    commits.commit(lake.load(ledger.LEDGER), None, commits.NewFiles((), (), ()), pin.summary())
    with pytest.raises(WarehouseError, match="tables of an older wiredesk"):
        another_process(url).check()
    assert warehouse.problems() == ["column articles.wire_credit is missing"]
    newer = another_process(url)
    assert newer.migrate() == ["column articles.wire_credit"]
    newer.apply([article("new", wire_credit="AFP")])
    found = {a.article_id: a.wire_credit for a in newer.articles(["old", "new"])}
    assert found == {"old": None, "new": "AFP"}
    assert (
        newer._lake.load("articles").schema().find_field("wire_credit").doc == column_texts()["articles"]["wire_credit"]
    )


def test_a_newer_schema_is_refused(url, warehouse):
    with warehouse._lake.load(ledger.LEDGER).transaction() as change:
        change.set_properties({VERSION: "99"})
    for attempt in (another_process(url).migrate, another_process(url).check):
        with pytest.raises(WarehouseError, match="upgrade wiredesk"):
            attempt()
    assert another_process(url).version() == 99


# -- the URL --


def test_a_folder_holds_catalog_and_tables(warehouse, tmp_path):
    warehouse.apply([article("a")])
    assert sorted(p.name for p in (tmp_path / "lake").iterdir() if p.is_dir()) == ["wiredesk"]
    with sqlite3.connect(tmp_path / "lake" / "catalog.db") as catalog:
        assert catalog.execute("SELECT count(*) FROM iceberg_tables").fetchone() == (len(TABLES),)


def test_two_namespaces_of_a_catalog_know_nothing_of_each_other(tmp_path):
    one, other = (open_warehouse(f"iceberg:///{tmp_path}/lake?namespace={name}") for name in ("one", "other"))
    one.migrate()
    other.migrate()
    one.apply([article("a")])
    assert (one.count("articles"), other.count("articles")) == (1, 0)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("iceberg://", "names no catalog"),
        ("iceberg:///", "names no catalog"),
        ("iceberg://name/path", "path after the catalog's name"),
        ("iceberg:///lake?namespace=a-b", "namespace"),
        ("iceberg:///lake?colour=red", "colour"),
        ("iceberg:///lake?patience=long", "patience"),
    ],
)
def test_a_wrong_url_is_told(url, says):
    with pytest.raises(WarehouseError, match=says):
        parse_url(url)


def test_nothing_is_made_by_looking(tmp_path):
    with pytest.raises(WarehouseError, match="no warehouse at"):
        open_warehouse(f"iceberg:///{tmp_path}/lake", read_only=True)
    assert open_warehouse(f"iceberg:///{tmp_path}/lake").version() is None
    with pytest.raises(WarehouseError, match="there is no folder"):
        open_warehouse(f"iceberg:///{tmp_path}/no/lake").migrate()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.engines
def test_a_catalog_in_a_file_with_tables_in_object_storage(iceberg_rest_server, tmp_path):
    storage = {**s3.KEYS, "s3.endpoint": iceberg_rest_server[1], "warehouse": f"s3://{iceberg_rest.BUCKET}/by-file"}
    url = f"iceberg:///{tmp_path}/lake?{urllib.parse.urlencode(storage)}"
    warehouse = open_warehouse(url)
    warehouse.migrate()
    for n in range(3):
        warehouse.apply([article("a", title=str(n)), article(f"b{n}")])
    assert another_process(url).count("articles") == 4
    assert not files_below(tmp_path)
    done = warehouse.maintain(datetime.now(UTC) + timedelta(hours=2), timedelta(hours=1))
    assert done["files_deleted"] > 5
    assert another_process(url).articles(["a"]) == [article("a", title="2")]
