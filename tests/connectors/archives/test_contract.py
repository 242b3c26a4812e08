"""What every archive promises (``connectors.archives.Archive``), shown on real files."""

import random

import pytest

from connectors.archives import ArchiveError, open_archive
from schemas import wire

ITEMS = [{"url": f"https://herald.example/{n}", "text": f"Text {n}. " * 50, "title": f"T{n}"} for n in range(300)]


def test_items_come_in_order_and_positions_grow(archive_of):
    archive = archive_of(ITEMS)
    found = list(archive.read())
    assert [a.fetched.url for a in found] == [item["url"] for item in ITEMS]
    positions = [a.position for a in found]
    assert positions == sorted(set(positions))
    assert positions[0] > 0


def test_reading_goes_on_after_any_position(archive_of):
    archive = archive_of(ITEMS)
    found = list(archive.read())
    for n in (0, 1, 150, 298, 299):
        assert list(archive.read(found[n].position)) == found[n + 1 :]


def test_the_share_read_grows_to_the_size_of_the_file(archive_of):
    archive = archive_of(ITEMS)
    assert archive.size > 0
    read = [a.bytes_read for a in archive.read()]
    assert read == sorted(read)
    assert 0 < read[-1] <= archive.size


def test_the_channel_is_of_the_content_and_the_name_not_of_the_folder(archive_of, tmp_path):
    archive = archive_of(ITEMS)
    path = tmp_path / archive.name
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / archive.name).write_bytes(path.read_bytes())
    assert open_archive(elsewhere / archive.name).channel == archive.channel
    assert archive.name in archive.channel
    assert archive_of(ITEMS[:-1]).channel != archive.channel
    (tmp_path / f"other-{archive.name}").write_bytes(path.read_bytes())
    assert open_archive(tmp_path / f"other-{archive.name}").channel != archive.channel


def test_every_item_goes_through_the_wire_format_and_has_its_place(archive_of):
    archive = archive_of(ITEMS[:3])
    for n, archived in enumerate(archive.read(), 1):
        assert wire.decode(wire.encode(archived.fetched)) == archived.fetched
        assert archived.fetched.position == f"{archive.name}:{n}"
        assert archived.fetched.provenance == {"connector": "archive", "archive": archive.name}


def test_an_empty_archive_has_no_items(archive_of):
    assert list(archive_of([]).read()) == []


def test_the_same_item_twice_in_a_file_is_one_item(archive_of):
    one, other = archive_of([ITEMS[0], ITEMS[0]]).read()
    assert one.fetched.fetch_id == other.fetched.fetch_id


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_of_a_truncated_file_the_readable_part_comes_and_then_the_failure(archive_of, tmp_path, keep):
    rng = random.Random(2)
    items = [item | {"text": rng.randbytes(rng.randint(1000, 3000)).hex()} for item in ITEMS[:200]]
    archive = archive_of(items)
    whole = list(archive.read())
    path = tmp_path / archive.name
    path.write_bytes(path.read_bytes()[: int(archive.size * keep)])
    found = list(open_archive(path).read())
    readable = len(found) - 1
    assert [a.fetched for a in found[:-1]] == [a.fetched for a in whole[:readable]]
    assert readable > len(items) * keep * 0.3
    failure = found[-1].fetched.failure
    assert failure.reason == ("bad_line" if archive.name.endswith("jsonl") else "bad_archive")
    assert found[-1].fetched.position == f"{archive.name}:{readable + 1}"
    # Once it was given out, it does not come again.
    assert list(open_archive(path).read(found[-1].position)) == []
    assert list(open_archive(path).read(found[-2].position)) == found[-1:]


def test_damage_in_the_middle_costs_a_line_of_a_plain_file_and_the_rest_of_a_packed_one(archive_of, tmp_path):
    archive = archive_of(ITEMS * 20)
    path = tmp_path / archive.name
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    found = list(open_archive(path).read())
    if archive.name.endswith("jsonl"):
        assert len(found) == 20 * len(ITEMS)
        assert {a.fetched.failure.reason for a in found if a.fetched.failure} == {"bad_line"}
    else:
        assert len(found) < 20 * len(ITEMS)
        assert found[-1].fetched.failure.reason == "bad_archive"
    assert found[-1].bytes_read <= archive.size


@pytest.mark.parametrize(("name", "says"), [("missing.jsonl", "there is no archive"), (".", "there is no archive")])
def test_what_is_no_file_is_refused_in_one_line(tmp_path, name, says):
    with pytest.raises(ArchiveError, match=says) as caught:
        open_archive(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "settings.toml").write_text("[a]\n")
    with pytest.raises(ArchiveError, match="give --format"):
        open_archive(tmp_path / "settings.toml")
    with pytest.raises(ArchiveError, match="known are auto, jsonl"):
        open_archive(tmp_path / "settings.toml", "tarball")
