"""Matching: what came from what, and that it is a function of the set of articles."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.warehouse import open_warehouse
from pipeline.history import Nothing
from pipeline.match import Matched, match
from pipeline.matching.judge import Judge, Matching, pool_of
from pipeline.matching.likeness import explain
from pipeline.matching.outline import outline
from pipeline.matching.sketch import sketch
from schemas.ids import article_id, text_hash
from schemas.records import (
    Article,
    ArticleSection,
    Link,
    Member,
    Pair,
    Record,
    Replaced,
    Sketch,
    Story,
    StoryEvent,
)
from schemas.tables import TABLE_OF, TABLES

DAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONFIG = Matching()
NOW = datetime(2026, 4, 1, tzinfo=UTC)


class MemoryHistory(Nothing):
    """A warehouse of dictionaries: what was written is what is read."""

    def __init__(self) -> None:
        self.rows: dict[type[Record], dict[str, Any]] = {}
        self.article_rows: dict[str, Article] = {}

    def write(self, articles: Iterable[Article], matched: Matched) -> None:
        self.article_rows.update((a.article_id, a) for a in articles)
        came: set[tuple[type[Record], str]] = set()
        for record in (*matched.records, *matched.links):
            if isinstance(record, Sketch | Pair | Link | ArticleSection | Story):
                key = "\0".join(getattr(record, column) for column in TABLE_OF[type(record)].key)
                came.add((type(record), key))
                self.rows.setdefault(type(record), {})[key] = record
        for record in matched.records:
            if isinstance(record, Replaced):
                cls = TABLES[record.table].records[0]
                table = self.rows.setdefault(cls, {})
                for key in [k for k, r in table.items() if r.article_id == record.group and (cls, k) not in came]:
                    del table[key]

    def table(self, cls: type[Record]) -> dict[str, Any]:
        return self.rows.setdefault(cls, {})

    def sketches(self, article_ids: Sequence[str]) -> list[Sketch]:
        return [self.table(Sketch)[k] for k in article_ids if k in self.table(Sketch)]

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        def near(a: Sketch, b: Sketch) -> bool:
            in_time = a.at is None or b.at is None or abs(a.at - b.at) <= horizon
            return in_time and a.language == b.language and not set(a.keys).isdisjoint(b.keys)

        return [s for s in self.table(Sketch).values() if any(near(s, other) for other in sketches)]

    def pairs(self, names: Sequence[str]) -> list[Pair]:
        return [row for row in self.table(Pair).values() if row.article_id in names or row.earlier_id in names]

    def links(
        self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = (), copy_groups: Sequence[str] = ()
    ) -> list[Link]:
        return [
            row
            for row in self.table(Link).values()
            if row.article_id in article_ids or row.parent_id in parent_ids or row.copy_group in copy_groups
        ]

    def sections(self, article_ids: Sequence[str] = (), parent_ids: Sequence[str] = ()) -> list[ArticleSection]:
        rows = self.table(ArticleSection).values()
        return [row for row in rows if row.article_id in article_ids or row.parent_id in parent_ids]

    def members(self, story_ids: Sequence[str]) -> list[Member]:
        found = []
        for row in self.table(Link).values():
            if row.story_id in story_ids:
                a = self.article_rows[row.article_id]
                at = a.published_at or a.first_seen_at
                fields = {f: getattr(row, f) for f in Link.__struct_fields__}
                found.append(Member(**fields, title=a.title, source=a.source, published_at=a.published_at, at=at))
        return found

    def tables(self) -> dict[str, Any]:
        live = {k: s for k, s in self.table(Story).items() if s.superseded_by is None}
        return {
            "links": dict(sorted(self.table(Link).items())),
            "stories": dict(sorted(live.items())),
            "sections": dict(sorted(self.table(ArticleSection).items())),
            "sketches": dict(sorted(self.table(Sketch).items())),
            "pairs": dict(sorted(self.table(Pair).items())),
        }


def article(name: str, text: str, at: datetime | None = DAY, title: str | None = None, **fields: Any) -> Article:
    url = f"https://{fields.get('source', 'desk')}.example/{name}"
    return Article(
        **{
            "article_id": article_id(url),
            "fetch_id": name,
            "url": url,
            "canonical_url": url,
            "source": "desk",
            "language": "en",
            "word_count": len(text.split()),
            **fields,
        },
        title=title,
        text=text,
        published_at=at,
        text_hash=text_hash(title, text),
    )


def settled(batches: Iterable[Sequence[Article]], config: Matching = CONFIG) -> MemoryHistory:
    history = MemoryHistory()
    for batch in batches:
        history.write(batch, match(batch, history, config, NOW))
    return history


SCOOP = (
    "Inspectors of the river board found nickel in the wells of Tarnow Mill, the Elsin Courier has learned. "
    "A report dated March 1 says that 14 of 22 wells exceed the limit, some of them ninefold. "
    "The smelter of Brandt and Sons lies two kilometres upstream. Its owner, Jorun Brandt, did not answer questions. "
    "The board wants to close the wells by Thursday and to bring water in lorries for 3,400 people."
)
REWRITE = (
    "Some 3,400 residents of Tarnow Mill will get their water from lorries because nickel has turned up in 14 of 22 "
    "wells, according to a report of the river board that the Elsin Courier revealed. Upstream stands the smelter run "
    "by Jorun Brandt, whose firm Brandt and Sons kept silent. The wells are to be closed by Thursday, inspectors said."
)
HARBOUR = (
    "Divers of the harbour office praised Port Vesper for its new oil barriers, the mayor announced. "
    "Only one of six basins needs repair, at a price of $90,000. Work starts in autumn, and fishermen may use the "
    "northern basin until then. The mayor spoke of a good day for the estuary and for the oyster banks beyond it, "
    "whose harvest had failed after the spill of the tanker Amaranth two winters ago."
)


def by_name(history: MemoryHistory, found: Article) -> Link:
    return history.table(Link)[found.article_id]


def test_a_rewrite_points_to_the_earlier_article_and_other_news_stands_alone():
    scoop = article("scoop", SCOOP)
    rewrite = article("rewrite", REWRITE, DAY + timedelta(hours=5), source="herald")
    other = article("other", HARBOUR, DAY + timedelta(hours=6))
    history = settled([[rewrite, other, scoop]])
    assert by_name(history, rewrite).parent_id == scoop.article_id
    assert by_name(history, rewrite).relation == "rewrite"
    assert by_name(history, rewrite).story_id == scoop.article_id
    assert by_name(history, other) == Link(article_id=other.article_id, story_id=other.article_id)
    story = history.table(Story)[scoop.article_id]
    assert (story.article_count, story.source_count, story.independent_count) == (2, 2, 2)


def test_a_copy_with_another_head_joins_the_group_of_the_first():
    scoop = article("scoop", SCOOP)
    copy = article("copy", "PORT ELSIN (Agency) - Good evening from our newsroom. " + SCOOP, DAY + timedelta(hours=2))
    cut = article("cut", SCOOP[:330], DAY + timedelta(hours=3))
    history = settled([[copy], [cut], [scoop]])
    for late in (copy, cut):
        link = by_name(history, late)
        assert (link.relation, link.copy_group) == ("copy", scoop.article_id)
        assert link.similarity is not None
        assert link.similarity > 0.9
    assert by_name(history, scoop).copy_group == scoop.article_id
    assert history.table(Story)[scoop.article_id].independent_count == 1


def test_a_copy_that_credits_an_agency_came_from_the_agencys_own_article():
    first = article("first", SCOOP + " More soon.")
    agencys = article("agencys", SCOOP[:420], DAY + timedelta(hours=1), canonical_url="https://www.apnews.com/agencys")
    credits = article("credits", SCOOP + " More soon.", DAY + timedelta(hours=2), wire_credit="AP")
    silent = article("silent", SCOOP + " More soon.", DAY + timedelta(hours=3))
    for batches in ([[first, agencys, credits, silent]], [[silent], [credits], [first], [agencys]]):
        history = settled(batches)
        assert by_name(history, agencys).parent_id == first.article_id
        assert by_name(history, credits).parent_id == agencys.article_id
        assert by_name(history, silent).parent_id == first.article_id
        assert {link.copy_group for link in history.table(Link).values()} == {first.article_id}


def test_an_agencys_article_that_came_later_than_the_copy_is_not_its_parent():
    credits = article("credits", SCOOP, wire_credit="AP")
    agencys = article("agencys", SCOOP, DAY + timedelta(hours=1), canonical_url="https://apnews.com/agencys")
    history = settled([[agencys], [credits]])
    assert by_name(history, credits).parent_id is None
    assert by_name(history, agencys).parent_id == credits.article_id


def test_of_earlier_copies_the_one_with_the_same_credit_was_copied():
    first = article("first", SCOOP)
    same = article("same", SCOOP[:420], DAY + timedelta(hours=1), wire_credit="Reuters")
    late = article("late", SCOOP, DAY + timedelta(hours=2), wire_credit="Reuters")
    assert by_name(settled([[late], [same, first]]), late).parent_id == same.article_id
    stranger = article("late", SCOOP, DAY + timedelta(hours=2), wire_credit="AFP")
    assert by_name(settled([[stranger], [same, first]]), stranger).parent_id == first.article_id


def test_links_say_what_kind_of_copy_it_is_and_sections_too():
    scoop = article("scoop", SCOOP)
    copy = article("copy", SCOOP, DAY + timedelta(hours=1))
    rewrite = article("rewrite", REWRITE, DAY + timedelta(hours=2))
    evening = article("digest", digest(SCOOP[:330], HARBOUR, BAKERY), DAY + timedelta(hours=8), source="evening")
    history = settled([[scoop, copy, rewrite, evening]])
    assert [by_name(history, a).copy_kind for a in (scoop, copy, rewrite)] == [None, "exact", None]
    rows = sorted(history.table(ArticleSection).values(), key=lambda row: row.span_start)
    assert [(row.relation, row.copy_kind) for row in rows] == [
        ("copy", "embedded"),
        ("original", None),
        ("original", None),
    ]


def test_beyond_the_horizon_nothing_is_matched():
    scoop, copy = article("scoop", SCOOP), article("copy", SCOOP, DAY + timedelta(days=7, seconds=1))
    assert by_name(settled([[scoop, copy]]), copy).parent_id is None


def test_an_article_without_a_date_is_matched_with_all_and_comes_first():
    undated, scoop = article("undated", SCOOP, None), article("scoop", SCOOP, DAY)
    assert by_name(settled([[scoop], [undated]]), scoop).parent_id == undated.article_id


def test_articles_of_different_languages_are_not_compared():
    scoop, german = article("scoop", SCOOP), article("de", SCOOP, DAY + timedelta(hours=1), language="de")
    assert by_name(settled([[scoop, german]]), german).parent_id is None


def test_a_late_first_article_takes_the_story_over_and_the_old_one_says_so():
    scoop, rewrite = article("scoop", SCOOP), article("rewrite", REWRITE, DAY + timedelta(hours=5))
    history = settled([[rewrite]])
    matched = match([scoop], history, Matching(), NOW)
    assert matched.emptied == (rewrite.article_id,)
    assert {m.article_id for m in matched.members} == {scoop.article_id, rewrite.article_id}
    history.write([scoop], matched)
    assert history.table(Story)[rewrite.article_id] == Story(
        story_id=rewrite.article_id, superseded_by=scoop.article_id
    )
    (event,) = [r for r in matched.records if isinstance(r, StoryEvent) and r.event == "re-rooted"]
    assert (event.story_id, event.other_story_id) == (scoop.article_id, rewrite.article_id)


def test_a_revision_that_tells_something_else_leaves_its_story():
    scoop, rewrite = article("scoop", SCOOP), article("rewrite", REWRITE, DAY + timedelta(hours=5))
    history = settled([[scoop, rewrite]])
    revised = article("rewrite", HARBOUR, DAY + timedelta(hours=5))
    matched = match([revised], history, Matching(), NOW)
    assert [link.parent_id for link in matched.links] == [None]
    assert {r.event for r in matched.records if isinstance(r, StoryEvent)} == {"split"}
    assert {m.story_id for m in matched.members} == {scoop.article_id, rewrite.article_id}


def test_a_repeated_batch_changes_nothing():
    batch = [article("scoop", SCOOP), article("rewrite", REWRITE, DAY + timedelta(hours=5))]
    history = settled([batch])
    again = match(batch, history, Matching(), NOW)
    assert again.links == ()
    assert not [r for r in again.records if isinstance(r, StoryEvent)]


def digest(*parts: str) -> str:
    heads = ("Wells to close at Tarnow Mill", "Barriers against oil", "Choir sings for the bakery")
    return "\n".join(f"{head}\n{part}" for head, part in zip(heads, parts, strict=False))


BAKERY = (
    "The choir of Saint Odile sang for the reopened bakery in Lindgate on Saturday, and 200 neighbours came for buns. "
    "Baker Tomas Wick had lost his ovens in a fire at Christmas. The choir collected $12,000 for new ones."
)


def test_sections_of_a_digest_attach_to_their_own_stories():
    scoop, harbour = article("scoop", SCOOP), article("harbour", HARBOUR)
    evening = article("digest", digest(REWRITE, HARBOUR[:300], BAKERY), DAY + timedelta(hours=8), source="evening")
    late = article("late", REWRITE, DAY + timedelta(hours=9))
    for batches in ([[scoop, harbour, evening, late]], [[evening], [late], [harbour], [scoop]]):
        history = settled(batches)
        rows = sorted(history.table(ArticleSection).values(), key=lambda row: row.span_start)
        assert [row.parent_id for row in rows] == [scoop.article_id, harbour.article_id, None]
        assert [row.story_id for row in rows] == [scoop.article_id, harbour.article_id, None]
        sections = {row.section_id for row in rows}
        assert not {link.parent_id for link in history.table(Link).values()} & sections


def test_a_digest_that_lost_its_sections_leaves_none_behind():
    evening = article("digest", digest(SCOOP, HARBOUR, BAKERY))
    history = settled([[evening], [article("digest", SCOOP)]])
    assert history.table(ArticleSection) == {}
    assert set(history.table(Sketch)) == {evening.article_id}


def test_an_article_in_a_flood_under_one_headline_is_compared_with_few_others():
    rng = random.Random(5)
    vocabulary = ["".join(rng.choice("bdfgklmnrst") + rng.choice("aeiou") for _ in range(4)) for _ in range(4000)]
    flood = [
        article(f"f{i}", " ".join(rng.choice(vocabulary) for _ in range(30)), title="Rumours swirl over Quillfeather")
        for i in range(1000)
    ]
    judge = Judge(pool_of([sketch(a) for a in flood], CONFIG))
    assert max(len(judge.pool.candidates(i)) for i in range(0, 1000, 50)) <= CONFIG.candidates


@st.composite
def worlds(draw: st.DrawFn) -> list[Article]:
    """Versions of articles around two themes, each article's last version last; copies, chains, digests among them."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    vocabulary = ["".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(4)) for _ in range(60)]
    themes = [[rng.choices(vocabulary, k=8) for _ in range(9)] for _ in range(2)]
    versions = []
    for number in range(draw(st.integers(2, 12))):
        if rng.random() < 0.1:
            text = digest(*(_tell(rng, rng.choice(themes)[:5], vocabulary) for _ in range(3)))
        else:
            theme, length = rng.choice(themes), rng.randint(2, 9)
            start = rng.randint(0, 9 - length)
            text = _tell(rng, theme[start : start + length], vocabulary)
        at = None if rng.random() < 0.15 else DAY + timedelta(hours=rng.choice([0, 0, 1, 24, 50, 100, 170, 200]))
        name = f"revised{rng.randint(0, 1)}" if rng.random() < 0.2 else f"a{number}"
        language = "en" if rng.random() < 0.85 else "de"
        source = rng.choice(["desk", "herald"])
        credit = {"wire_credit": rng.choice([None, "AP", "PA"])}
        own = {"canonical_url": f"https://apnews.com/{name}"} if rng.random() < 0.2 else {}
        versions.append(article(name, text, at, language=language, source=source, **credit, **own))
    return versions


