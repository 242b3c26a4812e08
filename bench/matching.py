"""How well and how fast matching groups articles: the figures that the README quotes.

    python bench/matching.py ../shared/data

runs the shipped model over the labelled sets of DIR, all of a set in one batch, and prints B-cubed scores of stories,
recall and precision of copies, and milliseconds an article. The stories' scores are those of a model that has seen
these sets; bench/train_matching.py prints held-out ones.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import labelled
from train_matching import b_cubed

from pipeline.history import Nothing
from pipeline.match import Matched, Matching, match
from pipeline.matching.copies import groups
from pipeline.matching.sketch import sketch
from schemas.records import Article, Sketch

COPY, NOT = 0.6, 0.45
"""Pairs from the first containment on are copies, below the second they are not; between, either answer is right."""


def matched(articles: Sequence[Article]) -> tuple[Matched, float]:
    """The outcome, and milliseconds an article."""
    start = time.perf_counter()
    found = match(articles, Nothing(), Matching(), datetime(2026, 1, 1, tzinfo=UTC))
    return found, 1000 * (time.perf_counter() - start) / len(articles)


def stories(folder: Path, name: str) -> None:
    articles = labelled.articles(folder, name)
    found, cost = matched(articles)
    gold = labelled.gold(folder, name)
    precision, recall, f1 = b_cubed(gold, {link.article_id: link.story_id for link in found.links})
    print(f"{name:12s} B-cubed precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}   {cost:.2f} ms an article")


def copies(folder: Path, name: str) -> None:
    found, cost = matched(labelled.articles(folder, name))
    group = {link.article_id: link.copy_group for link in found.links}
    pairs = labelled.copy_pairs(folder, name)
    chained = {x: n for n, ids in enumerate(groups(p for p, c in pairs.items() if c >= NOT)) for x in ids}
    wanted = [p for p, c in pairs.items() if c >= COPY]
    claimed = [
        p for p in itertools.combinations(sorted(group), 2) if group[p[0]] is not None and group[p[0]] == group[p[1]]
    ]
    recall = sum(group[a] is not None and group[a] == group[b] for a, b in wanted) / len(wanted)
    right = sum(chained.get(a, -1) == chained.get(b, -2) for a, b in claimed)
    print(
        f"{name:12s} recall {recall:.4f} of {len(wanted)}, precision {right / len(claimed):.4f} of {len(claimed)}"
        f"   {cost:.2f} ms an article"
    )


def cost(folder: Path) -> None:
    articles = labelled.articles(folder, "background")
    start = time.perf_counter()
    sketches = [sketch(a) for a in articles]
    sketching = 1000 * (time.perf_counter() - start) / len(articles)
    size = sum(len(s.evidence) + 8 * len(s.keys) for s in sketches) / len(sketches)
    found, whole = matched(articles)
    linked = sum(link.relation != "original" for link in found.links)
    count = sum(isinstance(r, Sketch) for r in found.records)
    print(
        f"background   {len(articles)} articles: {whole:.2f} ms an article, of it sketching {sketching:.2f}; "
        f"{size:.0f} bytes a sketch; {linked} linked; {count - len(articles)} sections"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    args = parser.parse_args()
    for name in labelled.STORIES:
        stories(args.data, name)
    copies(args.data, "wire_copies")
    cost(args.data)


if __name__ == "__main__":
    main()
