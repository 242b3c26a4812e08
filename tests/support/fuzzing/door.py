"""What a door is, and what all of them share."""

from __future__ import annotations

import pathlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fuzzing.mutate import Change

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://news.example/2026/11/21/feed"
CONTENT_TYPES = (
    None,
    "",
    "text/xml",
    "text/html",
    "application/rss+xml; charset=utf-8",
    "text/html; charset=latin1",
    "x; charset=punycode",
    "text/plain",
    'text/html; charset="utf-16"',
)


@dataclass(frozen=True)
class Door:
    """``modules``: whose lines are counted. ``patience``: seconds of processor time for an input of
    ``mutate.LARGEST`` bytes on a slow and busy machine; ten times what such an input should take."""

    name: str
    run: Callable[[bytes], str]
    samples: Callable[[], Sequence[bytes]]
    modules: tuple[str, ...]
    tokens: tuple[bytes, ...] = ()
    changes: tuple[Change, ...] = ()
    patience: float = 2.0


def of(data: bytes, choices: Sequence[Any]) -> Any:
    """One of them, always the same for the same input."""
    return choices[zlib.crc32(data) % len(choices)]


def words(text: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in text.split())
