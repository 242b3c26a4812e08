"""The index of words: one SQLite file beside the warehouse (FTS5, no copy of the texts), for any kind of warehouse.

A document's number is made of its time, so that the newest come first without sorting and a time range is a range of
numbers. Source and language are words of a column of their own. A wording that was replaced stays in the index and has
no article any more. Sources: https://www.sqlite.org/fts5.html.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from schemas.records import Article

VERSION = 1
SHIFT = 28
"""Bits of a document's number below the seconds: the second's articles differ in them."""
SECONDS = 2.0
"""How long one search may take."""
MOST_WORDS = 24

_SCHEMA = f"""
CREATE VIRTUAL TABLE words USING fts5(title, text, facets, content='', tokenize="unicode61 remove_diacritics 2");
CREATE TABLE documents (number INTEGER PRIMARY KEY, article_id TEXT, text_hash TEXT NOT NULL);
CREATE UNIQUE INDEX article ON documents (article_id) WHERE article_id IS NOT NULL;
PRAGMA user_version = {VERSION};
"""
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Scripts that put no spaces between words: each sign is taken for a word, a word for a phrase of them."""
_TERM = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')


class SearchTooLong(Exception):
    """A search was given up after ``SECONDS``."""


@dataclass(frozen=True)
class Wanted:
    """What is searched for; None and empty mean any. Times: the articles' own, ``until`` excluded."""

    words: str = ""
    source: str | None = None
    language: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def anything(self) -> bool:
        return bool(self.words.strip() or self.source or self.language or self.since or self.until)


def query(wanted: Wanted) -> str | None:
    """The search as FTS5 has it, every word quoted; None where only the time is given, or nothing that can be found.

    >>> query(Wanted('harbour "new bridge" -toll ferr*'))
    '({title text} : ("harbour" AND "new bridge" AND "ferr" *)) NOT {title text} : ("toll")'
    """
    found: list[str] = []
    not_found: list[str] = []
    for minus, phrase, word in _TERM.findall(wanted.words)[:MOST_WORDS]:
        text = spaced(phrase or word)
        prefix = bool(word) and text.endswith("*")
        text = re.sub(r"[^\w\s]+", " ", text.replace("\0", " ")).strip()
        if text:
            (not_found if minus else found).append(f'"{text}"' + (" *" if prefix else ""))
    parts = [f"{{title text}} : ({' AND '.join(found)})"] if found else []
    parts += [f"facets : {facet}" for facet in _facets(wanted.source, wanted.language)]
    if not parts:
        return None
    said = " AND ".join(parts)
    return f"({said})" + "".join(f" NOT {{title text}} : ({word})" for word in not_found)


def spaced(text: str) -> str:
    return _UNSPACED.sub(lambda sign: f" {sign[0]} ", text)


def _facets(source: str | None, language: str | None) -> list[str]:
    found = []
    if source:
        found.append(f"s{hashlib.blake2b(source.encode('utf-8', 'replace'), digest_size=8).hexdigest()}")
    if language:
        found.append(f"l{re.sub('[^a-z]', '', language.lower().split('-')[0])}")
    return found


def time_of(article: Article) -> datetime | None:
    return article.published_at or article.first_seen_at


def number(at: datetime | None, article_id: str) -> int:
    """Where a document of this time and article stands: later ones higher."""
    seconds = 0 if at is None else max(0, int(at.timestamp()))
    return seconds << SHIFT | int.from_bytes(hashlib.blake2b(article_id.encode(), digest_size=4).digest()) >> 32 - SHIFT


class SearchIndex:
    """The index at ``path``, made if it is not there; ``:memory:`` for none that stays. Threads may share it."""

    def __init__(self, path: Path | str):
        self._path = str(path)
        self._writing = threading.Lock()
        self._local = threading.local()
        self._db = self._open()
        if self._db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            self._db.executescript(_SCHEMA)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")  # it can be made again
        db.execute("PRAGMA cache_size=-32000")
        return db

    def close(self) -> None:
        self._db.close()

    def count(self) -> int:
        """Articles that can be found."""
        return int(self._db.execute("SELECT count(article_id) FROM documents").fetchone()[0])

    def lacking(self, articles: Sequence[tuple[str, str]]) -> list[str]:
        """Of these articles (id, text_hash) the ids of those that are not here with this text."""
        known = dict(
            self._db.execute(
                f"SELECT article_id, text_hash FROM documents WHERE article_id IN ({', '.join('?' * len(articles))})",
                [article_id for article_id, _ in articles],
            )
        )
        return [key for key, text_hash in articles if known.get(key, "").partition("/")[0] != text_hash]

    def add(self, articles: Iterable[Article]) -> int:
        """Index the articles, in place of what was known of them; returns how many were new or changed."""
        rows = sorted(((number(time_of(a), a.article_id), a) for a in articles), key=lambda row: row[0])
        with self._writing, _transaction(self._db) as db:
            return sum(self._put(db, place, article) for place, article in rows)

    def _put(self, db: sqlite3.Connection, place: int, article: Article) -> bool:
        stamp = f"{article.text_hash}/{place}"
        known = db.execute("SELECT text_hash FROM documents WHERE article_id = ?", (article.article_id,)).fetchone()
        if known == (stamp,):
            return False
        if known:
            db.execute("UPDATE documents SET article_id = NULL WHERE article_id = ?", (article.article_id,))
        while db.execute("SELECT 1 FROM documents WHERE number = ?", (place,)).fetchone():
            place += 1
        db.execute("INSERT INTO documents VALUES (?, ?, ?)", (place, article.article_id, stamp))
        facets = " ".join(_facets(article.source, article.language))
        db.execute(
            "INSERT INTO words (rowid, title, text, facets) VALUES (?, ?, ?, ?)",
            (place, spaced(article.title or ""), spaced(article.text), facets),
        )
        return True

    def find(self, wanted: Wanted, limit: int, before: int | None = None) -> list[tuple[int, str]]:
        """The newest articles that match, as (number, article_id); ``before`` is the number that a page ended with.
        Raises ``SearchTooLong``."""
        low = 0 if wanted.since is None else max(0, int(wanted.since.timestamp())) << SHIFT
        high = (1 << 62) if wanted.until is None else max(0, int(wanted.until.timestamp())) << SHIFT
        high = min(high, (1 << 62) if before is None else before)
        match = query(wanted)
        if match is None:
            if wanted.words.strip():
                return []
            sql = (
                "SELECT number, article_id FROM documents "
                "WHERE article_id IS NOT NULL AND number >= ? AND number < ? ORDER BY number DESC LIMIT ?"
            )
            values: tuple[object, ...] = (low, high, limit)
        else:
            # CROSS JOIN: the index of words leads, newest first, and ends as soon as there are enough.
            sql = (
                "SELECT d.number, d.article_id FROM words w CROSS JOIN documents d ON d.number = w.rowid "
                "WHERE words MATCH ? AND w.rowid >= ? AND w.rowid < ? AND d.article_id IS NOT NULL "
                "ORDER BY w.rowid DESC LIMIT ?"
            )
            values = (match, low, high, limit)
        db = self._reader()
        deadline = time.monotonic() + SECONDS
        db.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as e:
            if "interrupted" in str(e):
                raise SearchTooLong from None
            raise
        finally:
            db.set_progress_handler(None, 0)

    def _reader(self) -> sqlite3.Connection:
        """A connection of this thread's: readers do not wait for the writer."""
        if self._path == ":memory:":
            return self._db
        if not hasattr(self._local, "db"):
            self._local.db = self._open()
        db: sqlite3.Connection = self._local.db
        return db


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
