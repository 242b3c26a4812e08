"""Learn how rare the words of a language are from the articles of a warehouse, for matching to weigh them.

In: the articles of a language. Out: a level for each bucket of words, as ``words.rarity`` gives them: 0 for a stop
word, more with each halving of the share of articles that hold the word. What was learned is a file that the settings
name, as boilerplate is, and not something that grows by itself: so an article's sketch does not depend on what else has
come so far.

A file is a line of JSON (what it is, its version, and of each language the tag, the articles it was learned from and
the bytes of its table), then the tables in that order, as ``words.pack_rarities`` makes them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.matching import words
from pipeline.matching.lexicon import WORD, lexicon

KIND, VERSION = "wiredesk rarities", 1
ENOUGH = 500
"""Of fewer articles a language's table says little: half of the words in them occur once."""
LONGEST_HEAD = 1 << 16
"""Bytes; a longer first line is of no file of ours."""


@dataclass(frozen=True)
class Table:
    """What was learned of one language, a primary subtag, from so many articles; packed, so that workers get little."""

    language: str
    articles: int
    packed: bytes


@dataclass(frozen=True)
class Rarities:
    """The tables of the languages that were learned."""

    tables: tuple[Table, ...] = ()

    def of(self, language: str) -> bytes | None:
        """The packed table of a language; None where ``words.rarity`` has to do without."""
        return next((table.packed for table in self.tables if table.language == language), None)


def learn(language: str, articles: Iterable[tuple[str | None, str]]) -> Table:
    """The table of a language from titles and texts of its articles, in any order; a text counts as often as it comes.

    The most frequent word of a bucket decides. A word that no article has is somewhat rarer than one that one has.
    """
    total = 0
    documents: Counter[int] = Counter()
    for title, text in articles:
        total += 1
        known = lexicon(language)
        _, ids = known.read(f"{(title or '')[: words.MAX_CHARS]}\n{words.readable(text)}")
        folds = np.unique(known.fold[ids[(known.kind[ids] & WORD) > 0]])
        documents.update(known.fold_hash[folds].tolist())
    levels = np.full(1 << words.RARITY_BITS, words.rarity_level(0, total), np.uint8)
    for hashed, count in documents.items():
        bucket = hashed & (len(levels) - 1)
        levels[bucket] = min(levels[bucket], words.rarity_level(count, total))
    return Table(language, total, words.pack_rarities(levels))


def dump_rarities(tables: Sequence[Table]) -> bytes:
    """The bytes of a file that holds these tables, the same in whatever order they come."""
    tables = sorted(tables, key=lambda table: table.language)
    listed = [{"language": t.language, "articles": t.articles, "bytes": len(t.packed)} for t in tables]
    head = json.dumps({"kind": KIND, "version": VERSION, "languages": listed})
    return b"".join((head.encode(), b"\n", *(table.packed for table in tables)))


def read_rarities(file: str) -> Rarities:
    """What a file holds. Raises ``ValueError`` and ``OSError``."""
    with open(file, "rb") as opened:
        listed = _languages(opened.readline(LONGEST_HEAD))
        tables = tuple(Table(language, articles, opened.read(size)) for language, articles, size in listed)
        rest = opened.read(1)
    if rest or any(len(table.packed) != size for table, (_, _, size) in zip(tables, listed, strict=True)):
        raise ValueError("its tables are not as long as its first line says")
    for table in tables:
        words.unpack_rarities(table.packed)
    return Rarities(tables)


def _languages(head: bytes) -> list[tuple[str, int, int]]:
    """Language, articles and bytes of each table that a file's first line lists."""
    try:
        found = json.loads(head)
        kind, version = found["kind"], found["version"]
        listed = [(str(t["language"]), int(t["articles"]), int(t["bytes"])) for t in found["languages"]]
    except (ValueError, TypeError, LookupError) as e:
        raise ValueError("it is no file of rarities (make one with: wiredesk sources rarities)") from e
    if kind != KIND or version != VERSION:
        raise ValueError(f"it is {kind} of version {version}, this wiredesk reads {KIND} of version {VERSION}")
    if any(size < 0 for _, _, size in listed):
        raise ValueError("a table of less than no bytes")
    return listed
