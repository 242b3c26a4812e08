"""What a channel gives (a queue, an archive, a replay) and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.records import Fetched


@dataclass(frozen=True)
class Item:
    """A fetched item and the position in its channel after it."""

    fetched: Fetched
    position: int
    partition: int = 0


@dataclass(frozen=True)
class Counts:
    """How many items came, how many of them were new, and how many had to be refused for breaking a step."""

    items: int = 0
    new: int = 0
    refused: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.items + other.items, self.new + other.new, self.refused + other.refused)
