"""Which partitions of a channel go first when they are behind."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.abreast import BEHIND, LOST, TOGETHER, Abreast

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def abreast(clock):
    return Abreast(clock, lambda: NOW)


def minutes_ago(n: int) -> datetime:
    return NOW - timedelta(minutes=n)


def test_the_partitions_with_the_oldest_messages_go_first(abreast):
    ages = {0: 5, 1: 30, 2: 10, 3: 20}
    for partition, age in ages.items():
        abreast.is_at("topic", partition, minutes_ago(age))
    waiting = [p for p, age in ages.items() if abreast.should_wait("topic", p, minutes_ago(age))]
    assert TOGETHER == 2
    assert waiting == [0, 2]


def test_of_those_that_are_as_old_the_first_ones_go_first(abreast):
    for partition in range(4):
        abreast.is_at("topic", partition, minutes_ago(5))
    assert [abreast.should_wait("topic", p, minutes_ago(5)) for p in range(4)] == [False, False, True, True]


def test_the_next_goes_when_one_before_it_has_come_past_it(abreast):
    for partition, age in ((0, 30), (1, 20)):
        abreast.is_at("topic", partition, minutes_ago(age))
    assert abreast.should_wait("topic", 2, minutes_ago(10))
    abreast.is_at("topic", 0, minutes_ago(9))
    assert not abreast.should_wait("topic", 2, minutes_ago(10))


def test_who_is_up_to_date_never_waits(abreast):
    for partition in range(TOGETHER):
        abreast.is_at("topic", partition, minutes_ago(30))
    assert not abreast.should_wait("topic", 9, NOW - BEHIND + timedelta(milliseconds=1))
    assert abreast.should_wait("topic", 9, NOW - BEHIND)


def test_nobody_waits_for_a_partition_that_has_nothing(abreast):
    for partition in range(TOGETHER):
        abreast.is_at("topic", partition, minutes_ago(30))
    abreast.has_none("topic", 0)
    abreast.has_none("topic", 7)
    assert not abreast.should_wait("topic", 9, minutes_ago(10))


def test_nobody_waits_for_a_partition_that_is_read_elsewhere(abreast, clock):
    for partition in range(TOGETHER):
        abreast.is_at("topic", partition, minutes_ago(30))
    clock.seconds = LOST - 1
    assert abreast.should_wait("topic", 9, minutes_ago(10))
    clock.seconds = LOST
    assert not abreast.should_wait("topic", 9, minutes_ago(10))


def test_channels_do_not_wait_for_each_other(abreast):
    for partition in range(TOGETHER):
        abreast.is_at("topic", partition, minutes_ago(30))
    assert not abreast.should_wait("other", 9, minutes_ago(10))