def _tell(rng: random.Random, sentences: list[list[str]], vocabulary: list[str]) -> str:
    told = [list(sentence) for sentence in sentences]
    way = rng.random()
    if way < 0.5:  # In other words.
        for sentence in told:
            rng.shuffle(sentence)
    if way > 0.8:  # With something added.
        told.extend(rng.choices(vocabulary, k=8) for _ in range(rng.randint(1, 6)))
    return " ".join(" ".join(sentence).capitalize() + "." for sentence in told)


def last_versions(versions: Iterable[Article]) -> list[Article]:
    return list({a.article_id: a for a in versions}.values())


def cut(rng: random.Random, versions: list[Article]) -> list[list[Article]]:
    """The same articles in another order, some repeated, in batches; of each the last version still comes last."""
    final = last_versions(versions)
    order = rng.sample(versions, len(versions)) + rng.sample(final, min(3, len(final)))
    order += [a for a in final if next(b for b in reversed(order) if b.article_id == a.article_id) is not a]
    batches = []
    while order:
        size = rng.choice([1, 1, 2, 4, 7])
        batches.append(last_versions(order[:size]))
        order = order[size:]
    return batches


@settings(max_examples=40, deadline=None)
@given(worlds(), st.randoms(use_true_random=False), st.sampled_from([2, 5, 64]), st.sampled_from([0.2, 0.5]))
def test_any_order_cut_and_repetition_gives_the_same_tables(
    versions: list[Article], rng: random.Random, candidates: int, threshold: float
):
    config = Matching(candidates=candidates, threshold=threshold)
    at_once = settled([last_versions(versions)], config)
    assert settled(cut(rng, versions), config).tables() == at_once.tables()
    rows = at_once.table(Link).values()
    assert sum(s.article_count for s in at_once.table(Story).values()) == len(rows)


