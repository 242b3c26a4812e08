"""New inputs from old ones. Pure: a function of the random numbers that are handed in.

Three sorts of change: of bytes (flipped, cut off, spliced), of markup and words (elements, attributes, numbers, words
of a dictionary removed, doubled, nested, repeated until they are many), and of trees (values of JSON and MessagePack
replaced by those of other types). A parser's first checks are passed, and what is behind them is reached.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

LARGEST = 48 * 1024
"""Bytes of an input: room enough for what is quadratic to show."""

_PIECE = re.compile(rb"<[^<>]{0,300}>|[\w.-]+|\s+|.", re.DOTALL)
_NUMBER = re.compile(rb"-?\d+")
_NUMBERS = (
    b"0", b"-1", b"1", b"255", b"65536", b"2147483648", b"-2147483649", b"18446744073709551616", b"9" * 40, b"1e999",
    b"00", b"0x10", b"1_0", b"NaN", "٣".encode(), "²".encode(),
)  # fmt: skip
_ODD = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\r\n", b"\r", b"\x85", b"\x1b[2J",
    b"\x7f", "\u202e".encode(), "\u2028".encode(), "\ufeff".encode(), "\U0010ffff".encode(), "İ".encode(), "ﬀ".encode(),
    "e\u0301".encode(), "\u200d".encode(), b"%s%n", b"%00", b"%ff", b"..", b"\\", b"'", b'"', b"\\ud800",
)  # fmt: skip
_CHARSETS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "windows-1252", "shift_jis", "gb18030", "koi8-r")

Change = Callable[[random.Random, bytes], bytes]


def mutated(
    rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], own: Sequence[Change] = ()
) -> bytes:
    """``data`` after some changes. ``others``: inputs to take pieces from; ``tokens``: words that mean something to the
    door; ``own``: changes that only it knows."""
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        if own and rng.random() < 0.4:
            data = rng.choice(own)(rng, data)
        else:
            data = rng.choice(_CHANGES)(rng, data, others, tokens)
        data = data[:LARGEST]
    return data


def _place(rng: random.Random, data: bytes) -> tuple[int, int]:
    """A short range, more often near the end, where footers are, than chance would have it."""
    start = max(0, len(data) - rng.randrange(1, 64)) if rng.random() < 0.2 else rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((0, 1, 1, 2, 4, 8, 40, 300, 5000)))


def _pieces(rng: random.Random, data: bytes) -> tuple[int, int]:
    """A range that begins and ends where an element, a word or a sign does."""
    start = rng.randrange(len(data) + 1)
    start = max(data.rfind(mark, 0, start) for mark in (b"<", b" ", b"\n", b",")) if rng.random() < 0.8 else start
    start, end = max(0, start), max(0, start)
    for _ in range(rng.choice((1, 1, 2, 5, 12))):
        found = _PIECE.match(data, end)
        if found is None:
            break
        end = found.end()
    return start, end


def _flip(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    if not data:
        return rng.randbytes(4)
    start, _ = _place(rng, data)
    start = min(start, len(data) - 1)
    return data[:start] + bytes((data[start] ^ (1 << rng.randrange(8)),)) + data[start + 1 :]


def _noise(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, end = _place(rng, data)
    return data[:start] + rng.randbytes(rng.randrange(1, 9)) + data[end:]


def _remove(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, end = _pieces(rng, data) if rng.random() < 0.6 else _place(rng, data)
    return data[:start] + data[end:]


def _cut_off(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.8 else data[rng.randrange(len(data) + 1) :]


def _insert(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, end = _pieces(rng, data)
    where, word = rng.choice((start, end)), rng.choice(tokens or _ODD)
    return data[:where] + word + data[where:]


def _replace(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, end = _pieces(rng, data)
    return data[:start] + rng.choice(rng.choice((tokens, _ODD)) or _ODD) + data[end:]


def _odd(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, _ = _pieces(rng, data)
    return data[:start] + rng.choice(_ODD) + data[start:]


def _repeat(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, end = _pieces(rng, data)
    piece = data[start:end] or b" "
    times = rng.choice((2, 3, 10, 100, 20_000))
    return data[:end] + piece * min(times, LARGEST // len(piece)) + data[end:]


def _splice(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else b""
    start, end = _pieces(rng, other)
    end = rng.choice((end, min(len(other), start + rng.randrange(2000))))
    at, until = _pieces(rng, data)
    return data[:at] + other[start:end] + data[rng.choice((at, until)) :]


def _swap(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    (a, b), (c, d) = sorted((_pieces(rng, data), _pieces(rng, data)))
    if b > c:
        return data
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _nest(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    start, end = _pieces(rng, data)
    opening, closing = rng.choice(((b"<a>", b"</a>"), (b"<div>", b""), (b"[", b"]"), (b"(", b")"), (b'{"a":', b"}")))
    times = rng.choice((1, 3, 300, 3000))
    return data[:start] + opening * times + data[start:end] + closing * times + data[end:]


def _number(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data[:8192]))
    if not found:
        return data
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(_NUMBERS) + data[one.end() :]


def _charset(rng: random.Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    if rng.random() < 0.7:  # once in a while is enough: nothing else works on such an input
        return _odd(rng, data, others, tokens)
    return data.decode("utf-8", "replace").encode(rng.choice(_CHARSETS), "replace")


_CHANGES = (
    _flip, _noise, _remove, _cut_off, _insert, _insert, _replace, _odd, _repeat, _splice, _splice, _swap, _nest,
    _number, _charset,
)  # fmt: skip

_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 2**63, "", "x", "\x00", "\ud800", "é" * 50, [], {}, [None], {"": None}, "https://h.example/",
    "2026-06-01", 99999999999999,
)  # fmt: skip


def tree_changed(rng: random.Random, tree: Any, depth: int = 0) -> Any:
    """A value somewhere in a tree of dicts and lists replaced, removed, doubled or put one deeper."""
    if isinstance(tree, dict) and tree and (depth == 0 or rng.random() < 0.8):
        key = rng.choice(list(tree))
        what = rng.randrange(6)
        if what == 0:
            return {k: v for k, v in tree.items() if k != key}
        if what == 1:
            return tree | {rng.choice(["", "x", key + "x" if isinstance(key, str) else "y"]): tree[key]}
        return tree | {key: tree_changed(rng, tree[key], depth + 1)}
    if isinstance(tree, list | tuple) and tree and (depth == 0 or rng.random() < 0.8):
        at = rng.randrange(len(tree))
        middle = rng.choice(([], [tree[at]] * 2, [tree_changed(rng, tree[at], depth + 1)]))
        return [*tree[:at], *middle, *tree[at + 1 :]]
    return rng.choice((rng.choice(_VALUES), [tree], {"x": tree}))


def json_changed(rng: random.Random, data: bytes) -> bytes:
    """A line of JSON, or all of it, with another value somewhere."""
    lines = data.split(b"\n") if rng.random() < 0.7 else [data]
    at = rng.randrange(len(lines))
    try:
        tree = json.loads(lines[at])
    except (ValueError, RecursionError):
        return data
    lines[at] = json.dumps(tree_changed(rng, tree), ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)
