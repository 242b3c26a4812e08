"""Large bodies go through the queue as claims, and a claim that can't be redeemed is an item that says why."""

import hashlib
import os
import pathlib
import random
from datetime import UTC, datetime, timedelta

import pytest

from connectors.queue import Outgoing, QueueError, QueueUnavailable, open_queue, read_fetched
from connectors.queue.claims import Claims, split_url, without_body
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Claim, Entry, Failure, Fetched

MB = 10**6
BODY = random.Random(3).randbytes(5000)


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.engines)])
def url(request, tmp_path) -> str:
    """A queue that claims what is above 1 kB and takes 20 kB at most."""
    claims = f"blobs=file://{tmp_path}/blobs&claim_from=1kB&claim_cap=20kB"
    if request.param == "kafka":
        return f"{request.getfixturevalue('kafka_url')}&{claims}"
    return f"sqlite:///{tmp_path}/queue.db?{claims}"


@pytest.fixture
def queue(url):
    door = open_queue(url)
    yield door
    door.close()


@pytest.fixture
def bare(url):
    """The same queue as one sees it who knows of no claims."""
    door = open_queue(split_url(url)[0])
    yield door
    door.close()


def blobs(tmp_path) -> list[pathlib.Path]:
    return [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()]


def values(door) -> list[bytes]:
    return [m.value for m in door.read({}, 100, MB, 0)]


