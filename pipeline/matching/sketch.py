"""Sketch an article: the compact evidence that decides what it came from, and the keys that find its candidates.

In: an ``Article`` (or a section of a digest). Out: a ``Sketch`` of about 2 KB, a pure function of the article and the
tables in pipeline/data. The text itself is not needed again to match it.

Evidence, version 1, little-endian: a header (``_HEADER``), then arrays: terms (32 bits each: 20 of hash, 4 of rarity,
4 of frequency, 4 of where it stood), shingle sample (24 bits each), numbers (16 bits of unit hash, 16 of value hash),
days mentioned (month * 32 + day, 16 bits each), and for a section the id of the article it is part of.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.matching import copies, words
from pipeline.matching.mentions import Mentions, mentions
from schemas.ids import content_id, text_hash
from schemas.records import Article, Section, Sketch

VERSION = 1
TERM_BITS = 20
TERMS, PAIRS, KEYS = 112, 24, 30
"""At most so many single words, pairs of words, and rare-word keys are kept."""
LEAD = 80
"""So many words are the lead."""
IN_LEAD, IN_TITLE, IS_NAME, IS_PAIR = 1, 2, 4, 8
IS_SECTION, IS_DIGEST = 1, 2
COPY_KEY = 1
"""The lowest bit of a key: set for a minimiser of the text, clear for a rare word."""

_HEADER = struct.Struct("<BBBBIHHHHH")


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
    part_of: str = ""
    """The article that a section belongs to."""


def subtag(language: str | None) -> str:
    """The primary subtag of a BCP 47 tag, "und" without one."""
    return (language or "und").replace("_", "-").split("-")[0].lower() or "und"


def sketch(article: Article, digest: bool = False) -> Sketch:
    """The sketch of an article. ``digest``: it has sections, which are sketched on their own."""
    at = article.published_at or article.first_seen_at
    language = subtag(article.language)
    keys, evidence = _read(article.title or "", article.text, language, at, IS_DIGEST if digest else 0, "")
    return Sketch(
        article_id=article.article_id,
        text_hash=article.text_hash,
        language=language,
        at=at,
        keys=keys,
        evidence=pack(evidence),
    )


def section_id(article_id: str, position: int) -> str:
    """The identity of a digest's section: its place in the article."""
    return content_id("section", article_id, str(position))


def sketch_section(article: Article, section: Section, position: int) -> Sketch:
    """The sketch of the ``position``-th section of a digest."""
    at = article.published_at or article.first_seen_at
    language = subtag(article.language)
    text = article.text[section.span_start : section.span_end]
    keys, evidence = _read(section.title or "", text, language, at, IS_SECTION, article.article_id)
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
    header = _HEADER.pack(
        VERSION, e.flags, e.weekdays, e.halved, e.length, len(e.terms), len(e.shingles), len(e.numbers), len(e.days), 0
    )
    three = e.shingles.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    numbers, days = e.numbers.astype("<u4").tobytes(), e.days.astype("<u2").tobytes()
    return b"".join((header, e.terms.astype("<u4").tobytes(), three, numbers, days, e.part_of.encode()))


def unpack(packed: bytes) -> Evidence:
    """The evidence in ``packed``. Raises ``ValueError`` for another version: the sketch has to be made again."""
    if not packed or packed[0] != VERSION:
        raise ValueError(f"sketch of version {packed[:1].hex() or 'none'}, this wiredesk reads {VERSION}")
    _, flags, weekdays, halved, length, terms, sampled, numbers, days, _ = _HEADER.unpack_from(packed)
    i = _HEADER.size
    three = np.frombuffer(packed, np.uint8, 3 * sampled, i + 4 * terms).reshape(-1, 3)
    four = np.zeros((sampled, 4), np.uint8)
    four[:, :3] = three
    j = i + 4 * terms + 3 * sampled
    return Evidence(
        flags=flags,
        weekdays=weekdays,
        halved=halved,
        length=length,
        terms=np.frombuffer(packed, "<u4", terms, i),
        shingles=four.view("<u4").reshape(-1),
        numbers=np.frombuffer(packed, "<u4", numbers, j),
        days=np.frombuffer(packed, "<u2", days, j + 4 * numbers),
        part_of=packed[j + 4 * numbers + 2 * days :].decode(),
    )


