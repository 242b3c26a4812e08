"""What every warehouse promises (``connectors.warehouse.Warehouse``), shown on real ones."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import SAMPLES
from whole import differences, whole_tables

from connectors.warehouse import ddl, open_warehouse
from schemas.records import (
    Article,
    ArticleSection,
    ArticleVersion,
    Denial,
    Figure,
    Link,
    Member,
    Metric,
    Progress,
    Receipt,
    Record,
    Reject,
    Replaced,
    Sketch,
    Story,
)
from schemas.tables import TABLE_OF, TABLES

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
HOUR = timedelta(hours=1)


def article(article_id: str, **fields) -> Article:
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text": "t", "text_hash": "h"}
    return Article(article_id=article_id, **{**rest, "word_count": 1, **fields})


def metric(metric_id: str, article_id: str = "a", **fields) -> Metric:
    return Metric(
        metric_id=metric_id,
        article_id=article_id,
        **{"span_start": 0, "span_end": 1, "surface": "7", "sentence": "7"} | fields,
    )


def sketch(article_id: str, keys, at=NOW, language="en", **fields) -> Sketch:
    return Sketch(article_id=article_id, text_hash="h", language=language, at=at, keys=tuple(keys), **fields)


def everything(warehouse) -> dict[str, list[tuple]]:
    """All rows of all tables, times of processing too."""
    found = {}
    for name, table in TABLES.items():
        key = ", ".join(f'"{c}"' for c in table.key)
        found[name] = warehouse.query(f"SELECT * FROM {name} ORDER BY {key}")
    return found


# -- writing --


ROWS = [SAMPLES[cls.__name__] for cls in TABLE_OF if cls is not Link]


@pytest.mark.parametrize("record", ROWS, ids=lambda r: type(r).__name__)
def test_a_record_comes_back_as_it_was_written(warehouse, record):
    warehouse.apply([record])
    assert warehouse.rows(type(record)) == [record]


def test_replaying_a_batch_changes_nothing(warehouse):
    batch = [*ROWS, Link(article_id="a1", story_id="a1"), Replaced(table="metrics", group="a1")]
    warehouse.apply(batch)
    before = everything(warehouse)
    warehouse.apply(batch)
    assert everything(warehouse) == before


def test_an_empty_batch_is_allowed(warehouse):
    warehouse.apply([])
    assert warehouse.count("articles") == 0


def test_a_later_record_replaces_the_row_nulls_too(warehouse):
    warehouse.apply([article("a", title="first", authors=("A", "B"), published_at=NOW)])
    warehouse.apply([article("a", title="second")])
    assert warehouse.articles(["a"]) == [article("a", title="second")]


def test_the_last_of_a_key_in_a_batch_wins(warehouse):
    warehouse.apply([article("a", title="1"), article("b"), article("a", title="2"), article("a", title="3")])
    assert [a.title for a in warehouse.articles(["a"])] == ["3"]
    assert warehouse.count("articles") == 2


def test_article_and_link_each_fill_their_part_of_a_row(warehouse):
    link = Link(article_id="a", story_id="s", parent_id="p", relation="copy", similarity=0.5, copy_group="g")
    warehouse.apply([link, article("a", title="first")])
    warehouse.apply([article("a", title="second")])
    assert warehouse.links(["a"]) == [link]
    moved = Link(article_id="a", story_id="a")
    warehouse.apply([moved])
    assert warehouse.links(["a"]) == [moved]
    assert warehouse.articles(["a"]) == [article("a", title="second")]
    assert warehouse.count("articles") == 1


def test_a_link_without_an_article_is_an_error_and_nothing_is_written(warehouse):
    with pytest.raises(ValueError, match="missing"):
        warehouse.apply([article("a"), Link(article_id="missing", story_id="s")])
    assert warehouse.count("articles") == 0


def test_metrics_follow_their_articles_link(warehouse):
    warehouse.apply([article("a"), article("b"), metric("m1", "a"), metric("m2", "b", story_id="b")])
    warehouse.apply([Link(article_id="a", story_id="s1"), metric("m3", "a")])
    assert {m.metric_id: m.story_id for m in warehouse.metrics(["a", "b"])} == {"m1": "s1", "m2": "b", "m3": "s1"}
    warehouse.apply([Link(article_id="a", story_id="s2"), Link(article_id="b", story_id="s2")])
    assert {m.story_id for m in warehouse.metrics(["a", "b"])} == {"s2"}


def test_replaced_removes_the_rows_of_the_group_that_do_not_come_along(warehouse):
    warehouse.apply([metric("m1", "a"), metric("m2", "a"), metric("m3", "b")])
    warehouse.apply([Replaced(table="metrics", group="a"), metric("m2", "a", surface="8"), metric("m4", "a")])
    assert {m.metric_id: m.surface for m in warehouse.metrics(["a", "b"])} == {"m2": "8", "m3": "7", "m4": "7"}


def test_replaced_alone_empties_the_group(warehouse):
    figures = [Figure(figure_id=f"f{n}", story_id=f"s{n % 2}") for n in range(6)]
    warehouse.apply(figures)
    warehouse.apply([Replaced(table="figures", group="s0"), Replaced(table="figures", group="nobody")])
    assert {f.story_id for f in warehouse.rows(Figure)} == {"s1"}
    with pytest.raises(ValueError, match="receipts"):
        warehouse.apply([Replaced(table="receipts", group="a")])


def test_an_article_is_removed_as_a_group_of_its_own(warehouse):
    texts = [ArticleVersion(article_id=a, text_hash=h, text=h) for a in ("a", "b") for h in ("x", "y")]
    warehouse.apply([article("a"), article("b"), Link(article_id="b", story_id="b"), *texts])
    warehouse.apply(Replaced(table=table, group="a") for table in ("articles", "article_versions"))
    assert [a.article_id for a in warehouse.rows(Article)] == ["b"]
    assert {v.article_id for v in warehouse.rows(ArticleVersion)} == {"b"}
    assert warehouse.links(["b"])


def test_denials_and_what_stories_became_are_found_by_name(warehouse):
    denied = [Denial(what=w, name=n, at=NOW) for w, n in (("article", "a"), ("source", "Herald"), ("article", "c"))]
    warehouse.apply([*denied, Story(story_id="s1", superseded_by="s2"), Story(story_id="s2")])
    assert sorted((d.what, d.name) for d in warehouse.denials(["a", "Herald", "b"])) == [
        ("article", "a"),
        ("source", "Herald"),
    ]
    assert [s.story_id for s in warehouse.became(["s2", "s1"])] == ["s1"]
    assert warehouse.denials([]) == []


def test_a_row_that_moves_to_another_group_is_not_removed_with_the_old_one(warehouse):
    warehouse.apply([Figure(figure_id="f", story_id="old")])
    warehouse.apply([Replaced(table="figures", group="old"), Figure(figure_id="f", story_id="new")])
    assert [f.story_id for f in warehouse.rows(Figure)] == ["new"]


def test_keys_of_two_columns(warehouse):
    warehouse.apply([ArticleVersion(article_id="a", text_hash=h, text=h) for h in ("x", "y", "x")])
    warehouse.apply([ArticleVersion(article_id="a", text_hash="y", text="new")])
    assert [(v.text_hash, v.text) for v in warehouse.rows(ArticleVersion, order="text_hash")] == [
        ("x", "x"),
        ("y", "new"),
    ]


TIMES = [
    datetime(1990, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    NOW,
]


@pytest.mark.parametrize("time", TIMES, ids=str)
def test_times_keep_their_microseconds_and_are_utc(warehouse, time):
    warehouse.apply([article("a", published_at=time)])
    (found,) = warehouse.articles(["a"])
    assert found.published_at == time
    assert found.published_at.tzinfo is UTC
    assert warehouse.query("SELECT published_at FROM articles") == [(time,)]


def test_a_time_of_another_zone_is_the_same_moment(warehouse):
    warehouse.apply([article("a", published_at=datetime.fromisoformat("2026-03-04T10:00:00+05:30"))])
    assert warehouse.articles(["a"])[0].published_at == datetime(2026, 3, 4, 4, 30, tzinfo=UTC)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=st.none() | st.text(),
    text=st.text(),
    authors=st.lists(st.text()),
    value=st.dictionaries(st.text(), st.text()),
)
def test_any_text_comes_back_as_it_was(warehouse, title, text, authors, value):
    title, text = title and title.replace("\0", " "), text.replace("\0", " ")
    names = tuple(name.replace("\0", " ") for name in authors)
    given_article = article("a", title=title, text=text, authors=names, provenance=value)
    warehouse.apply([given_article])
    assert warehouse.articles(["a"]) == [given_article]


def test_a_nul_is_replaced_and_costs_neither_the_row_nor_an_offset(warehouse):
    broken = "left \0 right\0"
    warehouse.apply(
        [
            article("a", title=broken, text=broken, authors=("A", broken), provenance={"k\0": broken}),
            Reject(reject_id="r", stage="s", reason="r", detail=broken, at=NOW, payload=broken.encode()),
            article("b", title="whole"),
        ]
    )
    one, other = sorted(warehouse.articles(["a", "b"]), key=lambda a: a.article_id)
    assert one.title == one.text == one.authors[1] == "left \ufffd right\ufffd"
    assert one.provenance == {"k\0": broken}  # JSON has a way to write it
    assert warehouse.rows(Reject)[0].payload == broken.encode()
    assert warehouse.rows(Article, "title = ?", [broken]) == [one]
    assert other.title == "whole"


def test_emoji_and_other_scripts_survive(warehouse):
    text = "a b \N{GRINNING FACE} \u202eעברית\u202c \ufeff 中文\r\n\t'\"\\;--"
    warehouse.apply([article("a", text=text, title=text, authors=(text,))])
    (found,) = warehouse.articles(["a"])
    assert (found.text, found.title, found.authors) == (text, text, (text,))
    assert warehouse.rows(Article, "title = ?", [text]) == [found]


def test_a_lone_surrogate_is_replaced_and_costs_nothing_else(warehouse):
    broken = "left \ud83d right \udcff"
    warehouse.apply(
        [article("a", title=broken, authors=("A", broken), provenance={"k": broken}), article("b", title="whole")]
    )
    one, other = sorted(warehouse.articles(["a", "b"]), key=lambda a: a.article_id)
    assert one.title == one.provenance["k"] == "left \ufffd right \ufffd"
    assert one.authors == ("A", "left \ufffd right \ufffd")
    assert other.title == "whole"


def test_numbers_keep_their_whole_range(warehouse):
    given_metric = metric("m", value=1e308, low=-5e-324, high=0.1, span_end=2**62)
    warehouse.apply([given_metric, sketch("a", (-(2**63), 2**63 - 1))])
    assert warehouse.metrics(["a"]) == [given_metric]
    assert warehouse.sketches(["a"])[0].keys == (-(2**63), 2**63 - 1)


def test_a_large_text_survives(warehouse):
    text = "wörd " * 400_000
    warehouse.apply([article("a", text=text)])
    assert warehouse.articles(["a"])[0].text == text


def test_an_error_in_the_middle_leaves_nothing(warehouse):
    warehouse.apply([article("a", title="before"), metric("m1", "a"), Link(article_id="a", story_id="a")])
    before = everything(warehouse)
    batch = [
        Replaced(table="metrics", group="a"),
        article("a", title="after"),
        article("b"),
        Link(article_id="a", story_id="b"),
    ]
    with pytest.raises(ValueError, match="missing"):
        warehouse.apply([*batch, Link(article_id="missing", story_id="s")])
    assert everything(warehouse) == before
    warehouse.apply(batch)
    assert warehouse.count("articles") == 2
    assert warehouse.count("metrics") == 0


def test_any_split_order_and_repetition_of_records_gives_the_same_tables(tmp_path, warehouse):
    records: list[Record] = []
    for n in range(40):
        records += [article(f"a{n}", title=str(n)), metric(f"m{n}", f"a{n}"), sketch(f"a{n}", [n])]
        records += [Receipt(fetch_id=f"f{n}", outcome="article", article_id=f"a{n}", at=NOW)]
    warehouse.apply(records)
    rng = random.Random(5)
    doubled = [*records, *records]
    rng.shuffle(doubled)
    other = open_warehouse(f"duckdb:///{tmp_path}/other.duckdb")
    other.migrate()
    with other.hold():
        while doubled:
            size = rng.randint(1, 30)
            batch, doubled = doubled[:size], doubled[size:]
            other.apply(batch)
        assert differences(whole_tables(warehouse), whole_tables(other)) == []


# -- reading: history --


def test_history_of_nothing_is_nothing(warehouse):
    warehouse.apply([article("a"), sketch("a", [1])])
    assert warehouse.articles([]) == warehouse.receipts() == warehouse.sketches([]) == warehouse.links() == []
    assert warehouse.sections() == warehouse.members([]) == warehouse.metrics([]) == []
    assert warehouse.related([], HOUR) == []
    assert warehouse.related([sketch("x", [])], HOUR) == []
    assert warehouse.progress("nobody") == []
    assert warehouse.articles(["nobody"]) == []


def test_receipts_are_found_by_fetch_or_article(warehouse):
    receipts = [
        Receipt(fetch_id=f"f{n}", outcome="article", article_id=f"a{n % 3}", at=NOW, fetched_at=NOW) for n in range(6)
    ]
    warehouse.apply(receipts)
    found = warehouse.receipts(fetch_ids=["f0", "f5", "none"], article_ids=["a0"])
    assert sorted(r.fetch_id for r in found) == ["f0", "f3", "f5"]
    assert sorted(found, key=lambda r: r.fetch_id)[0] == receipts[0]


def test_links_are_found_by_article_parent_or_copy_group(warehouse):
    links = [
        Link(article_id="a", story_id="a"),
        Link(article_id="b", story_id="a", parent_id="a", relation="rewrite", similarity=0.7),
        Link(article_id="c", story_id="a", parent_id="b", relation="copy", similarity=1.0, copy_group="g"),
        Link(article_id="d", story_id="d", copy_group="g"),
    ]
    warehouse.apply([*(article(link.article_id) for link in links), article("unlinked"), *links])

    def ids(found):
        return sorted(link.article_id for link in found)

    assert ids(warehouse.links(["a", "unlinked"])) == ["a"]
    assert ids(warehouse.links(parent_ids=["a", "b"])) == ["b", "c"]
    assert ids(warehouse.links(copy_groups=["g"])) == ["c", "d"]
    assert ids(warehouse.links(["a", "d"], ["a"], ["g"])) == ["a", "b", "c", "d"]
    assert warehouse.links(["c"]) == [links[2]]


def test_sections_are_found_by_article_or_parent(warehouse):
    sections = [
        ArticleSection(section_id=f"s{n}", article_id="digest", parent_id=f"p{n}", span_start=n, span_end=n + 1)
        for n in range(3)
    ]
    warehouse.apply(sections)
    assert sorted(s.section_id for s in warehouse.sections(["digest"])) == ["s0", "s1", "s2"]
    assert warehouse.sections(parent_ids=["p1"]) == [sections[1]]


def test_members_are_a_storys_articles_with_the_time_that_orders_them(warehouse):
    warehouse.apply(
        [
            article("a", title="A", published_at=NOW, first_seen_at=NOW - HOUR),
            article("b", first_seen_at=NOW),
            article("c"),
            article("d"),
            Link(article_id="a", story_id="s", similarity=0.5, parent_id="b", relation="rewrite"),
            *(Link(article_id=i, story_id="s") for i in "bc"),
            Link(article_id="d", story_id="other"),
        ]
    )
    found = {m.article_id: m for m in warehouse.members(["s"])}
    assert {i: m.at for i, m in found.items()} == {"a": NOW, "b": NOW, "c": None}
    assert found["a"] == Member(
        article_id="a",
        story_id="s",
        parent_id="b",
        relation="rewrite",
        similarity=0.5,
        title="A",
        source="s",
        published_at=NOW,
        at=NOW,
    )


def test_related_sketches_share_a_key_the_language_and_the_time(warehouse):
    week = timedelta(days=7)
    stored = [
        sketch("same", [1, 2], evidence=b"\x00\x01"),
        sketch("other key", [3]),
        sketch("no key", []),
        sketch("other language", [1], language="de"),
        sketch("just inside", [1], NOW - week),
        sketch("just outside", [1], NOW - week - timedelta(microseconds=1)),
        sketch("later", [1, 9], NOW + week),
        sketch("much later", [1], NOW + 2 * week),
        sketch("timeless", [2], None),
    ]
    warehouse.apply(stored)

    def related(*wanted):
        found = warehouse.related(wanted, week)
        assert len({s.article_id for s in found}) == len(found)
        return {s.article_id for s in found}

    assert related(sketch("new", [1, 2])) == {"same", "just inside", "later", "timeless"}
    assert related(sketch("new", [2])) == {"same", "timeless"}
    assert related(sketch("timeless new", [1, 3], None)) == {
        *{"same", "other key", "just inside", "just outside", "later", "much later"}
    }
    assert related(sketch("a", [3]), sketch("b", [1], language="de")) == {"other key", "other language"}
    # Each of the batch counts with its own time and language.
    assert related(sketch("a", [9], NOW), sketch("b", [3], NOW + 2 * week)) == {"later"}
    assert warehouse.related([sketch("new", [1])], timedelta(0)) == [stored[0]]


def test_a_changed_sketch_is_found_by_its_new_keys_only(warehouse):
    warehouse.apply([sketch("a", [1])])
    warehouse.apply([sketch("a", [2])])
    assert warehouse.related([sketch("x", [1])], HOUR) == []
    assert warehouse.related([sketch("x", [2])], HOUR) == [sketch("a", [2])]


def test_progress_is_kept_a_channel_and_partition(warehouse):
    rows = [
        Progress(channel="q", partition=p, position=p * 10, records=3, receipts=2, repeats=1, at=NOW) for p in (1, 0)
    ]
    warehouse.apply([*rows, Progress(channel="other", position=7, at=NOW)])
    moved = msgspec.structs.replace(rows[0], position=99)
    warehouse.apply([moved])
    assert warehouse.progress("q") == [rows[1], moved]


# -- reading: commands --


def test_rows_are_filtered_ordered_and_limited(warehouse):
    warehouse.apply([Reject(reject_id=str(n), stage="s", reason="r" if n % 2 else "q", at=NOW) for n in range(6)])
    found = warehouse.rows(Reject, "reason = ?", ["r"], "reject_id DESC", limit=2)
    assert [r.reject_id for r in found] == ["5", "3"]
    assert warehouse.count("rejects", "reason = ?", ["q"]) == 3
    late = Reject(reject_id="0", stage="s", reason="r", at=NOW + HOUR, replayed_at=NOW)
    warehouse.apply([late])
    assert warehouse.rows(Reject, order="at DESC, reject_id", limit=1) == [late]
    assert warehouse.rows(Reject, order="replayed_at NULLS FIRST, reject_id")[-1] == late


def test_queries_only_read(warehouse):
    warehouse.apply([Story(story_id="s")])
    assert warehouse.query("WITH x AS (SELECT ? AS n) SELECT n + 1, 'a' FROM x", [1]) == [(2, "a")]
    assert warehouse.query("SELECT 1 WHERE false") == []
    for sql in ("DELETE FROM stories", "DROP TABLE stories", "SELECT 1; DELETE FROM stories"):
        with pytest.raises(ValueError, match="only one SELECT"):
            warehouse.query(sql)
    assert warehouse.count("stories") == 1


def test_a_question_mark_in_a_text_is_no_parameter(warehouse):
    warehouse.apply([article("a", title='who? "me"'), article("b", title="b")])
    sql = "SELECT article_id, '?' AS \"why?\" FROM articles /* ? */ WHERE title = ? AND title LIKE '%?%' -- ?"
    assert warehouse.query(sql, ['who? "me"']) == [("a", "?")]
    assert warehouse.query("SELECT article_id FROM articles WHERE title = $1 OR article_id = $1", ["b"]) == [("b",)]


def test_what_is_asked_for_is_never_sql(warehouse):
    name = "'; DROP TABLE stories; --\""
    warehouse.apply([Story(story_id=name, title=name), article(name)])
    assert warehouse.rows(Story, "title = ?", [name]) == [Story(story_id=name, title=name)]
    assert [a.article_id for a in warehouse.articles([name])] == [name]


def test_text_is_ordered_by_code_points_and_nulls_come_last(warehouse):
    titles = ["b", "B", "ä", "a", None, "Z", "_", "\U0001f600", "\uffee", "a b", "aa"]
    warehouse.apply([Story(story_id=str(n), title=title) for n, title in enumerate(titles)])
    ordered = sorted(t for t in titles if t is not None)
    assert [s.title for s in warehouse.rows(Story, order="title")] == [*ordered, None]
    assert [s.title for s in warehouse.rows(Story, order="title DESC")] == [*reversed(ordered), None]
    assert warehouse.query("SELECT min(title), max(title) FROM stories") == [(ordered[0], ordered[-1])]


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_a_scan_gives_all_rows_in_the_order_of_the_key(warehouse, rows):
    articles = [article(f"a{n:02}") for n in range(10)]
    links = [Link(article_id=f"a{n:02}", story_id="s") for n in range(0, 10, 3)]
    progress = [Progress(channel=c, partition=p, position=1, at=NOW) for c in "ab" for p in range(5)]
    warehouse.apply([*reversed(articles), *links, *reversed(progress)])
    for cls, expected in ((Article, articles), (Link, links), (Progress, progress), (Story, [])):
        pages = list(warehouse.scan(cls, rows))
        assert [r for page in pages for r in page] == expected
        assert all(len(page) <= rows for page in pages)


def test_a_scan_goes_on_while_the_warehouse_is_written(warehouse):
    warehouse.apply([article(f"a{n}") for n in range(4)])
    pages = warehouse.scan(Article, 2)
    seen = next(pages)
    warehouse.apply([article("a1", title="new"), article("a9")])
    seen += [r for page in pages for r in page]
    assert [a.article_id for a in seen][:4] == ["a0", "a1", "a2", "a3"]


# -- life --


def test_migrating_says_what_it_made_and_then_nothing(warehouse_url):
    warehouse = open_warehouse(warehouse_url)
    made = warehouse.migrate()
    assert {f"table {name}" for name in TABLES} <= set(made)
    assert warehouse.migrate() == []
    assert warehouse.version() == ddl.MIGRATIONS[-1].version
    assert warehouse.problems() == []
