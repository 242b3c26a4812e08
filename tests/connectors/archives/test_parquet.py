"""Parquet: row groups, schemas of other people's, and files that are damaged."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.archives import parquet
from connectors.archives.open import open_archive

ROWS = [{"url": f"https://herald.example/{n}", "text": f"Text {n}. " * 20, "likes": n} for n in range(250)]


@pytest.fixture
def write(tmp_path):
    def write_table(rows, group=50, **options):
        path = tmp_path / "a.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=group, **options)
        return path

    return write_table


def read(archive, position=0):
    return [found for piece in archive.pieces() for found in archive.read(piece, position)]


def test_only_the_columns_of_an_item_are_read(write, monkeypatch):
    asked = []
    real = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile,
        "iter_batches",
        lambda self, *a, **options: (
            asked.append((options["columns"], options["row_groups"])) or real(self, *a, **options)
        ),
    )
    archive = open_archive(write(ROWS))
    found = read(archive)
    assert {tuple(columns) for columns, _ in asked} == {("url", "text")}
    assert [a.fetched.position for a in found[:2]] == ["a.parquet:0", "a.parquet:1"]
    asked.clear()
    assert len(read(archive, found[-3].position)) == 2
    assert [groups for _, groups in asked] == [[4]]


def test_times_nested_fields_and_lists_are_read(write):
    row = {
        "text": ["One paragraph.", "Another."],
        "metadata": {"url": "https://herald.example/a", "date": datetime(2026, 3, 2, 8, tzinfo=UTC), "language": "en"},
        "published_at": date(2026, 3, 1),
    }
    (found,) = read(open_archive(write([row]), fields=(("published_at", "published_at"),)))
    assert found.fetched.url == "https://herald.example/a"
    assert found.fetched.fetched_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert found.fetched.entry.content == "One paragraph.\nAnother."
    assert [clue.raw for clue in found.fetched.entry.dates] == ["2026-03-01"]


def test_a_row_that_can_not_be_used_is_an_item_that_failed(write):
    found = read(open_archive(write([*ROWS[:2], {"url": "https://herald.example/x"}, {"text": "t"}, *ROWS[2:4]])))
    assert [a.fetched.failure and a.fetched.failure.reason for a in found] == [
        None,
        None,
        "bad_record",
        "bad_record",
        None,
        None,
    ]
    assert (found[2].fetched.url, found[2].fetched.failure.detail) == (
        "https://herald.example/x",
        "neither text nor html",
    )


@pytest.mark.parametrize("row", [{"id": 1, "text": "t"}, {"url": "https://a.example/", "summary": "t"}, {"x": 1}])
def test_a_wrong_schema_is_one_failure_that_names_the_columns(write, row):
    archive = open_archive(write([row] * 100))
    (found,) = read(archive)
    assert found.fetched.failure.reason == "bad_archive"
    assert all(name in found.fetched.failure.detail for name in row)
    assert read(archive, found.position) == []


def test_a_column_of_another_type_costs_its_rows(write):
    found = read(open_archive(write([{"url": "https://a.example/", "text": n} for n in range(3)])))
    assert [a.fetched.failure.reason for a in found] == ["bad_record"] * 3
    assert "at `$.text`" in found[0].fetched.failure.detail


def test_the_user_says_where_a_field_is(write):
    path = write([{"permalink": "https://a.example/", "inhalt": "Some text."}])
    archive = open_archive(path, fields=(("url", "permalink"), ("text", "inhalt")))
    (found,) = read(archive)
    assert (found.fetched.url, found.fetched.entry.content) == ("https://a.example/", "Some text.")
    assert archive.channel != open_archive(path).channel


def test_a_row_group_that_is_damaged_costs_its_rows_and_the_next_is_read(write):
    path = write(ROWS, compression="zstd")
    metadata = pq.ParquetFile(path).metadata
    column = metadata.row_group(2).column(1)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + 200] = bytes(200)
    path.write_bytes(data)
    found = read(open_archive(path))
    failed = [a for a in found if a.fetched.failure]
    assert len(failed) == 1
    assert failed[0].fetched.failure.detail.startswith("rows 100 to 149 can't be read")
    assert [a.fetched.url for a in found if not a.fetched.failure] == [r["url"] for r in (*ROWS[:100], *ROWS[150:])]


@pytest.mark.parametrize("keep", [0.1, 0.9])
def test_a_truncated_file_has_no_index_and_is_one_failure(write, keep):
    path = write(ROWS)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    archive = open_archive(path)
    (found,) = read(archive)
    assert found.fetched.failure.reason == "bad_archive"
    assert read(archive, found.position) == []


def test_small_row_groups_are_gathered_into_pieces(write):
    archive = parquet.ParquetArchive(open_archive(write(ROWS, group=10)).file, "c", piece_bytes=2000)
    pieces = archive.pieces()
    assert 3 < len(pieces) < 25
    assert (pieces[0].start, pieces[-1].end) == (0, 250)


def test_no_bit_of_the_footer_ends_the_process(write):
    """pyarrow does that over damaged statistics of a column, when its sizes are asked for."""
    path = write(ROWS[:1])
    whole = path.read_bytes()
    begins = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    outcomes = set()
    for at in range(begins, len(whole) - 8):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        found = read(open_archive(path, "parquet"))
        outcomes |= {a.fetched.failure.reason if a.fetched.failure else "item" for a in found}
    assert outcomes == {"item", "bad_archive", "bad_record"}


def test_a_time_that_python_can_not_hold_costs_its_row(write):
    far = pa.array([0, 2**60, 0], pa.timestamp("us"))
    table = pa.Table.from_pylist(ROWS[:3]).append_column("published_at", far)
    path = write(ROWS[:1])
    pq.write_table(table, path)
    found = [a.fetched.failure for a in read(open_archive(path))]
    assert [failure is None for failure in found] == [True, False, True]
    assert found[1].detail.startswith("a value can't be read")


def test_a_time_in_a_zone_that_nobody_knows_costs_its_row(write):
    times = pa.array([0, None], pa.timestamp("us", "UT?"))
    path = write(ROWS[:1])
    pq.write_table(pa.Table.from_pylist(ROWS[:2]).append_column("published_at", times), path)
    found = [a.fetched.failure for a in read(open_archive(path))]
    assert [failure is None for failure in found] == [False, True]
    assert "UT?" in found[0].detail
