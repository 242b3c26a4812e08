"""WARC: what a record becomes, and what becomes of a record that lies, is cut, or is no page."""

import dataclasses
import gzip
import io
import tracemalloc
from datetime import UTC, datetime

import brotli
import pytest
from archived import page, warc_record, warc_records
from hypothesis import given
from hypothesis import strategies as st

from connectors.archives import warc_records as framing
from connectors.archives.open import open_archive
from connectors.archives.warc import dechunked
from schemas.records import Failure

URL = "https://www.herald.example/a"
ITEMS = [{"url": f"https://herald.example/{n}", "text": f"Text {n}. " * 50, "title": f"T{n}"} for n in range(6)]
HTML = page(ITEMS[0])


@pytest.fixture
def read(tmp_path):
    """The records of a WARC file of these, each a gzip member, or plain."""

    def read_records(*records, packed=True, **limits):
        path = tmp_path / ("a.warc.gz" if packed else "a.warc")
        path.write_bytes(b"".join(gzip.compress(r) if packed else r for r in records))
        archive = open_archive(path)
        archive = dataclasses.replace(archive, limits=dataclasses.replace(archive.limits, **limits))
        return list(archive.read(archive.pieces()[0]))

    return read_records


@pytest.fixture
def fetched(read):
    """What one record becomes."""

    def read_one(*arguments, **more):
        (found,) = read(warc_record(*arguments, **more))
        return found.fetched

    return read_one


def answer(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode()


def test_a_response_is_the_page_as_the_live_fetcher_has_it(fetched):
    http = answer("content-type: text/html; charset=utf-8", "Last-Modified: Fri, 01 May 2026 08:00:00 GMT", "Server: x")
    found = fetched(URL, HTML, http=http)
    assert (found.url, found.source, found.status) == (URL, "herald.example", 200)
    assert found.fetched_at == datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert found.content_type == "text/html; charset=utf-8"
    assert found.headers == {"last-modified": "Fri, 01 May 2026 08:00:00 GMT"}
    assert found.body == HTML
    assert found.position == "a.warc.gz:0"
    assert found.failure is None


def test_addresses_in_brackets_and_status_lines_of_http_2_are_read(fetched):
    found = fetched(f"<{URL}>", HTML, http=b"HTTP/2 200\r\nContent-Type: text/html\r\n\r\n")
    assert (found.url, found.status, found.body) == (URL, 200, HTML)


def chunked(body: bytes, size: int = 50) -> bytes:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;note=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Transfer-Encoding: chunked"], chunked(HTML)),
        (["Content-Encoding: gzip"], gzip.compress(HTML)),
        (["Content-Encoding: br"], brotli.compress(HTML)),
        (["Content-Encoding: gzip", "Transfer-Encoding: chunked"], chunked(gzip.compress(HTML))),
        (["Transfer-Encoding: chunked"], HTML),
        (["Content-Encoding: gzip"], HTML),
        (["Content-Encoding: gzip", "Transfer-Encoding: chunked"], HTML),
        (["X-Crawler-Content-Encoding: gzip"], HTML),
        (["Content-Length: 3"], HTML),
        (["Content-Length: 99999"], HTML),
    ],
    ids=["chunked", "gzip", "br", "both", "unchunked", "ungzipped", "unpacked", "crawler", "short", "long"],
)
def test_bodies_are_unpacked_or_were_already(fetched, headers, body):
    assert fetched(URL, body, http=answer("Content-Type: text/html", *headers)).body == HTML


@given(st.binary(max_size=300), st.integers(1, 60))
def test_chunks_are_put_together_as_they_were_cut(body, size):
    assert dechunked(chunked(body, size)) == body


def test_of_a_chunked_body_that_is_cut_what_is_there_is_kept():
    assert dechunked(chunked(b"a" * 120)[:90]) == b"a" * (90 - 2 * len(b"32;note=1\r\n") - 2)


