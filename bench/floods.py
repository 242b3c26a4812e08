"""What hostile floods cost matching: the figures that the docs quote.

    python bench/floods.py [--count 100000]

matches COUNT articles under one title, COUNT articles that copy one text with another head, and COUNT articles on one
hot topic (a theme's words in other order and company), each in one batch, and prints processor seconds, milliseconds an
article and the peak of memory. Each flood runs in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipeline.history import Nothing
from pipeline.match import Matching, match
from schemas.ids import article_id, text_hash
from schemas.records import Article

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def words(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(4)) for _ in range(count)]


def same_title(rng: random.Random, vocabulary: list[str], theme: list[str]) -> str:
    return " ".join(rng.choices(vocabulary, k=120))


def copies(rng: random.Random, vocabulary: list[str], theme: list[str]) -> str:
    return " ".join([*rng.choices(vocabulary, k=20), *theme])


def hot_topic(rng: random.Random, vocabulary: list[str], theme: list[str]) -> str:
    told = [*rng.sample(theme, 50), *rng.choices(vocabulary, k=70)]
    rng.shuffle(told)
    return " ".join(told)


FLOODS: dict[str, Callable[[random.Random, list[str], list[str]], str]] = {
    "same title": same_title,
    "copies": copies,
    "hot topic": hot_topic,
}


def flood(name: str, count: int) -> None:
    rng = random.Random(1)
    vocabulary, theme = words(rng, 40_000), words(rng, 120)
    articles = []
    for n in range(count):
        text, url = FLOODS[name](rng, vocabulary, theme), f"https://flood.example/{n}"
        articles.append(
            Article(
                article_id=article_id(url),
                fetch_id="",
                url=url,
                canonical_url=url,
                source="flood",
                title="Rumours swirl over Quillfeather",
                language="en",
                published_at=BEGIN + timedelta(seconds=6 * n),
                text=text,
                text_hash=text_hash(None, text),
                word_count=120,
            )
        )
    start = time.process_time()
    found = match(articles, Nothing(), Matching(), datetime(2026, 4, 1, tzinfo=UTC))
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    stories = len({link.story_id for link in found.links})
    print(
        f"{name:12s} {count:,} articles: {spent:.0f} s, {1000 * spent / count:.2f} ms an article, "
        f"peak {peak:.1f} GiB, {stories:,} stories",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    args = parser.parse_args()
    for name in FLOODS:
        process = multiprocessing.get_context("spawn").Process(target=flood, args=(name, args.count))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{name}: ended with {process.exitcode}")


if __name__ == "__main__":
    main()
