"""A small stream for tests of the source and the cluster: each message is noted in a table of PostgreSQL, by one keyed
step that writes a bundle in one transaction, as wiredesk's own does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import psycopg
from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from connectors.queue import Message, Queue, open_queue
from pipeline.source import Reading, ReadQueue

TABLE = """
CREATE TABLE IF NOT EXISTS noted (
    partition int, position bigint, value text, version text, written int DEFAULT 1, at timestamptz DEFAULT now(),
    PRIMARY KEY (partition, position)
)
"""
UPSERT = """
INSERT INTO noted (partition, position, value, version) VALUES (%s, %s, %s, %s)
ON CONFLICT (partition, position) DO UPDATE SET written = noted.written + 1
"""


@dataclass(frozen=True)
class Open:
    """Opens the queue in a worker."""

    url: str

    def __call__(self) -> Queue:
        return open_queue(self.url)


@dataclass(frozen=True)
class Progress:
    """What the warehouse would say: the position after the last one noted, of each partition."""

    database: str

    def __call__(self, channel: str) -> dict[int, int]:
        with psycopg.connect(self.database) as connection:
            found = connection.execute("SELECT partition, max(position) + 1 FROM noted GROUP BY partition").fetchall()
        return dict(found)


def as_row(message: Message, queue: Queue) -> tuple[int, int, str]:
    return message.partition, message.offset, message.value.decode()


SEEN = beam.DoFn.StateParam(ReadModifyWriteStateSpec("seen", beam.coders.VarIntCoder()))
"""Nothing is kept in it: a step with state is one that gets a key's elements in one place."""


class Note(beam.DoFn):
    """Writes a bundle's rows in one transaction."""

    def __init__(self, database: str, version: str):
        self._database, self._version = database, version

    def setup(self) -> None:
        self._connection = psycopg.connect(self._database, autocommit=True)

    def start_bundle(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def process(self, keyed: tuple[int, tuple[int, int, str]], seen: Any = SEEN) -> None:
        self._rows.append((*keyed[1], self._version))

    def finish_bundle(self) -> None:
        if self._rows:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(UPSERT, self._rows)


@dataclass(frozen=True)
class Stream:
    """Adds the stream's steps to a pipeline. ``source``: the name of the first, on which the state hangs."""

    url: str
    channel: str
    database: str
    version: str = "1"
    source: str = "Read"

    def __call__(self, pipeline: beam.Pipeline) -> None:
        source = ReadQueue(
            self.channel,
            Open(self.url),
            as_row,
            Progress(self.database),
            Reading(look=1.0, retry=0.2, commit=0.5),
        )
        _ = (
            pipeline
            | self.source >> source
            | "OneKey" >> beam.Map(lambda row: (0, row))
            | "Note" >> beam.ParDo(Note(self.database, self.version))
        )


def ship(module: Any) -> None:
    """Let Beam send the module's code to workers that can't import it."""
    cloudpickle.register_pickle_by_value(module)