@pytest.mark.parametrize(
    ("http", "body", "reason"),
    [
        (answer("Content-Type: text/html", status="404 Not Found"), HTML, "http_status"),
        (answer("Content-Type: text/html", status="410 Gone"), HTML, "gone"),
        (answer("Content-Type: text/html", status="503 Busy"), HTML, "http_status"),
        (answer("Content-Type: text/html", "Content-Encoding: gzip"), gzip.compress(HTML)[:-30], "content_encoding"),
        (answer("Content-Type: text/html", "Content-Encoding: gzip"), gzip.compress(bytes(20 * 2**20)), "too_large"),
        (answer("Content-Type: text/html"), bytes(11 * 2**20), "too_large"),
        (b"", b"no header at all", "bad_record"),
    ],
    ids=["404", "410", "503", "cut gzip", "bomb", "large", "no HTTP"],
)
def test_what_live_would_refuse_fails_for_the_same_reason(read, http, body, reason):
    record = warc_record(URL, body, http=http or b"\r\n")
    (found,) = read(record)
    assert found.fetched.failure.reason == reason
    assert (found.fetched.url, found.fetched.body) == (URL, None)


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (warc_record(URL, b"", kind="warcinfo"), "warcinfo"),
        (warc_record(URL, b"", kind="request", http=b"GET / HTTP/1.1\r\n\r\n"), "request"),
        (warc_record(URL, b"x", http=answer("Content-Type: image/png")), "image/png"),
        (warc_record(URL, b"x", http=answer("Location: /b", status="301 Moved")), "redirect"),
        (warc_record("https://herald.example/robots.txt", b"x", http=answer("Content-Type: text/plain")), "robots.txt"),
        (warc_record("dns:herald.example", b"x"), "no web address"),
        (warc_record(URL, b"\x89PNG", http=answer()), "no content type"),
        (warc_record(URL, b"", kind="revisit"), "revisit"),
        (warc_record(URL, b"", kind="revisit", WARC_Refers_To_Target_URI=URL), "revisit"),
    ],
)
def test_what_is_no_page_is_counted_and_no_item(read, record, what):
    (found,) = read(record)
    assert (found.fetched, found.other) == (None, what)
    assert found.position > 0


def test_a_revisit_of_another_address_is_missed_and_says_where_the_page_is(fetched):
    found = fetched(URL, b"", kind="revisit", WARC_Refers_To_Target_URI="https://herald.example/b")
    assert found.failure == Failure(reason="revisit", detail="its page is that of https://herald.example/b")
    assert found.url == URL


def test_pages_and_texts_without_an_http_header_are_items(fetched):
    assert fetched(URL, HTML, kind="resource", http=b"").body == HTML
    found = fetched(URL, b"A bridge was closed.", kind="conversion", http=b"", content_type="text/plain")
    assert (found.body, found.content_type) == (b"A bridge was closed.", "text/plain")


def test_what_a_crawler_cut_says_so(fetched):
    found = fetched(URL, HTML, WARC_Truncated="length")
    assert found.provenance["truncated"] == "length"


RECORDS = warc_records(ITEMS)


def lying(length: int, size: int = 400) -> bytes:
    return warc_record(URL, b"x" * size, length=length)


BAD = {
    "long": lying(700),
    "longer": lying(10**6),
    "longest": lying(10**15),
    "short": lying(100),
    "none": lying(0),
    "negative": lying(-5),
    "head": b"WARC/1.0\r\n\r\n",
    "rubbish": b"rubbish\r\n" * 30,
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_record_that_lies_costs_itself(read, bad, packed):
    found = read(*RECORDS[:2], bad, *RECORDS[2:], packed=packed)
    urls = [a.fetched.url for a in found if not a.fetched.failure]
    assert urls == [item["url"] for item in ITEMS]
    (failed,) = [a.fetched for a in found if a.fetched.failure]
    assert failed.failure.reason == "bad_record"
    sizes = [len(gzip.compress(r) if packed else r) for r in RECORDS]
    rubbish = packed and not bad.startswith(b"WARC/")  # a member without a record belongs to the one before
    place = f"{sizes[0]}+1" if rubbish else str(sizes[0] + sizes[1])
    assert failed.position == f"a.warc{'.gz' * packed}:{place}"


def test_thousands_of_blanks_in_the_header_of_a_record_that_can_not_be_read_are_skipped(read):
    blanks = b" " * 20_000  # with a pattern that tries each of them as the value's end, this takes seconds
    (record,) = read(b"WARC/1.0\rX\nWARC-Target-URI: " + blanks + URL.encode() + blanks + b"x\r\n\r\n")
    assert record.fetched.failure.reason == "bad_record"
    assert record.fetched.url == (URL.encode() + blanks + b"x").decode()


def test_a_record_that_lies_keeps_its_address_for_a_replay(read):
    failed = read(lying(10**6), *RECORDS)[0].fetched
    assert (failed.url, failed.source, failed.body) == (URL, "herald.example", None)
    assert "its header" in failed.failure.detail


@pytest.mark.parametrize("length", [700, 100])
def test_in_a_file_packed_as_a_whole_a_lie_costs_itself_too(tmp_path, length):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(b"".join([*RECORDS[:2], lying(length), *RECORDS[2:]])))
    archive = open_archive(path)
    found = list(archive.read(archive.pieces()[0]))
    assert [bool(a.fetched.failure) for a in found] == [False, False, True, False, False, False, False]
    assert found[2].fetched.position == "a.warc.gz:0+2"


def test_a_record_that_tells_of_records_is_not_taken_apart(read):
    """A page with a WARC in it is one page, wherever it stands."""
    nested = warc_record(URL, b"<pre>" + b"".join(RECORDS) + b"</pre>")
    for packed in (True, False):
        found = read(RECORDS[0], nested, RECORDS[1], packed=packed)
        assert [a.fetched.url for a in found] == [ITEMS[0]["url"], URL, ITEMS[1]["url"]]


