"""The URL of a Kafka queue, and what is said of one that is wrong. Needs no broker."""

import dataclasses
from datetime import timedelta

import pytest
from kafka import errors

from connectors.queue import Credentials, QueueError, QueueUnavailable, open_queue
from connectors.queue.kafka.address import Address, client_settings, parse_url
from connectors.queue.kafka.errors import translated
from connectors.queue.kafka.topic import Topic, objections, settings_of

SECRET = "correct horse"
PLAIN = Address(("a:9092",), "fetched")


def test_options_are_read():
    found = parse_url(
        "kafka://a:19092,b,[::1]:9094/news.fetched?partitions=6&replication=3&retention=3d&security=SASL_SSL"
        "&mechanism=scram-sha-256&username=desk&timeout=5s&max_message_bytes=2MB"
    )
    assert found.servers == ("a:19092", "b:9092", "[::1]:9094")
    assert (found.topic, found.partitions, found.replication) == ("news.fetched", 6, 3)
    assert (found.security, found.mechanism, found.username) == ("sasl_ssl", "SCRAM-SHA-256", "desk")
    assert (found.retention, found.timeout, found.max_message_bytes) == (
        timedelta(days=3),
        timedelta(seconds=5),
        2 * 10**6,
    )
    assert str(found) == "kafka://a:19092,b:9092,[::1]:9094/news.fetched"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("kafka://", "use kafka://host:port/topic"),
        ("kafka://a:9092", "use kafka://host:port/topic"),
        ("kafka:///fetched", "use kafka://host:port/topic"),
        ("kafka://a:9092/", "no topic's name"),
        ("kafka://a:9092/two/parts", "no topic's name"),
        ("kafka://a:9092/naïve", "no topic's name"),
        ("kafka://a:99999/t", "use host:port"),
        ("kafka://a b/t", "use host:port"),
        ("kafka://a/t?colour=red", "known are partitions, replication"),
        ("kafka://a/t?partitions=0", "above 0"),
        ("kafka://a/t?retention=week", "as in 7d"),
        ("kafka://a/t?security=tls", "use plaintext, ssl, sasl_plaintext or sasl_ssl"),
        ("kafka://a/t?claim_from=much", "as in 2GB"),
        ("kafka://a/t?security=ssl&ca=missing.pem", "ca=missing.pem can't be read"),
        ("kafka://a/t?security=sasl_ssl", "WIREDESK_KAFKA__PASSWORD"),
        ("kafka://a/t?security=sasl_ssl&username=x&password_file=missing", "password_file=missing can't be read"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line(url, says):
    with pytest.raises(QueueError, match=says) as caught:
        open_queue(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", [f"kafka://desk:{SECRET}@a/t", f"kafka://a/t?password={SECRET}"])
def test_a_password_in_a_url_is_refused_without_repeating_it(url):
    with pytest.raises(QueueError, match="holds no") as caught:
        open_queue(url)
    assert SECRET not in str(caught.value)


def test_the_password_comes_from_settings_or_a_file(tmp_path):
    (tmp_path / "password").write_text(SECRET + "\n")
    address = parse_url(f"kafka://a/t?security=sasl_ssl&username=desk&password_file={tmp_path}/password")
    assert client_settings(address, Credentials())["sasl_plain_password"] == SECRET
    settings = client_settings(address, Credentials("other", "given"))
    assert (settings["sasl_plain_username"], settings["sasl_plain_password"]) == ("other", "given")
    assert settings["security_protocol"] == "SASL_SSL"


def test_credentials_are_not_shown():
    assert SECRET not in repr(Credentials("desk", SECRET))


def test_without_security_no_credentials_are_sent():
    assert not [name for name in client_settings(PLAIN, Credentials("desk", SECRET)) if name.startswith("sasl")]


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            errors.KafkaTimeoutError("Unable to bootstrap from ['a:9092']"),
            QueueUnavailable,
            "no Kafka answers at a:9092",
        ),
        (errors.NotEnoughReplicasError(), QueueUnavailable, "can't do it now"),
        (errors.KafkaConnectionError(), QueueUnavailable, "can't do it now"),
        (errors.KafkaStorageError(), QueueUnavailable, "can't do it now"),
        (errors.SaslAuthenticationFailedError(), QueueError, "the user or the password"),
        (errors.TopicAuthorizationFailedError(), QueueError, "may not use the topic"),
        (errors.UnknownTopicOrPartitionError(), QueueError, "no such topic"),
        (errors.MessageSizeTooLargeError(), QueueError, "max.message.bytes"),
        (errors.InvalidReplicationFactorError(), QueueError, "replication=N"),
    ],
)
def test_errors_are_either_to_wait_for_or_to_act_on(error, kind, says):
    told = translated(error, PLAIN)
    assert isinstance(told, kind)
    assert says in str(told)


def as_made(**changed: str) -> Topic:
    return Topic("id", 12, 3, 3, settings_of(PLAIN, 3) | changed)


def test_a_topic_as_it_is_made_suits():
    assert list(objections(as_made(), PLAIN)) == []
    assert list(objections(Topic("id", 12, 1, 1, settings_of(PLAIN, 1)), PLAIN)) == []


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("cleanup.policy", "compact", "set cleanup.policy=delete"),
        ("retention.ms", "60000", "shorter than the queue's"),
        ("retention.bytes", "1000", "set retention.bytes=-1"),
        ("unclean.leader.election.enable", "true", "set it to false"),
        ("message.timestamp.type", "CreateTime", "set LogAppendTime"),
        ("compression.type", "gzip", "set producer"),
        ("min.insync.replicas", "1", "set 2"),
        ("max.message.bytes", "1048588", "less than max_message_bytes"),
    ],
)
def test_a_setting_that_does_not_suit_is_told_with_what_to_do(name, value, says):
    (line,) = objections(as_made(**{name: value}), PLAIN)
    assert says in line


def test_one_replica_is_told_of():
    alone = dataclasses.replace(as_made(), replicas=1)
    assert any("one replica" in line for line in objections(alone, PLAIN))
    unsynced = Topic("id", 12, 1, 1, settings_of(PLAIN, 3))
    assert any("power cut" in line for line in objections(unsynced, PLAIN))


def test_a_single_replica_is_synced_to_the_disk_and_three_need_two():
    assert settings_of(PLAIN, 1)["flush.messages"] == "1"
    assert "flush.messages" not in settings_of(PLAIN, 3)
    assert settings_of(PLAIN, 3)["min.insync.replicas"] == "2"
