"""A Beam coder for each record, so that what Beam shuffles and stores in state is the wire format, not a pickle."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from schemas import records, wire


class RecordCoder(beam.coders.Coder):
    """Codes one type of record; deterministic, so that records can be grouping keys and state."""

    def __init__(self, cls: type[records.Record]):
        self.cls = cls

    def encode(self, value: records.Record) -> bytes:
        return wire.encode(value)

    def decode(self, encoded: bytes) -> records.Record:
        return wire.decode_as(self.cls, encoded)

    def is_deterministic(self) -> bool:
        return True

    def to_type_hint(self) -> Any:
        return self.cls

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.cls is other.cls

    def __hash__(self) -> int:
        return hash((type(self), self.cls))

    def __repr__(self) -> str:
        return f"RecordCoder({self.cls.__name__})"

    @staticmethod
    def from_type_hint(hint: Any, registry: Any) -> Any:
        return RecordCoder(hint)


def register() -> None:
    """Tell Beam of the coders; harmless when repeated. The graph calls it before it is built."""
    for cls in wire.KINDS.values():
        beam.coders.registry.register_coder(cls, RecordCoder)
