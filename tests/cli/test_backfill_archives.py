"""Backfill of all kinds of archives: the same rows as live, filters, dry runs, and what a machine can read."""

import gzip
import json
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archived import DOORS, page, warc_record

from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli import main
from pipeline.cli.batches import Batches
from pipeline.graph import Steps
from schemas.fetched import fetched

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLACES = "Ellery Torvale Quindle Marsby Corwen Hallam Sedge Brack Oster Vinmoor".split()


def item(n: int) -> dict:
    place, other = PLACES[n % 10], PLACES[n // 10 % 10]
    text = (
        f"The council of Port {place} voted on day {n} to lend {n + 2} million euros to the ferry of {other}, its "
        f"clerk said.\nShip number {n * 13} of {place} was the first to sail, and carried {n * 7 + 1} crates of pears."
    )
    published = f"2026-05-{n % 28 + 1:02d}T08:00:00Z"
    return {
        "url": f"https://herald.example/{n}",
        "title": f"Ferry {n} of {place}",
        "text": text,
        "published_at": published,
    }


ITEMS = [item(n) for n in range(12)]


@pytest.fixture
def url(tmp_path):
    return f"duckdb:///{tmp_path}/w.duckdb"


def rows(url, sql):
    with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as db:
        return db.execute(sql).fetchall()


def report(capsys, *arguments) -> dict:
    assert main(["backfill", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_page_of_an_archive_becomes_the_row_that_it_became_live(tmp_path, url):
    html = page(ITEMS[3])
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(warc_record(ITEMS[3]["url"], html)))
    assert main(["backfill", str(path), "--warehouse", url]) == 0
    live = OpenWarehouse(f"duckdb:///{tmp_path}/live.duckdb")
    live().migrate()
    came = fetched(
        source="herald.example",
        url=ITEMS[3]["url"],
        final_url=ITEMS[3]["url"],
        fetched_at=datetime(2026, 6, 1, 10, tzinfo=UTC),
        status=200,
        content_type="text/html; charset=utf-8",
        body=html,
        position="https://herald.example/feed",
        provenance={"connector": "feed"},
    )
    Batches(live, "queue", Steps(), lambda: NOW).run([Item(came, 1)])
    for sql in (
        "SELECT * EXCLUDE (fetch_id, provenance) FROM articles",
        "SELECT * FROM metrics ORDER BY ALL",
        "SELECT * FROM figures ORDER BY ALL",
        "SELECT * FROM sketches",
    ):
        assert rows(url, sql) == rows(live.url, sql) != [], sql


def test_all_doors_in_one_run_make_each_article_once(tmp_path, url, capsys):
    paths = []
    for n, door in enumerate(("jsonl.gz", "warc.gz", "parquet", "folder")):
        (tmp_path / str(n)).mkdir()
        paths.append(DOORS[door](tmp_path / str(n), ITEMS[n : n + 9]))
    found = report(capsys, *paths, "--warehouse", url)
    assert (found["done"], found["items"], found["new"], found["rejects"]) == (True, 36, 36, {})
    assert [archive["items"] for archive in found["archives"]] == [9, 9, 9, 9]
    assert rows(url, "SELECT count(*) FROM articles") == [(12,)]
    assert main(["audit", "--warehouse", url]) == 0
    capsys.readouterr()
    again = report(capsys, *paths, "--warehouse", url)
    assert (again["done"], again["items"]) == (True, 0)


def test_filters_leave_out_and_the_audit_balances(tmp_path, url, capsys):
    path = DOORS["warc.gz"](tmp_path, ITEMS)
    bad = warc_record("https://herald.example/x", b"", http=b"HTTP/1.1 404 Not Found\r\n\r\n")
    other = warc_record("https://post.example/y", page(item(30)))
    path.write_bytes(path.read_bytes() + gzip.compress(bad) + gzip.compress(other))
    wishes = ["--since", "2026-05-04", "--until", "2026-05-08", "--site", "herald.example", "--language", "en"]
    found = report(capsys, path, *wishes, "--warehouse", url)
    assert (found["items"], found["new"], found["left_out"]) == (14, 6, 8)
    assert found["rejects"] == {"http_status": 1}
    assert rows(url, "SELECT count(*), min(published_at)::date::text, max(published_at)::date::text FROM articles") == [
        (5, "2026-05-04", "2026-05-08")
    ]
    assert rows(url, "SELECT records, receipts, repeats, done FROM progress") == [(6, 6, 0, True)]
    assert main(["audit", "--warehouse", url]) == 0
    capsys.readouterr()
    # What was left out is not behind: without the wish all of it comes.
    found = report(capsys, path, "--warehouse", url)
    assert (found["items"], found["new"], found["seen_before"]) == (14, 8, 6)
    assert rows(url, "SELECT count(*) FROM articles") == [(13,)]
    assert main(["audit", "--warehouse", url]) == 0


def test_a_sample_is_the_same_in_every_format(tmp_path, capsys):
    found = []
    for door in ("jsonl", "warc"):
        url = f"duckdb:///{tmp_path}/{door}.duckdb"
        report(capsys, DOORS[door](tmp_path, ITEMS), "--sample", "50%", "--warehouse", url)
        found.append(rows(url, "SELECT url FROM articles ORDER BY url"))
    assert found[0] == found[1]
    assert 0 < len(found[0]) < len(ITEMS)


def test_a_dry_run_says_what_is_inside_and_writes_nothing(tmp_path, url, capsys):
    path = DOORS["warc.gz"](tmp_path, ITEMS)
    image = warc_record("https://herald.example/i", b"x", http=b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
    gone = warc_record("https://herald.example/x", b"", http=b"HTTP/1.1 410 Gone\r\n\r\n")
    path.write_bytes(path.read_bytes() + gzip.compress(image) + gzip.compress(gone))
    found = report(capsys, path, "--dry-run", "--until", "2026-05-10", "--warehouse", url)
    assert found == {
        "records": 14,
        "articles": 10,
        "left_out": 2,
        "first": "2026-05-01T08:00:00Z",
        "last": "2026-05-10T08:00:00Z",
        "months": {"2026-05": 10},
        "languages": {"en": 10},
        "sites": {"herald.example": 10},
        "rejects": {"gone": 1},
        "other_records": {"image/png": 1},
        "archives": 1,
        "passed_over": [],
    }
    assert not (tmp_path / "w.duckdb").exists()
    assert main(["backfill", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "2026-05-01 to 2026-05-12" in out
    assert "image/png 1" in out
    assert main(["backfill", str(path), "--dry-run", "--runner", "FlinkRunner"]) == 0  # it needs no cluster


def test_the_table_names_archives_rejects_and_what_is_none(tmp_path, url, capsys):
    DOORS["jsonl"](tmp_path, ITEMS[:2])
    with (tmp_path / "news.jsonl").open("a") as file:
        file.write("{broken\n")
    (tmp_path / "notes.md").write_text("# notes")
    assert main(["backfill", str(tmp_path), "--warehouse", url]) == 0
    out = capsys.readouterr().out
    assert "rejects: bad_line 1" in out
    assert "1 files are no archives" in out
    assert "3 items read: 3 new" in out


def test_a_parquet_file_of_another_schema_is_one_reject_and_the_run_goes_on(tmp_path, url, capsys):
    pq.write_table(pa.table({"id": [1, 2], "score": [0.5, 0.7]}), tmp_path / "a.parquet")
    good = DOORS["jsonl"](tmp_path, ITEMS[:2])
    found = report(capsys, tmp_path / "a.parquet", good, "--warehouse", url)
    assert (found["done"], found["items"], found["rejects"]) == (True, 3, {"bad_archive": 1})
    ((detail, position),) = rows(
        url, "SELECT j.detail, r.position FROM rejects j JOIN receipts r ON r.reject_id = j.reject_id"
    )
    assert "its columns are id, score: give --field" in detail
    assert position == "a.parquet:0"


def test_a_record_of_a_lying_length_is_a_reject_with_its_place(tmp_path, url, capsys):
    path = DOORS["warc.gz"](tmp_path, ITEMS[:3])
    at = path.stat().st_size
    lying = warc_record("https://herald.example/x", page(item(40)), length=10**7)
    path.write_bytes(
        path.read_bytes() + gzip.compress(lying) + gzip.compress(warc_record("https://a.example/z", page(item(50))))
    )
    found = report(capsys, path, "--warehouse", url)
    assert (found["items"], found["rejects"]) == (5, {"bad_record": 1})
    assert rows(url, "SELECT position, url FROM receipts WHERE outcome = 'reject'") == [
        (f"news.warc.gz:{at}", "https://herald.example/x")
    ]
    assert rows(url, "SELECT count(*) FROM articles") == [(4,)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "yesterday"], "--since yesterday: give a date"),
        (["--since", "2026-05-02", "--until", "2026-05-01"], "--since must come before --until"),
        (["--sample", "2"], "--sample 2: give a share"),
        (["--sample", "lots"], "--sample lots: give a share"),
        (["--site", "https://a.example/"], "--site takes a name"),
        (["--field", "body=text"], "--field body=text: give NAME=KEY"),
        (["--field", "text"], "--field text: give NAME=KEY"),
        (["--format", "tar"], "unknown archive format 'tar'"),
    ],
)
def test_mistakes_are_one_line(tmp_path, url, capsys, arguments, says):
    path = DOORS["jsonl"](tmp_path, ITEMS[:1])
    assert main(["backfill", str(path), *arguments, "--warehouse", url]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "w.duckdb").exists()


def test_what_workers_draft_ahead_is_chosen_the_same_way(tmp_path, url, capsys):
    path = DOORS["parquet"](tmp_path, [item(n) | {"url": f"https://{n % 3}.example/{n}"} for n in range(60)])
    found = report(capsys, path, "--site", "1.example", "--language", "en", "--warehouse", url)
    assert (found["items"], found["new"], found["left_out"]) == (60, 20, 40)
    found = report(capsys, path, "--language", "de", "--warehouse", url)
    assert (found["items"], found["new"], found["left_out"]) == (60, 0, 60)
    assert rows(url, "SELECT count(*) FROM articles") == [(20,)]
