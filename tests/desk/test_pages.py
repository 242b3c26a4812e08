"""Every page answers, with what the warehouse has, in both kinds of warehouse."""

import re

import pytest
from desk_world import COURIER, DIGEST, HERALD, HOSTILE, NOW, key

from connectors.warehouse import open_warehouse

STORY = key("herald")
PAGES = {
    "/": "Headline of herald",
    "/stories": "Headline of courier|Headline of herald",
    "/changes": "joined",
    f"/story/{STORY}": "What came from what",
    f"/article/{HERALD.article_id}": "It began at night",
    f"/article/{COURIER.article_id}/compare": "Side by side",
    "/search?q=harbour": "Newest first",
    "/conflicts": "12 to 14 people",
    "/numbers": "deaths",
    "/numbers?measure=deaths&unit=person&speaker=mayor&period=2026": "the mayor",
    "/sources": "gazette",
    "/rejects": "bot_wall",
    "/rejects?reason=bot_wall": "wiredesk rejects replay --reason bot_wall",
    f"/reject/{key('reject')}": "The item as it came",
    "/downloads": "articles.parquet",
}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert re.search(PAGES[path], answer.text)


def test_the_front_page_ranks_by_independent_texts_and_freshness(client):
    titles = re.findall(r'<h3><a href="/story/(\w+)">', client.get("/").text)
    assert titles[0] == STORY
    assert set(titles) == {STORY, HOSTILE.article_id, DIGEST.article_id, key("kyoto")}


def test_a_story_that_was_superseded_leads_to_the_one_in_its_place(client):
    answer = client.get(f"/story/{key('gone')}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/story/{STORY}")


def test_a_storys_copies_are_folded_and_its_digest_is_shown(client):
    text = client.get(f"/story/{STORY}").text
    assert "4 copies of this text" in text
    assert "section of a digest" in text
    assert "12 against 14" in text


def test_the_numbers_of_an_article_are_marked_in_place_and_lead_to_their_row(client):
    text = client.get(f"/article/{HERALD.article_id}").text
    number = key(f"metric {HERALD.article_id} 12")
    assert re.search(rf'killed <span class="num conflict"><a href="#m-{number}"[^>]*>12</a>', text)
    assert f'<tr id="m-{number}">' in text
    assert '<span class="speaker">the mayor</span>' in text


def test_the_wordings_of_an_article_are_compared(client):
    text = client.get(f"/article/{HERALD.article_id}").text
    assert "<del>11</del>" in text
    assert "<ins>12</ins>" in text
    assert "from feed" in text


def test_a_rewrite_is_compared_with_any_article(client):
    text = client.get(f"/article/{COURIER.article_id}/compare?with={DIGEST.article_id}").text
    assert "digest" in text
    assert client.get(f"/article/{HERALD.article_id}/compare").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/nope", "/story/ffff", "/story/../x", "/article/zz", "/article/'--", "/reject/0000", "/static/x/../../app.py"],
)
def test_what_is_not_there_is_a_404_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=2026-99-01", "before=-1", "before=99999999999999999999", "q=" + "x" * 500],
)
def test_a_search_that_can_not_be_is_a_400_that_names_the_parameter(client, query):
    answer = client.get(f"/search?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] + ":" in answer.text


@pytest.mark.parametrize("after", ["1", "x.y", "999999999999999999.ab", "1.zz"])
def test_a_place_that_no_page_ended_with_is_a_400(client, after):
    assert client.get(f"/stories?after={after}").status_code == 400
    assert client.get(f"/rejects?after={after}").status_code == 400


def test_pages_of_stories_follow_each_other_without_gap_or_repetition(client):
    seen, after = [], ""
    for _ in range(10):
        answer = client.get(f"/api/v1/stories?limit=1{after}").json()
        seen += [s["story_id"] for s in answer["stories"]]
        if not answer["after"]:
            break
        after = f"&after={answer['after']}"
    assert len(seen) == len(set(seen)) == 4


def test_what_is_new_since_the_last_look_is_marked(client):
    first = client.get("/")
    assert "wiredesk_seen" in first.headers["set-cookie"]
    client.cookies.clear()
    before = int(NOW.timestamp()) - 2 * 3600
    text = client.get("/", headers={"cookie": f"wiredesk_seen={before}"}).text
    assert '<span class="fresh">new</span>' in text
    text = client.get("/", headers={"cookie": f"wiredesk_seen={int(NOW.timestamp())}"}).text
    assert "Nothing here has changed since" in text


def test_marking_all_as_seen_moves_the_last_look(client):
    answer = client.post("/seen")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert f"wiredesk_seen={int(NOW.timestamp())}" in answer.headers["set-cookie"]


def test_an_empty_warehouse_has_pages_too(tmp_path, followed, client_of):
    url = f"duckdb:///{tmp_path}/empty.duckdb"
    open_warehouse(url).migrate()
    empty = client_of(followed(url))
    for path in ("/", "/stories", "/changes", "/conflicts", "/numbers", "/sources", "/rejects", "/search?q=x"):
        assert empty.get(path).status_code == 200, path
    assert "No stories yet" in empty.get("/").text
