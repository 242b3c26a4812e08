"""What every store of blobs promises (``connectors.blobs.BlobStore``), shown on real ones."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from connectors.blobs import BlobError, BlobMissing, BlobTooLarge, BlobUnavailable, open_store

HOUR = timedelta(hours=1)
DATA = b"\x00\xff" * 5000


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_was_put_is_had_again_whoever_opens_the_store(store, store_url):
    url = store.put(named(DATA), DATA)
    assert named(DATA) in url
    assert open_store(store_url, "queue").get(named(DATA), 10_000) == DATA


def test_the_same_put_twice_is_one_blob(store):
    assert store.put(named(DATA), DATA) == store.put(named(DATA), DATA)
    assert store.sweep(datetime.now(UTC) + HOUR) == 1


def test_spaces_are_apart(store, store_url):
    store.put(named(DATA), DATA)
    other = open_store(store_url, "other")
    with pytest.raises(BlobMissing):
        other.get(named(DATA), 10_000)
    assert other.sweep(datetime.now(UTC) + HOUR) == 0
    assert store.get(named(DATA), 10_000) == DATA


def test_a_blob_that_is_not_there_is_missing(store):
    with pytest.raises(BlobMissing):
        store.get(named(b"other"), 10_000)


def test_a_blob_larger_than_asked_for_is_not_read(store):
    store.put(named(DATA), DATA)
    with pytest.raises(BlobTooLarge):
        store.get(named(DATA), 9_999)


def test_a_sweep_takes_what_is_old_and_leaves_the_rest(store):
    store.put(named(DATA), DATA)
    assert store.sweep(datetime.now(UTC) - HOUR) == 0
    assert store.get(named(DATA), 10_000) == DATA
    assert store.sweep(datetime.now(UTC) + HOUR) == 1
    with pytest.raises(BlobMissing):
        store.get(named(DATA), 10_000)


@pytest.mark.parametrize("name", ["../" * 8 + "etc/passwd", "/etc/passwd", "", "ab", "AB" * 32, named(b"x") + "/.."])
def test_only_hashes_are_names(store, name):
    with pytest.raises(BlobMissing):
        store.get(name, 10_000)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://x", "use file:///path or s3://bucket/prefix"),
        ("blobs", "use file:///path or s3://bucket/prefix"),
        ("s3://", "use s3://bucket/prefix"),
        ("s3://key:hidden@bucket/x", "credentials come from the environment"),
        ("s3://bucket/x?colour=red", "known are region, endpoint, anonymous"),
        ("s3://bucket/x?endpoint=host:1", "use https://host:port"),
        ("file:///dev/null/x", "can't make the folder"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line(url, says):
    with pytest.raises(BlobError, match=says) as caught:
        open_store(url, "queue")
    assert "\n" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_store_that_is_gone_is_to_be_tried_again(tmp_path):
    store = open_store(f"file://{tmp_path}/blobs", "queue")
    store.put(named(DATA), DATA)
    (tmp_path / "blobs" / "queue" / named(DATA)[:2]).rename(tmp_path / "away")
    (tmp_path / "blobs" / "queue" / named(DATA)[:2]).write_text("a file where a folder was")
    with pytest.raises(BlobUnavailable, match="can't be written"):
        store.put(named(DATA), DATA)


def test_a_bucket_that_is_not_there_is_told_when_it_is_written(s3_url):
    store = open_store(s3_url.replace("s3://", "s3://no-"), "queue")
    with pytest.raises(BlobUnavailable, match="can't be written"):
        store.put(named(DATA), DATA)


def test_no_drafts_are_left_in_a_folder(tmp_path):
    open_store(f"file://{tmp_path}/blobs", "queue").put(named(DATA), DATA)
    assert [p.name for p in (tmp_path / "blobs").rglob("*") if p.is_file()] == [named(DATA)]
