"""Recognise pages that stand in the article's place: challenges for robots, consent pages, soft 404s, paywall stubs.

In: what a page shows. Out: a reason of schemas/reasons.toml with the signs that gave it away, or None. The signs,
their weights and how short a text must be are the table walls.toml.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from urllib.parse import urlsplit

from schemas.records import Failure

THRESHOLD = 3
HTML_CAP = 200_000
"""Characters of markup that are searched."""
PAGE_CAP = 20_000
ENDING = 40


@dataclass(frozen=True)
class Page:
    """What is known of a page. ``words`` counts those of ``text``."""

    title: str = ""
    text: str = ""
    """What extraction found, furniture included."""
    words: int = 0
    visible: str = ""
    """All text of the page."""
    html: str = ""
    url: str = ""
    final_url: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    free: bool | None = None


@dataclass(frozen=True)
class Sign:
    """A row of the table."""

    name: str
    wall: str
    where: str
    weight: int
    pattern: re.Pattern[str]
    sure: bool = False


@dataclass(frozen=True)
class Table:
    """``words``: wall -> how many words its page has at most."""

    words: Mapping[str, int]
    signs: tuple[Sign, ...]


@functools.cache
def table() -> Table:
    """The table as shipped."""
    raw = tomllib.loads(resources.files(__package__).joinpath("walls.toml").read_text("utf-8"))
    signs = (Sign(**{**row, "pattern": re.compile(row["pattern"], re.M)}) for row in raw["sign"])
    return Table(raw["words"], tuple(signs))


def longest() -> int:
    """The words from which on ``Page.visible`` and ``Page.html`` are not looked at."""
    return max(table().words.values())


def judge(page: Page, known: Table | None = None) -> Failure | None:
    """Return why the page is not an article's, None if nothing says so."""
    known = known or table()
    best: tuple[int, str, Sequence[Sign]] = (0, "", ())
    places = _places(page)
    for wall, most in known.words.items():
        short = page.words <= most
        signs = [
            sign
            for sign in known.signs
            if sign.wall == wall and (short or sign.sure) and any(map(sign.pattern.search, places[sign.where]))
        ]
        weight = sum(sign.weight for sign in signs)
        if weight >= THRESHOLD and weight > best[0]:
            best = (weight, wall, signs)
    if not best[0]:
        return None
    return Failure(reason=best[1], detail="; ".join(sign.name for sign in best[2]))


def _places(page: Page) -> dict[str, tuple[str, ...]]:
    """Where a sign may be -> the strings to search, in lower case: to search whatever the case takes thrice as long."""
    return {
        "title": (page.title.lower(),),
        "text": (page.text[:PAGE_CAP].lower(),),
        "page": (page.visible[:PAGE_CAP].lower(),),
        "ending": (page.text.rstrip()[-ENDING:].lower(),),
        "html": (page.html[:HTML_CAP].lower(),),
        "url": ((page.final_url or page.url).lower(),),
        "header": tuple(f"{name}: {value}".lower() for name, value in page.headers.items()),
        "status": (str(page.status or ""),),
        "free": ("" if page.free is None else str(page.free).lower(),),
        "redirect": ("home" if _sent_home(page.url, page.final_url) else "",),
    }


def _sent_home(url: str, final_url: str) -> bool:
    """Whether a link to a page ended on a home page."""
    try:
        asked, got = urlsplit(url), urlsplit(final_url)
    except ValueError:
        return False
    deep = len(asked.path.strip("/")) > 1 or bool(asked.query)
    return bool(got.netloc) and deep and not got.path.strip("/") and not got.query
