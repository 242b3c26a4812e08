"""The poller: feeds, sitemaps and section pages are asked for news at their own rhythm, pages follow, all of it goes
into the queue.

    state = PollState("var/poller.db")
    poller = Poller(load_sources("sources.toml"), queue, state, PollSettings(http=HttpSettings(contact="...")))
    summary = await poller.run(once=True)

``poller`` runs the rest: ``source_poll`` and ``page_visit`` are its two kinds of jobs, ``dispatch`` says when they run,
``commit`` and ``state`` keep what they found; ``schedule``, ``feed_state``, ``items`` and ``sitemaps`` are pure.
"""

from connectors.poller.feed_state import FeedState
from connectors.poller.poller import Poller
from connectors.poller.settings import Event, PageSettings, PollSettings, Summary
from connectors.poller.state import PollState, StateError, StateInUse, read_feeds

__all__ = [
    "Event",
    "FeedState",
    "PageSettings",
    "PollSettings",
    "PollState",
    "Poller",
    "StateError",
    "StateInUse",
    "Summary",
    "read_feeds",
]
