"""Sources: what is imported and discovered can be read again, whatever the file was like before."""

import json

import pytest

from connectors.sources import load_sources
from pipeline.cli import main

OPML = """<opml version="2.0"><body><outline text="Herald" xmlUrl="https://herald.example/feed"/>
<outline text="Post" xmlUrl="https://post.example/feed" category="local"/></body></opml>"""


@pytest.fixture(autouse=True)
def opml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "readers.opml").write_text(OPML)


@pytest.mark.parametrize(
    "before",
    [
        "",
        '[defaults]\nlanguage = "en"',
        '# mine\n[[source]]\nurl = "https://own.example/feed"',
        '\ufeff[[source]]\nurl = "https://own.example/feed"\n[source.headers]\nX-Key = "1"\n',
    ],
)
def test_an_import_adds_to_the_file_as_it_is(before, tmp_path):
    (tmp_path / "sources.toml").write_text(before, "utf-8")
    assert main(["sources", "import", "readers.opml"]) == 0
    assert (tmp_path / "sources.toml").read_text("utf-8").startswith(before)
    assert [s.name for s in load_sources("sources.toml")][-2:] == ["Herald", "Post"]


def test_a_second_import_adds_nothing(tmp_path, capsys):
    assert main(["sources", "import", "readers.opml"]) == 0
    before = (tmp_path / "sources.toml").read_text()
    assert main(["sources", "import", "readers.opml"]) == 0
    assert "0 sources added to sources.toml, 2 were there" in capsys.readouterr().out
    assert (tmp_path / "sources.toml").read_text() == before


def test_a_file_that_nothing_can_be_added_to_stays_as_it_is(tmp_path, capsys):
    before = 'source = [{ url = "https://own.example/feed" }]\n'
    (tmp_path / "sources.toml").write_text(before)
    assert main(["sources", "import", "readers.opml"]) == 2
    assert "[[source]]" in capsys.readouterr().err
    assert (tmp_path / "sources.toml").read_text() == before


def test_what_is_exported_can_be_imported(tmp_path):
    assert main(["sources", "import", "readers.opml"]) == 0
    assert main(["sources", "export", "again.opml"]) == 0
    assert main(["sources", "import", "again.opml", "--sources", "again.toml"]) == 0
    assert load_sources("again.toml") == load_sources("sources.toml")


def test_the_rules_file_of_the_settings_is_used(tmp_path, capsys):
    assert main(["sources", "import", "readers.opml"]) == 0
    (tmp_path / "wiredesk.toml").write_text('rules = "rules.toml"\n')
    assert main(["poll", "--once"]) == 2
    assert "rules.toml: No such file or directory" in capsys.readouterr().err
    (tmp_path / "rules.toml").write_text('["herald.example"]\nlink = ["h2 a"]\n')
    assert main(["sources", "check"]) == 2
    assert "'link' is no rule" in capsys.readouterr().err


def test_what_a_source_repeats_is_learned_into_a_file_that_the_settings_can_name(tmp_path, capsys):
    pitch = "Sign up for the Courier's harbour newsletter, every weekday at 7."
    lines = [
        {
            "url": f"https://courier.example/{n}",
            "source": "courier",
            "published_at": f"2026-03-0{n}T10:00:00Z",
            "title": f"Ship number {n} arrives",
            "text": f"Ship {n} came in at dawn with {n}00 tons of {what} for the mills upriver.\n\n{pitch}",
        }
        for n, what in enumerate(("barley", "copper", "timber", "cotton"), 1)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 0
    assert main(["sources", "boilerplate", "--warehouse", "duckdb:///w.duckdb"]) == 0
    assert "1 lines of 1 sources written to boilerplate.toml" in capsys.readouterr().out
    (tmp_path / "wiredesk.toml").write_text('boilerplate = "boilerplate.toml"\n')
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///again.duckdb"]) == 0
    assert main(["explain", "https://courier.example/3", "--warehouse", "duckdb:///again.duckdb"]) == 0
    told = capsys.readouterr().out
    assert "1 lines are boilerplate of courier and were not read:" in told
    assert pitch in told


def test_a_file_of_boilerplate_that_is_not_there_is_a_mistake_in_one_line(tmp_path, capsys):
    (tmp_path / "wiredesk.toml").write_text('boilerplate = "none.toml"\n')
    (tmp_path / "a.jsonl").write_text("")
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 2
    assert capsys.readouterr().err.strip().startswith("wiredesk: boilerplate none.toml can't be read")
