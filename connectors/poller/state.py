"""The poller's memory: one SQLite file (WAL, synchronous=FULL), written by one poller, readable by anybody meanwhile.

``apply`` commits a group of changes as one transaction. The poller calls it only after the queue has the messages that
belong to them for good; a page still to be fetched is part of the state (``pages``). So a kill at any point repeats at
most some fetches and loses none.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connectors.poller.feed_state import FeedState
from schemas.errors import Unavailable, Unusable

SCHEMA_VERSION = 1
APPLICATION_ID = 0x57445031
"""Marks the file as ours in SQLite's header ("WDP1")."""
TOUCH_EVERY = timedelta(days=1)
"""How exactly it is known when an entry was last in its feed; finer would rewrite every entry at every poll."""

SCHEMA = """
CREATE TABLE feeds (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, source TEXT NOT NULL, address TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT, detail TEXT NOT NULL, failures INTEGER NOT NULL, etag TEXT, last_modified TEXT, body_hash BLOB,
    unmodified INTEGER NOT NULL, caught INTEGER NOT NULL, distrust_until TEXT, full_at TEXT, move_to TEXT,
    move_seen INTEGER NOT NULL, rate REAL, ttl REAL, next_poll_at TEXT, polled_at TEXT, succeeded_at TEXT, new_at TEXT,
    title TEXT, format TEXT, polls INTEGER NOT NULL, entries INTEGER NOT NULL
);
CREATE TABLE seen (
    feed INTEGER NOT NULL, entry BLOB NOT NULL, content BLOB NOT NULL, changes INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, present_at INTEGER NOT NULL, PRIMARY KEY (feed, entry)
) WITHOUT ROWID;
CREATE TABLE children (
    feed INTEGER NOT NULL, url TEXT NOT NULL, parent TEXT NOT NULL, etag TEXT, last_modified TEXT, body_hash BLOB,
    reason TEXT, present_at INTEGER NOT NULL, PRIMARY KEY (feed, url)
) WITHOUT ROWID;
CREATE TABLE pages (
    key BLOB PRIMARY KEY, feed INTEGER NOT NULL, url TEXT NOT NULL, item BLOB NOT NULL, attempts INTEGER NOT NULL,
    due_at TEXT NOT NULL, visits INTEGER NOT NULL, body_hash BLOB
) WITHOUT ROWID;
"""


class StateInUse(Unavailable):
    """Another poller has this state open; the message says what to do."""


class StateFailed(Unavailable):
    """The state could not be written: no room on the disk, most likely."""


class StateError(Unusable):
    """The file is no state that this wiredesk reads; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry that was in a feed. ``entry`` and ``content`` are hashes, the times whole seconds since 1970."""

    entry: bytes
    content: bytes
    changes: int
    changed_at: int
    present_at: int


@dataclass(frozen=True, slots=True)
class Child:
    """A sitemap below a sitemap index, with its validators."""

    url: str
    parent: str = ""
    """The index that names it; empty for the source's own."""
    etag: str | None = None
    last_modified: str | None = None
    body_hash: bytes | None = None
    reason: str | None = None
    """Why it can't be had, if it can't."""
    present_at: int = 0


@dataclass(frozen=True, slots=True)
class PageDue:
    """A page that is still to be fetched, or to be visited again."""

    key: bytes
    feed: str
    url: str
    due_at: datetime
    item: bytes = b""
    """What the feed said of it, packed by ``items``. Left out of the list of all that are due."""
    attempts: int = 0
    visits: int = 0
    """How often the page was had."""
    body_hash: bytes | None = None
    """Of the page as last had."""


@dataclass(frozen=True)
class Change:
    """What one poll or one page changes in the state of the feed at ``url``."""

    url: str
    feed: FeedState | None = None
    seen: Sequence[Seen] = ()
    present: Sequence[bytes] = ()
    """Entries seen before that are still in the document, and were last marked so longer than ``TOUCH_EVERY`` ago."""
    present_at: int = 0
    forget_before: int | None = None
    """Entries and children that were last present before are forgotten."""
    children: Sequence[Child] = ()
    pages: Sequence[PageDue] = ()
    """New ones, or ones of which the feed says something new."""
    later: Sequence[PageDue] = ()
    """To be fetched again, unless the feed has said something new of them meanwhile."""
    done: Sequence[PageDue] = ()
    """That need no more fetching, unless the feed has said something new of them meanwhile."""


