"""SQL as the commands give it to any warehouse: one SELECT, ``?`` or ``$1`` for parameters."""

from __future__ import annotations

import itertools
import re

_TOKEN = re.compile(
    r"""
    (?P<skip> ' (?: [^'] | '' )* '          # a text
      | " (?: [^"] | "" )* "                # a name
      | -- [^\n]* | /\* .*? \*/             # comments
    )
  | (?P<mark> \? )
    """,
    re.VERBOSE | re.DOTALL,
)
_READING = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


def numbered(sql: str, first: int = 1) -> str:
    """The statement with its ``?`` as ``$1``, ``$2``, ...; those in texts, names and comments stay."""
    numbers = itertools.count(first)
    return _TOKEN.sub(lambda found: f"${next(numbers)}" if found["mark"] else found[0], sql)


def is_reading(sql: str) -> bool:
    """Whether the statement begins as one that reads."""
    return _READING.match(sql) is not None


def only_one_select(sql: str) -> ValueError:
    """What to raise for anything else."""
    return ValueError(f"only one SELECT can be asked of a warehouse, not: {' '.join(sql.split())[:80]}")
