"""Messages into a topic: idempotent, acknowledged by all replicas in sync, compressed with zstd."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka

from connectors.queue import Outgoing, QueueError
from connectors.queue.kafka.address import Address
from connectors.queue.kafka.errors import in_our_words, translated

BATCH_BYTES = 256 * 1024
"""Of one partition in one request, before compression; a larger message goes alone."""


class Writer:
    """Appends to one topic. A producer that failed is thrown away: what it still had in its buffers, its caller appends
    again."""

    def __init__(self, settings: dict[str, Any], address: Address):
        self._settings = settings
        self._address = address
        self._producer: KafkaProducer | None = None

    def append(self, messages: Sequence[Outgoing]) -> None:
        """Return when all of them are there. Raises ``QueueError`` and ``QueueUnavailable``; then some may be there."""
        try:
            self._append(messages)
        except BaseException:
            self.close(wait=False)
            raise

    def close(self, *, wait: bool = True) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(kafka.KafkaError):
                producer.close(timeout=self._address.patience if wait else 0)

    def _append(self, messages: Sequence[Outgoing]) -> None:
        with in_our_words(self._address):
            if self._producer is None:
                self._producer = self._open()
            producer = self._producer
            sent = [
                producer.send(
                    self._address.topic,
                    key=message.key.encode(),
                    value=message.value,
                    headers=[(name, value.encode()) for name, value in message.headers.items()],
                )
                for message in messages
            ]
            producer.flush(timeout=self._address.patience + 5.0)
        failed = [future.exception for future in sent if future.exception is not None]
        # One line of advice is worth more than "try again", which may be said of the same request's other batches.
        told = [translated(error, self._address) for error in failed]
        for error in sorted(told, key=lambda e: not isinstance(e, QueueError)):
            raise error
        if not all(future.succeeded() for future in sent):
            raise translated(kafka.KafkaTimeoutError("not all messages were acknowledged"), self._address)

    def _open(self) -> KafkaProducer:
        milliseconds = int(self._address.patience * 1000)
        return KafkaProducer(
            **self._settings
            | {
                "acks": "all",
                "enable_idempotence": True,
                "compression_type": "zstd",
                "allow_auto_create_topics": False,
                "linger_ms": 20,  # for what is sent in one append; flush() ends the wait
                "batch_size": BATCH_BYTES,
                "max_request_size": self._address.max_message_bytes + 2 * BATCH_BYTES,
                "max_block_ms": milliseconds,
                "delivery_timeout_ms": milliseconds,
                "request_timeout_ms": max(milliseconds - 1000, 1000) // 2,
            }
        )
