"""How fast the warehouses take and give: rows/s of a batch, what a micro-batch costs on a warehouse that is not empty.

    python bench/warehouse.py [--articles 10000] [--stored 50000] [--postgresql URL] [--kinds duckdb,postgresql,iceberg]

starts a PostgreSQL of its own in a temporary folder unless a URL is given, and compares it, and Iceberg tables in a
folder, with DuckDB in a file there.
Seconds are wall clock, so run it on a machine that has nothing else to do; the ratio of the two columns says more.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from connectors.warehouse import Warehouse, open_warehouse
from schemas.ids import content_id
from schemas.records import (
    Article,
    ArticleVersion,
    Figure,
    Link,
    Metric,
    Pair,
    Progress,
    Receipt,
    Record,
    Replaced,
    Sketch,
    Story,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from engines import postgresql

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
WORDS = [
    f"{syllable}{ending}"
    for syllable in "mor bel tun sar ked lim pol ran".split()
    for ending in "a en is or um".split()
]
RARE, EVIDENCE_BYTES = 8_000, 1450
"""Of sketches as real texts give them: of 76 keys, 20 are of so many words that an article meets 5% of the others."""
PAIRS_OF_AN_ARTICLE, METRICS_OF_AN_ARTICLE = 6, 8


def article(n: int, rng: random.Random) -> Article:
    """Some 3 KB of text that packs as text does."""
    text = " ".join(rng.choice(WORDS) + str(rng.randrange(50)) for _ in range(430))
    article_id = content_id("bench", str(n))
    return Article(
        article_id=article_id,
        fetch_id=content_id("fetch", str(n)),
        url=f"https://outlet{n % 300}.example/news/{n}",
        canonical_url=f"https://outlet{n % 300}.example/news/{n}",
        source=f"outlet {n % 300}",
        title=text[:70],
        authors=("A. Writer",),
        language="en",
        published_at=BEGIN + WEEK * ((n * 7919) % 50_000) / 50_000,
        first_seen_at=BEGIN,
        fetched_at=BEGIN,
        text=text,
        text_hash=content_id("text", text),
        word_count=430,
        provenance={"connector": "feed"},
    )


def sketch(of: Article, rng: random.Random) -> Sketch:
    keys = {rng.randrange(RARE) for _ in range(20)} | {rng.randrange(RARE, 2**32) for _ in range(56)}
    return Sketch(
        article_id=of.article_id,
        text_hash=of.text_hash,
        language="en",
        at=of.published_at,
        keys=tuple(sorted(keys)),
        evidence=rng.randbytes(EVIDENCE_BYTES),
    )


def outcome(articles: Sequence[Article], sketches: Sequence[Sketch], earlier: Sequence[str], n: int) -> list[Record]:
    """What a batch of new articles writes."""
    rng = random.Random(n)
    found: list[Record] = [*articles, *sketches, Progress(channel="bench", position=n, at=BEGIN)]
    for a in articles:
        key, story = a.article_id, rng.choice(earlier) if earlier else a.article_id
        found += [
            ArticleVersion(article_id=key, text_hash=a.text_hash, title=a.title, text=a.text, fetched_at=BEGIN),
            Link(article_id=key, story_id=story, parent_id=story, relation="rewrite", similarity=0.9),
            Story(story_id=story, title=a.title, article_count=2, source_count=2, independent_count=2),
            Receipt(fetch_id=a.fetch_id, url=a.url, source=a.source, outcome="article", article_id=key, at=BEGIN),
            Replaced(table="metrics", group=key),
            Replaced(table="pairs", group=key),
            Replaced(table="figures", group=story),
        ]
        for i in range(METRICS_OF_AN_ARTICLE):
            metric_id = content_id("metric", key, str(i))
            found.append(
                Metric(
                    metric_id=metric_id,
                    article_id=key,
                    story_id=story,
                    span_start=i,
                    span_end=i + 1,
                    surface="7",
                    sentence=a.text[:150],
                    value=float(i),
                )
            )
            found.append(Figure(figure_id=content_id("figure", metric_id), story_id=story, metric_ids=(metric_id,)))
        for other in rng.sample(list(earlier), min(len(earlier), PAIRS_OF_AN_ARTICLE)):
            found.append(Pair(article_id=key, earlier_id=other, likeness=0.3))
    return found


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bulk(warehouse: Warehouse, articles: Sequence[Article]) -> dict[str, float]:
    """Seconds for all the articles in one batch."""
    changed = [msgspec.structs.replace(a, title="new", text=a.text[::-1]) for a in articles]
    moved = [Link(article_id=a.article_id, story_id=articles[0].article_id) for a in articles]
    with warehouse.hold():
        return {
            f"insert {len(articles):,} articles of 3 KB": timed(lambda: warehouse.apply(articles)),
            "the same again (nothing is written)": timed(lambda: warehouse.apply(articles)),
            "a new text for each": timed(lambda: warehouse.apply(changed)),
            "a new story for each": timed(lambda: warehouse.apply(moved)),
        }


def micro(warehouse: Warehouse, stored: int, size: int) -> dict[str, float]:
    """Seconds of a micro-batch of new articles, on so many stored ones with their sketches and pairs: what the pipeline
    asks, then what it writes; the median of five."""
    rng = random.Random(2)
    runs: list[dict[str, float]] = []
    for n in range(5):
        articles = [article(10**7 + stored + size * 1000 + n * size + i, rng) for i in range(size)]
        sketches = [sketch(a, rng) for a in articles]
        names = [a.article_id for a in articles]
        with warehouse.hold():
            known = [s.article_id for s in next(warehouse.scan(Sketch, 2000))]
            found: list[Sketch] = []
            took = {
                f"related of {size}": timed(lambda: found.extend(warehouse.related(sketches, WEEK))),  # noqa: B023
                f"other history of {size}": timed(lambda: _ask(warehouse, names, known[: size * 5])),  # noqa: B023
                f"apply {size}": timed(lambda: warehouse.apply(outcome(articles, sketches, known, n))),  # noqa: B023
            }
        took[f"related sketches of {size}"] = len(found)
        runs.append(took)
    return {name: sorted(run[name] for run in runs)[2] for name in runs[0]}


def _ask(warehouse: Warehouse, names: list[str], others: list[str]) -> None:
    """As identify, match and reconcile ask, but for the related sketches."""
    warehouse.receipts(fetch_ids=names)
    warehouse.progress("bench")
    warehouse.articles(names)
    warehouse.receipts(fetch_ids=names, article_ids=names)
    warehouse.sketches(names)
    warehouse.sections(article_ids=names)
    warehouse.pairs([*names, *others])
    warehouse.sketches(others)
    stories = {link.story_id for link in warehouse.links(article_ids=[*names, *others])}
    members = warehouse.members(sorted(stories))
    warehouse.sections(article_ids=names, parent_ids=names)
    warehouse.metrics([m.article_id for m in members])


def fill(warehouse: Warehouse, count: int) -> float:
    """So many articles with sketches and pairs; returns the seconds."""
    rng, seconds, earlier = random.Random(1), 0.0, []
    for start in range(0, count, 2000):
        articles = [article(10**6 + n, rng) for n in range(start, min(count, start + 2000))]
        records = outcome(articles, [sketch(a, rng) for a in articles], earlier[-5000:], start)
        with warehouse.hold():
            seconds += timed(lambda: warehouse.apply(records))  # noqa: B023
        earlier += [a.article_id for a in articles]
    return seconds


def measure(url: str, articles: Sequence[Article], stored: int) -> dict[str, float]:
    warehouse = open_warehouse(url)
    warehouse.migrate()
    found = bulk(warehouse, articles)
    found[f"fill with {stored:,} articles, all they bring"] = fill(warehouse, stored)
    for size in (1, 50, 200):
        found |= micro(warehouse, stored, size)
    warehouse.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--stored", type=int, default=50_000)
    parser.add_argument("--postgresql", metavar="URL", help="An empty schema of a server.")
    parser.add_argument("--kinds", default="duckdb,postgresql,iceberg", help="Which; the first is compared with.")
    args = parser.parse_args()
    rng = random.Random(0)
    articles = [article(n, rng) for n in range(args.articles)]
    folder, server = (Path(tempfile.mkdtemp(prefix=f"wiredesk-bench-{name}-")) for name in ("files", "postgresql"))
    urls: dict[str, Callable[[], str]] = {
        "duckdb": lambda: f"duckdb:///{folder}/w.duckdb",
        "postgresql": lambda: args.postgresql or postgresql.start(server, settings=["shared_buffers = 512MB"]),
        "iceberg": lambda: f"iceberg:///{folder}/lake",
    }
    try:
        found = {kind: measure(urls[kind](), articles, args.stored) for kind in args.kinds.split(",")}
    finally:
        postgresql.stop(server)
        shutil.rmtree(folder)
        shutil.rmtree(server)
    first = next(iter(found.values()))
    print(" " * 44 + "".join(f"{kind:>12s} ratio" for kind in found))
    for name, seconds in first.items():
        cells = [(took[name], took[name] / seconds if seconds else 0) for took in found.values()]
        print(f"{name:44s}" + "".join(f"{took:12.3f} {ratio:5.1f}" for took, ratio in cells))


if __name__ == "__main__":
    main()
