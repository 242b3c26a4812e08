"""Attacks on the desk, each of which fails: scripts in content, foreign hosts and origins, headers, paths, tokens."""

import csv
import io
import re

import pytest
from desk_world import COURIER, FORMULA, HERALD, HOSTILE, IMAGE, SCRIPT, key

from pipeline.desk.web.downloads import OFFERED, cell
from pipeline.desk.web.protection import HEADERS, POLICY, host_of

ALL = [
    "/",
    "/stories",
    "/changes",
    f"/story/{HOSTILE.article_id}",
    f"/story/{key('herald')}",
    f"/article/{HOSTILE.article_id}",
    f"/article/{COURIER.article_id}/compare?with={HOSTILE.article_id}",
    "/search?q=alert",
    "/conflicts",
    "/numbers",
    "/sources",
    "/rejects",
    f"/reject/{key('reject')}",
]


@pytest.mark.parametrize("path", ALL)
def test_no_markup_of_content_reaches_a_page(client, path):
    text = client.get(path).text
    assert SCRIPT not in text
    assert "<img" not in text
    assert re.findall(r"<script[^>]*>", text) == [s for s in re.findall(r"<script[^>]*>", text) if 'src="/static/' in s]
    assert 'href="javascript:' not in text.lower()


@pytest.mark.parametrize("path", ALL)
def test_no_page_has_inline_script_or_style_that_the_policy_would_have_to_allow(client, path):
    text = client.get(path).text
    assert not re.search(r"\son\w+\s*=\s*[\"']", re.sub(r"&[^;]+;", "", re.sub(r">[^<]*<", "><", text)))
    assert " style=" not in text
    assert "<style" not in text


@pytest.mark.parametrize("attack", [SCRIPT, IMAGE, '" onfocus=alert(1) autofocus x="', "\r\nSet-Cookie: x=1"])
def test_what_a_reader_is_made_to_ask_for_is_no_markup_either(client, attack):
    for path, name in (("/search", "q"), ("/search", "source"), ("/numbers", "measure"), ("/rejects", "reason")):
        answer = client.get(path, params={name: attack})
        assert answer.status_code == 200
        assert SCRIPT not in answer.text
        assert "<img" not in answer.text
        assert '" onfocus' not in answer.text
        assert "x=1" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/api/v1/front", "/static/x/desk.css", "/download/articles.csv", "/live"]
)
def test_every_answer_carries_the_headers(client, path):
    headers = client.get(path).headers
    for name, value in HEADERS.items():
        assert headers[name] == value, name


def test_the_policy_lets_nothing_inline_and_nothing_foreign_run():
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in POLICY


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1@evil.example",
        "",
        "[",
        "127.0.0.2",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(client, host):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Headline" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080"])
def test_the_names_of_this_machine_are_known(client, host):
    assert client.get("/live", headers={"host": host}).status_code == 200


def test_names_are_those_that_were_given(duckdb_url, followed, client_of):
    named = client_of(followed(duckdb_url), hosts=("desk.example",))
    assert named.get("/", headers={"host": "desk.example:443"}).status_code == 200
    assert named.get("/", headers={"host": "127.0.0.1"}).status_code == 421


