"""Draft each fetched item by itself: all that can be said of it without knowing any other.

In: ``Item``, a fetched item and its place in the channel. Out: ``Draft``, one for each: the revision of an article that
the item is, with its numbers, sections and sketches; or a reject, with the reason and the item itself, for what is no
article (walls, empty pages, failed fetches without a full text); or, where a selection was asked for, that it is left
out. Nothing is dropped.

This is where nearly all processor time goes, and any number of workers may do it side by side; see
``pipeline.draft_articles`` for the step, and ``pipeline.ahead`` for a start before the batch comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeGuard

import msgspec

from pipeline.channel import Item, NoMore
from pipeline.extraction import killable
from pipeline.extraction.rights import RESERVED
from pipeline.identify import row
from pipeline.matching.judge import Matching
from pipeline.matching.outline import Outline, outline
from pipeline.measure.step import Measuring, measure_article
from pipeline.selection import Selection
from schemas import ids, wire
from schemas.errors import behind
from schemas.reasons import reasons
from schemas.records import Failure, Fetched, Metric, Reject, Revision

WARMED = "pipeline.warmed"
"""The module that the server of worker processes imports, so that they have all tables."""
BROKEN = "pipeline_error"
"""The reason of an item that a step can't stand."""


@dataclass(frozen=True)
class Draft:
    """What an item is, by itself. ``metrics`` and ``outline`` are those of a revision's row as it would be if no other
    fetch of the article were known. ``item``: of a revision its fetched item as wire bytes, for the case that a later
    step can't stand it: a page is a hundred times what is drafted of it, and packed it is not much more. A draft
    without an outcome was left out by the selection: only the channel's position moves past it; or it is ``last``, and
    says that its partition has no more. ``channel``: as the item's."""

    position: int
    partition: int
    outcome: Revision | Reject | None
    item: bytes = b""
    metrics: tuple[Metric, ...] = ()
    outline: Outline | None = None
    channel: str = ""
    last: bool = False


@dataclass(frozen=True)
class Extraction:
    """``timeout``: seconds of processor time a page may take. ``honour_rights``: what publishers reserve is no article.
    The others: see ``killable.Limits``."""

    timeout: float = 30.0
    honour_rights: bool = True
    workers: int = 0
    max_tasks: int = 2000
    max_memory: int = 4 * 2**30

    @property
    def limits(self) -> killable.Limits:
        return killable.Limits(self.workers, self.max_tasks, self.max_memory, preload=(WARMED,))


@dataclass(frozen=True)
class Drafting:
    """The options of drafting."""

    extraction: Extraction = field(default_factory=Extraction)
    measuring: Measuring = field(default_factory=Measuring)
    matching: Matching = field(default_factory=Matching)
    selection: Selection = field(default_factory=Selection)


def draft(item: Item, outcome: Revision | Failure, config: Drafting, now: datetime) -> Draft:
    """The draft of an item whose extraction gave ``outcome``. What breaks on this item makes it a reject."""
    if isinstance(outcome, Failure):
        return Draft(item.position, item.partition, reject(item.fetched, outcome, now), channel=item.channel)
    if not config.selection.keeps(outcome):
        return left_out(item)
    try:
        article = row(outcome)
        metrics = tuple(measure_article(article, config.measuring))
        outlined = outline(article, config.matching)
        packed = wire.encode(item.fetched)
        return Draft(item.position, item.partition, outcome, packed, metrics, outlined, item.channel)
    except Exception as e:  # whatever a step raised
        if behind(e) is not None:
            raise
        return Draft(item.position, item.partition, broken(item.fetched, e, now), channel=item.channel)


def left_out(item: Item) -> Draft:
    """The draft of an item that the selection does not want."""
    return Draft(item.position, item.partition, None, channel=item.channel)


def no_more(end: NoMore) -> Draft:
    """The draft that says that a partition has no more."""
    return Draft(0, end.partition, None, channel=end.channel, last=True)


def reject(fetched: Fetched, failure: Failure, now: datetime) -> Reject:
    """The reject of an item; its stage is that of the reason, and the item itself goes along for a replay. Of one that
    is reserved only what it takes to fetch it again."""
    if failure.reason == RESERVED:
        fetched = msgspec.structs.replace(fetched, body=None, entry=None, failure=failure)
    known = reasons().get(failure.reason)
    stage = known.stage if known else "extract"
    return Reject(
        reject_id=ids.reject_id(fetched.fetch_id, stage),
        stage=stage,
        reason=failure.reason,
        detail=failure.detail,
        url=fetched.url,
        source=fetched.source,
        at=now,
        payload=wire.encode(fetched),
    )


def broken(fetched: Fetched, error: Exception, now: datetime) -> Reject:
    """The reject of an item that a step can't stand."""
    return reject(fetched, Failure(reason=BROKEN, detail=f"{type(error).__name__}: {error}"[:500]), now)


def is_broken(outcome: Revision | Reject | None) -> TypeGuard[Reject]:
    """Whether a step could not stand the item."""
    return isinstance(outcome, Reject) and outcome.reason == BROKEN
