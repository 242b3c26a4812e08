"""Whether the tables depend on how articles come: the figures that the docs quote.

    python bench/orders.py [--orders 200] [--seed 1]

takes 500 articles (the golden families and families to train on, all in one fortnight, so that they meet), brings them
into warehouses of their own in ORDERS random orders, cut into batches of random sizes, some articles twice, the oldest
last at times, and compares the whole tables of links, stories, sections, sketches and pairs with those of one batch.
Exit 1 at the first difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import labelled
import msgspec
from families import families

from connectors.warehouse import open_warehouse
from pipeline.match import Matching, match
from schemas.records import Article, ArticleSection, Link, Pair, Sketch, Story

NOW = datetime(2026, 12, 1, tzinfo=UTC)
COUNT = 500
TABLES = {
    Link: "article_id",
    Story: "story_id",
    ArticleSection: "section_id",
    Sketch: "article_id",
    Pair: "article_id, earlier_id",
}


def the_articles() -> list[Article]:
    """Families brought into one fortnight, each as it is within itself."""
    found = []
    golden = [[m.article for m in family.members] for family in families()]
    training = families(Path(labelled.__file__).parent / "training" / "families")
    for n, members in enumerate([*golden, *([m.article for m in f.members] for f in training)]):
        first = min((a.published_at for a in members if a.published_at), default=None)
        begin = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=(37 * n) % (24 * 14))
        for a in members:
            at = begin + (a.published_at - first) if a.published_at and first else None
            found.append(msgspec.structs.replace(a, published_at=at))
    return found[:COUNT]


def tables(batches: Iterable[Sequence[Article]]) -> dict[type, list]:
    """The tables after these batches."""
    warehouse = open_warehouse("duckdb:///:memory:")
    warehouse.migrate()
    with warehouse.hold():
        for batch in batches:
            matched = match(batch, warehouse, Matching(), NOW)
            warehouse.apply([*batch, *matched.records, *matched.links])
        where = {Story: "superseded_by IS NULL"}
        found = {cls: warehouse.rows(cls, where.get(cls, ""), order=order) for cls, order in TABLES.items()}
    warehouse.close()
    return found


def cut(articles: Sequence[Article], rng: random.Random) -> list[list[Article]]:
    """Another order of arrival, in one to a dozen batches, with repetitions."""
    order = [*articles, *rng.sample(list(articles), rng.choice([0, 0, 20]))]
    way = rng.random()
    if way < 0.6:
        rng.shuffle(order)
    elif way < 0.8:
        order.sort(key=lambda a: (a.published_at is not None, a.published_at or NOW))
    else:
        order.sort(key=lambda a: a.published_at or NOW, reverse=True)
    cuts = sorted(rng.sample(range(1, len(order)), rng.choice([0, 1, 2, 5, 11])))
    batches = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return [list({a.article_id: a for a in batch}.values()) for batch in batches]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    articles = the_articles()
    whole = tables([articles])
    linked = sum(link.parent_id is not None for link in whole[Link])
    start, batches = time.monotonic(), 0
    for n in range(args.orders):
        order = cut(articles, random.Random(f"{args.seed} {n}"))
        batches += len(order)
        found = tables(order)
        for cls in TABLES:
            if found[cls] != whole[cls]:
                print(f"order {n} of seed {args.seed}: {cls.__name__} rows differ")
                sys.exit(1)
        if (n + 1) % 10 == 0:
            print(f"{n + 1} orders, {time.monotonic() - start:.0f} s", flush=True)
    print(
        f"orders       {args.orders} orders of {len(articles)} articles ({linked} linked) in {batches} batches: "
        f"identical tables"
    )


if __name__ == "__main__":
    main()
