"""Messages that are no items: rejects in the warehouse, and copied to where the queue keeps its dead letters.

The copy is made after the warehouse has the batch and before the group's commit, so that what lies between the two
after a kill is what may be missing: it is looked through at the next start. A letter may so be buried twice, never not.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from connectors.queue import DeadLetter, Message, Positions, Queue, QueueError, unreadable

log = structlog.get_logger()

READ_BYTES = 32 * 2**20


def dead_letters(messages: Sequence[Message]) -> list[DeadLetter]:
    """Those of the messages that are no items, each with its reason."""
    reasons = ((message, unreadable(message)) for message in messages)
    return [DeadLetter(message, failure) for message, failure in reasons if failure is not None]


def left_unburied(queue: Queue, group: str, positions: Positions, batch_items: int) -> list[DeadLetter]:
    """The dead letters among the messages that the warehouse has (before ``positions``) and the group never committed:
    at most the last batch, of ``batch_items`` messages."""
    committed, start = queue.committed(group), queue.start()
    found: list[DeadLetter] = []
    for partition, end in positions.items():
        at = max(committed.get(partition, 0), start.get(partition, 0), end - batch_items)
        while at < end and (messages := queue.read({partition: at}, batch_items, READ_BYTES, 0, [partition])):
            found += dead_letters([m for m in messages if m.offset < end])
            at = messages[-1].offset + 1
    return found


def bury(queue: Queue, letters: Sequence[DeadLetter]) -> None:
    """Copy the letters to where the queue keeps such. The warehouse has them as rejects: a queue that may not keep them
    stops nobody."""
    try:
        queue.bury(letters)
    except QueueError as e:
        log.error("dead letters were not copied", count=len(letters), error=str(e))
