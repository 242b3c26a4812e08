"""The API, downloads and feeds give what the warehouse has, as their formats say."""

import csv
import io
from datetime import datetime
from xml.etree import ElementTree

import jsonschema
import pyarrow.parquet as pq
import pytest
from desk_world import FORMULA, HERALD, HOSTILE, KYOTO, METRICS, SCRIPT, key

from pipeline.desk.web import api
from pipeline.desk.web.downloads import INTERNAL, OFFERED
from pipeline.desk.web.feeds import ATOM, Entry, atom, story_entries
from schemas.tables import TABLES

STORY = key("herald")
PATHS = {
    "/front": "",
    "/stories": "?limit=2",
    "/stories/{story_id}": "",
    "/articles/{article_id}": "",
    "/search": "?q=fire",
    "/numbers": "?measure=deaths",
    "/conflicts": "",
    "/changes": "?since=2026-03-01",
    "/sources": "",
    "/rejects": "",
}


def get(client, path):
    at = path.format(story_id=STORY, article_id=HERALD.article_id) + PATHS[path]
    answer = client.get(f"/api/v1{at}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_what_the_document_says(client, path):
    document = client.get("/api/v1/openapi.json").json()
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    found = get(client, path)
    assert found
    jsonschema.validate(found, schema | {"components": document["components"]})


def test_the_document_names_every_path_and_parameter(client):
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == set(PATHS) == {o.path for o in api.OPERATIONS}
    assert {p["name"] for p in document["paths"]["/search"]["get"]["parameters"]} >= {"q", "source", "language", "from"}
    ids = [operation["get"]["operationId"] for operation in document["paths"].values()]
    assert len(ids) == len(set(ids))


def test_a_story_of_the_api_has_its_figures_with_every_voice(client):
    found = get(client, "/stories/{story_id}")
    (figure,) = found["figures"]
    assert figure["status"] == "conflict"
    assert [(s["surface"], s["speaker"]) for s in figure["said"]] == [("12", "the mayor"), ("14", None)]
    assert len(found["told"]) == 7


def test_errors_of_the_api_are_json(client):
    for path, status in (
        ("/stories/ffff", 404),
        ("/articles/zz", 404),
        ("/stories?limit=0", 400),
        ("/stories?limit=x", 400),
        ("/search", 400),
        ("/nope", 404),
    ):
        answer = client.get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize("table", OFFERED)
def test_every_table_is_had_whole_in_both_formats(client, table):
    count = client.app.state.desk.warehouse.count(table)
    rows = list(csv.DictReader(io.StringIO(client.get(f"/download/{table}.csv").content.decode())))
    answer = client.get(f"/download/{table}.parquet")
    parquet = pq.read_table(io.BytesIO(answer.content))
    assert len(rows) == parquet.num_rows == count > 0
    assert parquet.schema.names == list(TABLES[table].columns)
    assert answer.headers["content-disposition"] == f'attachment; filename="{table}.parquet"'
    if table == "articles":
        assert set(parquet["source"].to_pylist()) >= {"herald", FORMULA}
        assert parquet["published_at"].to_pylist()[0].tzinfo is not None


def test_what_is_offered_is_all_but_what_matching_keeps_for_itself(client):
    assert set(OFFERED) == set(TABLES) - set(INTERNAL)
    for name in INTERNAL:
        assert client.get(f"/download/{name}.csv").status_code == 404


def test_a_table_larger_than_a_part_is_whole(client, monkeypatch):
    monkeypatch.setattr("pipeline.desk.web.downloads.ROWS", 2)
    rows = list(csv.DictReader(io.StringIO(client.get("/download/articles.csv").text)))
    assert len(rows) == len({r["article_id"] for r in rows}) == 9
    assert pq.read_table(io.BytesIO(client.get("/download/articles.parquet").content)).num_rows == 9


def test_lists_are_had_as_csv(client):
    numbers = list(csv.DictReader(io.StringIO(client.get("/numbers.csv?measure=deaths").text)))
    assert {n["metric_id"] for n in numbers} == {m.metric_id for m in METRICS[:2]}
    conflicts = list(csv.DictReader(io.StringIO(client.get("/conflicts.csv").text)))
    assert {"12.0", "14.0"} <= {conflicts[0]["low"], conflicts[0]["high"], conflicts[1]["low"], conflicts[1]["high"]}


@pytest.mark.parametrize("name", ["stories", "conflicts"])
def test_feeds_are_atom_and_json_feed_of_the_same(client, name):
    answer = client.get(f"/feeds/{name}.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    feed = ElementTree.fromstring(answer.content)
    entries = feed.findall(f"{{{ATOM}}}entry")
    items = client.get(f"/feeds/{name}.json").json()["items"]
    assert [e.findtext(f"{{{ATOM}}}id") for e in entries] == [i["id"] for i in items]
    assert len(items) == {"stories": 4, "conflicts": 2}[name]
    for e in entries:
        assert datetime.fromisoformat(e.findtext(f"{{{ATOM}}}updated")).tzinfo
        assert e.find(f"{{{ATOM}}}link").get("href").startswith("http://127.0.0.1:8080/story/")
    assert client.get(f"/feeds/{name}.rss").status_code == 404


def test_hostile_titles_are_text_in_feeds(client):
    raw = client.get("/feeds/stories.atom").text
    assert SCRIPT not in raw
    feed = ElementTree.fromstring(raw)
    assert SCRIPT in [e.text for e in feed.iter(f"{{{ATOM}}}title")]


def test_signs_that_xml_can_not_hold_are_left_out_of_feeds():
    entry = Entry("urn:x", "/x", "a\x00b\x0b\ud800c", "s\uffff", HERALD.published_at)
    title = ElementTree.fromstring(atom("t", "http://d", "/f", [entry])).find(f".//{{{ATOM}}}entry/{{{ATOM}}}title")
    assert title.text == "abc"


def test_an_empty_feed_is_a_feed():
    assert ElementTree.fromstring(atom("t", "http://d", "/f", story_entries([]))).findtext(f"{{{ATOM}}}updated")


# -- search --


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=HARBOUR fire", {"herald", "courier", "digest", "wire0", "wire1", "wire2", "wire3"}),
        ('q="harbour fire killed"', {"herald", "wire0", "wire1", "wire2", "wire3"}),
        ("q=harb*&source=courier", {"courier"}),
        ("q=harbour -mayor", {"courier", "digest"}),
        ("q=橋", {"kyoto"}),
        ("q=京都の橋", {"kyoto"}),
        ("language=ja", {"kyoto"}),
        ("source=herald", {"herald"}),
        ("from=2026-03-03&to=2026-03-03", {"kyoto"}),
        ("q=fire&to=2026-03-03", set()),
        ("q=nobody nothing", set()),
    ],
)
def test_articles_are_found_by_words_source_language_and_date(client, query, found):
    answer = client.get(f"/api/v1/search?{query}").json()
    assert {a["source"] for a in answer["articles"]} == found
    assert answer["before"] is None


def test_pages_of_a_search_follow_each_other_newest_first(client):
    seen, before = [], ""
    while True:
        answer = client.get(f"/api/v1/search?q=fire&limit=2{before}").json()
        seen += answer["articles"]
        if not answer["before"]:
            break
        before = f"&before={answer['before']}"
    assert len(seen) == len({a["article_id"] for a in seen}) == 7
    times = [a["published_at"] for a in seen]
    assert times == sorted(times, reverse=True)


def test_the_words_are_marked_where_they_stand(client):
    text = client.get("/search?q=harbour").text
    assert "<mark>harbour</mark>" in text
    assert HOSTILE.article_id not in text
    assert KYOTO.article_id not in text
