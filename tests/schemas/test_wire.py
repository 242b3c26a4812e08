"""The wire format: what was written once is read for ever."""

import contextlib
import pathlib
from datetime import UTC

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from samples import SAMPLES

from schemas import records, wire
from schemas.fetched import fetched

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "wire"


def test_every_kind_of_record_has_a_sample_and_a_golden_file():
    assert set(SAMPLES) == {cls.__name__ for cls in wire.KINDS.values()}
    assert set(SAMPLES) == {path.stem for path in GOLDEN.glob("*.v1")}


@pytest.mark.parametrize("name", SAMPLES)
def test_bytes_of_version_1_still_decode(name):
    assert wire.decode((GOLDEN / f"{name}.v1").read_bytes()) == SAMPLES[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_equal_records_give_equal_bytes(name):
    copy = msgspec.structs.replace(SAMPLES[name])
    assert wire.encode(copy) == wire.encode(SAMPLES[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_decoded_record_gives_the_bytes_it_came_from(name):
    data = wire.encode(SAMPLES[name])
    assert wire.encode(wire.decode(data)) == data


def test_an_older_version_is_upgraded_step_by_step(monkeypatch):
    old = wire.encode(records.Replaced(table="metrics", group="a1"))
    renamed = old[:5] + msgspec.msgpack.encode({"table_name": "metrics", "group": "a1"})
    kind = old[3]
    monkeypatch.setattr(wire, "VERSION", 2)
    monkeypatch.setitem(wire.UPGRADES, (kind, 1), lambda f: {"table": f["table_name"], "group": f["group"]})
    assert wire.decode(renamed) == records.Replaced(table="metrics", group="a1")


def test_fields_of_a_newer_writer_are_ignored():
    data = wire.encode(SAMPLES["Replaced"])
    newer = data[:5] + msgspec.msgpack.encode({"table": "metrics", "group": "a1", "colour": "red"})
    assert wire.decode(newer) == SAMPLES["Replaced"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a wiredesk record"),
        (b"hello world", "not a wiredesk record"),
        (b"WD\x01\xc8\x00\x80", "record kind 200"),
        (b"WD\x63\x01\x00\x80", "version 99 is newer"),
        (b"WD\x00\x01\x00\x80", "version 0"),
        (b"WD\x01\x01\x00\x80", "damaged Fetched"),
        (b"WD\x01\x01\x01zzzz", "damaged Fetched"),
        (b"WD\x01\x10\x00\x81", "damaged Replaced"),
    ],
)
def test_bytes_that_are_no_record_are_refused_with_a_reason(data, says):
    with pytest.raises(wire.WireError, match=says):
        wire.decode(data)


def test_a_record_of_another_kind_is_refused():
    with pytest.raises(wire.WireError, match="expected a Fetched record, got a Replaced"):
        wire.decode_as(records.Fetched, wire.encode(SAMPLES["Replaced"]))


def test_a_compressed_bomb_is_not_unpacked():
    bomb = zstandard.ZstdCompressor().compress(bytes(wire.MAX_DECODED + 1))
    with pytest.raises(wire.WireError, match="claims to unpack to 268,435,457 bytes"):
        wire.decode(b"WD\x01\x01\x01" + bomb)


def test_a_record_that_is_nested_without_end_is_refused():
    """Found by fuzzing: a list in a list in a list where a newer writer's field is passed over."""
    nested = b"\x81" + msgspec.msgpack.encode("later") + b"\x91" * 5000 + b"\xc0"
    with pytest.raises(wire.WireError, match="damaged Fetched record: maximum recursion depth"):
        wire.decode(wire.MAGIC + bytes((wire.VERSION, 1, 0)) + nested)


def test_no_memory_is_taken_for_what_a_frame_claims_to_hold():
    frame = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\x01\0\0"
    with pytest.raises(wire.WireError, match="claims to unpack to 1,099,511,627,776 bytes"):
        wire.decode(b"WD\x01\x01\x01" + frame)


def test_a_bomb_that_claims_nothing_is_not_unpacked_either():
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    bomb = b"".join(packer.compress(bytes(2**24)) for _ in range(wire.MAX_DECODED // 2**24 + 1)) + packer.flush()
    with pytest.raises(wire.WireError, match="damaged"):
        wire.decode(b"WD\x01\x01\x01" + bomb)


@given(st.binary(max_size=200))
def test_random_bytes_are_a_record_or_a_wire_error(data):
    for candidate in (data, b"WD\x01\x01\x00" + data, b"WD\x01\x01\x01" + data):
        with contextlib.suppress(wire.WireError):
            assert isinstance(wire.decode(candidate), records.Record)


@given(
    st.builds(
        lambda **fields: fetched(**fields),
        source=st.text(max_size=10),
        url=st.none() | st.text(max_size=30),
        body=st.none() | st.binary(max_size=10_000),
        fetched_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        headers=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    )
)
def test_what_is_encoded_comes_back(record):
    assert wire.decode(wire.encode(record)) == record