def test_a_large_message_lies_in_the_store_and_is_read_as_it_was(queue, bare, tmp_path):
    queue.append([Outgoing("k", BODY, {"source": "herald"}), Outgoing("k", b"small")])
    assert values(queue) == [BODY, b"small"]
    large, small = values(bare)
    claim = wire.decode_as(Claim, large)
    assert (claim.size, claim.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert small == b"small"
    (blob,) = blobs(tmp_path)
    assert blob.as_uri() == claim.url
    assert blob.read_bytes() == BODY


def test_a_message_appended_twice_is_one_blob(queue, tmp_path):
    queue.append([Outgoing("k", BODY)] * 2)
    queue.append([Outgoing("k", BODY)])
    assert values(queue) == [BODY] * 3
    assert len(blobs(tmp_path)) == 1


def test_a_read_is_bounded_by_the_bytes_of_the_bodies(queue):
    queue.append([Outgoing("k", BODY + bytes([n])) for n in range(5)])
    first = queue.read({}, 100, 12_000, 0)
    assert [m.value[-1] for m in first] == [0, 1]
    (last,) = {m.partition: m.offset + 1 for m in first}.items()
    assert [m.value[-1] for m in queue.read(dict([last]), 100, MB, 0)] == [2, 3, 4]


def failure_of(queue) -> Failure:
    (message,) = queue.read({}, 100, MB, 0)
    item = read_fetched(message, queue.channel)
    assert item == read_fetched(queue.read({}, 100, MB, 0)[0], queue.channel)  # the same again: it is counted once
    assert wire.kind_of(item.body) is Claim
    return item.failure


def test_a_missing_blob_is_an_item_that_says_so(queue, tmp_path):
    queue.append([Outgoing("k", BODY)])
    blobs(tmp_path)[0].unlink()
    assert failure_of(queue).reason == "claim_missing"


@pytest.mark.parametrize("damaged", [b"", BODY[:-1], BODY[:-1] + b"?"])
def test_a_damaged_blob_is_an_item_that_says_so(queue, tmp_path, damaged):
    queue.append([Outgoing("k", BODY)])
    blobs(tmp_path)[0].write_bytes(damaged)
    assert failure_of(queue).reason == "claim_damaged"


def test_a_claim_above_the_cap_is_refused_unread(queue, bare):
    queue.append([Outgoing("k", BODY * 5)])
    assert failure_of(queue).reason == "claim_too_large"


def test_a_claim_that_lies_about_its_size_is_refused_too(queue, bare, tmp_path):
    queue.append([Outgoing("k", BODY)])
    blobs(tmp_path)[0].write_bytes(BODY * 5)
    assert failure_of(queue).reason == "claim_too_large"


def test_a_claim_does_not_lead_out_of_the_store(queue, bare, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    for name in ("../../secret", f"{tmp_path}/secret", hashlib.sha256(b"secret").hexdigest()):
        claim = Claim(url=(tmp_path / "secret").as_uri(), size=6, sha256=name)
        bare.append([Outgoing("k", wire.encode(claim))])
    found = queue.read({}, 100, MB, 0)
    assert [m.failure.reason for m in found] == ["claim_missing"] * 3


def test_a_reader_without_the_store_says_so(bare, queue):
    queue.append([Outgoing("k", BODY)])
    (message,) = bare.read({}, 100, MB, 0)
    item = read_fetched(message, bare.channel)
    assert item.failure.reason in ("bad_message", "claim_missing")


def test_a_damaged_claim_is_a_bad_message(queue, bare):
    whole = wire.encode(Claim(url="x", size=1, sha256="ab"))
    bare.append([Outgoing("k", whole[:-3])])
    (message,) = queue.read({}, 100, MB, 0)
    assert read_fetched(message, queue.channel).failure.reason == "bad_message"


def test_a_store_that_can_not_be_written_holds_the_appender_up(queue, tmp_path):
    (tmp_path / "blobs").rename(tmp_path / "away")
    (tmp_path / "blobs").write_text("")
    with pytest.raises(QueueUnavailable, match="can't be written"):
        queue.append([Outgoing("k", b"small"), Outgoing("k", BODY)])
    assert values(queue) == []


def test_blobs_are_swept_when_no_message_can_claim_them(queue, tmp_path):
    now = datetime.now(UTC)
    queue.append([Outgoing("k", BODY)])
    (blob,) = blobs(tmp_path)
    orphan = blob.with_name("0" * 64)
    orphan.write_bytes(b"")
    old = (now - timedelta(days=1)).timestamp()
    os.utime(orphan, (old, old))
    assert queue.sweep(now + timedelta(days=100)) == 1  # the message is still kept, however late it is
    assert blobs(tmp_path) == [blob]
    assert values(queue) == [BODY]


def test_blobs_go_with_their_messages(tmp_path):
    queue = open_queue(f"sqlite:///{tmp_path}/queue.db?retention=1s&blobs=file://{tmp_path}/blobs&claim_from=1kB")
    queue.commit("stream", queue.append([Outgoing("k", BODY)]))
    assert queue.trim(datetime.now(UTC) + timedelta(hours=3)) == 1
    assert blobs(tmp_path) == []
    queue.close()


def test_an_item_that_goes_without_its_body_can_be_fetched_again():
    entry = Entry(title="T", content="x" * 5000)
    item = fetched(source="herald", url="https://herald.example/a", body=BODY, entry=entry)
    found = wire.decode_as(Fetched, without_body(wire.encode(item), 1000))
    assert (found.url, found.source, found.entry.title) == (item.url, "herald", "T")
    assert found.body is found.entry.content is None
    assert found.failure.reason == "message_too_large"
    assert without_body(wire.encode(item), 1000) == without_body(wire.encode(item), 1000)
    with pytest.raises(QueueError, match="set blobs=URL"):
        without_body(b"no item", 1)


def test_options_of_claims_are_taken_out_of_the_url():
    rest, claims = split_url("kafka://a/t?partitions=3&blobs=s3://bucket/x%3Fregion%3Deu&claim_cap=1MB")
    assert rest == "kafka://a/t?partitions=3"
    assert claims == Claims("s3://bucket/x?region=eu", 900_000, MB)
    assert split_url("sqlite:///q.db?blobs=file:///b") == ("sqlite:///q.db", Claims("file:///b"))
    with pytest.raises(QueueError, match="as in 2GB"):
        split_url("sqlite:///q.db?claim_from=x")


def test_a_store_that_is_none_is_refused_in_one_line(tmp_path):
    with pytest.raises(QueueError, match=r"use file:///path or s3://bucket/prefix"):
        open_queue(f"sqlite:///{tmp_path}/q.db?blobs=ftp://x")
