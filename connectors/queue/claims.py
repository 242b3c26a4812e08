"""Large messages: the body goes into a store of blobs, and a claim of it through the queue (the claim check pattern).

``ClaimCheck`` stands before any queue. A message above ``claim_from`` bytes, as it is encoded and compressed, is put
into the store first and then appended as a ``Claim``; a reader gets the message as it was. Blobs are named after their
content, so that a message appended twice is one blob. A blob is swept when it is older than every message that the
queue still keeps.

A claim is never followed to where it says but looked up in this queue's store: a message can't make a reader open
anything else. A blob that is missing, damaged or above ``claim_cap`` makes a message with a ``failure``, which ends as
a reject. Where no store is set, an item too large for the queue goes without its body and says so: it ends as a reject
that can be fetched again.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from connectors.blobs import BlobError, BlobMissing, BlobStore, BlobTooLarge, BlobUnavailable, open_store
from connectors.queue import DeadLetter, Message, Outgoing, Positions, Queue, QueueError, QueueUnavailable, options
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Claim, Failure, Fetched

M = TypeVar("M", Outgoing, Message)

SWEEP_EVERY = timedelta(hours=1)
SAFETY = timedelta(hours=1)
"""Between a blob and its message, and between two clocks, there is less."""


@dataclass(frozen=True)
class Claims:
    """``blobs``: the store's URL. ``claim_from``: bytes of a message's value above which it is stored apart.
    ``claim_cap``: what a reader takes at most."""

    blobs: str = ""
    claim_from: int = 900_000
    claim_cap: int = 50 * 10**6


def split_url(url: str) -> tuple[str, Claims]:
    """The queue's URL without the options of claims, and those. Raises ``QueueError``."""
    base, mark, query = url.partition("?")
    if not mark:
        return url, Claims()
    readers: dict[str, Callable[[str], Any]] = {"blobs": str, "claim_from": options.size, "claim_cap": options.size}
    pairs = parse_qsl(query, keep_blank_values=True)
    ours = urlencode([pair for pair in pairs if pair[0] in readers])
    rest = urlencode([pair for pair in pairs if pair[0] not in readers])
    return base + (f"?{rest}" if rest else ""), Claims(**options.read(url, ours, readers))


