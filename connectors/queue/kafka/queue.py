"""The queue on Kafka: one topic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from kafka import KafkaAdminClient

from connectors.queue import Credentials, DeadLetter, Message, Outgoing, Positions, QueueFull, place
from connectors.queue.kafka.address import Address, client_settings
from connectors.queue.kafka.errors import in_our_words
from connectors.queue.kafka.groups import Offsets
from connectors.queue.kafka.reader import Reader
from connectors.queue.kafka.topic import have_topic, objections
from connectors.queue.kafka.writer import Writer

OVERHEAD = 64 * 1024
"""Bytes of a message that are not its value: key, headers, the batch around it. zstd never makes it larger by more."""


class KafkaQueue:
    """See ``connectors.queue.Queue``. Differences that follow from Kafka:

    - Retention is the brokers': what is older is dropped whether it was read or not, so ``trim`` has nothing to do and
      an operator watches the age of what waits (``wiredesk queue status``).
    - Appending is not all or nothing. With ``max_messages`` in the URL the queue is full when as many wait for the
      slowest group.
    - ``channel`` holds the topic's id: it does not depend on the brokers' names, and a topic made anew is another
      queue.
    """

    def __init__(self, address: Address, credentials: Credentials, *, create: bool = True):
        self.address = address
        self._settings = client_settings(address, credentials)
        with in_our_words(address):
            self._admin = KafkaAdminClient(**self._settings)
        try:
            topic, made = have_topic(self._admin, address, create=create)
        except BaseException:
            self._admin.close()
            raise
        self.channel = f"{address.topic}#{topic.topic_id}"
        self.largest = min(topic.max_message_bytes, address.max_message_bytes) - OVERHEAD
        self.warnings: Sequence[str] = (
            () if made else tuple(f"{address}: {line}" for line in objections(topic, address))
        )
        self._offsets = Offsets(self._admin, address)
        self._reader = Reader(self._settings, address, self._offsets)
        self._writer = Writer(self._settings, address)
        self._dead: Writer | None = None

    def append(self, messages: Sequence[Outgoing]) -> Positions:
        if self.address.max_messages:
            self._check_room(len(messages))
        if messages:
            self._writer.append(messages)
        return self.end()

    def read(
        self,
        positions: Positions,
        limit: int,
        max_bytes: int,
        timeout: float,
        partitions: Collection[int] | None = None,
    ) -> list[Message]:
        return self._reader.read(positions, limit, max_bytes, timeout, partitions)

    def start(self) -> Positions:
        return self._offsets.start()

    def end(self) -> Positions:
        return self._offsets.end()

    def positions_at(self, at: datetime) -> Positions:
        return self._offsets.at(at)

    def held_bytes(self) -> int | None:
        return self._offsets.held_bytes()

    def commit(self, group: str, positions: Positions) -> None:
        known = self._offsets.committed(group)
        self._offsets.commit(group, {p: at for p, at in positions.items() if at > known.get(p, -1)})

    def rewind(self, group: str, positions: Positions) -> None:
        known = self._offsets.committed(group)
        self._offsets.commit(group, {p: at for p, at in positions.items() if p in known})

    def committed(self, group: str) -> Positions:
        return self._offsets.committed(group)

    def groups(self) -> list[str]:
        return self._offsets.groups()

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Append them to ``TOPIC.dead`` as they are, with headers that say why and where they lay. A letter buried
        twice says the same place twice."""
        if not letters:
            return
        if self._dead is None:
            address = self.address.dead_letters
            have_topic(self._admin, address, create=True)
            self._dead = Writer(self._settings, address)
        self._dead.append([_outgoing(letter, self.channel) for letter in letters])

    def trim(self, now: datetime) -> int:
        return 0

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
        if self._dead is not None:
            self._dead.close()
        self._admin.close()

    # -- inside --

    def _check_room(self, count: int) -> None:
        """Raise ``QueueFull`` if so many more would not fit. A queue in which nothing waits takes any batch."""
        start, end = self.start(), self.end()
        committed = [self.committed(group) for group in self.groups()]
        waiting = 0
        for p, last in end.items():
            first = start.get(p, 0)
            waiting += last - max(first, min((c.get(p, first) for c in committed), default=first))
        if waiting and waiting + count > self.address.max_messages:
            raise QueueFull(
                f"{self.address} holds {waiting:,} messages that are not processed yet "
                f"(max_messages={self.address.max_messages:,}): wait for the reader, or raise max_messages"
            )


def _outgoing(letter: DeadLetter, channel: str) -> Outgoing:
    message = letter.message
    headers = dict(message.headers) | {
        "dead-reason": letter.failure.reason,
        "dead-detail": letter.failure.detail[:1000],
        "dead-position": place(message, channel),
        "dead-appended-at": message.appended_at.isoformat(),
    }
    return Outgoing(message.key, message.value, headers)
