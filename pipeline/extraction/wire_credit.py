"""Which news agency a text is credited to, and whether it stands on the agency's own site.

In: title, text with its bylines and credits still there, authors. Out: the agency's usual short name, or None. An
agency that is only quoted ("told Reuters") is no credit: names count in the places where credits stand.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

HEAD = 700
"""Characters at the start among which a dateline or a byline is looked for."""
TAIL = 600
"""Characters at the end among which "contributed to this report" and the like are looked for."""

_HOST = re.compile(r"https?://([^/:?#]+)")


def wire_credit(text: str, authors: Iterable[str] = ()) -> str | None:
    """Return the agency credited, the first named if there are several."""
    head, tail = text[:HEAD], text[-TAIL:]
    named = "\n".join(authors)
    best: tuple[int, str] | None = None
    where = f"{head}\n{tail}\n{named}"
    if not _any_agency().search(where):
        return None
    for credit, named_at_all, byline, in_head, in_tail in _agencies():
        if not named_at_all.search(where):
            continue
        for rank, found in enumerate((in_head.search(head), byline.search(named), in_tail.search(tail))):
            if found:
                at = (rank * 10_000 + found.start(), credit)
                best = at if best is None else min(best, at)
    return best[1] if best else None


def agency_of(url: str) -> str | None:
    """Return the agency whose own site a URL is of."""
    found = _HOST.match(url.lower())
    host = found[1].split(".") if found else []
    own = (_sites().get(".".join(host[n:])) for n in range(len(host) - 1))
    return next((agency for agency in own if agency), None)


@functools.cache
def _sites() -> dict[str, str]:
    return {site: row["credit"] for row in _rows() for site in row["sites"]}


@functools.cache
def _rows() -> list[dict[str, Any]]:
    return tomllib.loads(resources.files(__package__).joinpath("wire_credit.toml").read_text("utf-8"))["agency"]


@functools.cache
def _any_agency() -> re.Pattern[str]:
    """Any name at all: most texts hold none, and are done with."""
    return _any([name for row in _rows() for name in row["short"] + row["names"]])


def _any(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(names)})(?!\w)|[Rr]eporting by")


@functools.cache
def _agencies() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((row["credit"], *_patterns(row["short"] + row["names"])) for row in _rows())


def _patterns(names: Sequence[str]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Whether it is named at all; for an author's name; for the head of a text; for its tail."""
    name = f"(?:[Tt]he )?(?:{'|'.join(names)})"
    byline = re.compile(
        rf"(?:^|[,/(]\s?|\b(?:with|at|for)\s){name}(?:$|[,/)]|\s(?:staff|writers?|news|agency)\b)", re.M
    )
    in_head = re.compile(
        # LONDON (AP) - / LONDON, May 3 (Reuters) – / Berlin (dpa/lno) - / (Reuters) —
        rf"\((?:{name}|{name}\s?[/,]\s?\w+|\w+\s?/\s?{name})\)\s*[-–—]"
        # PARIS, 3 mai (AFP) / Rome, 4 maggio - (ANSA)
        rf"|^[^\n,(]{{1,30}},\s\d{{0,2}}[^\n(]{{1,25}}\({name}\)|^[^\n(]{{1,40}}[-–—]\s\({name}\)"
        # By Reuters / By Ann Bell, Associated Press / Von dpa / Ann Bell, AP
        rf"|^(?:(?:[Bb]y|BY|[Vv]on|[Pp]ar|[Pp]or|[Dd]i)\s+)(?:[^\n.]{{0,80}}[,/|]\s*)?{name}\s*(?:$|[-–—|,])"
        rf"|^(?:[^\n.]{{3,60}}[,/|]\s*)?{name}\s*$"
        # Source: AP
        rf"|^(?:[Ss]ource|Quelle|[Ff]uente|Fonte|Источник)\s*:\s*{name}\b",
        re.M,
    )
    in_tail = re.compile(
        rf"{name}(?:\s[\w ]{{0,40}})?(?:\s(?:writers?|reporters?|journalists?|staff)\b[^\n]{{0,120}})?\s+contributed\b"
        rf"|\b(?:[Ww]ith (?:files|reporting|additional reporting) (?:from|by)|[Mm]it Material (?:von|der)"
        rf"|[Aa]vec|[Cc]on información de|[Cc]on informazioni)\s+(?:\w+ )?{name}\b"
        rf"|^\(?(?:©\s?(?:\d{{4}}\s)?|[Cc]opyright (?:\d{{4}} )?|(?:[Ss]ource|Quelle|[Ff]uente|Fonte|Источник): )?"
        rf"{name}\)?\.?\s*$"
        rf"|(?:©|[Cc]opyright)\s?(?:\d{{4}}\s)?{name}\b"
        # The credits that Reuters and AFP close with: (Reporting by ...; Editing by ...), pkg/ab/cd
        + (r"|\([Rr]eporting by [^\n)]{3,300}[Ee]diting by" if "Reuters" in name else ""),
        re.M,
    )
    return _any(names), byline, in_head, in_tail
