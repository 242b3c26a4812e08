"""From text to sentences and tokens, all with offsets into the text. The same rules serve every language pack."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

LONGEST_SENTENCE = 2_000
"""Characters; a longer stretch without sentence marks is cut between words."""

# Words that a full stop follows without ending the sentence.
_ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof sen sens rep reps gov gen col capt lt sgt maj cmdr adm st mt ft jr sr hon rev pres vs etc
    inc ltd co corp llc no nos vol pp fig dept est approx jan feb mar apr jun jul aug sept sep oct nov dec
    mon tue tues wed thu thur thurs fri ala ariz ark calif colo conn del fla ga ill ind kan ky la md mass
    mich minn miss mo mont neb nev okla ore pa tenn tex va vt wash wis wyo rs eg ie al cf ave blvd rd bros
    gmbh messrs a b c d e f g h i j k l m n o p q r s t u v w x y z""".split()
)
_END = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’)\]]*[ \t\u00a0]+(?=[\"'“‘(\[$€£—–-]*[^\W_a-z])|\n+")
_RUN = re.compile(r"[^\W_]*")
_LAST_WORD = re.compile(r"([^\W\d_]+)\.$")
_INITIALS = re.compile(r"(?:^|[\s(\"“])(?:[^\W\d_]\.)+$")
_TERMINAL = ".!?…:;\"”’')]"

_TOKEN = re.compile(
    r"(?P<n>(?<![\w.])\.\d+|\d+(?:[.,'’\u00a0\u202f]\d+)*)"
    r"|(?P<w>(?:[^\W\d_]\.){2,}|[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|\S"
)


class Sentence(NamedTuple):
    """``start`` and ``end`` are offsets into the article's text; ``paragraph`` counts from 0."""

    start: int
    end: int
    paragraph: int
    text: str


class Token(NamedTuple):
    """A word, a number ("1,500.5") or one other character. ``glued``: no space before it. Offsets into the sentence."""

    text: str
    low: str
    start: int
    end: int
    glued: bool
    kind: str
    """"n" number, "w" word, "" other."""


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a text in order, white space around them removed.

    A line break ends a sentence, unless the next line goes on in lower case after an unfinished one (hard wraps).
    """
    paragraph, start = 0, 0
    for mark in _END.finditer(text):
        if "\n" in mark[0]:
            if len(mark[0]) == 1 and _goes_on(text, start, mark.start(), mark.end()):
                continue
            yield from _pieces(text, start, mark.start(), paragraph)
            paragraph += 1
            start = mark.end()
        elif not _abbreviated(text, max(start, mark.start() - 24), mark):
            yield from _pieces(text, start, mark.end(), paragraph)
            start = mark.end()
    yield from _pieces(text, start, len(text), paragraph)


@functools.lru_cache(maxsize=256)  # A sentence is read for its numbers, then for who is speaking.
def tokens(text: str) -> list[Token]:
    """The tokens of a sentence; not to be changed."""
    found = []
    end = -1
    low = text.lower().replace("’", "'")
    if len(low) != len(text):  # a rare letter that is two in lower case
        low = "".join(c if len(c.lower()) != 1 else c.lower() for c in text).replace("’", "'")
    new = tuple.__new__  # Token's own takes twice the time, and this is where much of it goes.
    for m in _TOKEN.finditer(text):
        start, after = m.span()
        found.append(new(Token, (text[start:after], low[start:after], start, after, start == end, m.lastgroup or "")))
        end = after
    return found


def reads(words: Sequence[str], *parts: frozenset[str]) -> bool:
    """Whether the words are one of each part, in order."""
    return len(words) == len(parts) and all(w in part for w, part in zip(words, parts, strict=True))


def _goes_on(text: str, start: int, before: int, after: int) -> bool:
    return before > start and text[before - 1] not in _TERMINAL and text[after : after + 1].islower()


def _abbreviated(text: str, start: int, mark: re.Match[str]) -> bool:
    if not mark[0].startswith(".") or mark[0].startswith(".."):
        return False
    head = text[start : mark.start() + 1]
    word = _LAST_WORD.search(head)
    if word is None:
        return False
    name = word[1].lower()
    if name not in _ABBREVIATIONS and not _INITIALS.search(head):
        return False
    after = text[mark.end() : mark.end() + 1]
    if name in ("no", "nos", "pp", "fig", "vol", "approx", "est", "rs"):
        return after.isdigit()
    # "the U.S. The court": initials before an article or a pronoun end a sentence.
    opener = re.match(
        r"[\"“‘]?(?:The|He|She|It|They|We|In|On|At|But|And|A|An|This|That|His|Her)\b", text[mark.end() : mark.end() + 6]
    )
    return not (opener and _INITIALS.search(head) and head.count(".") > 1)


def _pieces(text: str, start: int, end: int, paragraph: int) -> Iterator[Sentence]:
    """The stretch as one sentence, or as several when it is too long to be one."""
    while end - start > LONGEST_SENTENCE:
        cut = start + LONGEST_SENTENCE
        space = max(text.rfind(" ", start + 1, cut), text.rfind("\n", start + 1, cut), text.rfind("\t", start + 1, cut))
        if space < 0:
            # A run without white space: no number in it is to be cut in two.
            run = _RUN.match(text, cut, end)
            space = run.end() if run else cut
        yield from _trimmed(text, start, space, paragraph)
        start = space
    yield from _trimmed(text, start, end, paragraph)


def _trimmed(text: str, start: int, end: int, paragraph: int) -> Iterator[Sentence]:
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    piece = piece.strip()
    if piece:
        yield Sentence(start + lead, start + lead + len(piece), paragraph, piece)
