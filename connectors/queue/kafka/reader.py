"""Messages out of a topic, from positions that the caller keeps.

The consumer is assigned all partitions by hand and goes on where it is; it seeks only when the caller's position of a
partition is another one (a restart, a replay, a read that took less). What was fetched and not given yet waits here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from connectors.queue import Message, Positions, QueueUnavailable
from connectors.queue.kafka.address import Address
from connectors.queue.kafka.errors import in_our_words
from connectors.queue.kafka.groups import Offsets

STEP = 0.5
"""Seconds of one wait for the brokers."""
GATHER = 0.02
"""Seconds to wait for more once there are messages."""
LOOK_EVERY = 10.0
"""Seconds between two looks at the topic's partitions and ends while messages come; when none come, at once."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reader:
    """Reads one topic. Used by one thread at a time."""

    def __init__(
        self,
        settings: dict[str, Any],
        address: Address,
        offsets: Offsets,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._settings = settings
        self._address = address
        self._offsets = offsets
        self._clock = clock
        self._consumer: KafkaConsumer | None = None
        self._at: dict[int, int] = {}
        """Partition -> the position that the next message given has, or is before."""
        self._waiting: dict[int, deque[Message]] = {}
        """Partition -> messages fetched and not yet given, from ``_at`` on."""
        self._beyond: set[int] = set()
        """Partitions whose position the topic does not reach."""
        self._start: dict[int, int] = {}
        self._end: dict[int, int] = {}
        self._looked = float("-inf")
        self._turn = 0

    def read(
        self,
        positions: Positions,
        limit: int,
        max_bytes: int,
        timeout: float,
        partitions: Collection[int] | None = None,
    ) -> list[Message]:
        """See ``connectors.queue.Queue.read``."""
        with in_our_words(self._address):
            consumer = self._consumer = self._consumer or self._open()
            until = self._clock() + timeout
            if self._clock() - self._looked > LOOK_EVERY:
                self._look()
            chosen = self._place(consumer, positions, partitions)
            while not self._enough(chosen, limit, max_bytes):
                some = any(self._waiting[p] for p in chosen)
                left = until - self._clock()
                if not some and left <= 0:
                    self._look()
                    chosen = self._place(consumer, positions, partitions)
                    missing = self._missing(consumer, chosen)
                    if not missing:
                        break
                    if left < -self._address.patience:
                        raise QueueUnavailable(f"{self._address}: there are messages from {missing} on, and none comes")
                wait = GATHER if some else min(max(left, 0.0) or STEP, STEP)
                if not self._fetch(consumer, wait, limit) and some:
                    break
            return self._take(chosen, limit, max_bytes)

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1000)

    # -- inside --

    def _open(self) -> KafkaConsumer:
        return KafkaConsumer(
            **self._settings
            | {
                "group_id": None,
                "enable_auto_commit": False,
                "auto_offset_reset": "earliest",  # what the topic no longer has can't be read
                "allow_auto_create_topics": False,
                "isolation_level": "read_committed",  # others may write with transactions
                "fetch_max_wait_ms": int(STEP * 1000),
                "max_partition_fetch_bytes": 4 * 2**20,
                "fetch_max_bytes": 16 * 2**20,
            }
        )

    def _look(self) -> None:
        """See what partitions there are, from where to where."""
        self._end = self._offsets.end()
        self._start = self._offsets.start()
        self._looked = self._clock()

    def _place(self, consumer: KafkaConsumer, positions: Positions, partitions: Collection[int] | None) -> list[int]:
        """Have the consumer read these partitions from their positions on, and the others not; returns which.

        One that the topic does not reach (it lost messages) is left alone until it does."""
        tracked = {TopicPartition(self._address.topic, p) for p in self._end}
        if consumer.assignment() != tracked:  # the first time, and when partitions were added
            consumer.assign(sorted(tracked))
            self._at.clear()
        chosen = sorted(self._end if partitions is None else set(self._end) & set(partitions))
        for p in chosen:
            offset = max(positions.get(p, 0), self._start.get(p, 0))
            if self._at.get(p) == offset and p not in self._beyond:
                continue
            self._at[p] = offset
            self._waiting[p] = deque()
            if offset > self._end[p]:
                self._beyond.add(p)
            else:
                self._beyond.discard(p)
                consumer.seek(TopicPartition(self._address.topic, p), offset)
        idle = {tp for tp in tracked if tp.partition not in chosen or tp.partition in self._beyond}
        paused = set(consumer.paused())
        consumer.pause(*(idle - paused))
        consumer.resume(*(paused - idle))
        return chosen

    def _missing(self, consumer: KafkaConsumer, chosen: Sequence[int]) -> dict[int, int]:
        """Of these partitions those that have messages which were not fetched yet, and from where on."""
        found = {}
        for p in chosen:
            at, end = self._at[p], self._end[p]
            if not self._waiting[p] and at < end:
                # The consumer also passes what is not for us: marks of transactions, aborted messages.
                position = consumer.position(TopicPartition(self._address.topic, p), timeout_ms=1000)
                if max(at, position or 0) < end:
                    found[p] = at
        return found

    def _fetch(self, consumer: KafkaConsumer, wait: float, limit: int) -> bool:
        """Fetch once; whether anything came."""
        found = consumer.poll(timeout_ms=int(wait * 1000), max_records=limit)
        for tp, records in found.items():
            waiting = self._waiting.setdefault(tp.partition, deque())
            # The consumer goes back to the start by itself when the topic lost what it was about to read.
            waiting.extend(_message(r) for r in records if r.offset >= self._at.get(tp.partition, 0))
        return bool(found)

    def _enough(self, chosen: Sequence[int], limit: int, max_bytes: int) -> bool:
        held = [message for p in chosen for message in self._waiting[p]]
        return len(held) >= limit or sum(_size(m) for m in held) >= max_bytes

    def _take(self, chosen: Sequence[int], limit: int, max_bytes: int) -> list[Message]:
        """Take from the partitions in turn, another one first each time."""
        found: list[Message] = []
        held = 0
        self._turn += 1
        for n in range(len(chosen)):
            waiting = self._waiting[chosen[(self._turn + n) % len(chosen)]]
            while waiting and len(found) < limit:
                held += _size(waiting[0])
                if found and held > max_bytes:
                    return found
                message = waiting.popleft()
                self._at[message.partition] = message.offset + 1
                found.append(message)
        return found


def _message(record: Any) -> Message:
    return Message(
        partition=record.partition,
        offset=record.offset,
        key=(record.key or b"").decode("utf-8", "replace"),
        value=record.value or b"",
        headers={name: (value or b"").decode("utf-8", "replace") for name, value in record.headers},
        appended_at=_EPOCH + timedelta(milliseconds=record.timestamp),
    )


def _size(message: Message) -> int:
    return len(message.value) + len(message.key)
