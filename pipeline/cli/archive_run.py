"""Bring an archive into the warehouse, piece after piece and batch after batch, from where the warehouse stands.

What is done of a piece is in the warehouse's ``progress``, written with the rows themselves: so a run that was ended
anywhere, by whatever, goes on behind the last batch that was settled, and no more than one batch is done again.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import structlog
import tenacity

from connectors.archives import Archive, Piece
from connectors.warehouse import Warehouse
from pipeline.channel import Counts, Item, NoMore
from pipeline.cli.batches import Batches
from pipeline.cli.settings import BackfillSettings
from pipeline.selection import Selection
from schemas.errors import Unavailable

log = structlog.get_logger()


@dataclass
class Tally:
    """What came of an archive in this run. ``other``: records that are no pages, by what they are; ``read``: bytes of
    the archive that are done, in earlier runs too."""

    name: str
    size: int
    counts: Counts = field(default_factory=Counts)
    other: Counter[str] = field(default_factory=Counter)
    read: int = 0
    done: bool = False


Advance = Callable[[Tally], None]
"""Is told how far an archive has come, after each batch."""


def channel_of(archive: Archive, selection: Selection) -> str:
    """Under what name progress is kept: that of the archive and of what is taken from it."""
    return f"{archive.channel}:{selection.tag}" if selection.tag else archive.channel


def run_archive(
    archive: Archive,
    open_warehouse: Callable[[], Warehouse],
    batches: Batches,
    settings: BackfillSettings,
    stop: threading.Event,
    advance: Advance,
) -> Tally:
    """Bring what is left of the archive into the warehouse, until ``stop``."""
    tally = Tally(archive.name, archive.size)
    progress = {p.partition: p for p in _patiently(settings, lambda: open_warehouse().progress(batches.channel))}
    todo = []
    for piece in archive.pieces():
        known = progress.get(piece.number)
        if known is not None and known.done:
            tally.read += piece.size
        else:
            todo.append((piece, known.position if known else 0))
    left = (batch for piece, position in todo for batch in batches_of(archive, piece, position, settings))
    done = tally.read
    for batch in _begun(left, batches):
        if stop.is_set():
            return tally
        ended = [NoMore(batch.piece.number)] if batch.last else []
        tally.counts += _patiently(settings, functools.partial(batches.run, [*batch.items, *ended]))
        tally.other += batch.other
        tally.read = done + batch.bytes_read
        done = tally.read if batch.last else done
        advance(tally)
    tally.done = True
    advance(tally)
    return tally


@dataclass(frozen=True)
class Batch:
    """Items of a piece, with the records between them that are none. ``bytes_read``: of the piece, up to its end."""

    piece: Piece
    items: list[Item]
    other: Counter[str]
    bytes_read: int
    last: bool


def batches_of(archive: Archive, piece: Piece, position: int, settings: BackfillSettings) -> Iterator[Batch]:
    """What is left of a piece, in batches; the last one may be empty."""
    items: list[Item] = []
    other: Counter[str] = Counter()
    size = bytes_read = 0
    for record in archive.read(piece, position):
        if record.fetched is None:
            other[record.other] += 1
            continue
        if items and (len(items) >= settings.batch_items or size >= settings.batch_bytes):
            yield Batch(piece, items, other, bytes_read, False)
            items, other, size = [], Counter(), 0
        items.append(Item(record.fetched, record.position, piece.number))
        bytes_read = record.bytes_read
        size += _weight(items[-1])
    yield Batch(piece, items, other, piece.size, True)


def _begun(found: Iterable[Batch], batches: Batches) -> Iterator[Batch]:
    """The same batches; workers have begun with each one, and with the next, when it comes."""
    before = None
    try:
        for batch in found:
            batches.ahead(batch.items)
            if before is not None:
                yield before
            before = batch
        if before is not None:
            yield before
    finally:
        batches.stop_ahead()  # the run may have been stopped


def _weight(item: Item) -> int:
    entry = item.fetched.entry
    return len(item.fetched.body or b"") + len((entry and entry.content) or "")


def _patiently(settings: BackfillSettings, call: Callable[[], tenacity.R]) -> tenacity.R:
    """Call until the warehouse can be had, for as long as the settings say."""

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("the warehouse can't be had now", error=str(error), attempt=state.attempt_number)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=10),
        stop=tenacity.stop_after_delay(settings.patience_seconds),
        before_sleep=tell,
        reraise=True,
    )
    return retrying(call)
