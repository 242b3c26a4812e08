"""``wiredesk warehouse``, and the other commands on PostgreSQL: what a user types, and what comes of it."""

import pathlib
import subprocess
import sys
import time
from datetime import UTC, datetime

import duckdb
import psycopg
import pytest
from engines import postgresql
from samples import SAMPLES
from whole import differences, every_row

from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse, ddl, open_warehouse
from pipeline.cli import main
from pipeline.cli.audit import check
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Article, Entry, Figure, Link, Metric, Receipt, Story
from schemas.tables import TABLE_OF, TABLES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ARCHIVE = "\n".join(
    f'{{"url": "https://herald.example/{n}", "title": "Bridge {n}", "published_at": "2026-05-0{n}T10:00:00Z", '
    f'"text": "The bridge over the Wend was closed on Monday after {n}2 cracks were found, the council said."}}'
    for n in range(1, 5)
)


@pytest.fixture(params=["duckdb", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"duckdb:///{tmp_path}/w.duckdb"


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def filled(url: str) -> None:
    """A warehouse with a row of each kind, and two articles that are linked."""
    warehouse = open_warehouse(url)
    warehouse.migrate()
    rows = [SAMPLES[cls.__name__] for cls in TABLE_OF if cls is not Link]
    other = Article(
        article_id="a2", fetch_id="f2", url="u", canonical_url="c", source="s", text="t", text_hash="h", word_count=1
    )
    warehouse.apply([*rows, other, SAMPLES["Link"], Link(article_id="a1", story_id="a1")])


# -- init, migrate, verify --


def test_init_makes_the_tables_once(url, capsys):
    code, out, _ = run(capsys, "warehouse", "init", "--warehouse", url)
    assert code == 0
    assert out.count("made: table ") == len(TABLES)
    code, out, err = run(capsys, "warehouse", "init", "--warehouse", url)
    assert (code, out) == (2, "")
    assert "has tables of version 1" in err


def test_migrate_adds_what_is_missing_and_says_so(url, capsys):
    filled(url)
    execute(url, 'ALTER TABLE metrics DROP COLUMN "confidence"')
    assert run(capsys, "warehouse", "verify", "--warehouse", url)[0] == 1
    code, out, _ = run(capsys, "warehouse", "migrate", "--warehouse", url)
    assert (code, out) == (0, "changed: column metrics.confidence\n")
    assert run(capsys, "warehouse", "migrate", "--warehouse", url)[1] == "everything is up to date\n"
    assert open_warehouse(url).count("metrics") == 1


def test_migrate_refuses_what_is_newer_or_not_there(url, capsys, tmp_path):
    missing = url.replace("w.duckdb", "missing.duckdb")
    code, _, err = run(capsys, "warehouse", "migrate", "--warehouse", missing)
    assert code == 2
    assert "wiredesk warehouse init" in err or "fill one first" in err
    open_warehouse(url).migrate()
    execute(url, f"INSERT INTO {ddl.VERSION_TABLE} VALUES (99, 'the future')")
    code, _, err = run(capsys, "warehouse", "migrate", "--warehouse", url)
    assert code == 2
    assert "upgrade wiredesk" in err
    code, out, _ = run(capsys, "warehouse", "verify", "--warehouse", url)
    assert code == 1
    assert "version 99" in out


def test_verify_counts_the_rows_of_a_warehouse_in_order(url, capsys):
    code, out, err = run(capsys, "warehouse", "verify", "--warehouse", prepared(url))
    assert code == 0, out + err
    assert "as they should be" in out
    assert [line.split() for line in out.splitlines() if line.strip().startswith("articles ")] == [["articles", "0"]]


def prepared(url: str) -> str:
    open_warehouse(url).migrate()
    return url


BREAKS = [
    ("DROP TABLE figures", "table figures is missing"),
    ('ALTER TABLE stories DROP COLUMN "title"', "column stories.title is missing"),
    ('ALTER TABLE metrics ALTER COLUMN "surface" TYPE BIGINT USING NULL', "column metrics.surface is bigint, not"),
]


@pytest.mark.parametrize(("statement", "says"), BREAKS, ids=[s for _, s in BREAKS])
def test_verify_names_what_is_not_as_it_should_be(url, capsys, statement, says):
    prepared(url)
    execute(url, statement)
    code, out, err = run(capsys, "warehouse", "verify", "--warehouse", url)
    assert code == 1
    assert says.lower() in out.lower()
    assert err.count("\n") == 1


def test_verify_finds_what_refers_to_nothing(url, capsys):
    warehouse = open_warehouse(prepared(url))
    warehouse.apply(
        [
            Receipt(fetch_id="f", outcome="article", article_id="gone", at=NOW),
            Figure(figure_id="g", story_id="gone", metric_ids=("gone",)),
            Metric(metric_id="m", article_id="gone", span_start=0, span_end=1, surface="7", sentence="7"),
        ]
    )
    code, out, _ = run(capsys, "warehouse", "verify", "--warehouse", url)
    assert code == 1
    for name in ("receipt_has_article", "figure_metrics", "metric_spans"):
        assert name in out


def test_verify_finds_a_missing_index(postgresql_url, capsys):
    prepared(postgresql_url)
    ((name,),) = execute(
        postgresql_url, "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexdef ~ 'gin'"
    )
    execute(postgresql_url, f'DROP INDEX "{name}"')
    code, out, _ = run(capsys, "warehouse", "verify", "--warehouse", postgresql_url)
    assert code == 1
    assert f"the index {name} is missing" in out
    assert run(capsys, "warehouse", "migrate", "--warehouse", postgresql_url)[1] == f"changed: index {name}\n"
    assert run(capsys, "warehouse", "verify", "--warehouse", postgresql_url)[0] == 0


def execute(url: str, statement: str) -> list[tuple]:
    if url.startswith("duckdb:"):
        with duckdb.connect(url.removeprefix("duckdb:///")) as connection:
            if "USING NULL" in statement:  # DuckDB changes no type of a column with a comment
                statement = "ALTER TABLE metrics DROP surface; ALTER TABLE metrics ADD COLUMN surface BIGINT"
            return connection.execute(statement).fetchall()
    server, _, schema = url.partition("?schema=")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}")
        done = connection.execute(statement)
        return done.fetchall() if done.description else []


def test_maintain_does_the_upkeep_and_keeps_the_rows(url, capsys):
    filled(url)
    code, out, err = run(capsys, "warehouse", "maintain", "--warehouse", url)
    assert (code, err) == (0, "")
    assert out in ("1 checkpoints\n", "nothing to do\n")
    assert open_warehouse(url).count("articles") == 2


def test_maintain_of_a_lake_says_what_it_did(capsys, tmp_path):
    url = f"iceberg:///{tmp_path}/lake"
    filled(url)
    filled(url)
    code, out, _ = run(capsys, "warehouse", "maintain", "--warehouse", url)
    assert code == 0
    assert out == "0 files folded, 0 snapshots expired, 0 files deleted\n"
    assert open_warehouse(url).problems() == []


# -- copy --


def test_a_copy_has_every_row_of_every_table(tmp_path, postgresql_url, capsys):
    first, second = f"duckdb:///{tmp_path}/first.duckdb", f"duckdb:///{tmp_path}/second.duckdb"
    filled(first)
    code, out, err = run(capsys, "warehouse", "copy", first, postgresql_url)
    assert code == 0, err
    assert "articles: 2 rows\n" in out
    assert run(capsys, "warehouse", "copy", postgresql_url, second)[0] == 0
    with open_warehouse(first).hold() as one, open_warehouse(postgresql_url).hold() as copy:
        expected = every_row(one)
        assert all(expected.values())
        assert differences(expected, every_row(copy)) == []
    with open_warehouse(second).hold() as other:
        assert differences(expected, every_row(other)) == []


def test_a_copy_in_small_parts_is_the_same(tmp_path, postgresql_url, capsys, monkeypatch):
    from pipeline.cli import warehouse as command

    monkeypatch.setattr(command, "ROWS", 3)
    monkeypatch.setattr(command, "ROWS_OF", {})
    source = f"duckdb:///{tmp_path}/first.duckdb"
    open_warehouse(source).migrate()
    open_warehouse(source).apply([Story(story_id=f"{n:02}", title=str(n)) for n in range(20)])
    assert run(capsys, "warehouse", "copy", source, postgresql_url)[0] == 0
    assert [s.story_id for s in open_warehouse(postgresql_url).rows(Story, order="story_id")] == [
        f"{n:02}" for n in range(20)
    ]


def test_a_copy_that_was_stopped_goes_on(tmp_path, postgresql_url, capsys):
    source = f"duckdb:///{tmp_path}/first.duckdb"
    filled(source)
    goal = open_warehouse(postgresql_url)
    goal.migrate()
    goal.apply([SAMPLES["Article"]])
    for _ in range(2):
        assert run(capsys, "warehouse", "copy", source, postgresql_url)[0] == 0
    with open_warehouse(source).hold() as one:
        assert differences(every_row(one), every_row(goal)) == []


def test_a_copy_into_what_holds_other_rows_says_so(tmp_path, postgresql_url, capsys):
    source = f"duckdb:///{tmp_path}/first.duckdb"
    filled(source)
    goal = open_warehouse(postgresql_url)
    goal.migrate()
    goal.apply([Story(story_id="other")])
    code, out, err = run(capsys, "warehouse", "copy", source, postgresql_url)
    assert code == 1
    assert "stories: 2 rows, 1 in FROM" in out
    assert "the rows of stories differ" in err


# -- the other commands on PostgreSQL --


def test_every_command_works_on_postgresql(postgresql_url, tmp_path, capsys):
    archive = tmp_path / "archive.jsonl"
    archive.write_text(ARCHIVE + "\n{}\n")
    flag = ("--warehouse", postgresql_url)
    code, out, err = run(capsys, "backfill", archive, *flag)
    assert code == 0, err
    assert "5 items read: 5 new, 0 seen before" in out
    code, out, err = run(capsys, "audit", *flag)
    assert code == 0, out + err
    assert "balanced" in out
    code, out, _ = run(capsys, "explain", "https://herald.example/1", *flag)
    assert code == 0
    assert "Bridge 1" in out
    (metric,) = open_warehouse(postgresql_url).rows(Metric, limit=1)
    assert run(capsys, "explain", metric.metric_id[:20], *flag)[0] == 0
    code, out, _ = run(capsys, "rejects", "list", *flag)
    assert code == 0
    assert "bad_line" in out
    assert run(capsys, "rejects", "replay", *flag)[0] == 0
    assert run(capsys, "sources", "boilerplate", *flag, "--output", tmp_path / "b.toml")[0] == 0
    learned = ("--at-least", "2", "--english", "--output", tmp_path / "r.bin")
    assert run(capsys, "sources", "rarities", *flag, *learned)[0] == 0
    assert run(capsys, "warehouse", "verify", *flag)[0] == 0
    code, out, err = run(capsys, "snapshot", tmp_path / "copy.duckdb", *flag)
    assert code == 2
    assert "readers read the database itself" in err
    assert err.count("\n") == 1
    code, out, _ = run(capsys, "stream", "--queue", f"sqlite:///{tmp_path}/q.db", *flag, "--once")
    assert (code, out) == (0, "0 items read: 0 new, 0 seen before\n")


def test_a_stream_rides_out_a_server_that_is_down(own_postgresql, tmp_path):
    folder, server = own_postgresql
    url = f"{postgresql.start(folder)}?schema=ridden"
    where = f"sqlite:///{tmp_path}/q.db"
    queue = open_queue(where)
    items = [
        fetched(source="s", url=f"https://s.example/{n}", entry=Entry(content=f"Item {n}, and 3 more."))
        for n in range(6)
    ]
    messages = [Outgoing("s", wire.encode(item)) for item in items]
    queue.append(messages[:3])
    command = [sys.executable, "-m", "pipeline", "stream", "--queue", where, "--warehouse", url]
    opener = OpenWarehouse(url)
    opener().migrate()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as stream:
        try:
            wait_for(lambda: opener().count("receipts") == 3)
            opener().close()
            postgresql.stop(folder)
            queue.append(messages[3:])
            assert any("the warehouse can't be had now" in line for line in stream.stderr)
            postgresql.start(folder)
            wait_for(lambda: opener().count("receipts") == 6)
        finally:
            stream.terminate()
            stream.communicate(timeout=60)
    assert stream.returncode == 0
    assert check(opener(), queue).balances
    opener().close()
    queue.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA ridden CASCADE")


def wait_for(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("postgresql://u:s3cret-password@127.0.0.1:1/db", 1, "is the server running?"),
        ("postgresql://u:s3cret-password@127.0.0.1:1/db?colour=red", 2, "unknown option 'colour'"),
        ("postgresql://u:s3cret-password@127.0.0.1:1/db?patience=soon", 2, "patience='soon'"),
        ("postgresql://u:s3cret-password@127.0.0.1:1/db?schema=pg_x", 2, "can't be a schema"),
        ("postgresql://u:s3cret-pass/word@127.0.0.1:1/db", 2, "percent-encoded"),
        ("postgresql://u:1/s3cret-pass@127.0.0.1:1/db", 2, "percent-encoded"),
        ("postgresql://u:s3cret-pass%@127.0.0.1:1/db", 2, "percent-encoded"),
        ("mysql://u:s3cret-password@127.0.0.1/db", 2, "unknown warehouse 'mysql://u:***@127.0.0.1/db'"),
        ("mysql://127.0.0.1/db?password=s3cret", 2, "password=***"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "stream"])
def test_a_url_that_does_not_work_is_one_line_without_the_password(url, code, says, command, capsys, tmp_path):
    arguments = ["stream", "--queue", f"sqlite:///{tmp_path}/q.db", "--once"] if command == "stream" else [command]
    found, out, err = run(capsys, *arguments, "--warehouse", url)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert says in err
    assert "s3cret" not in err


def test_a_wrong_password_is_the_users_mistake(postgresql_server, capsys):
    code, _, err = run(capsys, "audit", "--warehouse", postgresql_server.replace(":wiredesk@", ":s3cret@"))
    assert code == 2
    assert "password authentication failed" in err
    assert "s3cret" not in err


def test_a_missing_database_is_the_users_mistake(postgresql_server, capsys):
    code, _, err = run(capsys, "audit", "--warehouse", postgresql_server.rpartition("/")[0] + "/nowhere")
    assert code == 2
    assert 'database "nowhere" does not exist' in err


def test_the_settings_name_the_warehouse_too(postgresql_url, tmp_path):
    pathlib.Path(tmp_path / "wiredesk.toml").write_text(f'warehouse = "{postgresql_url}"\n')
    made = subprocess.run(
        [sys.executable, "-m", "pipeline", "warehouse", "init"], cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "made: table articles" in made.stdout
