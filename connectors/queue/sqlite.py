"""The embedded queue: one SQLite file, one partition, safe to share between processes.

Appends are synced to the disk before they return (write-ahead log, ``synchronous=FULL``). Offsets are contiguous:
messages are only ever dropped from the front. What all groups are done with is kept for ``retention``, so that it can
be read again, but makes room when the queue is full; what some group still needs is never dropped, the appender waits.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from connectors.queue import DeadLetter, Message, Outgoing, Positions, QueueError, QueueFull, options

PREFIX = "sqlite:///"
APPLICATION_ID = 0x57445131
"""Marks the file as ours in SQLite's header ("WDQ1")."""
VERSION = 1
PARTITION = 0
POLL_SECONDS = 0.02
TRIM_STEP = 2000
"""Messages dropped in one transaction, so that appenders need not wait long."""
VACUUM_PAGES = 5000
"""Pages given back in one transaction, for the same reason."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TABLES = """
CREATE TABLE queue (channel TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE messages (
    offset INTEGER PRIMARY KEY, key TEXT NOT NULL, headers TEXT NOT NULL, appended_at INTEGER NOT NULL,
    size INTEGER NOT NULL, value BLOB NOT NULL
);
CREATE TABLE groups (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Limits:
    """What the queue may hold. ``max_bytes`` counts messages with their keys and headers, not the file."""

    max_bytes: int = 2 * 10**9
    max_messages: int = 10**7
    retention: timedelta = timedelta(days=7)


def parse_url(url: str) -> tuple[str, Limits]:
    """Read ``sqlite:///path?max_bytes=2GB&max_messages=500&retention=36h``; raises ``QueueError`` with one line."""
    if not url.startswith(PREFIX):
        raise QueueError(f"not a queue URL: {url!r}; use sqlite:///path (one more slash for an absolute path)")
    path, _, query = url.removeprefix(PREFIX).partition("?")
    if not path or path.endswith("/"):
        raise QueueError(f"{url!r} names no file: use sqlite:///path")
    readers = {"max_bytes": options.size, "max_messages": options.count, "retention": options.duration}
    given = options.read(url, query, readers)
    return os.path.abspath(path), Limits(**given)


class SQLiteQueue:
    """See ``connectors.queue.Queue``. ``clock`` stamps what is appended."""

    warnings: Sequence[str] = ()

    def __init__(self, url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.url = url
        self.path, self.limits = parse_url(url)
        self._clock = clock
        self._db = _connect(self.path)
        try:
            self.channel = _check(self._db, self.path)
        except QueueError:
            self._db.close()
            raise

    def append(self, messages: Sequence[Outgoing]) -> Positions:
        at = (self._clock() - _EPOCH) // timedelta(microseconds=1)
        rows = []
        for m in messages:
            headers = msgspec.json.encode(dict(m.headers)).decode()
            held = len(m.value) + len(m.key.encode()) + len(headers.encode())
            rows.append((m.key, headers, at, held, m.value))
        total = sum(row[3] for row in rows)
        with self._transaction():
            self._make_room(len(rows), total)
            ((end,),) = self._db.execute("SELECT next FROM queue").fetchall()
            self._db.executemany(
                "INSERT INTO messages (offset, key, headers, appended_at, size, value) VALUES (?, ?, ?, ?, ?, ?)",
                ((end + n, *row) for n, row in enumerate(rows)),
            )
            self._db.execute("UPDATE queue SET next = next + ?, bytes = bytes + ?", (len(rows), total))
        return {PARTITION: end + len(rows)}

    def read(
        self,
        positions: Positions,
        limit: int,
        max_bytes: int,
        timeout: float,
        partitions: Collection[int] | None = None,
    ) -> list[Message]:
        if partitions is not None and PARTITION not in partitions:
            return []
        position, deadline = positions.get(PARTITION, 0), time.monotonic() + timeout
        # Changes whenever another connection commits, and costs much less than a query (SQLite's data_version).
        seen = self._one("PRAGMA data_version")
        while not (found := self._read(position, limit, max_bytes)):
            while (version := self._one("PRAGMA data_version")) == seen:
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                time.sleep(min(POLL_SECONDS, left))
            seen = version
        return found

    def start(self) -> Positions:
        return {PARTITION: self._one("SELECT first FROM queue")}

    def end(self) -> Positions:
        return {PARTITION: self._one("SELECT next FROM queue")}

    def positions_at(self, at: datetime) -> Positions:
        since = (at - _EPOCH) // timedelta(microseconds=1)
        ((found,),) = self._db.execute(
            "SELECT coalesce((SELECT min(offset) FROM messages WHERE appended_at >= ?), (SELECT next FROM queue))",
            (since,),
        ).fetchall()
        return {PARTITION: found}

    def held_bytes(self) -> int:
        return self._one("SELECT bytes FROM queue")

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Nothing: the reject in the warehouse holds the bytes, and nobody else reads this file."""

    def commit(self, group: str, positions: Positions) -> None:
        if PARTITION not in positions:
            return
        with self._transaction():
            self._db.execute(
                "INSERT INTO groups (name, position) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET position = max(position, excluded.position)",
                (group, positions[PARTITION]),
            )

    def rewind(self, group: str, positions: Positions) -> None:
        if PARTITION not in positions:
            return
        with self._transaction():
            self._db.execute("UPDATE groups SET position = ? WHERE name = ?", (positions[PARTITION], group))

    def committed(self, group: str) -> Positions:
        found = self._db.execute("SELECT position FROM groups WHERE name = ?", (group,)).fetchall()
        return {PARTITION: found[0][0]} if found else {}

    def groups(self) -> list[str]:
        return [name for (name,) in self._db.execute("SELECT name FROM groups ORDER BY name").fetchall()]

    def trim(self, now: datetime) -> int:
        oldest = (now - self.limits.retention - _EPOCH) // timedelta(microseconds=1)
        dropped = 0
        while True:
            with self._transaction():
                ends = self._db.execute(
                    "SELECT offset + 1 FROM messages WHERE offset < ? AND appended_at < ? ORDER BY offset LIMIT ?",
                    (self._consumed(), oldest, TRIM_STEP),
                ).fetchall()
                if ends:
                    dropped += self._drop_before(ends[-1][0])
            if len(ends) < TRIM_STEP:
                break
        if dropped:
            # In parts, so that appenders get their turn. It frees a page a step, and only executescript() steps a
            # statement without columns to its end.
            while self._one("PRAGMA freelist_count"):
                self._db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return dropped

    def close(self) -> None:
        self._db.close()

    # -- inside --

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, alone among writers. A full disk is a full queue."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise QueueFull(f"no room on the disk of {self.path}") from e
            raise

    def _make_room(self, count: int, size: int) -> None:
        """Drop what nobody needs as far as these messages need the room. Raises ``QueueFull``.

        A queue in which nothing waits takes any batch, so that none is too large for ever."""
        ((first, end, stored),) = self._db.execute("SELECT first, next, bytes FROM queue").fetchall()
        consumed = self._consumed()
        too_many = end - first + count - self.limits.max_messages
        too_large = stored + size - self.limits.max_bytes
        if too_many <= 0 and too_large <= 0:
            return
        keep_from, freed = first, 0
        for offset, released in self._db.execute(
            "SELECT offset, size FROM messages WHERE offset < ? ORDER BY offset", (consumed,)
        ):
            if offset - first >= too_many and freed >= too_large:
                break
            keep_from, freed = offset + 1, freed + released
        if (keep_from - first < too_many or freed < too_large) and keep_from < end:
            raise QueueFull(
                f"{self.path} holds {end - consumed:,} messages that are not processed yet "
                f"({stored:,} bytes of {self.limits.max_bytes:,}): wait for the reader, or raise max_bytes"
            )
        self._drop_before(keep_from)

    def _consumed(self) -> int:
        """The position before which every group is done; 0 while there is no group."""
        return self._one("SELECT min((SELECT coalesce(min(position), 0) FROM groups), (SELECT next FROM queue))")

    def _drop_before(self, offset: int) -> int:
        ((freed,),) = self._db.execute(
            "SELECT coalesce(sum(size), 0) FROM messages WHERE offset < ?", (offset,)
        ).fetchall()
        dropped = self._db.execute("DELETE FROM messages WHERE offset < ?", (offset,)).rowcount
        self._db.execute("UPDATE queue SET first = max(first, ?), bytes = bytes - ?", (offset, freed))
        return dropped

    def _read(self, position: int, limit: int, max_bytes: int) -> list[Message]:
        found: list[Message] = []
        held = 0
        with contextlib.closing(
            self._db.execute(
                "SELECT offset, key, value, headers, appended_at, size FROM messages WHERE offset >= ? "
                "ORDER BY offset LIMIT ?",
                (position, limit),
            )
        ) as rows:
            for offset, key, value, headers, at, size in rows:
                held += size
                if found and held > max_bytes:
                    break
                appended_at = _EPOCH + timedelta(microseconds=at)
                found.append(Message(PARTITION, offset, key, value, msgspec.json.decode(headers), appended_at))
        return found

    def _one(self, sql: str) -> int:
        ((value,),) = self._db.execute(sql).fetchall()
        return int(value)


def _connect(path: str) -> sqlite3.Connection:
    """Open the file, made if it is not there. Raises ``QueueError``."""
    if not Path(path).parent.is_dir():
        raise QueueError(
            f"there is no folder {Path(path).parent}: make it, or check the URL "
            "(sqlite:///name is in the working directory, sqlite:////name is absolute)"
        )
    try:
        if not os.path.exists(path):
            _create(path)
        # Another writer's transaction is short; a minute means that it hangs.
        db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    except (sqlite3.OperationalError, OSError) as e:
        why = e.strerror if isinstance(e, OSError) else e
        raise QueueError(f"the queue {path} can't be opened: {why} (a folder, or no permission, or no room?)") from e
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {64 * 2**20}")
    except sqlite3.DatabaseError as e:
        db.close()
        raise QueueError(f"{path} can't be read as a queue: {e}") from e
    return db


def _create(path: str) -> None:
    """Make the file whole under another name first: processes that start together find none or all of it."""
    draft = f"{path}.{os.getpid()}.{secrets.token_hex(4)}.part"
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.executescript(_TABLES)
            # A queue made anew under an old name is another channel: its offsets begin again.
            channel = f"{Path(path).name}#{secrets.token_hex(6)}"
            db.execute("INSERT INTO queue (channel, first, next, bytes) VALUES (?, 0, 0, 0)", (channel,))
        with contextlib.suppress(FileExistsError):  # another process was quicker: its file is as good
            os.link(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)
    folder = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check(db: sqlite3.Connection, path: str) -> str:
    """The queue's channel. Raises ``QueueError`` if the file is no queue that this version reads."""
    try:
        ((application,),) = db.execute("PRAGMA application_id").fetchall()
        ((version,),) = db.execute("PRAGMA user_version").fetchall()
        if application != APPLICATION_ID:
            raise QueueError(f"{path} is no wiredesk queue: check the URL")
        if version > VERSION:
            raise QueueError(f"{path} is a queue of version {version}, this wiredesk knows {VERSION}: upgrade wiredesk")
        ((channel,),) = db.execute("SELECT channel FROM queue").fetchall()
    except sqlite3.DatabaseError as e:
        raise QueueError(f"{path} can't be read as a queue: {e}") from e
    return str(channel)
