"""The stream as a job on a cluster: the queue as an endless source, and the same graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.queue import DeadLetter, Message, Queue, open_queue, read_fetched
from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli.dead_letters import bury
from pipeline.cli.doors import now, the_queue, warehouse_opener
from pipeline.cli.settings import Settings, StreamSettings, load_settings
from pipeline.cli.steps import steps

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.graph import Steps

PATIENCE = 7 * 86400.0
"""Seconds for which a batch on a cluster waits for the warehouse. Meanwhile nothing is read, and nothing is lost."""
UNREADABLE = "queue"
"""The source of items that ``read_fetched`` made of what is none."""


@dataclass(frozen=True)
class OpenQueue:
    """Opens the queue in a worker. Who we are to the brokers is no part of a job: the worker's own settings say it."""

    url: str

    def __call__(self) -> Queue:
        return open_queue(self.url, load_settings(None, {}).kafka.credentials)


@dataclass(frozen=True)
class Positions:
    """Where a new job begins in a channel: what the warehouse has."""

    open_warehouse: OpenWarehouse

    def __call__(self, channel: str) -> dict[int, int]:
        with self.open_warehouse().hold() as warehouse:
            return {p.partition: p.position for p in warehouse.progress(channel)}


@dataclass(frozen=True)
class Stream:
    """Adds all steps to a pipeline."""

    open_queue: OpenQueue
    channel: str
    open_warehouse: OpenWarehouse
    steps: Steps
    settings: StreamSettings

    def __call__(self, pipeline: beam.Pipeline) -> None:
        from pipeline import graph
        from pipeline.settle import Settler
        from pipeline.source import Reading, ReadQueue

        reading = Reading(group=self.settings.group)
        source = ReadQueue(self.channel, self.open_queue, as_item, Positions(self.open_warehouse), reading)
        settler = Settler(self.open_warehouse, self.channel, self.steps.settling, now, PATIENCE)
        graph.build(pipeline | "ReadQueue" >> source, self.steps, settler)


def as_item(message: Message, queue: Queue) -> Item:
    """A message as the graph takes it. One that is no item becomes a reject, and is copied to the queue's dead letters:
    again each time that it is read again."""
    found = read_fetched(message, queue.channel)
    if found.source == UNREADABLE and found.failure is not None:
        bury(queue, [DeadLetter(message, found.failure)])
    return Item(found, message.offset + 1, message.partition)


def the_stream(settings: Settings, queue_url: str | None, warehouse_url: str | None) -> Stream:
    """The job. Queue and warehouse are made if they are not there."""
    url = queue_url or settings.queue
    queue = the_queue(url, settings.kafka.credentials)
    try:
        channel = queue.channel
    finally:
        queue.close()
    opener = warehouse_opener(warehouse_url or settings.warehouse)
    return Stream(OpenQueue(url), channel, opener, steps(settings), settings.stream)
