"""The desk's copy and index follow the warehouse: what is written there appears here, with no page waiting for it."""

import threading

import pytest
from desk_world import COURIER, HERALD, KYOTO, METRICS, NOW, article, hours, key, metric, world
from whole import differences, every_row

from connectors.warehouse import open_warehouse
from pipeline.desk import changes
from pipeline.desk.follower import FolderInUse, Follower
from pipeline.desk.search import Wanted
from schemas.records import Article, Figure, Link, Receipt, Replaced, Story, StoryEvent

NEW = article("late", hours(0.5), text="A tram left the rails; 3 people were hurt.")


def delivery(a: Article, at) -> list:
    """What the pipeline writes for a new article that is a story of its own."""
    return [
        a,
        Link(article_id=a.article_id, story_id=a.article_id),
        Story(story_id=a.article_id, title=a.title, last_published_at=a.published_at, article_count=1),
        StoryEvent(event_id=key(f"created {a.article_id}"), story_id=a.article_id, event="created",
                   article_id=a.article_id, at=at),
        Receipt(fetch_id=a.fetch_id, source=a.source, outcome="article", article_id=a.article_id, at=at),
    ]  # fmt: skip


@pytest.fixture(params=["duckdb", "postgresql"])
def url(request, tmp_path) -> str:
    url = f"duckdb:///{tmp_path}/w.duckdb" if request.param == "duckdb" else request.getfixturevalue("postgresql_url")
    with open_warehouse(url).hold() as warehouse:
        warehouse.migrate()
        warehouse.apply(world())
    return url


def test_a_new_article_is_read_and_found_after_a_round(url, followed):
    follower = followed(url)
    generation = follower.status.generation
    assert follower.follow() == 0
    assert follower.status.generation == generation
    open_warehouse(url).apply(delivery(NEW, NOW))
    assert follower.follow() == 1
    assert follower.status.generation == generation + 1
    assert follower.status.new_articles == 1
    assert [a.title for a in follower.warehouse.articles([NEW.article_id])] == [NEW.title]
    assert [key for _, key in follower.search.find(Wanted("tram"), 9)] == [NEW.article_id]


def test_the_copy_has_every_row_whatever_changed(duckdb_url, followed):
    follower = followed(duckdb_url)
    source = open_warehouse(duckdb_url)
    merged = key("herald")
    source.apply(delivery(NEW, NOW))
    follower.follow()
    source.apply(
        [
            # the article has another text and fewer numbers,
            article("herald", hours(5), text="Nobody was hurt.", fetched_at=NOW),
            Replaced(table="metrics", group=HERALD.article_id),
            # another joins the story, whose figure goes,
            Link(article_id=NEW.article_id, story_id=merged, parent_id=merged, relation="rewrite", similarity=0.9),
            Replaced(table="figures", group=merged),
            Figure(figure_id=key("other"), story_id=merged, measure="hurt", metric_ids=(METRICS[1].metric_id,)),
            Story(story_id=NEW.article_id, superseded_by=merged),
            Story(story_id=merged, title="Another", last_published_at=NOW, article_count=7),
            StoryEvent(event_id=key("m"), story_id=merged, event="merged", article_id=NEW.article_id,
                       other_story_id=NEW.article_id, at=NOW),
            Receipt(fetch_id=key("again"), source="herald", outcome="revision", article_id=HERALD.article_id, at=NOW),
        ]
    )  # fmt: skip
    assert follower.follow() == 1
    with source.hold() as held, follower.warehouse.hold() as copy:
        assert differences(every_row(held), every_row(copy)) == []
    assert follower.search.find(Wanted("mayor", source="herald"), 9) == []
    assert [key for _, key in follower.search.find(Wanted("nobody hurt"), 9)] == [HERALD.article_id]


def test_numbers_of_an_article_that_changes_its_story_follow(duckdb_url, followed):
    follower = followed(duckdb_url)
    new = article("late", hours(0.5), text="A tram left the rails; 3 people were hurt.")
    number = metric(new, "3", 3, story_id=new.article_id)
    open_warehouse(duckdb_url).apply([*delivery(new, NOW), number])
    follower.follow()
    story = key("herald")
    open_warehouse(duckdb_url).apply(
        [
            Link(article_id=new.article_id, story_id=story, parent_id=story, relation="rewrite"),
            StoryEvent(event_id=key("j"), story_id=story, event="joined", article_id=new.article_id,
                       other_story_id=new.article_id, at=NOW),
            Receipt(fetch_id=key("x"), outcome="duplicate", article_id=COURIER.article_id, at=NOW),
        ]
    )  # fmt: skip
    follower.follow()
    (found,) = follower.warehouse.metrics([new.article_id])
    assert found.story_id == story