class ClaimCheck:
    """A ``connectors.queue.Queue`` before another one. ``largest``: bytes of the largest value that one takes."""

    def __init__(self, queue: Queue, claims: Claims, largest: int | None = None):
        self._queue = queue
        self.channel = queue.channel
        self.warnings: Sequence[str] = queue.warnings
        self._cap = claims.claim_cap
        self._largest = largest
        self._limit = claims.claim_from if largest is None else min(claims.claim_from, largest)
        self._store: BlobStore | None = None
        self._swept: datetime | None = None
        if claims.blobs:
            try:
                self._store = open_store(f"{claims.blobs.rstrip('/')}", quote(queue.channel, safe=""))
            except BlobError as e:
                queue.close()
                raise QueueError(f"blobs={claims.blobs}: {e}") from e

    def append(self, messages: Sequence[Outgoing]) -> Positions:
        return self._queue.append([self._checked(message) for message in messages])

    def read(
        self,
        positions: Positions,
        limit: int,
        max_bytes: int,
        timeout: float,
        partitions: Collection[int] | None = None,
    ) -> list[Message]:
        found: list[Message] = []
        held = 0
        cut: set[int] = set()
        for message in self._queue.read(positions, limit, max_bytes, timeout, partitions):
            if message.partition in cut:  # what comes after one that was left is left too: order
                continue
            claim = _claim(message.value)
            size = len(message.value) if claim is None else min(claim.size, self._cap)
            if found and held + size > max_bytes:
                cut.add(message.partition)
                continue
            held += size
            found.append(message if claim is None else self._redeemed(message, claim))
        return found

    def trim(self, now: datetime) -> int:
        dropped = self._queue.trim(now)
        if self._store is not None and (self._swept is None or now - self._swept >= SWEEP_EVERY):
            self._swept = now
            self.sweep(now)
        return dropped

    def sweep(self, now: datetime) -> int:
        """Delete blobs that no message can claim any more; returns how many."""
        if self._store is None:
            return 0
        try:
            return self._store.sweep(min(self._oldest(now), now) - SAFETY)
        except BlobUnavailable as e:
            raise QueueUnavailable(str(e)) from e

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """A letter whose body is as large as its store allowed goes as a claim again."""
        self._queue.bury([dataclasses.replace(x, message=self._checked(x.message)) for x in letters])

    # -- what has nothing to do with bodies is the queue's own --

    def start(self) -> Positions:
        return self._queue.start()

    def end(self) -> Positions:
        return self._queue.end()

    def positions_at(self, at: datetime) -> Positions:
        return self._queue.positions_at(at)

    def held_bytes(self) -> int | None:
        return self._queue.held_bytes()

    def commit(self, group: str, positions: Positions) -> None:
        self._queue.commit(group, positions)

    def rewind(self, group: str, positions: Positions) -> None:
        self._queue.rewind(group, positions)

    def committed(self, group: str) -> Positions:
        return self._queue.committed(group)

    def groups(self) -> list[str]:
        return self._queue.groups()

    def close(self) -> None:
        self._queue.close()

    # -- inside --

    def _checked(self, message: M) -> M:
        """The message, or in its place a claim of it, or what the queue takes of it."""
        if self._store is None:
            if self._largest is None or len(message.value) <= self._largest:
                return message
            return dataclasses.replace(message, value=without_body(message.value, self._largest))
        if len(message.value) <= self._limit:
            return message
        name = hashlib.sha256(message.value).hexdigest()
        try:
            url = self._store.put(name, message.value)
        except BlobUnavailable as e:
            raise QueueUnavailable(str(e)) from e
        claim = Claim(url=url, size=len(message.value), sha256=name)
        return dataclasses.replace(message, value=wire.encode(claim))

    def _redeemed(self, message: Message, claim: Claim) -> Message:
        body = self._body(claim)
        if isinstance(body, Failure):
            return dataclasses.replace(message, failure=body)
        return dataclasses.replace(message, value=body)

    def _body(self, claim: Claim) -> bytes | Failure:
        if claim.size > self._cap:
            detail = f"{claim.url}: {claim.size} bytes are claimed, at most {self._cap} are taken (claim_cap)"
            return Failure(reason="claim_too_large", detail=detail)
        if self._store is None:
            return Failure(reason="claim_missing", detail=f"{claim.url}: this queue's URL names no store (blobs=URL)")
        try:
            body = self._store.get(claim.sha256, self._cap)
        except BlobMissing:
            return Failure(reason="claim_missing", detail=f"{claim.url}: there is no such blob")
        except BlobTooLarge:
            return Failure(reason="claim_too_large", detail=f"{claim.url}: more than {self._cap} bytes (claim_cap)")
        except BlobUnavailable as e:
            raise QueueUnavailable(str(e)) from e
        if len(body) != claim.size or hashlib.sha256(body).hexdigest() != claim.sha256:
            return Failure(reason="claim_damaged", detail=f"{claim.url}: the blob is not what was put there")
        return body

    def _oldest(self, now: datetime) -> datetime:
        """When the oldest message that is kept was appended; now, if there is none."""
        start, end = self._queue.start(), self._queue.end()
        oldest = now
        for partition, first in start.items():
            if first < end.get(partition, first):
                found = self._queue.read({partition: first}, 1, 1, 0, [partition])
                oldest = min([oldest, *(m.appended_at for m in found)])
        return oldest


def without_body(value: bytes, largest: int) -> bytes:
    """The item in ``value`` without what makes it large, and a failure that says so. Raises ``QueueError`` for a value
    that is no item."""
    try:
        item = wire.decode_as(Fetched, value)
    except wire.WireError as e:
        raise QueueError(
            f"a message of {len(value)} bytes is too large for the queue ({largest}): set blobs=URL"
        ) from e
    fields = {name: getattr(item, name) for name in item.__struct_fields__ if name != "fetch_id"}
    detail = f"{len(value)} bytes as encoded, the queue takes {largest}: set blobs=URL in the queue's URL"
    entry = item.entry and msgspec.structs.replace(item.entry, content=None)
    failure = Failure(reason="message_too_large", detail=detail)
    return wire.encode(fetched(**fields | {"body": None, "entry": entry, "failure": failure}))


def _claim(value: bytes) -> Claim | None:
    if wire.kind_of(value) is not Claim:
        return None
    try:
        return wire.decode_as(Claim, value)
    except wire.WireError:
        return None
