"""Keeps what the desk has beside the warehouse up to date: the copy that is read, the index of words, the webhooks.

One thread does so, round after round; pages read meanwhile. ``generation`` counts the rounds that found something, so
that what is kept of an earlier one is not shown any more.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from connectors.warehouse import OpenWarehouse, Warehouse, shown
from pipeline.desk import changes, replica
from pipeline.desk.changes import Cursor
from pipeline.desk.search import SearchIndex
from pipeline.desk.webhooks import Outbox
from schemas.errors import DoorError, Unusable

log = structlog.get_logger()
INDEXED_AT_ONCE = 1000
CHECK_EVERY = 100
"""Rounds from one comparison of the copy with the warehouse to the next."""


class FolderInUse(Unusable):
    """Another desk has the folder."""


@dataclass
class Status:
    """What a page may say of the desk itself."""

    generation: int = 0
    followed_at: datetime | None = None
    """When the warehouse was last looked at with success."""
    problem: str = ""
    """Why it can't be now."""
    indexing: bool = False
    """Whether the index of words is not whole yet."""
    new_articles: int = 0
    """That came since the start."""


class Follower:
    """Follows one warehouse into ``folder``. ``outbox``: where webhooks are told of what is new."""

    def __init__(
        self,
        url: str,
        folder: Path,
        clock: Callable[[], datetime],
        memory_limit: str = "2GB",
        outbox: Callable[[Path], Outbox] | None = None,
    ):
        self._source = OpenWarehouse(url, read_only=True)
        self._url = url
        self._clock = clock
        self.folder = folder / hashlib.sha256(url.encode()).hexdigest()[:12]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.folder)
        replica.remove_all(self.folder)  # what a desk that was killed left behind
        self._removed = False
        self._seconds = 1.0
        self._to_index: list[Any] | None = None
        self._replica: replica.Replica | None = None
        self._memory_limit = memory_limit
        self.search = SearchIndex(self.folder / "words.sqlite")
        self.outbox = outbox(self.folder) if outbox else None
        self.status = Status(indexing=True)
        self.after_round: Callable[[], object] = lambda: None
        """Called in the follower's thread after each round."""
        self._cursor = Cursor()
        self._rounds = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.warehouse: Warehouse = self._open()

    def _open(self) -> Warehouse:
        """What is read: a copy of its own, or the warehouse itself where readers wait for nobody."""
        if not replica.is_needed(self._url):
            source = self._source()
            self._cursor = changes.start(source)
            return source
        log.info("copying the warehouse for its readers", warehouse=shown(self._url), folder=str(self.folder))
        copy = replica.Replica(self.folder, self._source, self._memory_limit)
        self._cursor = copy.copy(self._clock())
        copy.open()
        self._replica = copy
        return copy.warehouse

    def _copy_anew(self) -> None:
        """Put a new copy in the place of the one that is read: rows were removed from the warehouse."""
        log.info("articles were removed from the warehouse: copying it anew")
        old = self._replica
        self.warehouse = self._open()
        self.status.generation += 1
        if old:
            old.close()

    def start(self, seconds: float) -> None:
        """Follow every so many seconds, in a thread of its own, until ``close``."""
        self._seconds = seconds
        self._thread = threading.Thread(target=self._run, args=(seconds,), name="follower", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(10)
        if self._replica:
            self._replica.close()
        self.search.close()
        if self.outbox:
            self.outbox.close()
        os.close(self._lock)

    def _run(self, seconds: float) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(0 if self.status.indexing and not self.status.problem else seconds)

    def look(self) -> None:
        """A round that does not raise: what is wrong is told on the pages and in the log."""
        try:
            if self.status.indexing:
                self.index_some(self._seconds)
            self.follow()
            self.after_round()
            self.status.problem = ""
        except DoorError as e:
            if self.status.problem != str(e):
                log.warning("the warehouse can't be followed now", error=str(e))
            self.status.problem = str(e)
        except Exception as e:  # noqa: BLE001 - a page that stands still must say so, and go on when it can
            log.error("following failed", error=f"{type(e).__name__}: {e}")
            self.status.problem = f"{type(e).__name__}: {e}"

    def index_all(self) -> None:
        """Index what the index does not have as it is now."""
        while self.status.indexing and not self._stop.is_set():
            self.index_some(60.0)

    def index_some(self, seconds: float) -> None:
        """Index for about so long; the newest come first, so that the index serves long before it is whole."""
        if self._to_index is None:
            log.info("indexing the articles' words", warehouse=shown(self._url))
            self._to_index = self.warehouse.query(
                "SELECT article_id, text_hash FROM articles ORDER BY coalesce(published_at, first_seen_at) NULLS FIRST"
            )
        deadline = time.monotonic() + seconds
        while self._to_index and time.monotonic() < deadline and not self._stop.is_set():
            part = self._to_index[-INDEXED_AT_ONCE:]
            self.search.add(self.warehouse.articles(self.search.lacking(part)))
            del self._to_index[-INDEXED_AT_ONCE:]
        self.status.indexing = bool(self._to_index)

    def follow(self) -> int:
        """One round; returns how many items were new."""
        found = 0
        more = True
        while more and not self._stop.is_set():
            new, more = self._follow_some()
            found += new
        if self._removed:
            self._removed = False
            self._copy_anew()
        if self.outbox:
            self.outbox.note(self.warehouse, self._clock())
        self.status.followed_at = self._clock()
        self._rounds += 1
        return found

    def _follow_some(self) -> tuple[int, bool]:
        with self._source().hold() as source:
            new = changes.read(source, self._cursor)
            if self._replica:
                if new.fetch_ids:
                    self._replica.follow(source, new)
                if self._rounds % CHECK_EVERY == CHECK_EVERY - 1 and not self._replica.has_all(source):
                    self._removed = True
        before = self.search.count()
        for part in changes.parts(new.article_ids):
            self.search.add(self.warehouse.articles(part))
        if new.fetch_ids:
            self.status.new_articles += self.search.count() - before
            self.status.generation += 1
        self._cursor = new.cursor
        return len(new.fetch_ids), new.more


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderInUse(f"another desk of this warehouse uses {folder}: stop it, or give another --folder") from None
    return descriptor
