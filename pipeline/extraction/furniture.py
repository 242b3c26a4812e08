"""Take page furniture out of an extracted text: the headline repeated, bylines and dates above, boxes within and below.

In: lines of text, and what stands above it (titles, authors, the site's name). Out: the lines of the article. What is
dropped, and how long a line may be to be dropped, is the table furniture.toml.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from pipeline.extraction.hygiene import count_words

HEAD_LINES = 8
"""Lines at the start among which a repeated headline, a byline or a date is looked for."""
PARAGRAPH = 25
"""Words from which a line is a paragraph: the head ends there."""
KEEP = 0.4
"""The tail rules take at most 1 - KEEP of the text's words; where they would take more, they take nothing."""


_LETTERS = re.compile(r"\w(?<!_)")


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    name: str
    where: str
    words: int
    pattern: re.Pattern[str]


@functools.cache
def rules() -> tuple[Line, ...]:
    """The table as shipped."""
    rows = tomllib.loads(resources.files(__package__).joinpath("furniture.toml").read_text("utf-8"))["line"]
    return tuple(Line(r["name"], r["where"], r["words"], re.compile(r["pattern"], re.I)) for r in rows)


def without_furniture(text: str, above: Iterable[str | None] = (), table: Sequence[Line] | None = None) -> str:
    """Return the text without furniture, and without ``above`` where it is repeated at the start; the text itself if
    nothing but furniture would be left."""
    table = rules() if table is None else table
    lines = [line for line in text.split("\n") if not _is(line, "any", table)]
    lines = _without_head(lines, [line for line in above if line], table)
    lines = _without_tail(lines, table)
    return "\n".join(lines) or text


def is_furniture(line: str) -> bool:
    """Whether a line is furniture wherever it stands."""
    return _is(line, "any", rules())


def _is(line: str, where: str, table: Sequence[Line]) -> bool:
    bare = line.lstrip("-–—•*>»| ")
    return any(row.where == where and row.pattern.match(bare) and count_words(bare) <= row.words for row in table)


def _without_head(lines: list[str], above: list[str], table: Sequence[Line]) -> list[str]:
    """Without repeated headline, byline and date before the first paragraph."""
    kept: list[str] = []
    for at, line in enumerate(lines):
        paragraph = count_words(line) >= PARAGRAPH and not any(_same_words(line, other) for other in above)
        if paragraph or at >= HEAD_LINES:
            return kept + lines[at:]
        if not any(_same_words(line, other) for other in above) and not _is(line, "head", table):
            kept.append(line)
    return kept


def _without_tail(lines: list[str], table: Sequence[Line]) -> list[str]:
    """Without the furniture that the text ends with."""
    end = len(lines)
    while end and (_is(lines[end - 1], "tail", table) or not _LETTERS.search(lines[end - 1])):
        end -= 1
    if end == len(lines):
        return lines
    kept = sum(count_words(line) for line in lines[:end])
    return lines[:end] if kept >= KEEP * sum(count_words(line) for line in lines) else lines


def _same_words(line: str, other: str) -> bool:
    """Whether two lines are the same, give or take a word and its punctuation."""
    a, b = (Counter(re.findall(r"\w+", s.casefold())) for s in (line, other))
    common = sum((a & b).values())
    return bool(common) and common >= 0.85 * max(sum(a.values()), sum(b.values()))
