"""What came from what, as a tree: a story's articles below the one that each was made from, copies folded together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.desk.read.story import Told


@dataclass(frozen=True)
class Node:
    """An article with what was made of it: rewrites one by one, copies together."""

    told: Told
    rewrites: tuple[Node, ...] = ()
    copies: tuple[Node, ...] = ()


def forest(told: Sequence[Told]) -> tuple[Node, ...]:
    """The story's trees, in the order given; normally one. What names no parent that is there is a root."""
    known = {t.article_id for t in told if t.section_id is None}
    children: dict[str, list[Told]] = {}
    roots = []
    for t in told:
        if t.parent_id in known and (t.parent_id != t.article_id or t.section_id):
            children.setdefault(t.parent_id or "", []).append(t)
        else:
            roots.append(t)
    made: set[str] = set()

    def node(t: Told) -> Node:
        made.add(t.section_id or t.article_id)
        below = [] if t.section_id else [c for c in children.get(t.article_id, ()) if _key(c) not in made]
        nodes = [node(c) for c in below]
        return Node(
            t,
            tuple(n for n in nodes if n.told.relation != "copy"),
            tuple(n for n in nodes if n.told.relation == "copy"),
        )

    found = [node(t) for t in roots]
    found += [node(t) for t in told if _key(t) not in made]  # a circle can't be, but a page must not fail on one
    return tuple(found)


def _key(told: Told) -> str:
    return told.section_id or told.article_id


@dataclass(frozen=True)
class Line:
    """A row of the drawn timeline: where its dot is and whose dot it hangs from."""

    told: Told
    x: float
    row: int
    parent_x: float | None
    parent_row: int | None
    folded: int = 0
    """So many copies are drawn by this one dot."""


@dataclass(frozen=True)
class Timeline:
    """Lines in the order of the tree; x from 0 to 1 over the time from ``first`` to ``last``."""

    lines: tuple[Line, ...]
    first: datetime | None
    last: datetime | None


def timeline(trees: Sequence[Node], most: int = 60) -> Timeline:
    """Place the articles in time, earliest at the left; copies of one article share a row."""
    placed = list(_walk(trees))[:most]
    times = [t.at for t, _, _ in placed if t.at]
    if not times:
        return Timeline((), None, None)
    first, last = min(times), max(times)
    span = (last - first).total_seconds() or 1.0
    rows: dict[str, tuple[float, int]] = {}
    lines = []
    for row, (told, parent, folded) in enumerate(placed):
        x = ((told.at or first) - first).total_seconds() / span
        above = rows.get(parent or "")
        lines.append(Line(told, x, row, above[0] if above else None, above[1] if above else None, folded))
        rows[told.article_id] = (x, row)
    return Timeline(tuple(lines), first, last)


def _walk(trees: Sequence[Node], parent: str | None = None) -> Iterator[tuple[Told, str | None, int]]:
    for tree in trees:
        yield tree.told, parent, 0
        here = tree.told.article_id
        if tree.copies:
            first = tree.copies[0]
            yield first.told, here, len(tree.copies) - 1
            yield from (
                row for copy in tree.copies for row in _walk((*copy.rewrites, *copy.copies), copy.told.article_id)
            )
        yield from _walk(tree.rewrites, here)
