"""Learn what a source repeats in its articles, and keep it from matching: link lists, captions, pitches, navigation.

In: articles of a source, with their days. Out: the lines that stand in several of its articles of different days. They
stay in ``articles.text``; only matching does not read them, and ``wiredesk explain`` says which.

What was learned is a file that a person can read and change, not something that grows by itself: so what matching reads
of an article does not depend on what else has come so far, and the tables stay a function of the items.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

ARTICLES, DAYS = 3, 3
"""A line is boilerplate that stands in so many articles, of so many different days."""
LONGEST = 60
"""Words; a longer line is a paragraph."""
LEFT = 0.5
"""An article keeps so much of its words at least, or else it keeps all: it is a copy of others, not full of pitches."""


@dataclass(frozen=True)
class Boilerplate:
    """``lines``: source -> its repeated lines, folded."""

    lines: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def found(self, source: str, text: str) -> list[str]:
        """The lines of the text that are boilerplate; none if they are most of it."""
        known = self.lines.get(source)
        if not known:
            return []
        found = [line for line in text.split("\n") if line.strip() and fold(line) in known]
        kept = _words(text) - sum(map(_words, found))
        return found if kept >= LEFT * _words(text) else []

    def without(self, source: str, text: str) -> str:
        """The text without them."""
        found = set(self.found(source, text))
        return "\n".join(line for line in text.split("\n") if line not in found) if found else text


def fold(line: str) -> str:
    """The form in which lines are compared: without case, white space and digits, which count and date."""
    return re.sub(r"\d+", "0", " ".join(line.casefold().split()))


def learn(articles: Iterable[tuple[date, str]]) -> list[str]:
    """The boilerplate of one source, folded and sorted, from the days and texts of its articles."""
    count: dict[str, int] = defaultdict(int)
    days: dict[str, set[date]] = defaultdict(set)
    for day, text in articles:
        for line in {fold(line) for line in text.split("\n") if line.strip() and _words(line) <= LONGEST}:
            count[line] += 1
            if len(days[line]) < DAYS:
                days[line].add(day)
    return sorted(line for line, n in count.items() if n >= ARTICLES and len(days[line]) >= DAYS)


def read_boilerplate(file: str) -> Boilerplate:
    """What a file holds: TOML, a list of lines a source. Raises ``ValueError`` and ``OSError``."""
    with open(file, "rb") as opened:
        table = tomllib.load(opened)
    wrong = [source for source, lines in table.items() if not isinstance(lines, list)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a list of lines")
    return Boilerplate({source: frozenset(map(fold, lines)) for source, lines in table.items()})


def _words(text: str) -> int:
    return len(text.split())
