"""Draft items in worker processes, some of them before their batch comes: so these are busy while the batch before is
settled.

A draft depends on its item alone, so it does not matter when and where it is made. What was started and is not fetched
(the run was stopped) is dropped; what a worker was killed for is drafted anew, step by step, by the step that needs it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.channel import Item
from pipeline.draft import WARMED, Draft, Drafting, draft
from pipeline.extraction import killable
from pipeline.extraction.revision import extract_or_explain

WORTH = 50
"""Items that are worth a pool of workers."""

_Key = tuple[killable.Limits, str, int, int]
_started: dict[_Key, killable.Job[Draft]] = {}


@dataclass(frozen=True)
class _Ready:
    """Makes a new worker draft with these options (a pickled ``Drafting``)."""

    options: bytes

    def __call__(self) -> None:
        global _options
        _options = pickle.loads(self.options)


_options = Drafting()
"""In a worker: the options of its pool."""


def pool_of(options: Drafting) -> killable.Limits:
    """The pool of workers that draft with these options."""
    extraction = options.extraction
    preload, ready = (WARMED, __name__), _Ready(pickle.dumps(options))
    return killable.Limits(extraction.workers, extraction.max_tasks, extraction.max_memory, preload, ready)


def start(items: Iterable[Item], options: Drafting) -> None:
    """Let workers begin with these. A few are done before workers are ready, and are left to the step."""
    items = [item for item in items if options.selection.takes(item.fetched)]
    if len(items) < WORTH:
        return
    pool = pool_of(options)
    for item in items:
        _started[_key(item, pool)] = job(item, options, pool)


def job(item: Item, options: Drafting, pool: killable.Limits) -> killable.Job[Draft]:
    """Have a worker of the pool draft the item, as a whole."""
    return killable.Job(pool, _draft, (item, datetime.now(UTC)), options.extraction.timeout)


def take(item: Item, pool: killable.Limits) -> killable.Job[Draft] | None:
    """What was started for the item."""
    return _started.pop(_key(item, pool), None) if _started else None


def draft_of(started: killable.Job[Draft]) -> Draft | None:
    """Wait for the draft of an item; None if the worker was killed for it."""
    try:
        return started.result()
    except killable.Killed:
        return None


def drop() -> None:
    """Forget what was started and not taken."""
    _started.clear()


def _draft(item: Item, now: datetime) -> Draft:
    outcome = extract_or_explain(item.fetched, now, _options.extraction.honour_rights)
    return draft(item, outcome, _options, now)


def _key(item: Item, pool: killable.Limits) -> _Key:
    return pool, item.fetched.fetch_id, item.partition, item.position
