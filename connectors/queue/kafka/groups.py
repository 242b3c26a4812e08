"""Offsets: of the topic's partitions, and what groups of readers committed.

A group is a consumer group of Kafka without members, named ``TOPIC/GROUP``: what Kafka's own tools and exporters show
as its lag is the queue's lag. The brokers forget a group that has not committed for a week (their
``offsets.retention.minutes``); the truth about what is done is the warehouse's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kafka import IsolationLevel, KafkaAdminClient, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka
from kafka.admin import OffsetSpec

from connectors.queue import QueueError
from connectors.queue.kafka.address import Address
from connectors.queue.kafka.errors import patiently


class Offsets:
    """Asks and tells the brokers through ``admin``."""

    def __init__(self, admin: KafkaAdminClient, address: Address):
        self._admin = admin
        self._address = address

    def partitions(self) -> list[int]:
        """The numbers of the topic's partitions, as they are now."""

        def ask() -> list[int]:
            (found,) = self._admin.describe_topics([self._address.topic])
            if found["error_code"]:
                raise kafka.for_code(found["error_code"])()
            return sorted(p["partition_index"] for p in found["partitions"])

        return patiently(ask, self._address)

    def start(self) -> dict[int, int]:
        return self._listed(OffsetSpec.EARLIEST)

    def end(self) -> dict[int, int]:
        return self._listed(OffsetSpec.LATEST)

    def at(self, at: datetime) -> dict[int, int]:
        """The first offset of this time or later, the end where there is none."""
        found, end = self._listed(int(at.timestamp() * 1000)), self.end()
        return {p: found[p] if found.get(p, -1) >= 0 else last for p, last in end.items()}

    def committed(self, group: str) -> dict[int, int]:
        name = self._name(group)
        found = patiently(lambda: self._admin.list_group_offsets({name: None}), self._address).get(name) or {}
        return {
            tp.partition: known.offset
            for tp, known in found.items()
            if tp.topic == self._address.topic and known.offset >= 0
        }

    def commit(self, group: str, positions: Mapping[int, int]) -> None:
        """As given, be it backwards."""
        if not positions:
            return
        offsets = {
            TopicPartition(self._address.topic, p): OffsetAndMetadata(offset, "", -1) for p, offset in positions.items()
        }

        def tell() -> None:
            answers = self._admin.alter_group_offsets(self._name(group), offsets)
            for error in answers.values():
                if error is not kafka.NoError:
                    raise error()

        patiently(tell, self._address)

    def groups(self) -> list[str]:
        prefix = self._name("")
        listed = patiently(self._admin.list_groups, self._address)
        names = sorted(g["group_id"].removeprefix(prefix) for g in listed if g["group_id"].startswith(prefix))
        return [name for name in names if self.committed(name)]

    def held_bytes(self) -> int | None:
        """Of one replica of each partition, the largest that a broker tells of; None if this user is not told."""
        topic = self._address.topic
        try:
            answers = patiently(lambda: self._admin.describe_log_dirs([topic]), self._address)
        except QueueError:
            return None
        sizes: dict[int, int] = {}
        for log_dir in (log_dir for broker in answers for log_dir in broker["log_dirs"]):
            for p in (p for found in log_dir["topics"] if found["name"] == topic for p in found["partitions"]):
                number = p["partition_index"]
                sizes[number] = max(sizes.get(number, 0), p["partition_size"])
        return sum(sizes.values())

    def _listed(self, spec: OffsetSpec | int) -> dict[int, int]:
        wanted = {TopicPartition(self._address.topic, p): spec for p in self.partitions()}
        level = IsolationLevel.READ_COMMITTED  # what a reader can get: an open transaction of others holds it up
        found = patiently(lambda: self._admin.list_partition_offsets(wanted, isolation_level=level), self._address)
        return {tp.partition: known.offset for tp, known in found.items() if known is not None}

    def _name(self, group: str) -> str:
        return f"{self._address.topic}/{group}"
