"""Archives of articles, each format behind one small contract. Every implementation passes
tests/connectors/archives/test_contract.py.

An archive is cut into pieces, and each piece is read in order from a position. A backfill writes with each batch how
far it came in a piece (``Progress``: the archive's channel, the piece's number as the partition), so that it goes on
there after any interruption, and several workers may read pieces of one file side by side. What can't be read is an
item too, whose failure says why and where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.archives.files import ArchiveAway, ArchiveError
from schemas.records import Fetched

__all__ = ["PIECE_BYTES", "Archive", "ArchiveAway", "ArchiveError", "Archived", "Piece"]

PIECE_BYTES = 64 * 2**20
"""How much of a file is a piece, where the format allows to begin anywhere. Part of an archive's channel: with another
value all archives would be read anew (and change nothing)."""


@dataclass(frozen=True)
class Piece:
    """A part of an archive that can be read by itself: what begins from position ``start`` on and before ``end``."""

    number: int = 0
    """From 0 in the order of the archive: ``Progress.partition``."""
    start: int = 0
    end: int | None = None
    """None: to the end of the archive."""
    size: int = 0
    """Roughly how many bytes as stored."""


@dataclass(frozen=True)
class Archived:
    """A record of an archive."""

    position: int
    """The position after it: where to go on when it is done. It grows from record to record of a piece."""
    bytes_read: int
    """How much of the piece (bytes as stored) was needed to get here."""
    fetched: Fetched | None
    """None for what is no page at all (an image, a request): it has no outcome."""
    other: str = ""
    """What such a record is."""


class Archive(Protocol):
    """Records that can be read again and again, in the same order. A plain value: workers get it pickled."""

    @property
    def name(self) -> str:
        """Of the file or folder, without where it lies: it begins each item's ``Fetched.position``."""

    @property
    def channel(self) -> str:
        """A stable name of this very content and how it is read: ``Progress.channel``. What was changed is another."""

    @property
    def size(self) -> int:
        """Bytes as stored."""

    def pieces(self) -> Sequence[Piece]:
        """What the archive is made of; the same every time. At least one."""

    def read(self, piece: Piece, position: int = 0) -> Iterator[Archived]:
        """The records of the piece after ``position`` (0: all). Damage is an item at its place; what comes after it
        follows if the format allows to find it. Raises ``ArchiveError`` and ``ArchiveAway`` for the file as a whole."""