def test_the_warehouse_gives_the_history_that_matching_needs():
    """The same as above against DuckDB, over one larger set."""
    rng = random.Random(11)
    vocabulary = ["".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(4)) for _ in range(60)]
    theme = [rng.choices(vocabulary, k=8) for _ in range(9)]
    versions = [
        article(f"a{rng.randint(0, 15)}", _tell(rng, theme[: rng.randint(3, 9)], vocabulary), rng.choice([DAY, None]))
        for _ in range(20)
    ]
    tables = []
    for batches in ([last_versions(versions)], cut(rng, versions), cut(rng, versions)):
        warehouse = open_warehouse("duckdb:///:memory:")
        warehouse.migrate()
        with warehouse.hold():
            for batch in batches:
                matched = match(batch, warehouse, CONFIG, NOW)
                warehouse.apply([*batch, *matched.records, *matched.links])
            links = warehouse.rows(Link, order="article_id")
            stories = warehouse.rows(Story, where="superseded_by IS NULL", order="story_id")
            tables.append((links, stories, warehouse.rows(Sketch, order="article_id")))
        warehouse.close()
    assert tables[0] == tables[1] == tables[2]
    assert len(tables[0][0]) > len(tables[0][1])


def test_languages_are_matched_apart_in_one_batch():
    batch = [article(x, SCOOP, language=x) for x in ("en", "de", "fr")]
    together = match(batch, Nothing(), CONFIG, NOW)
    alone = [match([a], Nothing(), CONFIG, NOW) for a in batch]
    assert sorted(together.links, key=str) == sorted((link for m in alone for link in m.links), key=str)
    assert {link.relation for link in together.links} == {"original"}