def test_a_host_header_is_read_as_browsers_read_it():
    assert host_of("Desk.Example:8080") == "desk.example"
    assert host_of("[::1]:80") == "::1"
    assert host_of("a@b") == host_of("[::1") == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_another_site_can_not_make_a_reader_change_anything(client, headers):
    answer = client.post("/seen", headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_only_what_is_meant_to_be_posted_is_taken(client):
    for path in ("/", "/stories", "/api/v1/front", f"/article/{HERALD.article_id}"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert client.request(method, path).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/..%2f..%2fapp.py",
        "/static/x/%2e%2e/app.py",
        "/static/../app.py",
        "/static/x/..%5c..%5capp.py",
        "/static/x//etc/passwd",
        "/static/x/%00",
        "/download/..%2f..%2fw.duckdb",
        "/download/articles.csv%00.parquet",
        "/download/sqlite_master.csv",
        "/download/articles;drop table articles.csv",
        "/feeds/../secrets.atom",
        "/article/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out(client, path):
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "import" not in answer.text


@pytest.mark.parametrize("attack", ["' OR 1=1 --", "x'; DROP TABLE articles; --", "%", "\\", "a\x00b", "_" * 300])
def test_no_parameter_is_sql(client, attack):
    before = client.get("/api/v1/stories").json()
    for path, name in (
        ("/numbers", "measure"),
        ("/numbers", "speaker"),
        ("/numbers", "period"),
        ("/rejects", "reason"),
    ):
        assert client.get(path, params={name: attack}).status_code == 200
    for name in ("measure", "unit", "period"):
        assert client.get("/api/v1/numbers", params={name: attack}).json() == []
    assert client.get("/api/v1/stories").json() == before


@pytest.mark.parametrize(
    "attack", ['"', '""', "NEAR(", "a AND", "*", "title:x", "^", "-", "- -", '-"', "(", "\\", "facets : x", "'"]
)
def test_no_search_is_a_query_of_its_own(client, attack):
    assert client.get("/search", params={"q": attack}).status_code == 200


def test_no_header_is_split(client):
    for path in ("/story/a%0d%0aset-cookie:x=1", "/download/articles%0d%0aX: y.csv", "/stories?after=1%0d%0aX:y"):
        answer = client.get(path)
        assert "set-cookie" not in answer.headers
        assert "x" not in answer.headers
        assert answer.status_code in (400, 404)


# -- formulas in CSV --


@pytest.mark.parametrize("table", OFFERED)
def test_no_cell_of_a_download_is_a_formula(client, table):
    text = client.get(f"/download/{table}.csv").content.decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) > 1 or table == "progress"
    for row in rows[1:]:
        for value in row:
            number = re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", value)
            assert number or not value.lstrip().startswith(("=", "+", "-", "@")), value


@pytest.mark.parametrize("path", ["/numbers.csv", "/conflicts.csv"])
def test_no_cell_of_a_list_is_a_formula(client, path):
    rows = list(csv.reader(io.StringIO(client.get(path).content.decode())))
    assert len(rows) > 1
    assert not [v for row in rows for v in row if re.match(r"\s*[=+@\t\r]|\s*-(?![\d.]+$)", v)]


@pytest.mark.parametrize(
    "path", ["/download/articles.csv", "/download/articles.parquet", "/numbers.csv", "/conflicts.csv"]
)
def test_what_is_downloaded_is_never_a_page_of_the_desks(client, path):
    """Its texts are strangers': a browser must keep the file, not show it."""
    headers = client.get(path).headers
    assert headers["content-disposition"].startswith("attachment")
    assert "html" not in headers["content-type"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_hostile_source_is_text_in_a_spreadsheet(client):
    assert "'" + FORMULA in [
        v for row in csv.reader(io.StringIO(client.get("/download/articles.csv").text)) for v in row
    ]


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "'=1", "＝1", "-2+3|cmd"])
def test_a_text_that_begins_like_a_formula_has_an_apostrophe(value):
    assert cell(value) == "'" + value


@pytest.mark.parametrize("value", [-1, -1.5, "a=1", "1-2", "", None, True])
def test_other_values_are_left_alone(value):
    assert cell(value) == value


# -- the token --


@pytest.fixture
def locked(duckdb_url, followed, client_of):
    return client_of(followed(duckdb_url), token="correct horse")


def test_without_the_token_nothing_of_the_warehouse_is_seen(locked):
    for path in (
        *ALL,
        "/api/v1/front",
        "/download/articles.csv",
        "/feeds/stories.atom",
        "/live",
        "/api/v1/openapi.json",
    ):
        answer = locked.get(path)
        assert answer.status_code == 401, path
        assert "Headline" not in answer.text
    page = locked.get("/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("given", ["", "wrong", "correct horse ", "Bearer", "ü", "correct hors"])
def test_a_wrong_token_opens_nothing(locked, given):
    value = f"Bearer {given}x".encode()
    assert locked.get("/", headers={b"authorization": value}).status_code == 401
    assert locked.get("/", headers={"cookie": "wiredesk_token=correct horse"}).status_code == 401


def test_the_token_opens_the_api_and_the_login_page_the_rest(locked):
    assert locked.get("/api/v1/front", headers={"authorization": "Bearer correct horse"}).status_code == 200
    assert locked.post("/login", content="token=wrong").status_code == 403
    answer = locked.post("/login", content="token=correct+horse")
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "correct" not in cookie
    assert locked.get("/").status_code == 200


def test_the_login_page_takes_no_endless_body(locked):
    assert locked.post("/login", content="token=" + "x" * 100_000).status_code == 413
