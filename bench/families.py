"""How matching does on the golden families: all in one pool, and what is wrong, article by article.

python bench/families.py
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from scores import b_cubed

from pipeline.history import Nothing
from pipeline.match import Matching, match
from schemas.records import ArticleSection

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from families import families


def main() -> None:
    members = [m for family in families() for m in family.members]
    found = match([m.article for m in members], Nothing(), Matching(), datetime(2026, 1, 1, tzinfo=UTC))
    links = {link.article_id: link for link in found.links}
    gold = {m.article.article_id: m.story for m in members}
    name = {m.article.article_id: f"{m.story.split()[0]}/{m.article.fetch_id}" for m in members}
    precision, recall, f1 = b_cubed(gold, {key: link.story_id for key, link in links.items()})
    told: Counter[str] = Counter()
    for m in members:
        link = links[m.article.article_id]
        right_story = gold[link.story_id] == m.story
        told["story"] += right_story
        told["relation"] += link.relation == m.relation
        if m.parents:
            told["children"] += 1
            told["parent"] += link.parent_id in m.parents
            told["parent in story"] += link.parent_id is not None and gold[link.parent_id] == m.story
        else:
            told["originals"] += 1
            told["original"] += link.parent_id is None
        if not right_story or (m.parents and link.parent_id is None) or (not m.parents and link.parent_id):
            parent = f"{link.relation} of {name[link.parent_id]}" if link.parent_id else "alone"
            print(f"  {name[m.article.article_id]} ({m.relation} in {m.story.split()[1]}): {parent}, {link.similarity}")
    sections: dict[str, list[ArticleSection]] = {}
    for record in found.records:
        if isinstance(record, ArticleSection):
            sections.setdefault(record.article_id, []).append(record)
    for m in members:
        if m.sections:
            rows = sorted(sections.get(m.article.article_id, ()), key=lambda row: row.span_start)
            told["sections"] += len(m.sections)
            known = set(gold.values())
            for want, row in zip(m.sections, rows, strict=False):
                told["section"] += (gold[row.story_id] if row.story_id else None) == (want if want in known else None)
            if len(rows) != len(m.sections):
                print(f"  {name[m.article.article_id]}: {len(rows)} of {len(m.sections)} sections")
    print(f"{len(families())} families, {len(members)} articles: B-cubed {precision:.3f} {recall:.3f} {f1:.3f}")
    print(dict(told))


if __name__ == "__main__":
    main()
