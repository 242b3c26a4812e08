"""A Kafka topic as the queue: ``address`` says how its URL is read, ``queue`` is the queue itself."""

from connectors.queue.kafka.address import Address, parse_url
from connectors.queue.kafka.queue import KafkaQueue

__all__ = ["Address", "KafkaQueue", "parse_url"]
