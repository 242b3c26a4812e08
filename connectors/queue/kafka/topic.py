"""The topic: made with the settings that the queue's promises need, and looked at if it was there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from kafka import KafkaAdminClient
from kafka import errors as kafka
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from connectors.queue import QueueError
from connectors.queue.kafka.address import Address
from connectors.queue.kafka.errors import patiently

SEGMENTS = 7
"""A topic's retention is dropped a segment at a time; in this many parts."""
FOREVER = timedelta(days=10_000)


@dataclass(frozen=True)
class Topic:
    """What the brokers say of a topic."""

    topic_id: str
    partitions: int
    replicas: int
    brokers: int
    settings: Mapping[str, str]

    @property
    def max_message_bytes(self) -> int:
        return int(self.settings.get("max.message.bytes") or 1_048_588)


def have_topic(admin: KafkaAdminClient, address: Address, *, create: bool) -> tuple[Topic, bool]:
    """The topic, and whether it was made now. Raises ``QueueError`` if it is not there and may not be made."""
    found = _look(admin, address)
    if found is not None:
        return found, False
    if not create:
        raise QueueError(f"there is no topic {address}: check the URL, or fill it first (wiredesk poll)")
    brokers = _brokers(admin, address)
    replication = address.replication or min(3, brokers)
    wanted = NewTopic(address.topic, address.partitions, replication, topic_configs=settings_of(address, replication))

    def make() -> bool:
        try:
            admin.create_topics([wanted], timeout_ms=int(address.patience * 1000))
        except kafka.TopicAlreadyExistsError:  # another process was quicker
            return False
        return True

    made = patiently(make, address)

    def look() -> Topic:
        topic = _look(admin, address)
        if topic is None:
            raise kafka.LeaderNotAvailableError()  # it is made but not everywhere yet
        return topic

    return patiently(look, address), made


def settings_of(address: Address, replication: int) -> dict[str, str]:
    """The settings of a topic that is made."""
    retention = int(address.retention.total_seconds() * 1000)
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": str(retention),
        "retention.bytes": "-1",
        # The brokers drop whole segments: without this one, a quiet topic keeps messages a week longer.
        "segment.ms": str(max(retention // SEGMENTS, 60_000)),
        "compression.type": "producer",
        "max.message.bytes": str(address.max_message_bytes),
        "min.insync.replicas": str(address.min_insync or (2 if replication >= 3 else 1)),
        "unclean.leader.election.enable": "false",
        # The broker's clock: times grow within a partition, so that a replay can go by them.
        "message.timestamp.type": "LogAppendTime",
    }
    if replication == 1:
        settings["flush.messages"] = "1"  # no replica to survive a power cut: the disk has to have it
    return settings


def objections(topic: Topic, address: Address) -> Iterator[str]:
    """What of a topic made by others does not suit a queue, a line each with what to do."""
    s = topic.settings
    retention = int(s.get("retention.ms", "-1"))
    wanted = int(address.retention.total_seconds() * 1000)
    if "compact" in s.get("cleanup.policy", ""):
        yield "cleanup.policy=compact drops all but the last item of a site: set cleanup.policy=delete"
    if 0 <= retention < wanted:
        yield f"retention.ms={retention} is shorter than the queue's ({wanted}): set it, or retention= in the URL"
    if int(s.get("retention.bytes", "-1")) >= 0:
        yield "retention.bytes drops messages that may not be read yet: set retention.bytes=-1"
    if s.get("unclean.leader.election.enable") == "true":
        yield "unclean.leader.election.enable=true may lose messages that were acknowledged: set it to false"
    if s.get("message.timestamp.type") != "LogAppendTime":
        yield "message.timestamp.type is the producer's clock: set LogAppendTime, or a replay by time is only near"
    if s.get("compression.type") not in ("producer", "zstd"):
        yield f"compression.type={s.get('compression.type')} makes the brokers compress anew: set producer"
    if topic.replicas == 1 and topic.brokers > 1:
        yield "there is one replica: a broker's disk that fails takes the queue along: set three"
    if topic.replicas == 1 and topic.brokers == 1 and s.get("flush.messages") != "1":
        yield "one replica, and flush.messages is not 1: a power cut may lose what was acknowledged"
    if topic.replicas >= 3 and int(s.get("min.insync.replicas", "1")) < 2:
        yield "min.insync.replicas=1 acknowledges what only one broker has: set 2"
    if topic.max_message_bytes < address.max_message_bytes:
        yield (
            f"max.message.bytes={topic.max_message_bytes} is less than max_message_bytes={address.max_message_bytes}: "
            "larger items go without their bodies, unless blobs=URL says where to keep those"
        )


def _look(admin: KafkaAdminClient, address: Address) -> Topic | None:
    """The topic as the brokers have it; None if there is none."""

    def look() -> Topic | None:
        (found,) = admin.describe_topics([address.topic])
        if found["error_code"] == kafka.UnknownTopicOrPartitionError.errno:
            return None
        if found["error_code"]:
            raise kafka.for_code(found["error_code"])()
        # That the topic is known does not mean that a partition has its leader yet.
        if not found["partitions"] or any(p["leader_id"] < 0 for p in found["partitions"]):
            raise kafka.LeaderNotAvailableError()
        resource = ConfigResource(ConfigResourceType.TOPIC, address.topic)
        settings = admin.describe_configs([resource], config_filter="all")["topic"][address.topic]
        return Topic(
            topic_id=str(found["topic_id"]),
            partitions=len(found["partitions"]),
            replicas=min(len(p["replica_nodes"]) for p in found["partitions"]),
            brokers=_brokers(admin, address),
            settings={name: str(entry["value"]) for name, entry in settings.items()},
        )

    return patiently(look, address)


def _brokers(admin: KafkaAdminClient, address: Address) -> int:
    return len(patiently(admin.describe_cluster, address)["brokers"])
