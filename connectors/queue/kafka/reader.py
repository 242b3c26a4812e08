"""Messages out of a topic, from positions that the caller keeps.

The consumer is assigned all partitions by hand and goes on where it is; it seeks only when the caller's position of a
partition is another one (a restart, a replay, a read that took less). What was fetched and not given yet waits here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
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
        self._start: dict[int, int] = {}
        self._end: dict[int, int] = {}
        self._looked = float("-inf")
        self._turn = 0

    def read(self, positions: Positions, limit: int, max_bytes: int, timeout: float) -> list[Message]:
        """See ``connectors.queue.Queue.read``."""
        with in_our_words(self._address):
            if self._consumer is None:
                self._consumer = self._open()
            consumer = self._consumer
            until = self._clock() + timeout
            if self._clock() - self._looked > LOOK_EVERY:
                self._look()
            self._place(consumer, positions)
            while not self._enough(limit, max_bytes):
                some = any(self._waiting.values())
                left = until - self._clock()
                if not some and left <= 0:
                    self._look()
                    self._place(consumer, positions)
                    missing = self._missing(consumer)
                    if not missing:
                        break
                    if left < -self._address.patience:
                        raise QueueUnavailable(f"{self._address}: there are messages from {missing} on, and none comes")
                wait = GATHER if some else min(max(left, 0.0) or STEP, STEP)
                if not self._fetch(consumer, wait, limit) and some:
                    break
            return self._take(limit, max_bytes)

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

    def _place(self, consumer: KafkaConsumer, positions: Positions) -> None:
        """Have the consumer read each partition from its position on. One that the topic does not reach (it lost
        messages, or these are another topic's positions) is left alone until it does."""
        wanted = {p: max(positions.get(p, 0), first) for p, first in self._start.items()}
        tracked = {TopicPartition(self._address.topic, p) for p in wanted}
        if consumer.assignment() != tracked:  # partitions were added
            consumer.assign(sorted(tracked))
            self._at.clear()
        moved = {p: offset for p, offset in wanted.items() if self._at.get(p) != offset}
        for p, offset in moved.items():
            self._at[p] = offset
            self._waiting[p] = deque()
            consumer.seek(TopicPartition(self._address.topic, p), offset)
        for p, offset in wanted.items():
            tp = TopicPartition(self._address.topic, p)
            beyond = offset > self._end.get(p, 0) and p in moved
            if beyond:
                consumer.pause(tp)
            elif tp in consumer.paused() and offset <= self._end.get(p, 0):
                consumer.seek(tp, offset)
                consumer.resume(tp)

    def _missing(self, consumer: KafkaConsumer) -> dict[int, int]:
        """The partitions that have messages which were not fetched yet, and from where on."""
        found = {}
        for p, end in self._end.items():
            at = self._at.get(p, 0)
            if not self._waiting.get(p) and at < end:
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

    def _enough(self, limit: int, max_bytes: int) -> bool:
        held = [message for waiting in self._waiting.values() for message in waiting]
        return len(held) >= limit or sum(_size(m) for m in held) >= max_bytes

    def _take(self, limit: int, max_bytes: int) -> list[Message]:
        """Take from the partitions in turn, another one first each time."""
        found: list[Message] = []
        held = 0
        partitions = sorted(self._waiting)
        self._turn += 1
        for n in range(len(partitions)):
            waiting = self._waiting[partitions[(self._turn + n) % len(partitions)]]
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
