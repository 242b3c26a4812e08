"""Options in a queue's URL: ``?retention=7d&max_bytes=2GB``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from connectors.queue import QueueError

_SIZES = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DURATIONS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read(url: str, query: str, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The options of ``query`` by name, each read by its reader. Raises ``QueueError`` with one line."""
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in readers:
            raise QueueError(f"unknown option {name!r} in {url!r}: known are {', '.join(readers)}")
        try:
            given[name] = readers[name](value)
        except ValueError as e:
            raise QueueError(f"option {name}={value!r} in {url!r}: {e}") from None
    return given


def size(text: str) -> int:
    """Bytes."""
    found = re.fullmatch(r"(\d+)\s*(\w*)", text)
    if not found or found[2] not in _SIZES or int(found[1]) == 0:
        raise ValueError("a size is a number with kB, MB, GB, KiB, MiB, GiB or nothing, as in 2GB")
    return int(found[1]) * _SIZES[found[2]]


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("a whole number above 0 is needed")
    return int(text)


def duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)\s*([smhd])", text)
    if not found:
        raise ValueError("a duration is a number with s, m, h or d, as in 7d")
    return timedelta(seconds=int(found[1]) * _DURATIONS[found[2]])


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one of these words, in any case; gives it as it is written here."""

    def read(text: str) -> str:
        for choice in choices:
            if text.casefold() == choice.casefold():
                return choice
        raise ValueError(f"use {', '.join(choices[:-1])} or {choices[-1]}")

    return read
