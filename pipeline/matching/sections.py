"""Find the sections of a digest: parts that each tell a story of their own.

In: title and text of an article, one paragraph a line. Out: sections with their spans, or none where the text is one
story. A digest has at least three headline-like lines each followed by paragraphs, or at least three parts set apart by
rules ("* * *") or bullets; and its parts have little to do with each other: an explainer with headings over its parts
is one story, and its names run through all of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.extraction.furniture import is_furniture
from pipeline.extraction.hygiene import count_words
from schemas.records import Section

FEWEST = 3
HEADLINE_WORDS = (2, 18)
"""A headline has at least and at most so many words; with fewer it is a rubric ("World")."""
LONGEST_HEADLINE = 145
"""In characters, with a bullet."""
LONG_HEADLINE_WORDS, LONG_HEADLINE = 26, 190
"""Where other headlines make it a digest, a longer line without a full stop is one too."""
BODY_WORDS = 20
"""What follows a headline has at least so many."""
AKIN = 0.06
"""Mean overlap of the parts' names (Jaccard) from which they are parts of one story: 96 of 100 digests made of articles
on politics stay below, and of 100 articles on politics with headings 77 do not."""

_RULE = re.compile(r"\W{3,}|[*•·—–_=~-]{1,}|o0o", re.I)
_BULLET = re.compile(r"(?:[•●▪■◆►*–—-]|\d{1,2}[.)])\s+(?=\S)")
_QUOTED = re.compile(r"""(?:"[^"]+"|“[^”]+”|«[^»]+»|„[^“”]+[“”]|‘.+?’(?!\w)|'.+?'(?!\w))\W*\w+\W+\w""")
"""A headline may begin with a quotation, if more follows: a line that is all quotation is pulled from the text."""
_ENDS = re.compile(r"[.…:;,!]['\"”’»)]*$")
_NAME = re.compile(r"(?<=[^\W\d_A-ZÀ-ÞА-Я][\s,])(?:[^\W\d_a-zà-þа-я]\w+)|\d{2,}(?:[.,]\d+)*")


@dataclass(frozen=True)
class _Line:
    text: str
    start: int
    end: int


def find_sections(title: str | None, text: str) -> tuple[Section, ...]:
    """Return the sections in order, spans as character offsets into ``text``; empty for a text that is one story."""
    lines = _lines(text)
    for found in (_under_headlines(title, lines), _between_rules(lines), _bullets(lines)):
        if len(found) >= FEWEST and _apart([text[s.span_start : s.span_end] for s in found]):
            return tuple(found)
    return ()


def _lines(text: str) -> list[_Line]:
    lines, start = [], 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        if stripped:
            at = start + raw.index(stripped[0])
            lines.append(_Line(stripped, at, at + len(stripped)))
        start += len(raw) + 1
    return lines


def _is_headline(line: str, most: int = HEADLINE_WORDS[1], longest: int = LONGEST_HEADLINE) -> bool:
    if len(line) > longest:  # most paragraphs
        return False
    bare = _BULLET.sub("", line)
    if not bare or bare[0].islower() or bare[0] in "([" or _ENDS.search(bare):
        return False
    if bare[0] in "\"“«„‘'" and not _QUOTED.match(bare):
        return False
    least = HEADLINE_WORDS[0]
    return least <= count_words(bare) <= most and not is_furniture(bare)


def _is_body(lines: Sequence[_Line]) -> bool:
    """Whether these lines have enough words for a part."""
    # Spaces are counted faster than words, and in most texts tell.
    return sum(line.text.count(" ") for line in lines) > BODY_WORDS + 5 or (
        sum(count_words(line.text) for line in lines) >= BODY_WORDS
    )


def _under_headlines(title: str | None, lines: Sequence[_Line]) -> list[Section]:
    shown = (title or "").strip()
    heads = [i for i, line in enumerate(lines) if _is_headline(line.text) and line.text != shown]
    if len(heads) < FEWEST:
        return []
    if sum(_is_body(lines[i + 1 : after]) for i, after in itertools.pairwise((*heads, len(lines)))) >= FEWEST:
        long = (LONG_HEADLINE_WORDS, LONG_HEADLINE)
        heads = [i for i, line in enumerate(lines) if _is_headline(line.text, *long) and line.text != shown]
    found = []
    for i, after in itertools.pairwise((*heads, len(lines))):
        body = lines[i + 1 : after]
        if _is_body(body):
            headline = _BULLET.sub("", lines[i].text)
            found.append(Section(title=headline, span_start=lines[i].start, span_end=body[-1].end))
    # Some short lines over paragraphs are captions: only where headlines are the rule is it a digest. And an interview
    # or a list of questions is none.
    asked = sum((section.title or "").endswith("?") for section in found)
    return found if 2 * len(found) >= len(heads) and 2 * asked <= len(found) else []


def _between_rules(lines: Sequence[_Line]) -> list[Section]:
    parts: list[list[_Line]] = [[]]
    for line in lines:
        if _RULE.fullmatch(line.text):
            parts.append([])
        else:
            parts[-1].append(line)
    if len(parts) < FEWEST:
        return []
    return [_untitled(part) for part in parts if _is_body(part)]


def _bullets(lines: Sequence[_Line]) -> list[Section]:
    items = [line for line in lines if _BULLET.match(line.text)]
    if len(items) < FEWEST:
        return []
    return [_untitled([line]) for line in items if _is_body([line])]


def _untitled(part: Sequence[_Line]) -> Section:
    """A part with its first line as its title where that is a headline."""
    first = _BULLET.sub("", part[0].text)
    headline = first if len(part) > 1 and _is_headline(first) else None
    return Section(title=headline, span_start=part[0].start, span_end=part[-1].end)


def _apart(parts: Sequence[str]) -> bool:
    """Whether the parts speak of different things: their names and numbers hardly overlap."""
    names = [{name.casefold() for name in _NAME.findall(part)} for part in parts]
    pairs = [(a, b) for a, b in itertools.combinations(names, 2) if a and b]
    if not pairs:
        return True
    return sum(len(a & b) / len(a | b) for a, b in pairs) < AKIN * len(pairs)
