"""The queue between connectors and pipeline: a small contract that an embedded file and Kafka both honour.
Every implementation passes tests/connectors/queue/test_contract.py.

A queue has one or more partitions; in each, messages have growing offsets and are kept until they are both consumed by
every group and older than the retention. (Kafka's retention does not wait for groups: see connectors/queue/kafka.) A
reader says from which positions it reads, and commits to a group how far it is done with; the commit serves
back-pressure, retention and monitoring (the truth about what is done is the warehouse's ``progress``). Delivery is
at-least-once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from schemas import wire
from schemas.errors import Unavailable, Unusable
from schemas.fetched import fetched
from schemas.records import Failure, Fetched

Positions = Mapping[int, int]
"""Partition -> offset of the next message."""


class QueueError(Unusable, ValueError):
    """There is no queue to be had here (a wrong URL, a file that is none of ours); one line that says what to do."""


class QueueFull(Unavailable):
    """The queue holds as much as it may: wait and append again. Nothing of the batch was appended."""


class QueueUnavailable(Unavailable):
    """The brokers, or the store of large bodies, can't be reached or are not able to: wait and do it again."""


@dataclass(frozen=True)
class Credentials:
    """Who we are to the brokers. Never part of a URL, nor of a log."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Outgoing:
    """A message to append. Messages of one ``key`` (the site) keep their order."""

    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """A message as read. ``failure``: why ``value`` is only the claim of a body that could not be had."""

    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    appended_at: datetime
    failure: Failure | None = None


@dataclass(frozen=True)
class DeadLetter:
    """A message that is no item, and why."""

    message: Message
    failure: Failure


class Queue(Protocol):
    """See the module's docstring. Safe to use from several processes; an instance is used by one thread at a time.

    All methods raise ``QueueUnavailable`` when the queue is elsewhere and can't be reached for a while.
    """

    channel: str
    """A stable name of this queue, the same from every process: ``Progress.channel``."""
    warnings: Sequence[str]
    """What of a queue that was there does not suit its promises, and what to do: lines for the operator."""

    def append(self, messages: Sequence[Outgoing]) -> Positions:
        """Append the messages; on return all of them survive a power cut. Returns the end positions.

        Raises ``QueueFull`` before any is appended. After another error, or a kill, some may be there: append all of
        them again (their fetch ids are functions of content, so a second delivery changes nothing)."""

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
        Waits up to ``timeout`` seconds for the first; an empty list when none came, and then there was none."""

    def start(self) -> Positions:
        """The first offset that is still kept, for each partition."""

    def end(self) -> Positions:
        """The offset that the next message will get, for each partition."""

    def positions_at(self, at: datetime) -> Positions:
        """Of each partition the first message that was appended at this time or later; the end where there is none."""

    def held_bytes(self) -> int | None:
        """What the messages take up, as the queue counts it; None where it is not told."""

    def commit(self, group: str, positions: Positions) -> None:
        """Record durably that ``group`` is done with everything before these positions. Never moves backwards."""

    def rewind(self, group: str, positions: Positions) -> None:
        """Record that ``group`` is to read again from these positions on; for one that never committed, nothing."""

    def committed(self, group: str) -> Positions:
        """What was committed; empty for a group that never did."""

    def groups(self) -> list[str]:
        """The groups that ever committed."""

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Copy messages that are no items, as they are, to where an operator's own tools find them, if there is such a
        place (Kafka's dead-letter topic). May be repeated; durable on return."""

    def trim(self, now: datetime) -> int:
        """Drop what all groups are done with and what is older than the retention; returns how many messages."""

    def close(self) -> None: ...


def open_queue(url: str, credentials: Credentials | None = None, *, create: bool = True) -> Queue:
    """Return the queue at ``url``, made if it is not there.

    ``sqlite:///path?max_bytes=2GB&max_messages=1000000&retention=7d`` (a relative path; one more slash for an absolute
    one) or ``kafka://host:port[,host:port]/topic?options`` (connectors/queue/kafka/address.py). Either with
    ``blobs=URL``: where bodies of large messages are kept (connectors/queue/claims.py). Raises ``QueueError`` for a
    URL, a file, a topic that is none of ours, or (without ``create``, on Kafka) is not there.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in ("sqlite", "kafka"):
        raise QueueError(f"unknown queue {url!r}: use sqlite:///path or kafka://host:port/topic")
    from connectors.queue.claims import ClaimCheck, split_url

    rest, claims = split_url(url)
    if scheme == "sqlite":
        from connectors.queue.sqlite import SQLiteQueue

        file = SQLiteQueue(rest)
        return ClaimCheck(file, claims) if claims.blobs else file
    from connectors.queue.kafka import KafkaQueue, parse_url

    topic = KafkaQueue(parse_url(rest), credentials or Credentials(), create=create)
    return ClaimCheck(topic, claims, topic.largest)


def unreadable(message: Message) -> Failure | None:
    """Why a message is no item; None if it is one."""
    if message.failure is not None:
        return message.failure
    try:
        wire.decode_as(Fetched, message.value)
    except wire.WireError as e:
        return Failure(reason="bad_message", detail=str(e))
    return None


def read_fetched(message: Message, channel: str) -> Fetched:
    """The item in a message; one that can't be read is an item too, whose failure says why."""
    if (failure := unreadable(message)) is None:
        return wire.decode_as(Fetched, message.value)
    return fetched(source="queue", failure=failure, body=message.value, position=place(message, channel))


def place(message: Message, channel: str) -> str:
    """Where the message is, in words."""
    return f"{channel}/{message.partition}:{message.offset}"
