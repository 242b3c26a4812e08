"""The DuckDB warehouse's own: the file and who has it open, migrations, what is written."""

import pathlib
import random
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from connectors.warehouse import OpenWarehouse, WarehouseBusy, WarehouseError, ddl, open_warehouse
from connectors.warehouse.duckdb import DuckDBWarehouse
from connectors.warehouse.duckdb_file import Location, parse_url
from schemas.publish import column_texts
from schemas.records import Article, Link, Receipt, Sketch, Story
from schemas.tables import TABLES

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def article(article_id: str, **fields) -> Article:
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text": "t", "text_hash": "h"}
    return Article(article_id=article_id, **{**rest, "word_count": 1, **fields})


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def url(path) -> str:
    return f"duckdb:///{path}?patience=0.2"


# -- the schema --


def test_every_column_has_its_type_key_and_comment(url):
    with_tables = DuckDBWarehouse(url)
    with_tables.migrate()
    found = with_tables.query(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal"
    )
    types = {(table, column): kind for table, column, kind, _ in found}
    assert types["articles", "published_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["articles", "authors"] == "VARCHAR[]"
    assert types["sketches", "keys"] == "BIGINT[]"
    assert types["rejects", "payload"] == "BLOB"
    assert types["metrics", "value"] == "DOUBLE"
    assert types["metrics", "approx"] == "BOOLEAN"
    comments = {(table, column): comment for table, column, _, comment in found if table != ddl.VERSION_TABLE}
    assert comments == {(name, c): column_texts()[name][c] for name, t in TABLES.items() for c in t.columns}
    keys = with_tables.query(
        "SELECT table_name, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
    )
    assert {name: tuple(columns) for name, columns in keys if name in TABLES} == {n: t.key for n, t in TABLES.items()}


def test_migrating_again_changes_nothing(url, path):
    warehouse = open_warehouse(url)
    warehouse.migrate()
    warehouse.apply([article("a")])
    before = path.read_bytes()
    warehouse.migrate()
    assert path.read_bytes() == before


OLDER = pathlib.Path(__file__).with_name("schema_1.sql")


def test_a_database_of_an_older_wiredesk_gets_what_it_lacks_and_keeps_its_rows(url, path):
    with duckdb.connect(str(path)) as connection:
        connection.execute(OLDER.read_text())
    with pytest.raises(WarehouseError, match="tables of an older wiredesk"):
        open_warehouse(url, read_only=True)
    warehouse = open_warehouse(url)
    warehouse.migrate()
    warehouse.apply([article("new", wire_credit="PA"), Link(article_id="new", story_id="old"), Story(story_id="old")])
    assert sorted(a.article_id for a in warehouse.articles(["old", "new"])) == ["new", "old"]
    (old,) = warehouse.articles(["old"])
    assert (old.title, old.authors, old.wire_credit) == ("An old title", ("A", "B"), None)
    assert warehouse.rows(Receipt) == [Receipt(fetch_id="f", outcome="article", article_id="old", position="p", at=NOW)]
    assert warehouse.sketches(["old"]) == []
    assert warehouse.query(f"SELECT version FROM {ddl.VERSION_TABLE}") == [(1,)]


def test_migrations_run_once_and_in_order(url):
    first = DuckDBWarehouse(url)
    first.migrate()
    first.apply([Story(story_id="s", title="a")])
    later = (
        *ddl.MIGRATIONS,
        ddl.Migration(2, "louder titles", ("UPDATE stories SET title = title || '!'",)),
        ddl.Migration(3, "louder still", ("UPDATE stories SET title = upper(title)",)),
    )
    first.migrate(later[:2])
    first.migrate(later)
    first.migrate(later)
    with duckdb.connect(first._location.path) as connection:
        assert connection.execute("SELECT title FROM stories").fetchall() == [("A!",)]
        assert connection.execute(f"SELECT version, why FROM {ddl.VERSION_TABLE} ORDER BY 1").fetchall() == [
            (m.version, m.why) for m in later
        ]


def test_a_new_database_does_not_run_the_changes_to_old_ones(url):
    broken = (*ddl.MIGRATIONS, ddl.Migration(2, "of a table that is gone", ("ALTER TABLE gone DROP COLUMN x",)))
    warehouse = DuckDBWarehouse(url)
    warehouse.migrate(broken)
    warehouse.migrate(broken)
    with duckdb.connect(warehouse._location.path) as connection:
        assert connection.execute(f"SELECT max(version) FROM {ddl.VERSION_TABLE}").fetchall() == [(2,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(url):
    warehouse = DuckDBWarehouse(url)
    warehouse.migrate()
    steps = ("DELETE FROM stories", "SELECT * FROM nowhere")
    warehouse.apply([Story(story_id="s")])
    with pytest.raises(duckdb.CatalogException):
        warehouse.migrate((*ddl.MIGRATIONS, ddl.Migration(2, "bad", steps)))
    assert warehouse.count("stories") == 1


def test_a_newer_schema_is_refused(url):
    newer = DuckDBWarehouse(url)
    newer.migrate((*ddl.MIGRATIONS, ddl.Migration(99, "the future")))
    for use in (newer.migrate, lambda: newer.count("stories"), lambda: open_warehouse(url, read_only=True)):
        with pytest.raises(WarehouseError, match="upgrade wiredesk") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_versions_are_in_order_without_gaps():
    assert [m.version for m in ddl.MIGRATIONS] == list(range(1, len(ddl.MIGRATIONS) + 1))


# -- the file --


def test_a_warehouse_that_is_not_there_is_not_made_by_reading(url, path):
    with pytest.raises(WarehouseError, match="there is no warehouse at"):
        open_warehouse(url, read_only=True)
    assert not path.exists()


def test_a_database_without_our_tables_is_refused(url, path):
    duckdb.connect(str(path)).close()
    with pytest.raises(WarehouseError, match="no wiredesk tables"):
        open_warehouse(url, read_only=True)
    with pytest.raises(WarehouseError, match="no wiredesk tables"):
        open_warehouse(url).apply([])


def test_a_file_that_is_no_database_is_refused_and_left_alone(url, path):
    path.write_text("hello " * 1000)
    with pytest.raises(WarehouseError, match="can't be opened") as caught:
        open_warehouse(url).migrate()
    assert "\n" not in str(caught.value)
    assert path.read_text() == "hello " * 1000


def test_a_read_only_warehouse_refuses_to_be_written(url):
    open_warehouse(url).migrate()
    reader = open_warehouse(url, read_only=True)
    for write in (reader.migrate, lambda: reader.apply([])):
        with pytest.raises(WarehouseError, match="reading only"):
            write()


HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(path, url):
    """Has another process hold the file; returns a function that makes it let go."""
    open_warehouse(url).migrate()
    started = []

    def hold(mode: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "open\n"
        return process

    yield hold
    for process in started:
        process.communicate()


@pytest.mark.parametrize(("mode", "read_only"), [("writer", False), ("writer", True), ("reader", False)])
def test_a_file_that_another_process_keeps_open_is_busy(held, url, mode, read_only):
    held(mode)
    with pytest.raises(WarehouseBusy, match="stop it, or read a snapshot") as caught, OpenWarehouse(url)().hold():
        pass
    assert "\n" not in str(caught.value)
    assert "PID" in str(caught.value)


def test_several_processes_read_at_once(held, url):
    held("reader")
    assert open_warehouse(url, read_only=True).count("articles") == 0


def test_an_opening_waits_until_the_file_is_free(held, path):
    holder = held("writer")
    letting_go = threading.Thread(target=holder.communicate)
    letting_go.start()
    assert open_warehouse(f"duckdb:///{path}?patience=60", read_only=True).count("articles") == 0
    letting_go.join()


def test_the_file_is_open_only_while_it_is_held(url, path):
    warehouse = open_warehouse(url)
    warehouse.migrate()
    look = [sys.executable, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1], read_only=True)", str(path)]
    with warehouse.hold() as outer, outer.hold():
        warehouse.apply([article("a")])
        assert subprocess.run(look, capture_output=True).returncode != 0
    assert subprocess.run(look, capture_output=True).returncode == 0


def test_in_one_process_readers_share_the_writers_connection(url):
    warehouse = open_warehouse(url)
    warehouse.migrate()
    with warehouse.hold():
        warehouse.apply([article("a")])
        assert open_warehouse(url, read_only=True).count("articles") == 1
    with open_warehouse(url, read_only=True).hold(), pytest.raises(WarehouseBusy, match="still reading"):
        warehouse.apply([article("b")])
    warehouse.apply([article("b")])


def test_a_snapshot_does_not_let_another_process_in(url, path, tmp_path):
    """Closing any descriptor of a file gives up the process's locks on it (POSIX)."""
    warehouse = open_warehouse(url)
    warehouse.migrate()
    with warehouse.hold():
        warehouse.snapshot(str(tmp_path / "copy.duckdb"), NOW)
        look = [sys.executable, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1])", str(path)]
        assert subprocess.run(look, capture_output=True).returncode != 0
        warehouse.apply([article("a")])


def test_a_snapshot_is_a_warehouse_of_its_own_and_is_replaced_at_once(url, tmp_path):
    path = tmp_path / "desk.duckdb"
    warehouse = open_warehouse(url)
    warehouse.migrate()
    warehouse.apply([article("a")])
    warehouse.snapshot(str(path), NOW)
    with open_warehouse(f"duckdb:///{path}", read_only=True).hold() as copy:
        warehouse.apply([article("b")])
        warehouse.snapshot(str(path), NOW)
        assert copy.count("articles") == 1
    assert open_warehouse(f"duckdb:///{path}", read_only=True).count("articles") == 2
    assert warehouse.count("articles") == 2
    assert [p.name for p in tmp_path.iterdir() if "desk" in p.name] == ["desk.duckdb"]


def test_a_snapshot_says_when_it_was_taken(url, tmp_path):
    warehouse = open_warehouse(url)
    warehouse.migrate()
    copy = tmp_path / "copy.duckdb"
    warehouse.snapshot(str(copy), NOW)
    taken = open_warehouse(f"duckdb:///{copy}", read_only=True).query("SELECT taken_at FROM wiredesk_snapshot")
    assert taken == [(NOW,)]


# -- in memory --


def test_a_warehouse_in_memory_lasts_while_it_is_used():
    url = "duckdb:///:memory:lasting"
    warehouse = open_warehouse(url)
    warehouse.migrate()
    warehouse.apply([article("a")])
    assert OpenWarehouse(url)().count("articles") == 1
    assert open_warehouse(url, read_only=True).count("articles") == 1
    other = open_warehouse("duckdb:///:memory:other")
    other.migrate()
    assert other.count("articles") == 0
    with pytest.raises(WarehouseError, match="no file"):
        warehouse.snapshot("x", NOW)
    del warehouse
    with pytest.raises(WarehouseError, match="no wiredesk tables"):
        open_warehouse(url, read_only=True)


# -- what is written --


def written(warehouse: DuckDBWarehouse, records) -> int:
    """Bytes that applying the records adds to the write-ahead log."""
    log = pathlib.Path(warehouse._location.path + ".wal")
    before = log.stat().st_size if log.exists() else 0
    warehouse.apply(records)
    return (log.stat().st_size if log.exists() else 0) - before


def test_links_do_not_rewrite_texts_and_a_replay_writes_nothing(url):
    rng = random.Random(3)
    articles = [article(f"{n:032x}", text=rng.randbytes(5000).hex()) for n in range(200)]
    links = [Link(article_id=a.article_id, story_id=a.article_id) for a in articles]
    moved = [Link(article_id=a.article_id, story_id="elsewhere") for a in articles]
    sketches = [
        Sketch(article_id=a.article_id, text_hash="h", language="en", evidence=rng.randbytes(2000)) for a in articles
    ]
    warehouse = DuckDBWarehouse(url)
    warehouse.migrate()
    with warehouse.hold():
        texts = written(warehouse, [*articles, *sketches])
        assert texts > 200 * 10_000
        assert written(warehouse, links) < texts / 50
        assert written(warehouse, moved) < texts / 50
        assert written(warehouse, [*articles, *moved, *sketches]) < texts / 500


def test_related_is_found_among_many(url):
    """Correct also where DuckDB splits the work over several row groups and threads."""
    rng = random.Random(1)
    start = NOW - timedelta(days=30)
    stored = [
        Sketch(
            article_id=f"{n:05}",
            text_hash="h",
            language="en" if n % 3 else "de",
            at=start + timedelta(minutes=n) if n % 50 else None,
            keys=tuple(rng.randrange(4000) for _ in range(20)),
        )
        for n in range(6000)
    ]
    wanted, horizon = stored[1000:1010], timedelta(hours=12)
    warehouse = open_warehouse(url)
    warehouse.migrate()
    with warehouse.hold():
        warehouse.apply(stored)
        found = {s.article_id for s in warehouse.related(wanted, horizon)}
    expected = {
        s.article_id
        for s in stored
        for w in wanted
        if s.language == w.language
        and set(s.keys) & set(w.keys)
        and (s.at is None or w.at is None or abs(s.at - w.at) <= horizon)
    }
    assert found == expected
    assert len(found) > 50


# -- the URL --


def test_options_are_read(tmp_path):
    assert parse_url("duckdb:////var/w.duckdb?threads=2&memory_limit=1GB&patience=5") == Location(
        "/var/w.duckdb", 5.0, {"threads": 2, "memory_limit": "1GB"}
    )
    assert parse_url("duckdb:///w.duckdb").path == str(pathlib.Path.cwd() / "w.duckdb")
    warehouse = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb?threads=1&memory_limit=512MiB")
    warehouse.migrate()
    assert warehouse.query("SELECT current_setting('threads'), current_setting('memory_limit')") == [(1, "512.0 MiB")]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("mysql://x", "use duckdb:///path"),
        ("w.duckdb", "use duckdb:///path"),
        ("duckdb://w.duckdb", "one more slash"),
        ("duckdb:///", "names no file"),
        ("duckdb:///var/", "names no file"),
        ("duckdb:///w.duckdb?colour=red", "known are memory_limit, patience, temp_directory, threads"),
        ("duckdb:///w.duckdb?threads=many", "threads='many'"),
        ("duckdb:///w.duckdb?memory_limit=lots", "lots"),
        ("duckdb:///no/such/folder/w.duckdb", "there is no folder"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line(wrong, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=says) as caught:
        open_warehouse(wrong).migrate()
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
