"""JSON Lines: what a line becomes, and what becomes of a line that is none."""

import contextlib
import dataclasses
import gzip
import io
import itertools
import json
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from connectors.archives import streams
from connectors.archives.jsonl import Limits, parse_line
from connectors.archives.open import open_archive
from connectors.archives.records import BadRecord
from schemas.records import DateClue, Entry


def read(archive):
    return [found for piece in archive.pieces() for found in archive.read(piece)]


LINE = {"url": "https://www.herald.example/a", "text": "Some text."}


def parsed(**fields):
    return parse_line(json.dumps({**LINE, **fields}).encode(), "news.jsonl", "news.jsonl:1")


def test_all_that_a_line_may_say_is_kept():
    found = parsed(
        html="<p>Ü</p>",
        title="T",
        published_at="2026-03-01",
        modified_at="2026-03-02T10:00:00Z",
        fetched_at="2026-03-03T10:00:00.5+02:00",
        source="herald",
        language="en-GB",
        authors=["A. Writer", None, " ", "B. Writer"],
        rights="CC BY 4.0",
        tags=["harbour", "deal"],
        canonical_url="https://herald.example/canonical",
        unknown={"nested": [1, 2]},
    )
    assert (found.source, found.url, found.final_url) == ("herald", LINE["url"], "https://herald.example/canonical")
    assert (found.body, found.content_type) == ("<p>Ü</p>".encode(), "text/html; charset=utf-8")
    assert found.fetched_at == datetime(2026, 3, 3, 8, 0, 0, 500_000, tzinfo=UTC)
    assert found.entry == Entry(
        title="T",
        content="Some text.",
        content_type="text/plain",
        authors=("A. Writer", "B. Writer"),
        language="en-GB",
        dates=(
            DateClue(raw="2026-03-01", origin="archive"),
            DateClue(raw="2026-03-02T10:00:00Z", origin="archive", role="modified"),
        ),
        tags=("harbour", "deal"),
        rights="CC BY 4.0",
    )
    assert found.failure is None


def test_a_line_with_no_more_than_url_and_text_is_enough():
    found = parsed()
    assert (found.source, found.body, found.fetched_at, found.entry.dates) == ("herald.example", None, None, ())


def test_null_and_empty_are_as_absent():
    empty = dict.fromkeys(
        ("html", "title", "published_at", "modified_at", "fetched_at", "source", "language", "rights", "tags"), None
    )
    assert parsed(**empty, authors=[], canonical_url="") == parsed()


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://www.news.herald.co.uk/x", "herald.co.uk"),
        ("http://wire.example:8080/x", "wire.example"),
        ("http://192.0.2.1/x", "192.0.2.1"),
        ("nonsense", "archive"),
    ],
)
def test_the_source_is_the_site_unless_it_is_given(url, source):
    assert parsed(url=url).source == source
    assert parsed(url=url, source="given").source == "given"


@pytest.mark.parametrize(
    ("value", "raw"), [(1772323200, "1772323200"), (1772323200.5, "1772323200.5"), (" 1 March ", "1 March"), ("", None)]
)
def test_dates_may_be_numbers_and_are_kept_as_written(value, raw):
    assert [clue.raw for clue in parsed(published_at=value).entry.dates] == ([raw] if raw else [])


def test_times_of_fetching_may_be_numbers_or_have_no_zone():
    assert parsed(fetched_at=0).fetched_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert parsed(fetched_at="2026-03-01 12:00").fetched_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_one_author_or_tag_needs_no_list():
    assert parsed(authors="A. Writer", tags="sport").entry.authors == ("A. Writer",)


BAD = {
    b"nonsense": "no JSON",
    b'{"url": "https://a.example/", "text": "cut': "no JSON",
    b'{"url": "https://a.example/", "text": "t"} {}': "no JSON",
    b'["https://a.example/"]': "wrong type: expected an object, got an array",
    b'"text"': "wrong type: expected an object, got a text",
    b"null": "wrong type: expected an object, got null",
    b"5": "wrong type: expected an object, got a number",
    b"{}": "no url",
    b'{"url": null, "text": "t"}': "no url",
    b'{"url": " ", "text": "t"}': "no url",
    b'{"url": "https://a.example/"}': "neither text nor html",
    b'{"url": "https://a.example/", "text": " ", "html": ""}': "neither text nor html",
    b'{"url": 5, "text": "t"}': "at `$.url`",
    b'{"url": "https://a.example/", "text": ["t", 5]}': "at `$.text`",
    b'{"url": "https://a.example/", "text": "t", "title": {}}': "at `$.title`",
    b'{"url": "https://a.example/", "text": "t", "authors": [1]}': "at `$.authors",
    b'{"url": "https://a.example/", "text": "t", "published_at": true}': "at `$.published_at`",
    b'{"url": "https://a.example/", "text": "t", "published_at": 1e999}': "no JSON: Number out of range",
    b'{"url": "https://a.example/", "text": "t", "fetched_at": "yesterday"}': "fetched_at 'yesterday' is no time",
    b'{"url": "https://a.example/", "text": "t", "fetched_at": 1e300}': "is no time",
    b'{"url": "https://a.example/", "text": "caf\xe9"}': "no UTF-8",
    b'{"url": "https://a.example/", "text": "a\x00b"}': "no JSON",
    b"\x00" * 100: "no JSON",
    b"\xff\xfe{\x00": "no JSON",
    b"[" * 100_000: "no JSON: nested too deeply",
    b'{"x": ' * 100_000: "no JSON",
}


