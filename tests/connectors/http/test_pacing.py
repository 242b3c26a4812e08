"""How many requests a host gets, and how far apart; time is the tests' own."""

from __future__ import annotations

import asyncio
import heapq

import pytest

from connectors.http import HostGate, Pacing


class Time:
    """A clock that moves to the next sleeper's hour when everybody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self._sleepers = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, id(woken), woken))
        await woken

    async def run(self, *jobs):
        """Run the jobs to their end."""
        tasks = [asyncio.ensure_future(job) for job in jobs]
        while not all(task.done() for task in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers:
                self.now, _, woken = heapq.heappop(self._sleepers)
                if not woken.done():
                    woken.set_result(None)
        return [task.result() for task in tasks]

    def gate(self, **pacing):
        return HostGate(Pacing(**pacing), clock=self.clock, sleep=self.sleep)


@pytest.fixture
def time():
    return Time()


class Requests:
    """Requests through a gate: (host, when it began), and how many there were at once."""

    def __init__(self, time, gate, takes=0.0):
        self.time, self.gate, self.takes = time, gate, takes
        self.starts = []
        self.at_once = {}
        self.most = {}

    async def one(self, host, delay=None):
        async with self.gate.slot(host, delay):
            self.starts.append((host, self.time.now - 1000))
            self.at_once[host] = self.at_once.get(host, 0) + 1
            self.most[host] = max(self.most.get(host, 0), self.at_once[host])
            await self.time.sleep(self.takes)
            self.at_once[host] -= 1


async def test_requests_to_a_host_start_a_delay_apart(time):
    requests = Requests(time, time.gate(delay=2.0))
    await time.run(*(requests.one("a") for _ in range(4)))
    assert requests.starts == [("a", 0), ("a", 2), ("a", 4), ("a", 6)]


async def test_a_host_has_no_more_requests_at_a_time_than_allowed(time):
    requests = Requests(time, time.gate(delay=0.0, concurrency=3), takes=10.0)
    await time.run(*(requests.one("a") for _ in range(9)))
    assert requests.most == {"a": 3}
    assert [at for _, at in requests.starts] == [0, 0, 0, 10, 10, 10, 20, 20, 20]


async def test_hosts_do_not_wait_for_each_other(time):
    requests = Requests(time, time.gate(delay=5.0), takes=1.0)
    await time.run(*(requests.one(host) for host in "abcabc"))
    assert sorted(requests.starts) == [(host, at) for host in "abc" for at in (0, 5)]


async def test_a_longer_crawl_delay_is_kept_and_a_shorter_one_is_not(time):
    requests = Requests(time, time.gate(delay=2.0))
    await time.run(requests.one("a", 30.0), requests.one("a", 30.0), requests.one("b", 0.1), requests.one("b", 0.1))
    assert sorted(requests.starts) == [("a", 0), ("a", 30), ("b", 0), ("b", 2)]


async def test_a_delay_beyond_measure_is_cut(time):
    requests = Requests(time, time.gate(max_delay=60.0))
    await time.run(requests.one("a", 86400.0), requests.one("a"))
    assert requests.starts == [("a", 0), ("a", 60)]


async def test_a_host_on_hold_waits_and_says_how_long(time):
    gate = time.gate(delay=0.0, max_delay=100.0)
    gate.hold("a", 40.0)
    gate.hold("a", 10.0)
    assert (gate.ready_in("a"), gate.ready_in("b")) == (40.0, 0.0)
    requests = Requests(time, gate)
    await time.run(requests.one("a"), requests.one("b"))
    assert sorted(requests.starts) == [("a", 40), ("b", 0)]
    gate.hold("a", 10_000.0)
    assert gate.ready_in("a") == 100.0


async def test_a_hold_stops_those_who_are_waiting_already(time):
    gate = time.gate(delay=1.0)

    async def asks_for_a_break():
        async with gate.slot("a"):
            await asyncio.sleep(0)
            gate.hold("a", 20.0)

    requests = Requests(time, gate)
    await time.run(asks_for_a_break(), requests.one("a"))
    assert requests.starts == [("a", 20)]


async def test_who_gives_up_or_fails_leaves_the_turn_to_others(time):
    gate = time.gate(delay=1.0, concurrency=1)
    requests = Requests(time, gate)

    async def fails():
        with pytest.raises(ValueError, match="on the way"):
            async with gate.slot("a"):
                raise ValueError("on the way")

    waiting = asyncio.ensure_future(requests.one("a"))
    await asyncio.sleep(0)
    waiting.cancel()
    await time.run(fails(), requests.one("a"))
    assert [host for host, _ in requests.starts][-1] == "a"


async def test_hosts_that_nobody_waits_for_are_forgotten(time):
    gate = time.gate(delay=1.0)
    requests = Requests(time, gate)
    for n in range(5 * gate.SWEEP):
        await time.run(requests.one(f"host {n}"))
        time.now += 2.0
    assert gate.remembered <= gate.SWEEP