@pytest.mark.parametrize("packed", [True, False])
def test_a_record_over_the_cap_is_refused_unread_and_the_next_is_read(read, packed):
    large = warc_record(URL, b"<p>x</p>" * 500)
    other = warc_record(URL, bytes(5000), http=answer("Content-Type: image/png"), kind="request")
    before, refused, no_page, after = read(RECORDS[0], large, other, RECORDS[1], packed=packed, record=1000)
    assert before.fetched.failure is after.fetched.failure is None
    assert refused.fetched.failure.reason == "too_large"
    assert "more than the 1,000 allowed" in refused.fetched.failure.detail
    assert no_page.other == "request"


def test_a_record_that_unpacks_to_gigabytes_is_not_held(tmp_path):
    """100 MB here; what is held is what the cap allows."""
    path = tmp_path / "bomb.warc.gz"
    size = 100 * 2**20
    head = warc_record(URL, b"", length=size, http=b"")[:-4]
    with path.open("wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as packed:
            packed.write(head)
            for _ in range(size // 2**20):
                packed.write(bytes(2**20))
            packed.write(b"\r\n\r\n")
        file.write(gzip.compress(RECORDS[0]))
    archive = open_archive(path)
    archive = dataclasses.replace(archive, limits=dataclasses.replace(archive.limits, record=2**20))
    tracemalloc.start()
    try:
        bomb, after = archive.read(archive.pieces()[0])
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert bomb.other == "response" or bomb.fetched.failure.reason == "too_large"
    assert after.fetched.url == ITEMS[0]["url"]


def test_damage_between_and_in_members_is_told_and_what_follows_is_read(tmp_path):
    members = [gzip.compress(record) for record in RECORDS]
    wrong_sum = bytearray(members[3])
    wrong_sum[-6] ^= 1
    path = tmp_path / "a.warc.gz"
    parts = [members[0], b"rubbish" * 9, members[1], bytes(40), members[2], wrong_sum, members[4], bytes(9)]
    path.write_bytes(b"".join(parts))
    archive = open_archive(path)
    found = [a.fetched for a in archive.read(archive.pieces()[0])]
    assert [f.url for f in found if not f.failure] == [ITEMS[n]["url"] for n in (0, 1, 2, 4)]
    assert [f.failure.reason for f in found if f.failure] == ["bad_record", "bad_record"]
    assert found[1].position == f"a.warc.gz:{len(members[0])}"


def test_empty_members_are_passed_over(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(map(gzip.compress, (RECORDS[0], b"", RECORDS[1]))))
    archive = open_archive(path)
    assert len(list(archive.read(archive.pieces()[0]))) == 2


def test_members_cut_without_regard_to_records_are_read(tmp_path):
    """As bgzip does."""
    data = b"".join(RECORDS)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(gzip.compress(data[at : at + 300]) for at in range(0, len(data), 300)))
    archive = open_archive(path)
    (piece,) = archive.pieces()
    found = list(archive.read(piece))
    assert [a.fetched.url for a in found] == [item["url"] for item in ITEMS]
    assert len(list(archive.read(piece, found[2].position))) == 3


def test_reading_goes_straight_to_a_member(tmp_path):
    """What comes before the position is not read: it may as well be gone."""
    members = [gzip.compress(record) for record in RECORDS]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members))
    archive = open_archive(path)
    (piece,) = archive.pieces()
    position = list(archive.read(piece))[3].position
    kept = sum(map(len, members[:3]))
    data = bytearray(path.read_bytes())
    data[10:kept] = bytes(kept - 10)
    path.write_bytes(data)
    assert [a.fetched.url for a in archive.read(piece, position)] == [item["url"] for item in ITEMS[4:]]


@given(st.data())
def test_whatever_is_damaged_positions_grow_and_whole_records_elsewhere_are_found(data):
    packed = data.draw(st.booleans())
    parts = [gzip.compress(r) if packed else r for r in RECORDS]
    whole = bytearray(b"".join(parts))
    at = data.draw(st.integers(0, len(whole) - 1))
    what = data.draw(st.binary(min_size=1, max_size=40))
    whole[at : at + len(what)] = what
    found = list(framing.frames(io.BytesIO(bytes(whole)), 0, None, 10**6, True))
    positions = [f.position for f in found]
    assert positions == sorted(set(positions))
    starts, offset = {}, 0
    for n, part in enumerate(parts):
        if offset + len(part) <= at or offset >= at + len(what):
            starts[offset] = RECORDS[n]
        offset += len(part)
    good = {f.anchor: f.head + f.block + b"\r\n\r\n" for f in found if not f.problem}
    assert {offset: good.get(offset) for offset in starts} == starts