_FEED_COLUMNS = tuple(f.name for f in fields(FeedState))
_TIMES = frozenset(name for name in _FEED_COLUMNS if name.endswith("_at") or name.endswith("_until"))
_UPSERT_FEED = (
    f"INSERT INTO feeds ({', '.join(_FEED_COLUMNS)}) VALUES ({', '.join('?' * len(_FEED_COLUMNS))}) "
    f"ON CONFLICT (url) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in _FEED_COLUMNS if c != 'url')}"
)
_SELECT_FEEDS = f"SELECT {', '.join(_FEED_COLUMNS)} FROM feeds"


def _text(at: datetime | None) -> str | None:
    """Times are texts of one width, so that they sort as times."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def _row(state: FeedState) -> list[Any]:
    row = []
    for name in _FEED_COLUMNS:
        value = getattr(state, name)
        if name in _TIMES:
            value = _text(value)
        elif isinstance(value, timedelta):
            value = value.total_seconds()
        row.append(value)
    return row


def _feed(row: Sequence[Any]) -> FeedState:
    values = dict(zip(_FEED_COLUMNS, row, strict=True))
    for name in _TIMES:
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    values["ttl"] = None if values["ttl"] is None else timedelta(seconds=values["ttl"])
    return FeedState(**values)


def read_feeds(path: str | os.PathLike[str]) -> list[FeedState]:
    """The state of all feeds, for those who only look: no lock is taken and nothing is written. Empty when no poller
    ever ran."""
    if not Path(path).exists():
        return []
    with _told(path), closing(sqlite3.connect(f"file:{quote(str(Path(path).absolute()))}?mode=ro", uri=True)) as db:
        if not _version(db, path):
            return []
        return [_feed(row) for row in db.execute(f"{_SELECT_FEEDS} ORDER BY source, url")]


class PollState:
    """The open state file. One thread uses it; one process at a time has it open.

    Raises ``StateInUse`` and ``StateError``."""

    def __init__(self, path: str | os.PathLike[str]):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = _lock(path)
        try:
            with _told(path):
                self._db = _open(path)
                self._ids: dict[str, int] = dict(self._db.execute("SELECT url, id FROM feeds"))
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    def feeds(self) -> dict[str, FeedState]:
        return {state.url: state for state in map(_feed, self._db.execute(_SELECT_FEEDS))}

    def seen(self, url: str, entries: Iterable[bytes]) -> dict[bytes, Seen]:
        """Those of these entries that the feed had before."""
        wanted = set(entries)
        query = "SELECT entry, content, changes, changed_at, present_at FROM seen WHERE feed = ?"
        rows = self._db.execute(query, (self._ids.get(url),))
        return {row[0]: Seen(*row) for row in rows if row[0] in wanted}

    def children(self, url: str) -> dict[str, Child]:
        query = "SELECT url, parent, etag, last_modified, body_hash, reason, present_at FROM children WHERE feed = ?"
        return {row[0]: Child(*row) for row in self._db.execute(query, (self._ids.get(url),))}

    def pages_due(self) -> list[PageDue]:
        """All pages that wait, oldest first, without what the feed said of them."""
        query = (
            "SELECT p.key, f.url, p.url, p.due_at FROM pages p JOIN feeds f ON f.id = p.feed ORDER BY p.due_at, p.key"
        )
        return [PageDue(k, f, u, datetime.fromisoformat(d)) for k, f, u, d in self._db.execute(query)]

    def page(self, key: bytes) -> PageDue | None:
        query = (
            "SELECT p.key, f.url, p.url, p.due_at, p.item, p.attempts, p.visits, p.body_hash"
            " FROM pages p JOIN feeds f ON f.id = p.feed WHERE p.key = ?"
        )
        row = self._db.execute(query, (key,)).fetchone()
        if row is None:
            return None
        key, feed, url, due_at, item, attempts, visits, body_hash = row
        return PageDue(key, feed, url, datetime.fromisoformat(due_at), item, attempts, visits, body_hash)

    def apply(self, changes: Sequence[Change]) -> None:
        """Commit all of these changes, or none of them. Raises ``StateFailed``."""
        try:
            self._apply_all(changes)
        except sqlite3.OperationalError as e:
            raise StateFailed(f"the poller's state {self._path} can't be written: {e}") from e

    def _apply_all(self, changes: Sequence[Change]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                self._apply(change)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            self._ids = dict(self._db.execute("SELECT url, id FROM feeds"))
            raise

    def _apply(self, change: Change) -> None:
        db = self._db
        if change.feed is not None:
            db.execute(_UPSERT_FEED, _row(change.feed))
        feed = self._ids.get(change.url)
        if feed is None:
            feed = db.execute("SELECT id FROM feeds WHERE url = ?", (change.url,)).fetchone()[0]
            self._ids[change.url] = feed
        db.executemany(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)",
            [(feed, *astuple(seen)) for seen in change.seen],
        )
        db.executemany(
            "UPDATE seen SET present_at = ? WHERE feed = ? AND entry = ?",
            [(change.present_at, feed, entry) for entry in change.present],
        )
        db.executemany(
            "INSERT OR REPLACE INTO children VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(feed, *astuple(child)) for child in change.children],
        )
        if change.forget_before is not None:
            db.execute("DELETE FROM seen WHERE feed = ? AND present_at < ?", (feed, change.forget_before))
            db.execute("DELETE FROM children WHERE feed = ? AND present_at < ?", (feed, change.forget_before))
        db.executemany(
            "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(p.key, feed, p.url, p.item, p.attempts, _text(p.due_at), p.visits, p.body_hash) for p in change.pages],
        )
        db.executemany(
            "UPDATE pages SET attempts = ?, due_at = ?, visits = ?, body_hash = ? WHERE key = ? AND item = ?",
            [(p.attempts, _text(p.due_at), p.visits, p.body_hash, p.key, p.item) for p in change.later],
        )
        db.executemany("DELETE FROM pages WHERE key = ? AND item = ?", [(p.key, p.item) for p in change.done])

    def counts(self) -> Mapping[str, int]:
        """Rows of each table, for monitoring and tests."""
        tables = ("feeds", "seen", "children", "pages")
        return {t: self._db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}


def _open(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open the file, made if it is not there. Raises ``StateError``."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        if not _version(db, path):
            db.execute("PRAGMA journal_mode=WAL")
            mark = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION}"
            db.executescript(f"BEGIN; {SCHEMA} {mark}; COMMIT")
        db.execute("PRAGMA synchronous=FULL")
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection, path: str | os.PathLike[str]) -> int:
    """The schema's version, 0 for an empty file. Raises ``StateError`` if it is no state that this wiredesk reads."""
    application, version, tables = (
        db.execute(sql).fetchone()[0]
        for sql in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if application != APPLICATION_ID and (tables or version):
        raise StateError(f"{path} is no state of the poller: give another file with --state")
    if version > SCHEMA_VERSION:
        raise StateError(f"{path} was written by a newer wiredesk (schema {version}): upgrade wiredesk")
    return int(version)


@contextmanager
def _told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say of what file SQLite speaks. Raises ``StateError``."""
    try:
        yield
    except sqlite3.DatabaseError as e:
        raise StateError(f"the poller's state {path} can't be opened: {e}") from e


def _lock(path: str | os.PathLike[str]) -> int:
    """Hold the lock file beside the state until closed; the system lets go of it when the process dies."""
    lock = os.open(f"{os.fspath(path)}.lock", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StateInUse(f"{path} is in use by another poller: stop it, or give this one another --state") from None
    return lock
