"""How many pieces of other articles are found in digests: the figures that the docs quote.

    python bench/digests.py ../shared/data

makes 200 digests of four parts each: one is a piece of 80 words of an article of the pool, edited (about one word of
six dropped, replaced or moved); the others are pieces of articles that are not in the pool. Prints how many of the
pieces are sections with the right parent, and how many of the sections that have a parent have the right one.
"""

from __future__ import annotations

import argparse
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import labelled

from pipeline.history import Nothing
from pipeline.match import Matching, match
from schemas.ids import article_id, text_hash
from schemas.records import Article, ArticleSection

DIGESTS, POOL = 200, 3000
PIECE = 80
EDITED = 0.16


def piece(article: Article, rng: random.Random) -> str | None:
    """About 80 words from somewhere in the article, whole sentences at the start, in two paragraphs."""
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(article.text.split()))
    starts = [n for n in range(len(sentences)) if sum(len(s.split()) for s in sentences[n:]) >= PIECE]
    if not starts:
        return None
    words = " ".join(sentences[rng.choice(starts) :]).split()[:PIECE]
    return " ".join(words[:45]) + "\n\n" + " ".join(words[45:]).rstrip(",;:") + "."


def edited(text: str, vocabulary: list[str], rng: random.Random) -> str:
    """The text with about one word of six dropped, replaced or swapped with its neighbour."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        words = paragraph.split()
        kept: list[str] = []
        for word in words:
            way = rng.random() / EDITED
            if way < 0.4:
                continue
            if way < 0.8:
                word = rng.choice(vocabulary)
            if way < 1 and kept and way >= 0.8:
                kept.insert(-1, word)
            else:
                kept.append(word)
        paragraphs.append(" ".join(kept))
    return "\n\n".join(paragraphs)


def digests(pool: list[Article], outside: list[Article], rng: random.Random) -> list[tuple[Article, int, str]]:
    """(digest, which of its parts is of the pool, id of the article that this is a piece of)."""
    vocabulary = [word for a in outside[:50] for word in a.text.split() if word.isalpha() and word.islower()]
    made = []
    while len(made) < DIGESTS:
        source = rng.choice(pool)
        cut = piece(source, rng)
        others = [(a.title, piece(a, rng)) for a in rng.sample(outside, 3)]
        if cut is None or source.published_at is None or not all(text for _, text in others):
            continue
        parts = [(f"{title}".strip(" .?!"), str(text)) for title, text in others]
        at = rng.randrange(4)
        words = (source.title or "").strip(" .?!").split()
        parts.insert(at, (" ".join(words[: max(3, len(words) - 2)]), edited(cut, vocabulary, rng)))
        text = "\n\n".join(f"{title}\n\n{body}" for title, body in parts)
        url = f"https://digest.example/{len(made)}"
        digest = Article(
            article_id=article_id(url),
            fetch_id="",
            url=url,
            canonical_url=url,
            source="digest",
            title="The morning in four parts",
            language="en",
            published_at=source.published_at + timedelta(hours=rng.randrange(1, 30)),
            text=text,
            text_hash=text_hash(None, text),
            word_count=len(text.split()),
        )
        made.append((digest, at, source.article_id))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    args = parser.parse_args()
    rng = random.Random(7)
    articles = [a for a in labelled.articles(args.data, "background") if a.published_at and a.title]
    rng.shuffle(articles)
    pool, outside = articles[:POOL], articles[POOL:]
    made = digests(pool, outside, rng)
    found = match([*pool, *(d for d, _, _ in made)], Nothing(), Matching(), datetime(2026, 1, 1, tzinfo=UTC))
    rows: dict[str, list[ArticleSection]] = {}
    for record in found.records:
        if isinstance(record, ArticleSection):
            rows.setdefault(record.article_id, []).append(record)
    whole = sum(len(rows.get(d.article_id, ())) == 4 for d, _, _ in made)
    right = sum(any(r.parent_id == source for r in rows.get(d.article_id, ())) for d, _, source in made)
    linked = [(r.parent_id, source) for d, _, source in made for r in rows.get(d.article_id, ()) if r.parent_id]
    precise = sum(parent == source for parent, source in linked)
    print(
        f"digests      {whole} of {len(made)} cut into their parts; {right} pieces found ({right / len(made):.3f}); "
        f"{precise} of {len(linked)} links right ({precise / max(1, len(linked)):.3f})"
    )


if __name__ == "__main__":
    main()
