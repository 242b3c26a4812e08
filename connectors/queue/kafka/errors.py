"""What kafka-python raises, as the queue's contract has it: wait and try again, or one line of advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kafka import errors as kafka
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from connectors.queue import QueueError, QueueUnavailable
from connectors.queue.kafka.address import Address

T = TypeVar("T")

ADVICE: dict[type[kafka.KafkaError], str] = {
    kafka.SaslAuthenticationFailedError: "the brokers refuse the user or the password",
    kafka.UnsupportedSaslMechanismError: "the brokers do not know this mechanism: try another mechanism=",
    kafka.IllegalSaslStateError: "the brokers do not expect SASL here: check security= and the port",
    kafka.TopicAuthorizationFailedError: "this user may not use the topic: ask for read, write and describe on it",
    kafka.GroupAuthorizationFailedError: "this user may not use the topic's groups: ask for read on the prefix TOPIC/",
    kafka.ClusterAuthorizationFailedError: "this user may not do that: let an administrator make the topic",
    kafka.InvalidTopicError: "the brokers refuse the topic's name",
    kafka.UnknownTopicOrPartitionError: "there is no such topic (any more)",
    kafka.InvalidReplicationFactorError: "there are fewer brokers than replicas: set replication=N",
    kafka.InvalidPartitionsError: "the brokers refuse the number of partitions",
    kafka.InvalidConfigurationError: "the brokers refuse the topic's settings",
    kafka.PolicyViolationError: "a policy of the cluster refuses the topic: let an administrator make it",
    kafka.MessageSizeTooLargeError: "a message is larger than the topic takes: raise its max.message.bytes",
    kafka.RecordListTooLargeError: "messages are larger than the brokers' segments",
    kafka.UnsupportedVersionError: "the brokers are too old for this: use Kafka 2.4 or newer",
    kafka.KafkaConfigurationError: "the client can't be set up so",
}
"""Errors that another try does not mend, and what to do."""


@contextmanager
def in_our_words(address: Address) -> Iterator[None]:
    """Raise ``QueueError`` or ``QueueUnavailable`` for whatever kafka-python raises inside."""
    try:
        yield
    except kafka.KafkaError as e:
        raise translated(e, address) from e
    except ValueError as e:  # a security setting that the client does not take: a damaged certificate, a missing codec
        raise QueueError(f"{address}: {_brief(e)}") from e
    except OSError as e:
        raise QueueUnavailable(f"{address}: {e.strerror or e}") from e


def translated(error: BaseException, address: Address) -> QueueError | QueueUnavailable:
    """What to raise for this error."""
    for cls, advice in ADVICE.items():
        if isinstance(error, cls):
            return QueueError(f"{address}: {advice} ({type(error).__name__})")
    if "bootstrap" in str(error):
        return QueueUnavailable(
            f"no Kafka answers at {', '.join(address.servers)} with security={address.security} within "
            f"{address.patience:.0f} s: is it running, are hosts, security= and ca= right?"
        )
    return QueueUnavailable(f"{address}: the brokers can't do it now: {_brief(error)}")


def patiently(call: Callable[[], T], address: Address) -> T:
    """What ``call`` gives; tried again, up to the address' timeout, while the brokers say that it may work later."""
    attempts = Retrying(
        retry=retry_if_exception_type(kafka.RetriableError),
        stop=stop_after_delay(address.patience),
        wait=wait_exponential(multiplier=0.05, max=1.0),
        reraise=True,
    )
    with in_our_words(address):
        return attempts(call)


def _brief(error: BaseException) -> str:
    """The error in one short line. (Some hold the whole request.)"""
    name, told = type(error).__name__, " ".join(str(error).split())
    return told[:160] if told.startswith(name) else f"{name} {told[:160]}".strip()
