"""What went wrong, told by kind: so that a step knows whether to refuse an item, to wait, or to give up."""

from __future__ import annotations


class DoorError(Exception):
    """A door can't be used. Its message is for the user; nothing is to be looked for in the code."""


class Unusable(DoorError):
    """What was given can't be used: not there, not ours, malformed, too new. Another try does not help."""


class Unavailable(DoorError):
    """It can't be done now: somebody else has it, there is no room, the machine fails. Another try may help."""


def behind(error: BaseException) -> BaseException | None:
    """What a door or the machine said (the warehouse is held by another, the disk is full) or the user (stop), if that
    is behind this error: then no item is to blame. None otherwise. Beam raises all of these anew in its own words."""
    found: BaseException | None = None
    cause: BaseException | None = error
    while cause is not None:
        found = cause if isinstance(cause, DoorError | OSError | KeyboardInterrupt) else found
        cause = cause.__cause__ or cause.__context__
    return found
