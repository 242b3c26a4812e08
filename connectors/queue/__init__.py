"""The queue between connectors and pipeline: a small contract that an embedded file and Kafka both honour.
Every implementation passes tests/connectors/queue/test_contract.py.

A queue has one or more partitions; in each, messages have growing offsets and are kept until they are both consumed by
every group and older than the retention. A reader says from which positions it reads, and commits to a group how far
it is done with; the commit serves back-pressure, retention and monitoring (the truth about what is done is the
warehouse's ``progress``). Delivery is at-least-once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from connectors.errors import Unavailable, Unusable
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Failure, Fetched

Positions = Mapping[int, int]
"""Partition -> offset of the next message."""


class QueueError(Unusable, ValueError):
    """There is no queue to be had here (a wrong URL, a file that is none of ours); one line that says what to do."""


class QueueFull(Unavailable):
    """The queue holds as much as it may: wait and append again. Nothing of the batch was appended."""


@dataclass(frozen=True)
class Outgoing:
    """A message to append. Messages of one ``key`` (the site) keep their order."""

    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """A message as read."""

    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    appended_at: datetime


class Queue(Protocol):
    """See the module's docstring. Safe to use from several processes; an instance is used by one thread at a time."""

    channel: str
    """A stable name of this queue, the same from every process: ``Progress.channel``."""

    def append(self, messages: Sequence[Outgoing]) -> Positions:
        """Append all of them or none; on return they survive a power cut. Returns the end positions.

        Raises ``QueueFull``."""

    def read(
        self,
        positions: Positions,
        limit: int,
        max_bytes: int,
        timeout: float,
        partitions: Collection[int] | None = None,
    ) -> list[Message]:
        """Up to ``limit`` messages and about ``max_bytes`` (at least one message) from these positions on, in order
        within a partition. Partitions not named are read from their start; with ``partitions`` only those are read.
        Waits up to ``timeout`` seconds for the first; an empty list when none came."""

    def start(self) -> Positions:
        """The first offset that is still kept, for each partition."""

    def end(self) -> Positions:
        """The offset that the next message will get, for each partition."""

    def commit(self, group: str, positions: Positions) -> None:
        """Record durably that ``group`` is done with everything before these positions. Never moves backwards."""

    def committed(self, group: str) -> Positions:
        """What was committed; empty for a group that never did."""

    def groups(self) -> list[str]:
        """The groups that ever committed."""

    def trim(self, now: datetime) -> int:
        """Drop what all groups are done with and what is older than the retention; returns how many messages."""

    def close(self) -> None: ...


def open_queue(url: str) -> Queue:
    """Return the queue at ``url``, made if it is not there.

    ``sqlite:///path?max_bytes=2GB&max_messages=1000000&retention=7d`` (a relative path; one more slash for an absolute
    one). Raises ``QueueError`` for a URL or a file that is none of ours.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme != "sqlite":
        raise QueueError(f"unknown queue {url!r}: use sqlite:///path")
    from connectors.queue.sqlite import SQLiteQueue

    return SQLiteQueue(url)


def read_fetched(message: Message, channel: str) -> Fetched:
    """The item in a message; one that can't be read is an item too, whose failure says why."""
    try:
        return wire.decode_as(Fetched, message.value)
    except wire.WireError as e:
        return fetched(
            source="queue",
            failure=Failure(reason="bad_message", detail=str(e)),
            body=message.value,
            position=f"{channel}/{message.partition}:{message.offset}",
        )
