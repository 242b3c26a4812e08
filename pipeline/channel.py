"""What a channel gives (a queue, an archive, a replay) and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.records import Fetched


@dataclass(frozen=True)
class Item:
    """A fetched item and the position in its channel after it. ``channel``: empty if it is the settler's own."""

    fetched: Fetched
    position: int
    partition: int = 0
    channel: str = ""


@dataclass(frozen=True)
class NoMore:
    """Comes after the last item of a partition."""

    partition: int = 0
    channel: str = ""


@dataclass(frozen=True)
class Counts:
    """What came of some items. ``items``: how many came; ``new``: those without a receipt before; ``refused``: those
    that broke a step; ``left_out``: those that the selection left out; ``rejects``: rejects by reason."""

    items: int = 0
    new: int = 0
    refused: int = 0
    left_out: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.items + other.items,
            self.new + other.new,
            self.refused + other.refused,
            self.left_out + other.left_out,
            dict(Counter(self.rejects) + Counter(other.rejects)),
        )
