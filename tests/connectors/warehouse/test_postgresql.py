"""The PostgreSQL warehouse's own: the schema, who writes, what a lost server does, the URL."""

import os
import pathlib
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from engines import postgresql
from psycopg import errors
from spawned import spawned

from connectors.warehouse import OpenWarehouse, WarehouseBusy, WarehouseError, WarehouseFailed, ddl, open_warehouse
from connectors.warehouse.postgresql import PostgreSQLWarehouse
from connectors.warehouse.postgresql_schema import indexes
from connectors.warehouse.postgresql_server import Location, parse_url
from schemas.publish import column_texts
from schemas.records import Article, Figure, Link, Metric, Progress, Receipt, Reject, Replaced, Sketch, Story
from schemas.tables import TABLES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def article(article_id: str, **fields) -> Article:
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text": "t", "text_hash": "h"}
    return Article(article_id=article_id, **{**rest, "word_count": 1, **fields})


def metric(metric_id: str) -> Metric:
    return Metric(metric_id=metric_id, article_id="a1", span_start=0, span_end=1, surface="", sentence="")


@pytest.fixture
def url(postgresql_url) -> str:
    return postgresql_url + "&patience=0.3"


@pytest.fixture
def made(url):
    """A warehouse with tables."""
    warehouse = open_warehouse(url)
    warehouse.migrate()
    yield warehouse
    warehouse.close()


@pytest.fixture
def other(postgresql_url):
    """Somebody else's session in the warehouse's schema."""
    server, _, schema = postgresql_url.partition("?schema=")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}")
        yield connection


# -- the schema --


def test_every_column_has_its_type_key_and_comment(made, other):
    found = other.execute(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum), "
        "l.collname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "LEFT JOIN pg_collation l ON l.oid = a.attcollation "
        "WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind = 'r' AND a.attnum > 0"
    ).fetchall()
    types = {(table, column): kind for table, column, kind, _, _ in found}
    assert types["articles", "published_at"] == "timestamp with time zone"
    assert types["articles", "authors"] == "text[]"
    assert types["sketches", "keys"] == "bigint[]"
    assert types["rejects", "payload"] == "bytea"
    assert types["metrics", "value"] == "double precision"
    assert types["metrics", "approx"] == "boolean"
    comments = {(table, column): said for table, column, _, said, _ in found if table != ddl.VERSION_TABLE}
    assert comments == {(name, c): column_texts()[name][c] for name, t in TABLES.items() for c in t.columns}
    texts = {c for t, _, kind, _, c in found if kind in ("text", "text[]") and t != ddl.VERSION_TABLE}
    assert texts == {"pg_c_utf8"}
    said = other.execute(
        "SELECT relname, obj_description(oid) FROM pg_class "
        "WHERE relnamespace = to_regnamespace(current_schema()) AND relkind = 'r'"
    )
    assert {name: text for name, text in said.fetchall() if name in TABLES} == {
        name: column_texts()[name]["_"] for name in TABLES
    }


