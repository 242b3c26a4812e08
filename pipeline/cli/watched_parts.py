"""The metrics and the health of ``wiredesk up``: those of its parts, at one address.

Each part answers at a socket in a folder that only this user can enter. What all processes have by the same name
(memory, file descriptors) gets a label that names the part; wiredesk's own metrics are of one part each.
"""

from __future__ import annotations

import http.client
import pathlib
import socket
from collections.abc import Iterable, Iterator, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pipeline.cli.metrics import ALL, Metrics, definitions
from pipeline.cli.supervision import Part
from pipeline.cli.watching import UNIX, Health

ANSWER_SECONDS = 3.0
OWN = "wiredesk_"
"""Begins the names of our own metrics."""


class WatchedParts:
    """As ``watching.served`` wants it. Called from several threads."""

    def __init__(self, parts: Sequence[Part], folder: pathlib.Path, metrics: Metrics, health: Health):
        self._parts, self._folder, self._metrics, self._health = parts, folder, metrics, health

    def text(self) -> bytes:
        merged: dict[str, Family] = {}
        for part in self._parts:
            self._metrics.raise_to("wiredesk_part_restarts_total", max(0, part.starts - 1), part=part.name)
            said = self._ask(part, "/metrics")
            up = said is not None and said[0] == 200
            self._metrics.set("wiredesk_part_up", up, part=part.name)
            for family in text_string_to_metric_families(said[1]) if said is not None and up else ():
                _merge(merged, family, part.name)
        for family in self._metrics.registry.collect():
            _merge(merged, family, self._metrics.part)
        return prometheus_client.generate_latest(_Families(list(merged.values())))

    def dead(self) -> list[str]:
        """A part that is between two starts is the supervisor's to start again."""
        return [*self._health.dead(), *self._wrong("/healthz", running_only=True)]

    def unready(self) -> list[str]:
        return [*self._health.dead(), *self._wrong("/readyz", running_only=False)]

    def _wrong(self, path: str, running_only: bool) -> Iterator[str]:
        for part in self._parts:
            said = self._ask(part, path)
            if said is None:
                if not running_only:
                    yield f"{part.name}: does not answer"
            elif said[0] != 200:
                yield from (f"{part.name}: {line}" for line in said[1].splitlines())

    def _ask(self, part: Part, path: str) -> tuple[int, str] | None:
        """Status and text; None without an answer."""
        connection = _Connection(socket_of(self._folder, part.name))
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def socket_of(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Where the part of this name answers."""
    return folder / f"{name}.socket"


def address_of(folder: pathlib.Path, name: str) -> str:
    """The same for its ``--metrics``."""
    return f"{UNIX}{socket_of(folder, name)}"


def _merge(into: dict[str, Family], family: Family, part: str) -> None:
    """Add a part's family of metrics."""
    shared = not family.name.startswith(OWN) or (
        family.name in definitions() and definitions()[family.name].part == ALL
    )
    found = into.setdefault(family.name, Family(family.name, family.documentation, family.type))
    for sample in family.samples:
        labels = {**sample.labels, "part": part} if shared else sample.labels
        found.samples.append(Sample(sample.name, labels, sample.value, sample.timestamp, sample.exemplar))


class _Families(CollectorRegistry):
    """Families of metrics to be written out."""

    def __init__(self, families: Iterable[Family]):
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is a file."""

    def __init__(self, path: pathlib.Path):
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