@pytest.mark.parametrize(("line", "says"), BAD.items(), ids=[str(line[:60]) for line in BAD])
def test_a_bad_line_is_a_failed_item_that_keeps_the_line_and_says_where(make, line, says):
    before, bad, after = read(make([LINE, line, LINE]))
    assert bad.fetched.failure.reason == "bad_line"
    assert says in bad.fetched.failure.detail
    assert len(bad.fetched.failure.detail) < 200
    assert bad.fetched.body == line
    assert bad.fetched.position == f"news.jsonl:{before.position}"
    assert before.fetched.failure is after.fetched.failure is None


def test_blank_lines_and_windows_line_ends_are_no_matter(make):
    line = json.dumps(LINE).encode()
    found = list(read(make([b"\xef\xbb\xbf" + line + b"\r", b"", b"  \r", line])))
    assert [a.fetched.failure for a in found] == [None, None]
    assert [a.fetched.position for a in found] == ["news.jsonl:0", f"news.jsonl:{len(line) + 10}"]


def test_a_last_line_without_an_end_counts(tmp_path):
    path = tmp_path / "news.jsonl"
    path.write_text(json.dumps(LINE))
    assert len(list(read(open_archive(path)))) == 1


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept():
    line = rb'{"url": "https://a.example/", "text": "\ud83d\ude00 \ud83d \ude00 \uD83Dx"}'
    assert parse_line(line, "a", "a:1").entry.content == "\N{GRINNING FACE} \ufffd \ufffd \ufffdx"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_item_or_a_bad_line(data):
    with contextlib.suppress(BadRecord):
        assert parse_line(data, "a", "a:1").url


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b" "))), st.integers(1, 30), st.integers(0, 60))
def test_lines_are_split_as_python_does_and_long_ones_are_cut(given_lines, kept, more):
    limit = kept + more
    data = b"".join(line + b"\n" for line in given_lines)
    starts = list(itertools.accumulate((len(line) + 1 for line in given_lines), initial=0))

    class Trickle(io.BytesIO):
        def read1(self, size=-1):
            return super().read1(7)

    found = list(streams.lines(Trickle(data), limit, kept))
    assert [line.size for line in found] == [len(line) for line in given_lines]
    assert [(line.start, line.end) for line in found] == list(itertools.pairwise(starts))
    assert [line.data for line in found] == [line if len(line) <= limit else line[:kept] for line in given_lines]


def test_a_line_over_the_cap_is_refused_and_the_next_is_read(make):
    archive = make([LINE, LINE | {"text": "x" * 5000}, LINE])
    small = dataclasses.replace(archive, limits=Limits(line=1000, kept=10))
    before, long, after = read(small)
    assert before.fetched.failure is after.fetched.failure is None
    assert long.fetched.failure.reason == "bad_line"
    assert "more than the 1,000 allowed" in long.fetched.failure.detail
    assert long.fetched.body == json.dumps(LINE).encode()[:10]
    assert after.fetched.position == f"news.jsonl:{long.position}"


def test_a_line_that_unpacks_to_gigabytes_is_not_held(tmp_path):
    """A bomb of 100 MB here; what is held is what ``kept`` allows."""
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(bytes(10**6))
        file.write(b"\n" + json.dumps(LINE).encode())
    archive = dataclasses.replace(open_archive(path), limits=Limits(line=2**20, kept=1000))
    bomb, after = read(archive)
    assert "100,000,000 bytes" in bomb.fetched.failure.detail
    assert len(bomb.fetched.body) == 1000
    assert after.fetched.failure is None


def test_files_packed_in_parts_are_read_whole(tmp_path):
    line = json.dumps(LINE).encode() + b"\n"
    pack = zstandard.ZstdCompressor().compress
    (tmp_path / "a.jsonl.zst").write_bytes(pack(line) + pack(line))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line) + gzip.compress(line))
    for name in ("a.jsonl.zst", "a.jsonl.gz"):
        assert len(list(read(open_archive(tmp_path / name)))) == 2


def test_formats_are_recognised_by_content_whatever_the_name(tmp_path):
    line = json.dumps(LINE).encode() + b"\n"
    for name, data in {"dump": line, "dump.txt": gzip.compress(line), "dump.jsonl": gzip.compress(line)}.items():
        (tmp_path / name).write_bytes(data)
        assert [a.fetched.url for a in read(open_archive(tmp_path / name))] == [LINE["url"]]


def test_a_file_that_is_all_rubbish_is_one_failure(tmp_path):
    (tmp_path / "x.jsonl.gz").write_bytes(b"\x1f\x8b" + bytes(100))
    (found,) = read(open_archive(tmp_path / "x.jsonl.gz"))
    assert found.fetched.failure.reason == "bad_archive"
    assert "from byte 0 of the text" in found.fetched.failure.detail


def test_a_zstd_file_unpacks_a_little_at_a_time():
    """Four bytes of it stand for 128 KiB: 256 KiB read at once would be 8 GiB."""
    block, last = ((131072 << 3) | 2).to_bytes(3, "little") + b"a", ((131072 << 3) | 3).to_bytes(3, "little") + b"a"
    bomb = b"\x28\xb5\x2f\xfd\0\x38" + block * 1000 + last
    reader, sizes = streams.unpacked(io.BytesIO(bomb)), []
    while piece := reader.read1(2**28):
        sizes.append(len(piece))
    assert sum(sizes) == 1001 * 131072
    assert max(sizes) <= 256 * 131072
