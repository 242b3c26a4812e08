"""How well and how fast matching groups articles: the figures that the docs quote.

    python bench/matching.py ../shared/data [--growth 10000 100000 1000000]

runs the shipped models over the labelled sets of DIR, all of a set in one batch, and prints B-cubed scores of stories,
recall and precision of copies, and what matching costs. The stories' scores are those of models that have seen these
sets; bench/train_matching.py prints held-out ones. Costs are processor time, which other work on the machine hardly
changes; those of a larger horizon are measured on articles in the middle of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import labelled
import msgspec
import numpy as np
from scores import b_cubed

from connectors.warehouse import open_warehouse
from pipeline.history import Nothing
from pipeline.match import Matched, Matching, match
from pipeline.matching.copies import groups
from pipeline.matching.horizon import Kept
from pipeline.matching.judge import Judge, pool_of
from pipeline.matching.outline import outline
from pipeline.matching.pool import Pool
from pipeline.matching.sections import find_sections
from pipeline.matching.sketch import COPY_KEY, pack, sketch, unpack
from schemas.records import Article, Sketch

COPY, NOT = 0.6, 0.45
"""Pairs from the first containment on are copies, below the second they are not; between, either answer is right."""
MANY, FEW = 9000, 50
"""So many articles are stored, and so many come at a time."""
SAMPLED = 3000
"""Of a large horizon so many articles are judged."""
WEEK = timedelta(days=7)


def matched(articles: Sequence[Article]) -> tuple[Matched, float]:
    """The outcome, and milliseconds of processor time an article."""
    start = time.process_time()
    found = match(articles, Nothing(), Matching(), datetime(2026, 1, 1, tzinfo=UTC))
    return found, 1000 * (time.process_time() - start) / len(articles)


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
    sketch(articles[0])  # kernels are compiled or loaded
    start = time.process_time()
    sketches = [sketch(a) for a in articles]
    sketched = time.process_time()
    for a in articles:
        find_sections(a.title, a.text)
    cut = time.process_time()
    size = sum(len(s.evidence) + 4 * len(s.keys) for s in sketches) / len(sketches)
    crowded = [
        msgspec.structs.replace(a, published_at=datetime(2026, 3, 2, tzinfo=UTC) + WEEK * n / len(articles))
        for n, a in enumerate(articles)
    ]
    _, whole = matched(crowded)
    each = 1000 / len(articles)
    print(
        f"background   {len(articles)} articles in one week: {whole:.2f} ms an article, of it sketching "
        f"{each * (sketched - start):.2f}, sections {each * (cut - sketched):.2f}; {size:.0f} bytes a sketch"
    )


def grown(sketches: Sequence[Sketch], count: int) -> Iterator[Sketch]:
    """So many sketches within one week: the given ones again and again, each time with other rare words.

    Common words and themes stay, so that ever more articles share their keys, as they do where more is written.
    """
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    rng = np.random.default_rng(1)
    salts = rng.integers(1, 1 << 31, size=(count // len(sketches) + 1, 2))
    for n in range(count):
        again, which = divmod(n, len(sketches))
        one = sketches[which]
        at = begin + WEEK * ((n * 7919) % count) / count
        if again == 0:
            yield msgspec.structs.replace(one, at=at)
            continue
        evidence = unpack(one.evidence)
        term = evidence.terms
        rare = ((term >> 8) & 15) >= 9
        salted = ((term >> 12) ^ np.uint32(salts[again, 0] & 0xFFFFF)) << 12 | (term & 0xFFF)
        keys = np.array(one.keys, np.int64)
        # Of the keys the rarer half and all minimisers are another text's.
        changed = (keys & COPY_KEY == 1) | (np.arange(len(keys)) % 2 == 0)
        keys = np.where(changed, (keys ^ (int(salts[again, 1]) << 1)) & 0xFFFFFFFF, keys)
        yield msgspec.structs.replace(
            one,
            article_id=f"{n:032x}",
            at=at,
            keys=tuple(np.unique(keys).tolist()),
            evidence=pack(dataclasses.replace(evidence, terms=np.where(rare, salted, term).astype(np.uint32))),
        )


def growth(folder: Path, counts: Sequence[int]) -> None:
    base = [sketch(a) for a in labelled.articles(folder, "background")]
    first = None
    for count in counts:
        start = time.process_time()
        judge = Judge(pool_of(grown(base, count), Matching()))
        built = time.process_time()
        chosen = range(count // 2, count, max(1, count // 2 // SAMPLED))
        pairs = sum(len(judge.pairs(judge.pool.sketches[i].article_id)) for i in chosen)
        spent = 1000 * (time.process_time() - built) / len(chosen)
        first = first or spent
        exchanged = _exchanged(judge.pool)
        print(
            f"growth       {count:,} articles in the horizon: {spent:.2f} ms to judge one ({spent / first:.2f} of the "
            f"first), {pairs / len(chosen):.1f} pairs; index {1000 * (built - start) / count:.2f} ms an article, "
            f"{1000 * exchanged:.1f} ms for a batch of {FEW} that takes the place of others",
            flush=True,
        )


def _exchanged(pool: Pool) -> float:
    """Seconds that it takes in the median to let a batch go and take it in again."""
    sketches = list(pool)
    spent = []
    for start in range(0, 20 * FEW, FEW):
        batch = sketches[-1 - start :: -len(sketches) // FEW]
        begin = time.process_time()
        pool.change([s.article_id for s in batch], batch)
        spent.append(time.process_time() - begin)
    return float(np.median(spent))


def micro_batches(folder: Path) -> None:
    """What batches of 50 cost when 9,000 articles of the week are stored, with the horizon kept and without."""
    articles = labelled.articles(folder, "background")
    articles = [
        msgspec.structs.replace(a, published_at=datetime(2026, 3, 2, tzinfo=UTC) + WEEK * n / len(articles))
        for n, a in enumerate(articles)
    ]
    outlines = {a.article_id: outline(a, Matching()) for a in articles}
    now = datetime(2026, 4, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder_of_it:
        warehouse = open_warehouse(f"duckdb:///{folder_of_it}/warehouse.duckdb")
        warehouse.migrate()
        kept = Kept(Matching())

        def settle(batch: Sequence[Article]) -> float:
            start = time.process_time()
            with warehouse.hold() as held, kept.batch(held) as of_batch:
                found = match(batch, held, Matching(), now, outlines, of_batch.around)
                held.apply([*batch, *found.links, *found.records])
                of_batch.keep(found.horizon)
            return time.process_time() - start

        for start in range(0, MANY, 1500):
            settle(articles[start : start + 1500])
        batches = range(MANY, MANY + 20 * FEW, FEW)
        warm = [settle(articles[start : start + FEW]) for start in batches]
    print(
        f"micro-batch  of {FEW} articles, {MANY:,} of the week stored: {1000 * np.median(warm) / FEW:.1f} ms each "
        f"in the median, {1000 * max(warm) / FEW:.1f} at most, writing to DuckDB included"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--growth", type=int, nargs="*", default=[10_000, 100_000])
    args = parser.parse_args()
    for name in labelled.STORIES:
        stories(args.data, name)
    copies(args.data, "wire_copies")
    cost(args.data)
    micro_batches(args.data)
    growth(args.data, args.growth)


if __name__ == "__main__":
    main()
