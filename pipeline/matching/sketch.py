"""Sketch an article: the compact evidence that decides what it came from, and the keys that find its candidates.

In: an ``Article`` (or a section of a digest). Out: a ``Sketch`` of about 2 KB, a pure function of the article, the
tables in pipeline/matching/data and what was learned into files (boilerplate, rarities). The text itself is not needed
again to match it.

Evidence, version 2, little-endian: a header (``_HEADER``), then arrays: terms (32 bits each: 20 of hash, 4 of rarity,
4 of frequency, 4 of where it stood), shingle sample and quotation sample (24 bits each), numbers (16 bits of unit hash,
15 of value hash, 1 for telling ones), days mentioned (1 bit for early ones, month * 32 + day, 16 bits each), years
mentioned (since 1900, 8 bits each), and for a section the id of the article it is part of.
"""

from __future__ import annotations

import functools
import struct
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from pipeline.extraction.wire_credit import agency_of
from pipeline.matching import copies, reading, words
from pipeline.matching.boilerplate import Boilerplate
from pipeline.matching.lexicon import DIGIT, LOWER, TELLING, WORD, Lexicon, lexicon
from pipeline.matching.mentions import Mentions, mentions
from pipeline.matching.rarities import Rarities
from pipeline.matching.reading import IN_LEAD, IN_TITLE, IS_NAME, IS_PAIR
from schemas.ids import content_id, text_hash
from schemas.records import Article, Section, Sketch

__all__ = ["IN_LEAD", "IN_TITLE", "IS_NAME", "IS_PAIR", "Evidence", "pack", "sketch", "sketch_section", "unpack"]

NO_BOILERPLATE = Boilerplate()
NO_RARITIES = Rarities()
VERSION = 2
TERM_BITS = 20
TERMS, PAIRS, KEYS = 112, 32, 30
"""At most so many single words, pairs of words, and rare-word keys are kept."""
QUOTES = 32
"""Of the runs of four words in quotations those with the least hashes are kept, at most so many."""
IS_SECTION, IS_DIGEST = 1, 2
COPY_KEY = 1
"""The lowest bit of a key: set for a minimiser of the text, clear for a rare word."""
KEY_BITS = 32
EARLY = 1 << 15
"""Set in a day that the text's head mentions."""
TELLING_NUMBER = 1
"""The lowest bit of a number: set for one of three digits or with a fraction."""
BEGINNING = date(1990, 1, 1)
"""Days are counted from here."""

_HEADER = struct.Struct("<BBBBIHHHHBBH")


@dataclass(frozen=True)
class Evidence:
    """What ``Sketch.evidence`` holds."""

    flags: int = 0
    weekdays: int = 0
    """Those that the lead names, bit 0 for Monday."""
    halved: int = 0
    """The bound of the shingle sample is 2**(24 - halved)."""
    length: int = 0
    """Words."""
    terms: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint32))
    shingles: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint32))
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint32))
    days: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint16))
    quotes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint32))
    years: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    written: int = 0
    """The day that the text's head says it was written, in days since 1990; 0 without one."""
    part_of: str = ""
    """The article that a section belongs to."""


def subtag(language: str | None) -> str:
    """The primary subtag of a BCP 47 tag, "und" without one."""
    return (language or "und").replace("_", "-").split("-")[0].lower() or "und"


def sketch(
    article: Article,
    digest: bool = False,
    boilerplate: Boilerplate = NO_BOILERPLATE,
    rarities: Rarities = NO_RARITIES,
) -> Sketch:
    """The sketch of an article. ``digest``: it has sections, which are sketched on their own."""
    at = article.published_at or article.first_seen_at
    language = subtag(article.language)
    text = boilerplate.without(article.source, article.text)
    flags, learned = IS_DIGEST if digest else 0, rarities.of(language)
    keys, evidence = _read(article.title or "", text, language, learned, at, flags, "")
    agency = agency_of(article.canonical_url)
    return Sketch(
        article_id=article.article_id,
        text_hash=article.text_hash,
        language=language,
        at=at,
        keys=keys,
        evidence=pack(evidence),
        wire_credit=article.wire_credit or agency,
        agency=agency if article.wire_credit in (None, agency) else None,
    )


def section_id(article_id: str, position: int) -> str:
    """The identity of a digest's section: its place in the article."""
    return content_id("section", article_id, str(position))


def sketch_section(
    article: Article,
    section: Section,
    position: int,
    boilerplate: Boilerplate = NO_BOILERPLATE,
    rarities: Rarities = NO_RARITIES,
) -> Sketch:
    """The sketch of the ``position``-th section of a digest."""
    at = article.published_at or article.first_seen_at
    language = subtag(article.language)
    text = article.text[section.span_start : section.span_end]
    read = boilerplate.without(article.source, text)
    title, learned = section.title or "", rarities.of(language)
    keys, evidence = _read(title, read, language, learned, at, IS_SECTION, article.article_id)
    return Sketch(
        article_id=section_id(article.article_id, position),
        text_hash=text_hash(section.title, text),
        language=language,
        at=at,
        keys=keys,
        evidence=pack(evidence),
    )


def pack(evidence: Evidence) -> bytes:
    """The bytes of ``Sketch.evidence``."""
    e = evidence
    counts = (len(e.terms), len(e.shingles), len(e.numbers), len(e.days), len(e.quotes), len(e.years))
    return b"".join(
        (
            _HEADER.pack(VERSION, e.flags, e.weekdays, e.halved, e.length, *counts, e.written),
            e.terms.astype("<u4").tobytes(),
            _three(e.shingles),
            _three(e.quotes),
            e.numbers.astype("<u4").tobytes(),
            e.days.astype("<u2").tobytes(),
            e.years.astype("u1").tobytes(),
            e.part_of.encode(),
        )
    )