def test_outlines_that_are_known_are_taken_as_they_are():
    batch = [article("scoop", SCOOP), article("rewrite", REWRITE, DAY + timedelta(hours=5))]
    known = {a.article_id: outline(a, CONFIG) for a in batch}
    assert match(batch, Nothing(), CONFIG, NOW, known)[:4] == match(batch, Nothing(), CONFIG, NOW)[:4]
    exchanged = dict(zip(known, reversed(known.values()), strict=True))
    assert match(batch, Nothing(), CONFIG, NOW, exchanged)[:4] != match(batch, Nothing(), CONFIG, NOW)[:4]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (article("rewrite", REWRITE, DAY + timedelta(hours=5)), "numbers that agree: 14, 22 well"),
        (article("de", SCOOP, language="de"), "never compared: their languages differ ("),
        (article("old", SCOOP, DAY - timedelta(days=30)), "never compared: they are more than 7 days apart"),
        (article("bakery", BAKERY), "never compared: they share no rare word"),
        (article("copy", SCOOP + " More soon.", DAY + timedelta(hours=1)), "a copy, extended"),
        (article("copy", SCOOP + " More soon.", DAY + timedelta(hours=1)), "words of its own: 2 at the end"),
        (article("copy", SCOOP[:330], DAY + timedelta(hours=1)), "that it lacks: 13 at the end"),
        (
            article("copy", SCOOP, DAY + timedelta(hours=1), wire_credit="AP"),
            "credits AP, and the earlier one is of AP",
        ),
        (
            article("soon", SCOOP.replace("14 of 22 wells", "9 of 22 wells"), DAY + timedelta(hours=1)),
            "alike, as far as the two alone say",
        ),
        (article("less", REWRITE.replace("14 of 22 wells", "9 of 30 wells")), "numbers that conflict: 22 / 30 well"),
        (article("day", REWRITE.replace("by Thursday", "by April 9")), "days that conflict: "),
        (article("name", REWRITE), "shared names: "),
    ],
    ids=[
        "rewrite",
        "language",
        "horizon",
        "nothing",
        "copy",
        "own",
        "cut",
        "credit",
        "score",
        "conflict",
        "days",
        "names",
    ],
)
def test_the_evidence_about_a_pair_is_said_in_words(other: Article, said: str):
    lines = explain(other, article("scoop", SCOOP, canonical_url="https://apnews.com/scoop"), CONFIG).lines()
    assert any(said in line for line in lines), lines
