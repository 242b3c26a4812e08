"""What of a document is news, and the ``Fetched`` records it becomes: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from connectors.feeds.model import Feed, Item, Problem
from connectors.poller.state import TOUCH_EVERY, Seen
from connectors.queue import Outgoing
from connectors.scraper.dates import rough_date
from schemas import wire
from schemas.records import Entry, Fetched

DIGEST = 16
MOST_DOUBLINGS = 12

_MARKUP = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class ItemSettings:
    hold_off: timedelta = timedelta(minutes=10)
    """An entry that changed is not taken again for so long, doubled at each further change: some feeds change their
    entries at every poll (counters, tracking links)."""
    sitemap_age: timedelta = timedelta(days=3)
    """Older entries of sitemaps are no news."""
    keep_seen: timedelta = timedelta(days=30)
    """How long an entry is remembered after it left its feed."""
    keep_below_index: timedelta = timedelta(days=365)
    """The same below a sitemap index, where an unchanged sitemap is not read again and its entries stay unmarked."""


@dataclass(frozen=True)
class News:
    """What a document has that was not there before."""

    new: tuple[Item, ...] = ()
    changed: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()
    seen: tuple[Seen, ...] = ()
    """What to remember of them."""
    present: tuple[bytes, ...] = ()
    """What was known and is due to be marked as still there."""


class PageItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an item until its page is had."""

    entry: Entry | None
    position: str
    provenance: dict[str, str]


pack_item = msgspec.msgpack.Encoder().encode
unpack_item = msgspec.msgpack.Decoder(PageItem).decode


def digest(*parts: str | bytes) -> bytes:
    h = blake2b(digest_size=DIGEST)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        h.update(b"%d:" % len(raw))
        h.update(raw)
    return h.digest()


def entry_key(item: Item) -> bytes:
    return digest("entry", item.identity)


def problem_key(problem: Problem) -> bytes:
    return digest("problem", problem.reason, problem.raw)


def content_hash(item: Item) -> bytes:
    """Of what a reader would notice: the wording, and the date of modification; not markup, white space and links."""
    entry = item.entry
    texts = [" ".join(_MARKUP.sub(" ", text or "").split()) for text in (entry.title, entry.summary, entry.content)]
    return digest(*texts, *(clue.raw for clue in entry.dates if clue.role == "modified"))


def news(
    items: Sequence[Item],
    problems: Sequence[Problem],
    known: Mapping[bytes, Seen],
    at: datetime,
    settings: ItemSettings,
) -> News:
    """Set a document's entries against those ``known``; a change within its hold-off is left for a later poll."""
    now = int(at.timestamp())
    new, changed, seen, present = [], [], [], []
    taken: set[bytes] = set()
    for item in items:
        key, content = entry_key(item), content_hash(item)
        if key in taken:
            continue
        taken.add(key)
        old = known.get(key)
        if old is None:
            new.append(item)
            seen.append(Seen(key, content, 0, now, now))
        elif old.content != content and now - old.changed_at >= _hold_off(old, settings):
            changed.append(item)
            seen.append(Seen(key, content, old.changes + 1, now, now))
        elif now - old.present_at >= TOUCH_EVERY.total_seconds():
            present.append(key)
    bad = []
    for problem in problems:
        key = problem_key(problem)
        if key not in known and key not in taken:
            taken.add(key)
            bad.append(problem)
            seen.append(Seen(key, b"", 0, now, now))
        elif key in known and now - known[key].present_at >= TOUCH_EVERY.total_seconds():
            present.append(key)
    return News(tuple(new), tuple(changed), tuple(bad), tuple(seen), tuple(present))


def _hold_off(old: Seen, settings: ItemSettings) -> float:
    return settings.hold_off.total_seconds() * 2 ** min(old.changes, MOST_DOUBLINGS)


def keys_of(feed: Feed) -> list[bytes]:
    """What to look up before ``news``."""
    return [*map(entry_key, feed.items), *map(problem_key, feed.problems)]


def recent(
    items: Sequence[Item], had_before: bool, at: datetime, age: timedelta
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Split a plain sitemap's items: those that are news, and those to remember only.

    Dated ones are news by their date, and the old ones are left out altogether. Undated ones are news if they are new
    to a sitemap that was ``had_before``; at first sight they may be the site's whole past."""
    wanted, baseline = [], []
    for item in items:
        dates = [date for clue in item.entry.dates if (date := rough_date(clue.raw)) is not None]
        if dates:
            if max(dates) >= at - age:
                wanted.append(item)
        elif had_before:
            wanted.append(item)
        else:
            baseline.append(item)
    return tuple(wanted), tuple(baseline)


def to_message(fetched: Fetched, site: str) -> Outgoing:
    """Messages are keyed by site, so that what comes of one site stays in order."""
    headers = {"source": fetched.source, "version": str(wire.VERSION)}
    return Outgoing(key=site, value=wire.encode(fetched), headers=headers)