@functools.lru_cache(maxsize=1 << 14)  # A sketch is read again by each batch that it is near to.
def unpack(packed: bytes) -> Evidence:
    """The evidence in ``packed``. Raises ``ValueError`` for another version: the sketch has to be made again."""
    if not packed or packed[0] != VERSION:
        raise ValueError(f"sketch of version {packed[:1].hex() or 'none'}, this wiredesk reads {VERSION}")
    header = _HEADER.unpack_from(packed)
    _, flags, weekdays, halved, length, terms, sampled, numbers, days, quotes, years, written = header
    ends = np.cumsum([_HEADER.size, 4 * terms, 3 * sampled, 3 * quotes, 4 * numbers, 2 * days, years]).tolist()
    return Evidence(
        flags=flags,
        weekdays=weekdays,
        halved=halved,
        length=length,
        terms=np.frombuffer(packed, "<u4", terms, ends[0]),
        shingles=_four(packed, ends[1], sampled),
        quotes=_four(packed, ends[2], quotes),
        numbers=np.frombuffer(packed, "<u4", numbers, ends[3]),
        days=np.frombuffer(packed, "<u2", days, ends[4]),
        years=np.frombuffer(packed, "u1", years, ends[5]),
        written=written,
        part_of=packed[ends[6] :].decode(),
    )


def _three(values: np.ndarray) -> bytes:
    """Values of 24 bits, three bytes each."""
    return values.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _four(packed: bytes, start: int, count: int) -> np.ndarray:
    wide = np.zeros((count, 4), np.uint8)
    wide[:, :3] = np.frombuffer(packed, np.uint8, 3 * count, start).reshape(-1, 3)
    found = wide.view("<u4").reshape(-1)
    found.flags.writeable = False
    return found


def _read(
    title: str, text: str, language: str, learned: bytes | None, at: datetime | None, flags: int, part_of: str
) -> tuple[tuple[int, ...], Evidence]:
    """Keys and evidence of a text."""
    known = lexicon(language, learned)
    found, ids = known.read(words.readable(text))
    kinds = known.kind[ids]
    body = ids[(kinds & WORD) > 0]
    hashes = copies.shingles(known.lower_hash[body])
    sampled, halved = copies.sample(hashes)
    terms, pairs = _weigh(known, body, known.read(title[: words.MAX_CHARS])[1])
    telling = np.flatnonzero(kinds & TELLING).tolist()
    said = mentions(found, telling, language, at.date() if at else None, learned)
    rare = terms[terms[:, 1] >= words.KEY_RARITY][:KEYS, 0]
    keys = np.concatenate((_keys(known.fold_hash[rare], 0), _keys(copies.minimisers(hashes), COPY_KEY)))
    evidence = Evidence(
        flags=flags,
        weekdays=sum(1 << day for day in said.weekdays),
        halved=halved,
        length=len(body),
        terms=_packed_terms(known.fold_hash[terms[:TERMS, 0]], terms[:TERMS, 1:], *pairs),
        shingles=sampled,
        quotes=_least(reading.quoted_runs(kinds, known.lower_hash[ids])),
        numbers=_numbers(said),
        days=_days(said),
        years=np.array(sorted(year - 1900 for year in said.years[:8]), np.uint8),
        written=_since_beginning(said.written),
        part_of=part_of,
    )
    return tuple(reading.ascending(keys).tolist()), evidence


def _weigh(known: Lexicon, body: np.ndarray, title: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Terms (fold, rarity, level, places), the heaviest first, and pairs of neighbours (hash; the same columns)."""
    folds, kinds = known.fold[body], known.kind[body]
    terms = reading.weigh(
        folds,
        (kinds & LOWER) > 0,
        (kinds & DIGIT) > 0,
        known.fold[title[(known.kind[title] & WORD) > 0]],
        known.fold_hash,
        known.fold_rarity,
    )
    return terms, reading.neighbours(folds, terms, known.fold_hash, PAIRS)


def _packed_terms(
    hashes: np.ndarray, columns: np.ndarray, pair_hashes: np.ndarray, pair_columns: np.ndarray
) -> np.ndarray:
    """Words and pairs, packed; of those with the same hash the first stays."""
    short = np.concatenate((hashes, pair_hashes)) >> np.uint64(64 - TERM_BITS)
    rarity, level, places = np.concatenate((columns, pair_columns)).T
    packed = (short.astype(np.int64) << 12) | (rarity << 8) | (level << 4) | places
    return packed[reading.first_of_each(short)].astype(np.uint32)


def _keys(hashes: np.ndarray, lowest: int) -> np.ndarray:
    """Keys of ``KEY_BITS`` bits."""
    return (hashes >> np.uint64(64 - KEY_BITS)).astype(np.int64) & ~1 | lowest


def _least(hashes: np.ndarray) -> np.ndarray:
    return reading.ascending((hashes >> np.uint64(40)).astype(np.uint32))[:QUOTES]


def _since_beginning(day: date | None) -> int:
    return max(0, min(0xFFFF, (day - BEGINNING).days)) if day else 0


def _numbers(found: Mentions) -> np.ndarray:
    packed = [(_short(unit) << 16) | (_short(f"{value:g}") & ~1) | _is_telling(value) for value, unit in found.numbers]
    return np.array(sorted(set(packed)), np.uint32)


def _is_telling(value: float) -> bool:
    """Whether two articles hardly name the number by chance."""
    return value >= 100 or value != int(value)


def _days(found: Mentions) -> np.ndarray:
    packed = [32 * month + day for month, day in found.days[:12]]
    return np.array([day | (EARLY if n < found.early else 0) for n, day in enumerate(packed)], np.uint16)


def _short(text: str) -> int:
    """A hash of 16 bits."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) & 0xFFFF