def test_every_index_is_there_and_of_a_table_of_ours(made, other):
    names = {name for (name,) in other.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")}
    assert {index.name for index in indexes()} <= names
    assert {index.table for index in indexes()} <= set(TABLES)
    assert len({index.name for index in indexes()}) == len(indexes())
    assert all(len(index.name) < 64 for index in indexes())


OLDER = pathlib.Path(__file__).with_name("schema_1.sql")


def test_a_database_of_an_older_wiredesk_gets_what_it_lacks_and_keeps_its_rows(url, other, postgresql_url):
    other.execute(f"CREATE SCHEMA {postgresql_url.partition('?schema=')[2]}")
    other.execute(OLDER.read_text().replace("['A', 'B']", "'{A,B}'").replace("VARCHAR", "text"))
    with pytest.raises(WarehouseError, match="tables of an older wiredesk"):
        open_warehouse(url, read_only=True)
    warehouse = open_warehouse(url)
    assert "column articles.wire_credit" in warehouse.migrate()
    warehouse.apply([article("new", wire_credit="PA"), Link(article_id="new", story_id="old"), Story(story_id="old")])
    (old,) = warehouse.articles(["old"])
    assert (old.title, old.authors, old.wire_credit) == ("An old title", ("A", "B"), None)
    assert warehouse.rows(Receipt) == [Receipt(fetch_id="f", outcome="article", article_id="old", position="p", at=NOW)]
    assert warehouse.query(f"SELECT version FROM {ddl.VERSION_TABLE}") == [(1,)]


def test_migrations_run_once_and_in_order(made):
    made.apply([Story(story_id="s", title="a")])
    later = (
        *ddl.MIGRATIONS,
        ddl.Migration(2, "louder titles", ("UPDATE stories SET title = title || '!'",)),
        ddl.Migration(3, "louder still", ("UPDATE stories SET title = upper(title)",)),
    )
    assert made.migrate(later[:2]) == ["version 2: louder titles"]
    assert made.migrate(later) == ["version 3: louder still"]
    assert made.migrate(later) == []
    made.close()
    with pytest.raises(WarehouseError, match="upgrade wiredesk"):
        made.count("stories")


def test_a_migration_that_fails_leaves_the_database_as_it_was(made):
    made.apply([Story(story_id="s")])
    steps = ("DELETE FROM stories", "SELECT * FROM nowhere")
    with pytest.raises(WarehouseFailed, match="nowhere"):
        made.migrate((*ddl.MIGRATIONS, ddl.Migration(2, "bad", steps)))
    assert made.count("stories") == 1
    assert made.version() == 1


def test_many_processes_that_migrate_at_once_make_the_tables_once(postgresql_url):
    code = "import sys; from connectors.warehouse import open_warehouse as o; print(len(o(sys.argv[1]).migrate()))"
    started = [
        subprocess.Popen([sys.executable, "-c", code, postgresql_url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    made = [int(process.communicate()[0]) for process in started]
    assert sorted(made)[:2] == [0, 0]
    assert max(made) > len(TABLES)


def test_a_schema_may_have_any_name(postgresql_server):
    name = 'a "quoted"; DROP SCHEMA public; --?ä'
    url = f"{postgresql_server}?schema={name.replace('%', '%25').replace('?', '%3F').replace('&', '%26')}"
    warehouse = open_warehouse(url)
    try:
        warehouse.migrate()
        warehouse.apply([article("a")])
        assert open_warehouse(url, read_only=True).count("articles") == 1
        assert warehouse.problems() == []
    finally:
        warehouse.close()
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname = %s", [name]).fetchall()
            assert found == [(name,)]
            connection.execute(f"DROP SCHEMA {ddl.quoted(name)} CASCADE")


def test_two_schemas_of_a_database_are_two_warehouses(made, postgresql_server):
    made.apply([article("a")])
    other = open_warehouse(f"{postgresql_server}?schema=elsewhere")
    other.migrate()
    with made.hold(), other.hold():
        assert other.count("articles") == 0
    other.close()
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA elsewhere CASCADE")


def test_reading_what_is_not_there_makes_nothing(url, postgresql_server):
    with pytest.raises(WarehouseError, match="no wiredesk tables"):
        open_warehouse(url, read_only=True)
    with pytest.raises(WarehouseError, match="no wiredesk tables"):
        open_warehouse(url).apply([])
    assert open_warehouse(url).version() is None


def test_a_read_only_warehouse_refuses_to_be_written(made, url):
    reader = open_warehouse(url, read_only=True)
    for write in (reader.migrate, lambda: reader.apply([])):
        with pytest.raises(WarehouseError, match="reading only"):
            write()


def test_a_database_of_another_encoding_is_refused(postgresql_server, url):
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    try:
        with pytest.raises(WarehouseError, match="UTF8"):
            open_warehouse(postgresql_server.rpartition("/")[0] + "/latin").migrate()
    finally:
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute("DROP DATABASE latin")


# -- what is written --


def versions(other, table: str) -> list[tuple]:
    """Which versions of the table's rows are there, and whether somebody locked one."""
    return other.execute(f"SELECT ctid::text, xmin::text, xmax::text FROM {table} ORDER BY 1").fetchall()


def test_a_replay_writes_no_row(made, other):
    batch = [
        *(article(f"a{n}", text="t" * 5000) for n in range(20)),
        *(Link(article_id=f"a{n}", story_id="s") for n in range(20)),
        *(metric(f"m{n}") for n in range(9)),
        Replaced(table="metrics", group="a1"),
        Sketch(article_id="a1", text_hash="h", language="en", keys=(1, 2), evidence=b"\0"),
    ]
    made.apply(batch)
    before = [versions(other, table) for table in ("articles", "metrics", "sketches")]
    made.apply(batch)
    assert [versions(other, table) for table in ("articles", "metrics", "sketches")] == before
    made.apply([article("a1", title="new")])
    assert versions(other, "articles") != before[0]


def test_links_leave_texts_where_they_are(made, other):
    rng = random.Random(3)
    made.apply([article(f"a{n}", text=rng.randbytes(20_000).hex()) for n in range(50)])
    size = "SELECT pg_table_size('articles')"
    before = other.execute(size).fetchall()[0][0]
    made.apply([Link(article_id=f"a{n}", story_id="s") for n in range(50)])
    assert other.execute(size).fetchall()[0][0] - before < before / 10


def test_texts_longer_than_an_index_takes_are_no_trouble(made):
    url = "https://herald.example/" + "".join(f"{n * 7919:x}" for n in range(3000))
    made.apply(
        [
            article("a", url=url, canonical_url=url, source=url),
            Reject(reject_id="r", stage="s", reason="r", url=url, at=NOW),
            Receipt(fetch_id="f", url=url, position=url, outcome="article", article_id="a", at=NOW),
        ]
    )
    assert made.rows(Receipt, "url = ?", [url])[0].position == url


# -- who writes --

HOLDER = """
import sys
from connectors.warehouse import open_warehouse
with open_warehouse(sys.argv[1]).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(made, postgresql_url):
    """Another process that holds the warehouse."""
    with spawned(
        [sys.executable, "-c", HOLDER, postgresql_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_warehouse_that_another_process_holds_is_busy_to_writers_only(held, made, url):
    for write in (made.hold().__enter__, lambda: made.apply([article("a")])):
        with pytest.raises(WarehouseBusy, match="stop it, or wait") as caught:
            write()
        assert "\n" not in str(caught.value)
        assert "another process (wiredesk on 127.0.0.1, server pid " in str(caught.value)
    assert made.count("articles") == 0
    with open_warehouse(url, read_only=True).hold() as reader:
        assert reader.count("articles") == 0


def test_the_lock_falls_with_the_process_that_had_it(held, made, postgresql_url):
    held.kill()
    patient = open_warehouse(postgresql_url)
    patient.apply([article("a")])
    assert made.count("articles") == 1
    patient.close()


def test_a_writer_waits_for_its_turn(held, made, postgresql_url):
    patient = open_warehouse(postgresql_url)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(patient.apply, [article("a")])
        held.communicate()
        writing.result()
    assert made.count("articles") == 1
    patient.close()


def test_threads_of_a_process_hold_it_together(made):
    inside = threading.Barrier(3)

    def work(n: int) -> None:
        with made.hold() as warehouse, warehouse.hold():
            inside.wait(30)
            warehouse.apply([article(f"a{n}")])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert made.count("articles") == 3


ADDER = """
import sys
from datetime import UTC, datetime
from connectors.warehouse import open_warehouse
from schemas.records import Figure, Progress, Replaced, Story
warehouse = open_warehouse(sys.argv[1])
for n in range(int(sys.argv[3])):
    with warehouse.hold():
        rows = warehouse.progress("shared")
        position = rows[0].position if rows else 0
        warehouse.apply([
            Progress(channel="shared", position=position + 1, at=datetime.now(UTC)),
            *(Story(story_id=f"{(position * 7 + i) % 50}", title=sys.argv[2]) for i in range(20)),
            Replaced(table="figures", group="s"),
            *(Figure(figure_id=f"{position}-{i}", story_id="s") for i in range(3)),
        ])
"""


def test_two_processes_that_write_at_once_lose_nothing(made, postgresql_url):
    started = [
        subprocess.Popen([sys.executable, "-c", ADDER, postgresql_url, name, "40"], stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    for process in started:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert made.progress("shared")[0].position == 80
    assert sorted(f.figure_id for f in made.rows(Figure)) == [f"79-{i}" for i in range(3)]


KILLED = """
import sys
from datetime import UTC, datetime
from connectors.warehouse import open_warehouse, postgresql
from schemas.records import Article, Link, Progress
warehouse = open_warehouse(sys.argv[1])
def stop(writer, metrics):
    print("in the middle", flush=True)
    sys.stdin.read()
postgresql._move_metrics = stop
rest = dict(fetch_id="f", url="u", canonical_url="c", source="s", text="t", text_hash="h", word_count=1)
warehouse.apply([Article(article_id="a", title="after", **rest), Article(article_id="b", **rest),
                 Link(article_id="a", story_id="b"), Progress(channel="q", position=2, at=datetime.now(UTC))])
"""


def test_a_writer_killed_in_the_middle_of_a_batch_leaves_nothing_of_it(made, url):
    made.apply(
        [article("a", title="before"), Link(article_id="a", story_id="a"), Progress(channel="q", position=1, at=NOW)]
    )
    with spawned(
        [sys.executable, "-c", KILLED, url.replace("0.3", "60")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "in the middle\n"
        process.send_signal(signal.SIGKILL)
    with open_warehouse(url.replace("0.3", "60")).hold() as warehouse:
        assert [a.title for a in warehouse.rows(Article)] == ["before"]
        assert warehouse.links(["a"])[0].story_id == "a"
        assert warehouse.progress("q")[0].position == 1


# -- others at the same tables --


def test_a_deadlock_with_another_program_is_tried_again(made, other, url):
    made.apply([Story(story_id=n, title="old") for n in "ab"])
    other.execute("SET deadlock_timeout = '10s'")  # the other end of the deadlock is the one to give way: ours
    other.execute("BEGIN")
    other.execute("UPDATE stories SET title = 'other' WHERE story_id = 'b'")
    patient = open_warehouse(url.replace("patience=0.3", "patience=60"))
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(patient.apply, [Story(story_id=n, title="new") for n in "ab"])
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with psycopg.connect(other.info.dsn, password="wiredesk", autocommit=True) as looker:
            while looker.execute(waiting).fetchall() == [(0,)]:
                pass
        other.execute("UPDATE stories SET title = 'other' WHERE story_id = 'a'")  # ours has it, and waits for b
        other.execute("COMMIT")
        writing.result(60)
    assert [s.title for s in made.rows(Story, order="story_id")] == ["new", "new"]
    patient.close()


@pytest.mark.parametrize("error", [errors.UniqueViolation, errors.SerializationFailure])
def test_a_lost_race_is_tried_again_and_told_as_a_busy_server_if_it_goes_on(made, monkeypatch, error):
    from connectors.warehouse import postgresql as door

    failures = iter([error("race")] * 2)
    honest = door._write

    def losing(writer, batch):
        honest(writer, batch)
        for failure in failures:
            raise failure

    monkeypatch.setattr(door, "_write", losing)
    made.apply([article("a")])
    assert made.count("articles") == 1
    failures = iter([error("race")] * 100)
    with pytest.raises(WarehouseFailed, match="other writers are in the way"):
        made.apply([article("b")])


def test_a_table_that_somebody_locks_is_busy(made, other):
    other.execute("BEGIN; LOCK TABLE articles")
    with pytest.raises(WarehouseBusy, match="something else locks"):
        made.apply([article("a")])
    other.execute("ROLLBACK")
    made.apply([article("a")])


# -- a server that goes away --


@pytest.fixture
def mortal(own_postgresql):
    """A warehouse of a server that a test may stop, with tables, and what stops and starts it."""
    folder, url = own_postgresql
    postgresql.start(folder)
    warehouse = open_warehouse(f"{url}?schema=mortal&patience=5")
    warehouse.migrate()
    yield warehouse, folder
    warehouse.close()
    postgresql.start(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA mortal CASCADE")


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_after_a_restart_the_next_batch_connects_by_itself(mortal, kill):
    warehouse, folder = mortal
    warehouse.apply([article("a")])
    assert warehouse.count("articles") == 1
    postgresql.stop(folder, kill=kill)
    for use in (
        warehouse.hold().__enter__,
        lambda: warehouse.count("articles"),
        lambda: warehouse.apply([article("b")]),
    ):
        with pytest.raises(WarehouseFailed, match="is the server running"):
            use()
    postgresql.start(folder)
    with warehouse.hold():
        warehouse.apply([article("b")])
        assert warehouse.count("articles") == 2
    postgresql.stop(folder, kill=kill)
    postgresql.start(folder)
    assert warehouse.count("articles") == 2
    warehouse.apply([article("c")])
    assert warehouse.count("articles") == 3


def test_a_batch_that_lost_its_lock_writes_nothing(mortal):
    warehouse, folder = mortal
    with warehouse.hold():
        postgresql.stop(folder)
        postgresql.start(folder)
        assert warehouse.articles(["a"]) == []
        # Another process may have written since: what this batch has read may not hold any more.
        with pytest.raises(WarehouseFailed):
            warehouse.apply([article("a")])
        with pytest.raises(WarehouseFailed, match="the lock with it"):
            warehouse.apply([article("a")])
    assert warehouse.count("articles") == 0
    with warehouse.hold():
        warehouse.apply([article("a")])
    assert warehouse.count("articles") == 1


def test_a_lost_server_blames_no_item(mortal):
    from pipeline.channel import Item
    from pipeline.cli.batches import Batches
    from pipeline.graph import Steps
    from schemas.fetched import fetched
    from schemas.records import Entry

    warehouse, folder = mortal
    batches = Batches(OpenWarehouse(warehouse.url), "q", Steps(), lambda: NOW)
    texts = [f"The harbour of Oldport gets {n} new cranes, its master told the council on Monday." for n in range(4)]
    entries = [Entry(content=text, content_type="text/plain") for text in texts]
    items = [
        Item(fetched(source="s", url=f"https://s.example/{n}", entry=entry), n + 1) for n, entry in enumerate(entries)
    ]
    batches.run(items[:2])
    postgresql.stop(folder)
    with pytest.raises(WarehouseFailed):
        batches.run(items[2:])
    postgresql.start(folder)
    assert batches.run(items[2:]).new == 2
    assert warehouse.count("rejects") == 0
    assert warehouse.count("articles") == 4


# -- reading --


def test_what_is_read_in_a_block_is_of_one_moment(made, url):
    reader = open_warehouse(url, read_only=True)
    with reader.hold(), reader.hold():
        assert reader.count("articles") == 0
        made.apply([article("a")])
        assert reader.count("articles") == 0
        assert reader.articles(["a"]) == []
    assert reader.count("articles") == 1


def test_a_failed_question_ends_nothing(made, url):
    reader = open_warehouse(url, read_only=True)
    with reader.hold():
        with pytest.raises(WarehouseFailed, match="nowhere"):
            reader.query("SELECT * FROM nowhere")
        assert reader.count("articles") == 0
    with pytest.raises(ValueError, match="only one SELECT"):
        made.query("WITH gone AS (DELETE FROM articles RETURNING *) SELECT * FROM gone")


def test_many_keys_and_few_give_the_same_related_sketches(made, monkeypatch):
    from connectors.warehouse import postgresql_related

    rng = random.Random(1)
    start = NOW - timedelta(days=30)
    stored = [
        Sketch(
            article_id=f"{n:04}",
            text_hash="h",
            language="en" if n % 3 else "de",
            at=start + timedelta(minutes=20 * n) if n % 50 else None,
            keys=tuple(rng.randrange(1500) for _ in range(8)),
        )
        for n in range(1500)
    ]
    made.apply(stored)
    wanted, horizon = [*stored[300:310], stored[900], stored[50]], timedelta(hours=30)
    expected = {
        s.article_id
        for s in stored
        for w in wanted
        if s.language == w.language
        and set(s.keys) & set(w.keys)
        and (s.at is None or w.at is None or abs(s.at - w.at) <= horizon)
    }
    assert len(expected) > 50
    for few in (0, 10**6):
        monkeypatch.setattr(postgresql_related, "FEW_KEYS", few)
        assert {s.article_id for s in made.related(wanted, horizon)} == expected


def test_a_forked_process_has_connections_of_its_own(made, url):
    assert made.count("articles") == 0
    pid = os.fork()
    if pid == 0:
        try:
            open_warehouse(url).apply([article("child")])
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert [a.article_id for a in made.rows(Article)] == ["child"]


def test_the_older_server_that_comes_along_works_too(tmp_path):
    folder = tempfile.mkdtemp(prefix="wiredesk-postgresql-")
    try:
        warehouse = open_warehouse(postgresql.start(folder, settings=["fsync = off"], version=16))
        warehouse.migrate()
        warehouse.apply([Story(story_id=s, title=s) for s in ("b", "ä", "B")])
        assert [s.title for s in warehouse.rows(Story, order="title")] == ["B", "b", "ä"]
        assert warehouse.problems() == []
        warehouse.close()
    finally:
        postgresql.stop(folder)
        shutil.rmtree(folder)


# -- the URL --


def test_the_url_is_read():
    found = parse_url(
        "postgresql://u:p%40w@h:5/db?sslmode=verify-full&schema=desk%20one&patience=2.5&sslrootcert=/x/ca.pem"
    )
    assert (found.schema, found.patience) == ("desk one", 2.5)
    wanted = {"user": "u", "password": "p@w", "host": "h", "port": "5", "dbname": "db", "sslmode": "verify-full"}
    assert wanted.items() <= found.parameters.items()
    assert found.parameters["sslrootcert"] == "/x/ca.pem"
    assert found.shown == "postgresql://u@h:5/db?schema=desk%20one"
    several = parse_url("postgresql://a:1,b:2/db?target_session_attrs=read-write")
    assert several.shown == "postgresql://a:1,b:2/db"
    assert parse_url("postgresql:///db?host=/var/run/postgresql").parameters["host"] == "/var/run/postgresql"


def test_the_socket_works_too(postgresql_server, url, tmp_path):
    schema = url.partition("schema=")[2]
    port = postgresql_server.rpartition(":")[2].partition("/")[0]
    with psycopg.connect(postgresql_server) as connection:
        ((folder,),) = connection.execute("SHOW unix_socket_directories").fetchall()
    warehouse = open_warehouse(f"postgresql://wiredesk@/wiredesk?host={folder}&port={port}&schema={schema}")
    warehouse.migrate()
    assert warehouse.count("articles") == 0
    warehouse.close()


def test_the_password_is_told_nowhere(url):
    secret = url.replace(":wiredesk@", ":s3cret@")
    opener, warehouse = OpenWarehouse(secret), PostgreSQLWarehouse(secret)
    assert pickle.loads(pickle.dumps(opener)) == opener
    assert pickle.loads(pickle.dumps(warehouse)).url == secret
    for told in (repr(opener), str(opener), repr(warehouse), repr(warehouse._server.location)):
        assert "s3cret" not in told
    with pytest.raises(WarehouseError) as caught:
        warehouse.migrate()
    assert "s3cret" not in str(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)


def test_locations_of_two_schemas_have_two_locks():
    one, two = Location("x", {}, "a"), Location("x", {}, "b")
    assert one.lock != two.lock
    assert -(2**63) <= one.lock < 2**63
