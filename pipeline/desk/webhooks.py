"""Webhooks: what is new is told to other programs, at least once, signed.

What is to be told is written to an outbox (SQLite) together with how far the warehouse was looked at, in one
transaction, before anything is sent; a message is struck off only after its receiver took it. So a kill at any moment
repeats a message at worst, and each has an id by which a receiver knows it again. Headers and signature are those of
https://www.standardwebhooks.com: HMAC-SHA256 over ``id.timestamp.body``, base64, behind ``v1,``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from connectors.warehouse import Warehouse
from connectors.webhooks import Posted, WebhookClient
from pipeline.desk.changes import OVERLAP
from pipeline.desk.read import stories

log = structlog.get_logger()
KINDS = ("story", "conflict", "alarm")
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=6)
MOST_ATTEMPTS = 20
"""Some four days, with the waits between; then a message is given up, and stays in the outbox."""
AT_ONCE = 20
KEPT = timedelta(days=30)
"""How long a message that was sent is remembered, so as not to be sent again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body BLOB NOT NULL, made_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    url TEXT NOT NULL, event TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at TEXT NOT NULL,
    detail TEXT NOT NULL, PRIMARY KEY (url, event)
);
CREATE INDEX IF NOT EXISTS due ON deliveries (state, due_at);
CREATE TABLE IF NOT EXISTS looked (until TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Hook:
    """Who is told of what. ``independent``: a story is told of when it has so many independent texts."""

    url: str
    secret: str
    events: tuple[str, ...] = KINDS
    independent: int = 2


@dataclass(frozen=True)
class Event:
    """Something to tell. ``after``: an id under which it was told before, perhaps."""

    id: str
    kind: str
    data: dict[str, Any]
    independent: int = 0
    after: str | None = None


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message. A secret that begins with ``whsec_`` is base64 behind that."""
    coded = secret.removeprefix("whsec_")
    key = base64.b64decode(coded) if coded != secret else secret.encode()
    stamp = str(int(at.timestamp()))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def wait_after(attempts: int) -> timedelta:
    """How long to wait after this many attempts that failed."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempts - 1))


class Outbox:
    """The messages of these hooks, in ``folder``. ``alarms`` gives (source, why) of sources to look at.

    ``note`` is called by the follower's thread, ``send_due`` by the sender's."""

    def __init__(
        self,
        folder: Path,
        hooks: Sequence[Hook],
        public_url: str = "",
        alarms: Callable[[], Iterable[tuple[str, str]]] = tuple,
    ):
        self._hooks = {hook.url: hook for hook in hooks}
        self._public_url = public_url
        self._alarms = alarms
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "webhooks.sqlite", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # -- what is to be told --

    def note(self, warehouse: Warehouse, now: datetime) -> None:
        """Write down what came since the last time; the first time nothing, since all is old."""
        row = self._db.execute("SELECT until FROM looked").fetchone()
        newest = warehouse.query('SELECT max("at") FROM story_events')[0][0]
        if row is None:
            old = self._news(warehouse, newest - OVERLAP) if newest else []
            self._write(old, newest or now, now, known=True)
            return
        until = datetime.fromisoformat(row[0])
        found = list(self._alarmed(now))
        if newest and newest > until - OVERLAP:
            found += self._news(warehouse, until - OVERLAP)
        self._write(found, max(until, newest or until), now)

    def _alarmed(self, now: datetime) -> Iterable[Event]:
        for source, why in self._alarms():
            key = hashlib.sha256(f"{source}\0{why.partition(':')[0]}".encode()).hexdigest()[:16]
            yield Event(f"alarm.{key}.{now:%Y-%m-%d}", "alarm", {"source": source, "why": why})

    def _news(self, warehouse: Warehouse, since: datetime) -> list[Event]:
        rows = warehouse.query(
            'SELECT DISTINCT story_id, other_story_id FROM story_events WHERE "at" >= ? ORDER BY 1, 2', [since]
        )
        earlier = {story: other for story, other in rows if other}
        ids = list(dict.fromkeys(story for story, _ in rows))
        found = []
        for n in range(0, len(ids), 300):
            part = ids[n : n + 300]
            for s in stories.by_ids(warehouse, part):
                data = msgspec.to_builtins(s) | {"url": f"{self._public_url}/story/{s.story_id}"}
                before = earlier.get(s.story_id)
                found.append(
                    Event(
                        f"story.{s.story_id}", "story", data, s.independent_count, f"story.{before}" if before else None
                    )
                )
            for c in stories.conflicts(warehouse, 1000, part):
                data = msgspec.to_builtins(c) | {"url": f"{self._public_url}/story/{c.story_id}#f-{c.figure_id}"}
                found.append(Event(f"conflict.{c.figure_id}.{c.low}.{c.high}", "conflict", data))
        return found

    def _write(self, events: Iterable[Event], until: datetime, now: datetime, known: bool = False) -> None:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for event in events:
                    self._put(event, now, known)
                self._db.execute("DELETE FROM looked")
                self._db.execute("INSERT INTO looked VALUES (?)", (until.isoformat(),))
                old = (_text(now - KEPT),)
                self._db.execute("DELETE FROM deliveries WHERE state <> 'waiting' AND due_at < ?", old)
                self._db.execute(
                    "DELETE FROM events WHERE made_at < ? AND id NOT IN (SELECT event FROM deliveries)", old
                )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _put(self, event: Event, now: datetime, known: bool) -> None:
        body = msgspec.json.encode({"type": f"{event.kind}.new", "timestamp": now, "data": event.data})
        self._db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", (event.id, body, _text(now)))
        for hook in self._hooks.values():
            if event.kind not in hook.events or (event.kind == "story" and event.independent < hook.independent):
                continue
            told = self._db.execute("SELECT 1 FROM deliveries WHERE url = ? AND event = ?", (hook.url, event.after))
            # "known" are what was there before, and the same story under an earlier first article.
            state = "known" if known or told.fetchone() else "waiting"
            self._db.execute(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, 0, ?, '')", (hook.url, event.id, state, _text(now))
            )

    # -- sending --

    async def send_due(self, client: WebhookClient, now: datetime) -> int:
        """Send what is due, one after the other; returns how many were taken."""
        with self._lock:
            due = self._db.execute(
                "SELECT d.url, d.event, d.attempts, e.body FROM deliveries d JOIN events e ON e.id = d.event "
                "WHERE d.state = 'waiting' AND d.due_at <= ? ORDER BY d.due_at, d.event LIMIT ?",
                (_text(now), AT_ONCE),
            ).fetchall()
        taken = 0
        for url, event, attempts, body in due:
            hook = self._hooks.get(url)
            if hook is None:  # not in the settings any more
                self._settle(url, event, "given up", attempts, now, "no such hook any more")
                continue
            posted = await client.post(url, body, sign(hook.secret, event, now, body))
            taken += posted.taken
            self._record(url, event, attempts + 1, posted, now)
        return taken

    def _record(self, url: str, event: str, attempts: int, posted: Posted, now: datetime) -> None:
        if posted.taken:
            self._settle(url, event, "sent", attempts, now, "")
        elif posted.status == 410 or attempts >= MOST_ATTEMPTS:
            log.warning("a webhook is given up", event_id=event, attempts=attempts, detail=posted.detail)
            self._settle(url, event, "given up", attempts, now, posted.detail)
        else:
            log.info("a webhook comes again", event_id=event, attempts=attempts, detail=posted.detail)
            self._settle(url, event, "waiting", attempts, now + wait_after(attempts), posted.detail)

    def _settle(self, url: str, event: str, state: str, attempts: int, due: datetime, detail: str) -> None:
        with self._lock:
            self._db.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, detail = ? WHERE url = ? AND event = ?",
                (state, attempts, _text(due), detail[:500], url, event),
            )

    def states(self) -> dict[str, int]:
        """How many deliveries wait, were sent, were given up."""
        with self._lock:
            return dict(self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state"))


def _text(at: datetime) -> str:
    """Texts of one width, so that they sort as times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class Sender:
    """Sends what is due, in a thread of its own, until ``close``."""

    def __init__(self, outbox: Outbox, client: Callable[[], WebhookClient], clock: Callable[[], datetime]):
        self._outbox, self._client, self._clock = outbox, client, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(15)

    async def _run(self) -> None:
        async with self._client() as client:
            while not self._stop.is_set():
                try:
                    await self._outbox.send_due(client, self._clock())
                except Exception as e:  # noqa: BLE001 - the next round tries again
                    log.error("webhooks can't be sent now", error=f"{type(e).__name__}: {e}")
                await asyncio.to_thread(self._stop.wait, 1.0)
