"""The judge: what it knows of pairs of old articles is what it would find anew."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.matching.judge import MOST_PAIRS, Judge, Matching, pool_of
from pipeline.matching.sketch import sketch
from schemas.records import Article, Pair, Sketch

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
WORDS = ["".join(pair) for pair in zip("bdfgklmnprstvz" * 20, "aeiou" * 56, strict=True)]
CONFIG = Matching(candidates=MOST_PAIRS + 4)


def told(name: str, minutes: int, seed: int = 0) -> Sketch:
    """One of many that tell of the Quillfeather affair in words of their own."""
    rng = random.Random(f"{name} {seed}")
    own = " ".join("".join(rng.choices(WORDS, k=4)) for _ in range(30))
    text = f"Rumours about Quillfeather swirl over Port Ellery, where Ashby Norwood spoke of 4,311 letters. {own}."
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text_hash": "h", "language": "en"}
    at = BEGIN + timedelta(minutes=minutes)
    article = Article(
        article_id=name, title="Rumours swirl over Quillfeather", text=text, word_count=45, published_at=at, **rest
    )
    return sketch(article)


def pairs(sketches: list[Sketch]) -> set[Pair]:
    """Of the last, judged by somebody who has never seen any of them."""
    return set(Judge(pool_of(sketches, CONFIG)).pairs("last"))


@pytest.mark.parametrize("count", [MOST_PAIRS - 5, MOST_PAIRS, MOST_PAIRS + 4, MOST_PAIRS + 30])
@pytest.mark.parametrize("change", ["earlier ones come", "later ones come", "some go", "some are told otherwise"])
def test_pairs_beside_what_came_and_went_are_those_judged_anew(count: int, change: str):
    sketches = [*(told(f"x{n:02}", n) for n in range(count)), told("last", 500)]
    pool = pool_of(sketches, CONFIG)
    judge = Judge(pool)
    before = judge.pairs("last")
    assert len(before) == min(count, MOST_PAIRS)
    gone, added = {
        "earlier ones come": ((), [told(f"a{n}", -9 + n) for n in range(6)]),
        "later ones come": ((), [told(f"y{n}", 400 + n) for n in range(6)]),
        "some go": (("x03", "x20"), []),
        "some are told otherwise": (("x03", "x20"), [told("x03", 3, 1), told("x20", 20, 1)]),
    }[change]
    pool.change(gone, added)
    kept = [s for s in sketches if s.article_id not in gone]
    found = Judge(pool).pairs_of(["last"], {"last": before})
    assert set(found.get("last", before)) == pairs([*kept, *added])
