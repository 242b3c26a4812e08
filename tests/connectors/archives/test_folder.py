"""A folder of documents: what tells of a page, and what a page without it goes by."""

import json
from datetime import UTC, datetime

import pytest
from archived import page

from connectors.archives.folder import date_in
from connectors.archives.open import open_archive, open_archives

PAGE = page({"title": "T", "text": "Some text. " * 30})


@pytest.fixture
def folder(tmp_path):
    """Writes files into a folder and reads it."""

    def read_folder(**files):
        for name, content in files.items():
            path = tmp_path / "pages" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        archive = open_archive(tmp_path / "pages")
        return [found.fetched for piece in archive.pieces() for found in archive.read(piece)]

    return read_folder


@pytest.mark.parametrize("sidecar", ["a_dot_json", "a_dot_html_dot_json", "a_dot_meta_dot_json"])
def test_what_stands_beside_a_page_tells_of_it(folder, sidecar):
    told = {"url": "https://herald.example/a", "published_at": "2026-03-01", "title": "Told", "authors": ["A. Writer"]}
    told |= {"fetched_at": "2026-03-02T08:00:00Z", "text": "is not looked at"}
    (found,) = folder(**{"a_dot_html": PAGE, sidecar: told})
    assert (found.url, found.source, found.body) == ("https://herald.example/a", "herald.example", PAGE)
    assert found.fetched_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert (found.entry.title, found.entry.authors, found.entry.content) == ("Told", ("A. Writer",), None)
    assert [clue.raw for clue in found.entry.dates] == ["2026-03-01"]
    assert found.position == "pages/a.html"


def test_news_please_writes_pages_with_json_and_json_alone(folder):
    told = {
        "authors": [],
        "date_download": "2026-03-02 08:00:00",
        "date_modify": None,
        "date_publish": "2026-03-01 10:00:00",
        "filename": "x.json",
        "language": "en",
        "source_domain": "www.herald.example",
        "title": "Told",
        "url": "https://www.herald.example/a",
    }
    one, other = folder(
        a_dot_html=PAGE, a_dot_html_dot_json=told | {"text": "T"}, b_dot_json=told | {"maintext": "Main text."}
    )
    assert one.body == PAGE
    assert other.entry.content == "Main text."
    assert other.fetched_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert [clue.raw for clue in other.entry.dates] == ["2026-03-01 10:00:00"]


@pytest.mark.parametrize(
    "said",
    [
        b'<link rel="canonical" href="https://herald.example/a?b=1&amp;c=2">',
        b"<link href='https://herald.example/a?b=1&amp;c=2' rel=canonical>",
        b'<meta content="https://herald.example/a?b=1&amp;c=2" property="og:url">',
        b"<!-- saved from url=(0035)https://herald.example/a?b=1&c=2 -->",
    ],
)
def test_a_page_may_say_its_address_itself(folder, said):
    (found,) = folder(a_dot_html=PAGE.replace(b"<title>", said + b"<title>"))
    assert found.url == "https://herald.example/a?b=1&c=2"


def test_in_a_mirror_the_path_is_the_address(folder):
    (found,) = folder(www_dot_herald_dot_example__news__a_dot_html=PAGE)
    assert found.url == "https://www.herald.example/news/a.html"


def test_a_page_without_an_address_goes_by_its_path(folder):
    (found,) = folder(deep__a_dot_html=PAGE)
    assert (found.url, found.source, found.entry.guid) == (None, "pages", "deep/a.html")


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("2026/03/01/a.html", "2026-03-01"),
        ("news/2026-03-01-bridge.html", "2026-03-01"),
        ("20260301_bridge.html", "2026-03-01"),
        ("2026/3/1/a.html", None),
        ("120260301/a.html", None),
        ("2026-13-01/a.html", None),
        ("2026-03/01.html", None),
    ],
)
def test_dates_in_paths(path, day):
    assert date_in(path) == day


def test_the_date_in_the_path_counts_unless_one_is_told(folder):
    one, other = folder(
        **{"2026__03__01__a_dot_html": PAGE, "2026__03__01__b_dot_html": PAGE},
        **{"2026__03__01__b_dot_json": {"published_at": "2026-02-28"}},
    )
    assert [clue.raw for clue in one.entry.dates] == ["2026-03-01"]
    assert [clue.raw for clue in other.entry.dates] == ["2026-02-28"]


def test_a_damaged_sidecar_costs_its_page(folder):
    bad, good = folder(a_dot_html=PAGE, a_dot_json=b'{"url": "https://', b_dot_html=PAGE)
    assert bad.failure.reason == "bad_record"
    assert bad.position == "pages/a.html"
    assert good.body == PAGE


def test_a_page_over_the_cap_is_refused(folder):
    large, good = folder(a_dot_html=PAGE + bytes(10 * 2**20), b_dot_html=PAGE)
    assert large.failure.reason == "too_large"
    assert good.body == PAGE


def test_another_file_makes_it_another_archive(folder, tmp_path):
    folder(a_dot_html=PAGE)
    before = open_archive(tmp_path / "pages").channel
    folder(b_dot_html=PAGE)
    assert open_archive(tmp_path / "pages").channel != before


def test_archives_and_pages_in_a_folder_are_told_apart(folder, tmp_path):
    folder(a_dot_html=PAGE)
    (tmp_path / "pages" / "news").write_text('{"url": "https://herald.example/1", "text": "t"}\n' * 2)
    (tmp_path / "pages" / "README.md").write_text("# Pages\n")
    found = open_archives([str(tmp_path / "pages")])
    assert sorted(archive.name for archive in found.archives) == ["news", "pages"]
    assert found.passed_over == (str(tmp_path / "pages" / "README.md"),)


def test_pages_that_a_shell_lists_are_one_archive(folder, tmp_path, monkeypatch):
    folder(a_dot_html=PAGE, a_dot_json={"url": "https://herald.example/a"}, b_dot_html=PAGE, c_dot_html=PAGE)
    monkeypatch.chdir(tmp_path / "pages")
    (archive,) = open_archives(["a.html", "a.json", "b.html"]).archives
    found = [a.fetched for a in archive.read(archive.pieces()[0])]
    assert [(f.url, f.position) for f in found] == [
        ("https://herald.example/a", "folder/a.html"),
        (None, "folder/b.html"),
    ]


def test_one_page_is_an_archive(folder, tmp_path):
    folder(a_dot_html=PAGE)
    archive = open_archive(tmp_path / "pages" / "a.html")
    (found,) = archive.read(archive.pieces()[0])
    assert found.fetched.body == PAGE
