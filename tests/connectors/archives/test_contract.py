"""What every archive promises (``connectors.archives.Archive``), shown on real files."""

import dataclasses
import pickle
import random
import shutil

import pytest
from archived import DOORS

from connectors.archives import ArchiveError
from connectors.archives.open import open_archive
from schemas import wire

ITEMS = [{"url": f"https://herald.example/{n}", "text": f"Text {n}. " * 50, "title": f"T{n}"} for n in range(300)]
CUT = {"jsonl": "limits", "warc.gz": "limits", "parquet": "piece_bytes", "folder": "piece_documents"}
"""The formats that can be cut into pieces, and where each says how."""


def read_all(archive):
    return [found for piece in archive.pieces() for found in archive.read(piece)]


def cut(archive, door, size=1000):
    """The archive with pieces of about ``size`` bytes."""
    name = CUT[door]
    if name == "limits":
        return dataclasses.replace(archive, limits=dataclasses.replace(archive.limits, piece=size))
    return dataclasses.replace(archive, **{name: 100 if name == "piece_documents" else size})


def test_items_come_in_order_and_positions_grow(archive_of):
    archive = archive_of(ITEMS)
    found = read_all(archive)
    assert [a.fetched.url for a in found] == [item["url"] for item in ITEMS]
    positions = [a.position for a in found]
    assert positions == sorted(set(positions))
    assert positions[0] > 0


def test_reading_goes_on_after_any_position(archive_of):
    archive = archive_of(ITEMS)
    (piece,) = archive.pieces()
    found = list(archive.read(piece))
    for n in (0, 1, 150, 298, 299):
        assert [a.fetched for a in archive.read(piece, found[n].position)] == [a.fetched for a in found[n + 1 :]]


def test_pieces_together_are_the_whole_whatever_their_size(archive_of, door):
    if door not in CUT:
        pytest.skip("one piece")
    whole = archive_of(ITEMS)
    fetched = [a.fetched for a in read_all(whole)]
    for size in (1, 997, 3000, 10**9):
        archive = cut(whole, door, size)
        pieces = archive.pieces()
        assert [piece.number for piece in pieces] == list(range(len(pieces)))
        assert len(pieces) > 2 or size == 10**9
        assert [a.fetched for a in read_all(archive)] == fetched


def test_any_piece_goes_on_after_any_of_its_positions(archive_of, door):
    if door not in CUT:
        pytest.skip("one piece")
    archive = cut(archive_of(ITEMS), door)
    for piece in archive.pieces()[:5]:
        found = list(archive.read(piece))
        for n, at in enumerate(found):
            assert piece.start < at.position
            assert [a.fetched for a in archive.read(piece, at.position)] == [a.fetched for a in found[n + 1 :]]


def test_the_share_read_grows_to_the_size_of_the_file(archive_of):
    archive = archive_of(ITEMS)
    (piece,) = archive.pieces()
    assert 0 < piece.size <= archive.size
    read = [a.bytes_read for a in archive.read(piece)]
    assert read == sorted(read)
    assert 0 < read[-1] <= piece.size


def test_the_channel_is_of_the_content_and_the_name_not_of_the_folder(archive_of, door, tmp_path):
    archive = archive_of(ITEMS)
    path = tmp_path / archive.name
    copy = shutil.copytree if path.is_dir() else shutil.copy
    (tmp_path / "elsewhere").mkdir()
    copy(path, tmp_path / "elsewhere" / archive.name)
    assert open_archive(tmp_path / "elsewhere" / archive.name).channel == archive.channel
    assert archive.name in archive.channel
    copy(path, tmp_path / f"other-{archive.name}")
    assert open_archive(tmp_path / f"other-{archive.name}").channel != archive.channel
    (tmp_path / "less").mkdir()
    assert open_archive(DOORS[door](tmp_path / "less", ITEMS[:-1])).channel != archive.channel