def _read(
    title: str, text: str, language: str, at: datetime | None, flags: int, part_of: str
) -> tuple[tuple[int, ...], Evidence]:
    """Keys and evidence of a text."""
    text = words.readable(text)
    body = words.tokens(text)
    found = mentions(text, language, at.date() if at else None)
    lead = mentions(" ".join(body[:LEAD]), language, None)
    word_hashes = {word: words.word_hash(word.lower()) for word in set(body)}
    hashes = copies.shingles(np.fromiter(map(word_hashes.__getitem__, body), np.uint64, len(body)))
    sampled, halved = copies.sample(hashes)
    weighed = _weigh(words.tokens(title[: words.MAX_CHARS]), body, language)
    ranked = _ranked(weighed)
    keys = _rare_keys(ranked) + [h | COPY_KEY for h in copies.minimisers(hashes).tolist()]
    evidence = Evidence(
        flags=flags,
        weekdays=sum(1 << day for day in lead.weekdays),
        halved=halved,
        length=len(body),
        terms=_terms([*ranked[:TERMS], *_ranked(_pairs(body, language, weighed))[:PAIRS]]),
        shingles=sampled,
        numbers=_numbers(found),
        days=np.array([32 * month + day for month, day in found.days[:12]], np.uint16),
        part_of=part_of,
    )
    return tuple(sorted({_signed(key) for key in keys})), evidence


class _Word(NamedTuple):
    """A word of an article that is not common."""

    rarity: int
    frequency: int
    places: int

    def weight(self) -> float:
        boosts = 2 + bool(self.places & IN_LEAD) + bool(self.places & IN_TITLE) + bool(self.places & IS_NAME)
        return self.rarity * self.frequency * boosts


def _weigh(title: list[str], body: list[str], language: str) -> dict[str, _Word]:
    """Folded word -> what it weighs. A word in the title counts as twice more."""
    counts: Counter[str] = Counter()
    lower: set[str] = set()
    capital: set[str] = set()
    for word, count in Counter(body).items():
        folded = words.fold(word, language)
        counts[folded] += count
        (lower if word[0].islower() else capital).add(folded)
    in_title = {words.fold(w, language) for w in title}
    in_lead = {words.fold(w, language) for w in body[:LEAD]}
    weighed = {}
    for word in counts.keys() | in_title:
        rarity = words.rarity(word, language)
        if rarity <= words.COMMON or (len(word) == 1 and word.isascii()):
            continue
        is_name = word in capital and word not in lower and not word[0].isdigit()
        places = IN_LEAD * (word in in_lead) | IN_TITLE * (word in in_title) | IS_NAME * is_name
        weighed[word] = _Word(rarity, _level(counts[word] + 2 * (word in in_title)), places)
    return weighed


def _level(count: int) -> int:
    """4 for one, and 4 more for each doubling, up to 15."""
    return min(15, 4 + int(4 * math.log2(max(1, count))))


def _pairs(body: list[str], language: str, weighed: dict[str, _Word]) -> dict[str, _Word]:
    """Neighbouring words, neither of them common, in the form "first second"."""
    telling = {word: folded for word in set(body) if (folded := words.fold(word, language)) in weighed}
    told = [telling.get(word) for word in body]
    found = {}
    for (first, second), count in Counter(pairwise(told)).items():
        if first is not None and second is not None:
            a, b = weighed[first], weighed[second]
            rarity = min(words.MAX_RARITY, (a.rarity + b.rarity) // 2 + 2)
            found[f"{first} {second}"] = _Word(rarity, _level(count), IS_PAIR | (a.places & b.places))
    return found


def _ranked(weighed: dict[str, _Word]) -> list[tuple[str, _Word]]:
    """The heaviest first."""
    return sorted(weighed.items(), key=lambda item: (-item[1].weight(), item[0]))


def _rare_keys(ranked: list[tuple[str, _Word]]) -> list[int]:
    rare = [word for word, weighed in ranked if weighed.rarity >= words.KEY_RARITY]
    return [words.word_hash(word) & ~COPY_KEY for word in rare[:KEYS]]


def _terms(ranked: list[tuple[str, _Word]]) -> np.ndarray:
    """The words and pairs, packed; of those with the same hash the first stays."""
    packed: dict[int, int] = {}
    for word, (rarity, frequency, places) in ranked:
        short = words.word_hash(word) >> (64 - TERM_BITS)
        packed.setdefault(short, short << 12 | rarity << 8 | frequency << 4 | places)
    return np.fromiter(packed.values(), np.uint32, len(packed))


def _numbers(found: Mentions) -> np.ndarray:
    packed = [(_short(unit) << 16) | _short(f"{value:g}") for value, unit in found.numbers]
    return np.array(sorted(set(packed)), np.uint32)


def _short(text: str) -> int:
    """A hash of 16 bits."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) & 0xFFFF


def _signed(key: int) -> int:
    return key - (1 << 64) if key >= 1 << 63 else key
