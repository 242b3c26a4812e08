"""Words of a text as matching sees them: language-neutral tokens, their stable hashes, and how rare they are.

In: text and a language subtag. Out: tokens in order, 64-bit hashes, rarity levels. Nothing here depends on anything
but the text, the tables in pipeline/matching/data and those given, so that two machines see the same words.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from importlib import resources

import numpy as np
import zstandard

MAX_CHARS = 400_000
"""Longer texts are read this far (about 65,000 words): a bound on time, not on what is stored."""
RARITY_BITS = 18
"""The table of rarities has 2**18 buckets, indexed by the low bits of a word's hash."""
MAX_RARITY = 15
COMMON = 3
"""Words of this rarity level or less carry no evidence."""
KEY_RARITY = 5
"""Words rarer than this may find candidates: in English those in fewer than about one article of 20."""

# Runs of letters (with inner apostrophes), and numbers with their separators.
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,]\d+)*")
# Scripts written without spaces: Thai, Lao, Khmer, kana, Han.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_INSERT_REACH = 400


def readable(text: str) -> str:
    """The text as matching reads it: cut at ``MAX_CHARS``, link lists glued to a name ("Donald TrumpTrump faces ...
    MORE") taken out."""
    text = text[:MAX_CHARS]
    if " MORE" not in text:
        return text
    kept, start = [], 0
    for found in re.finditer(r" MORE\b", text):
        floor = max(start, found.start() - _INSERT_REACH, text.rfind("\n", start, found.start()) + 1)
        glued = re.search(r"[^\W\d_A-Z](?=[A-Z])", text[floor : found.start()])
        if glued:
            kept.append(text[start : floor + glued.end()])
            start = found.end()
    kept.append(text[start:])
    return "".join(kept)


def tokens(text: str) -> list[str]:
    """The words and numbers of ``text`` as written; of an unspaced script the overlapping pairs of characters."""
    return pairs_of_unspaced(_WORD.findall(text), text)


def is_unspaced(character: str) -> bool:
    """Whether it is of a script written without spaces."""
    return _UNSPACED.match(character) is not None


def pairs_of_unspaced(found: list[str], text: str) -> list[str]:
    """The tokens of ``text`` with those of scripts written without spaces cut into overlapping pairs of characters."""
    if not _UNSPACED.search(text):
        return found
    split: list[str] = []
    for word in found:
        if len(word) > 2 and _UNSPACED.match(word):
            split.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            split.append(word)
    return split


@functools.lru_cache(maxsize=1 << 18)
def fold(word: str, language: str) -> str:
    """The form under which a word is counted: lower case, without possessive; English plurals without their s."""
    folded = word.lower().replace("’", "'")
    if len(folded) > 2 and folded.endswith("'s"):
        folded = folded[:-2]
    if language == "en" and len(folded) > 4 and folded[-1] == "s" and folded[-2] not in "su":
        folded = folded[:-3] + "y" if folded.endswith("ies") else folded[:-1]
    return folded


@functools.lru_cache(maxsize=1 << 18)
def word_hash(word: str) -> int:
    """An unsigned 64-bit hash, the same everywhere and always."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def hashes(words: Sequence[str]) -> np.ndarray:
    """``word_hash`` of each, as uint64."""
    return np.fromiter(map(word_hash, words), np.uint64, len(words))


@functools.lru_cache(maxsize=1 << 18)
def rarity(word: str, language: str, learned: bytes | None = None) -> int:
    """0 (everywhere) to ``MAX_RARITY`` (never seen) for a folded word.

    From ``learned``, the language's packed table (``rarities``), if there is one. Else in English from the document
    frequencies in data/rarity.en.bin; in other languages by length, since the words that a language uses most are its
    short ones (Zipf, 1935); numbers by their digits.
    """
    if learned is not None or language == "en":
        levels = _english() if learned is None else _unpacked(learned)
        return int(levels[word_hash(word) & ((1 << RARITY_BITS) - 1)])
    if word[0].isdigit():
        return min(MAX_RARITY, 4 + 2 * len(word))
    if _UNSPACED.match(word):
        return 8
    return min(MAX_RARITY, max(1, 2 * len(word) - 4))


def rarity_level(documents: int, total: int) -> int:
    """The level of a word in ``documents`` of ``total`` documents: 1.5 levels for each halving of its frequency."""
    return int(min(MAX_RARITY, max(0.0, round(1.2 * float(np.log2((total + 1) / (documents + 0.5)))))))


@functools.cache
def _english() -> np.ndarray:
    packed = resources.files("pipeline.matching.data").joinpath("rarity.en.bin").read_bytes()
    return unpack_rarities(packed)


def pack_rarities(levels: np.ndarray) -> bytes:
    """The table as it is shipped: two levels a byte, zstd."""
    nibbles = levels.astype(np.uint8)
    return zstandard.ZstdCompressor(level=19).compress((nibbles[0::2] << 4 | nibbles[1::2]).tobytes())


@functools.lru_cache(maxsize=64)
def _unpacked(packed: bytes) -> np.ndarray:
    return unpack_rarities(packed)


def unpack_rarities(packed: bytes) -> np.ndarray:
    """The levels in ``packed``. Raises ``ValueError`` if it is no table."""
    try:
        if zstandard.frame_content_size(packed) != 1 << (RARITY_BITS - 1):
            raise ValueError("a table of another size")
        unpacked = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError as e:
        raise ValueError(f"a table is damaged ({e})") from e
    pairs = np.frombuffer(unpacked, np.uint8)
    return np.stack([pairs >> 4, pairs & 15], axis=1).reshape(-1)