def test_every_item_goes_through_the_wire_format_and_has_its_place(archive_of):
    archive = archive_of(ITEMS[:3])
    places = set()
    for archived in read_all(archive):
        assert wire.decode(wire.encode(archived.fetched)) == archived.fetched
        assert archived.fetched.position.startswith(archive.name)
        assert archived.fetched.provenance == {"connector": "archive", "archive": archive.name}
        assert archived.fetched.source == "herald.example"
        places.add(archived.fetched.position)
    assert len(places) == 3


def test_an_archive_goes_to_workers(archive_of):
    archive = archive_of(ITEMS[:3])
    assert read_all(pickle.loads(pickle.dumps(archive))) == read_all(archive)


def test_an_empty_archive_has_no_items(archive_of, door):
    if door == "folder":
        with pytest.raises(ArchiveError, match="there is no archive file"):
            archive_of([])
    else:
        assert read_all(archive_of([])) == []


def test_the_same_item_twice_in_a_file_is_one_item(archive_of, door):
    one, other = read_all(archive_of([ITEMS[0], ITEMS[0]]))
    assert one.fetched.fetch_id == other.fetched.fetch_id
    assert one.position < other.position


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_of_a_truncated_file_the_readable_part_comes_and_then_the_failure(archive_of, door, tmp_path, keep):
    if door in ("folder", "parquet"):
        pytest.skip("what is cut off has the index: see its own tests")
    rng = random.Random(2)
    items = [item | {"text": rng.randbytes(rng.randint(1000, 3000)).hex()} for item in ITEMS[:200]]
    archive = archive_of(items)
    whole = read_all(archive)
    path = tmp_path / archive.name
    path.write_bytes(path.read_bytes()[: int(archive.size * keep)])
    archive = open_archive(path)
    (piece,) = archive.pieces()
    found = list(archive.read(piece))
    readable = len(found) - 1
    assert [a.fetched for a in found[:-1]] == [a.fetched for a in whole[:readable]]
    assert readable > len(items) * keep * 0.3
    failed = found[-1].fetched
    assert failed.failure.reason in ("bad_line", "bad_archive", "bad_record")
    assert failed.position.startswith(f"{archive.name}:")
    # Once it was given out, it does not come again.
    assert list(archive.read(piece, found[-1].position)) == []
    assert [a.fetched for a in archive.read(piece, found[-2].position)] == [failed]


def test_damage_in_the_middle_costs_what_is_damaged(archive_of, door, tmp_path):
    """The rest is read on, unless the format has no place to begin again."""
    if door in ("folder", "parquet"):
        pytest.skip("see its own tests")
    rng = random.Random(3)
    items = [item | {"text": rng.randbytes(500).hex()} for item in ITEMS * 4]
    archive = archive_of(items)
    path = tmp_path / archive.name
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    found = read_all(open_archive(path))
    bad = [a for a in found if a.fetched is None or a.fetched.failure]
    assert found[-1].bytes_read <= archive.size
    if door in ("jsonl", "warc.gz", "warc"):
        assert 1 <= len(bad) <= 3
        assert len(items) - 3 <= len(found) <= len(items)
        assert found[-1].fetched.url == items[-1]["url"]
    else:
        # A damaged deflate stream may give rubbish for a while before it is noticed.
        assert len(items) * 0.3 < len(found) - len(bad) < len(items) * 0.6
        assert found[-1] is bad[-1]


@pytest.mark.parametrize(("name", "says"), [("missing.jsonl", "there is no archive"), (".", "there is no archive")])
def test_what_is_no_file_is_refused_in_one_line(tmp_path, name, says):
    with pytest.raises(ArchiveError, match=says) as caught:
        open_archive(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "settings.toml").write_text("[a]\nb = 1\n")
    with pytest.raises(ArchiveError, match="known are auto, warc, jsonl"):
        open_archive(tmp_path / "settings.toml", "tarball")
    (tmp_path / "settings.txt").write_text("a = 1\n")
    with pytest.raises(ArchiveError, match="give --format"):
        open_archive(tmp_path / "settings.txt")