def test_a_round_reads_receipts_of_the_same_time_once_and_misses_none(duckdb_url):
    source = open_warehouse(duckdb_url)
    cursor = changes.start(source)
    late = [article(f"late{n}", hours(1)) for n in range(5)]
    source.apply([r for a in late[:3] for r in delivery(a, NOW)])
    found = []
    for _ in range(9):
        seen = changes.read(source, cursor, most=2)
        found += seen.fetch_ids
        cursor = seen.cursor
    source.apply([r for a in late[3:] for r in delivery(a, NOW - changes.OVERLAP / 2)])  # written later, timed earlier
    for _ in range(9):
        seen = changes.read(source, cursor, most=2)
        found += seen.fetch_ids
        cursor = seen.cursor
    assert sorted(found) == sorted(a.fetch_id for a in late)


def test_pages_are_read_while_another_process_has_the_file(duckdb_url, followed):
    follower = followed(duckdb_url)
    with open_warehouse(duckdb_url).hold():
        read = threading.Thread(target=lambda: follower.warehouse.count("articles"))
        read.start()
        read.join(20)
        assert not read.is_alive()


def test_what_was_removed_from_the_warehouse_is_not_shown_any_more(duckdb_url, followed, tmp_path):
    import duckdb

    follower = followed(duckdb_url)
    with duckdb.connect(f"{tmp_path}/w.duckdb") as connection:
        connection.execute("DELETE FROM articles WHERE article_id = ?", [KYOTO.article_id])
    follower._rounds = 99
    follower.follow()
    assert follower.warehouse.articles([KYOTO.article_id]) == []
    assert follower.warehouse.count("articles") == open_warehouse(duckdb_url).count("articles")
    assert len(list(follower.folder.glob("replica-*.duckdb"))) == 1


def test_a_desk_that_starts_again_copies_anew_and_keeps_its_index(duckdb_url, tmp_path):
    first = Follower(duckdb_url, tmp_path / "desk", lambda: NOW)
    first.index_all()
    first.close()
    open_warehouse(duckdb_url).apply(delivery(NEW, NOW))
    (first.folder / "replica-7.duckdb").write_bytes(b"what a desk that was killed left behind")
    second = Follower(duckdb_url, tmp_path / "desk", lambda: NOW)
    assert len(list(second.folder.glob("replica-*"))) <= 2  # one, perhaps with its log
    assert second.warehouse.articles([NEW.article_id])
    assert second.search.count() == first_count(second) - 1
    second.index_all()
    assert second.search.count() == first_count(second)
    second.close()
    assert list(second.folder.glob("replica-*.duckdb")) == []


def first_count(follower: Follower) -> int:
    return follower.warehouse.count("articles")


def test_two_desks_of_one_warehouse_need_two_folders(duckdb_url, tmp_path, followed):
    followed(duckdb_url)
    with pytest.raises(FolderInUse, match="--folder"):
        Follower(duckdb_url, tmp_path / "desk", lambda: NOW)


def test_a_warehouse_that_is_away_is_told_and_pages_stay(duckdb_url, followed, tmp_path, client_of):
    follower = followed(duckdb_url)
    (tmp_path / "w.duckdb").rename(tmp_path / "elsewhere.duckdb")
    follower.look()
    assert "no warehouse" in follower.status.problem
    text = client_of(follower).get("/").text
    assert "may be old" in text
    assert HERALD.title in text
    (tmp_path / "elsewhere.duckdb").rename(tmp_path / "w.duckdb")
    follower.look()
    assert follower.status.problem == ""


def test_an_open_page_is_told_of_what_came(duckdb_url, followed, client_of):
    follower = followed(duckdb_url)
    client = client_of(follower)
    before = client.get("/live")
    assert client.get("/live", headers={"if-none-match": before.headers["etag"]}).status_code == 304
    open_warehouse(duckdb_url).apply(delivery(NEW, NOW))
    follower.follow()
    after = client.get("/live", headers={"if-none-match": before.headers["etag"]}).json()
    assert after["articles"] == before.json()["articles"] + 1
    assert NEW.title in client.get("/").text
