"""What a rule over language-neutral mentions would reach on translations: matching does not link them yet.

    python bench/translations.py [../shared/data]

reads tests/golden/translations.toml (events told in English and in German, Spanish or French, each with a look-alike of
the same people or place), compares all pairs of different languages by what their sketches hold whatever the language:
names, numbers, days. Prints recall and precision over these pairs, and with DIR how many English articles of the
background set it would take for translations, their dates left aside.
"""

from __future__ import annotations

import sys
import tomllib
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import labelled

from pipeline.matching.sketch import EARLY, IS_NAME, IS_PAIR, TELLING_NUMBER, TERM_BITS, sketch, unpack
from schemas.ids import text_hash
from schemas.records import Article

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "translations.toml"
NAMES, RARE = 3, 20
"""So many names are shared, and so much rarity in all."""
AGREE = 5
"""Numbers that agree, those of three digits or with a fraction twice, and days twice, are so many."""
GAP = timedelta(days=2)


class Said(NamedTuple):
    """What is the same in any language. ``names``: hash -> rarity."""

    names: dict[int, int]
    numbers: set[int]
    telling: set[int]
    days: set[int]


def said(article: Article) -> Said:
    evidence = unpack(sketch(article).evidence)
    words = [term for term in evidence.terms.tolist() if term & IS_NAME and not term & IS_PAIR]
    numbers = evidence.numbers.tolist()
    return Said(
        names={term >> (32 - TERM_BITS): (term >> 8) & 15 for term in words},
        numbers={n & 0xFFFF for n in numbers},  # the value; units are words
        telling={n & 0xFFFF for n in numbers if n & TELLING_NUMBER},
        days={day & (EARLY - 1) for day in evidence.days.tolist()},
    )


def are_translations(a: Said, b: Said) -> bool:
    """Whether two articles of different languages tell the same."""
    shared = a.names.keys() & b.names.keys()
    agree = len(a.numbers & b.numbers) + len(a.telling & b.telling) + 2 * len(a.days & b.days)
    return len(shared) >= NAMES and sum(min(a.names[n], b.names[n]) for n in shared) >= RARE and agree >= AGREE


def golden() -> list[tuple[Article, str]]:
    """The articles, each with its story."""
    found = []
    for event in tomllib.loads(GOLDEN.read_text("utf-8"))["event"]:
        for row in event["article"]:
            article = Article(
                article_id=row["id"],
                fetch_id="",
                url="",
                canonical_url="",
                source=row["outlet"],
                title=row["title"],
                language=row["language"],
                published_at=row["at"],
                text=row["text"],
                text_hash=text_hash(row["title"], row["text"]),
                word_count=len(row["text"].split()),
            )
            found.append((article, row["story"]))
    return found


def main() -> None:
    told = [(article, story, said(article)) for article, story in golden()]
    pairs = right = linked = 0
    for (a, story, mine), (b, other, theirs) in combinations(told, 2):
        if a.language != b.language:
            pairs += story == other
            assert a.published_at
            assert b.published_at
            if abs(a.published_at - b.published_at) <= GAP and are_translations(mine, theirs):
                linked += 1
                right += story == other
    print(f"translations {right} of {pairs} found, {right} of {linked} links right")
    if len(sys.argv) > 1:
        english = [said(a) for a in labelled.articles(Path(sys.argv[1]), "background")]
        foreign = [mine for a, _, mine in told if a.language != "en"]
        wrong = sum(are_translations(mine, theirs) for mine in foreign for theirs in english)
        print(f"background   {wrong} of {len(foreign) * len(english)} pairs taken for translations")


if __name__ == "__main__":
    main()
